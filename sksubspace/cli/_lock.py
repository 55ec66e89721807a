"""One run at a time in a folder."""

import json
import os
import socket
import time
from contextlib import contextmanager, suppress

from sksubspace.cli._say import UsageError

_NAME = ".sksubspace-lock"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@contextmanager
def locked(folder):
    """Keep other runs out of a folder.

    The lock is the operating system's, on a file that says whose it is. It ends with its process,
    so that what a dead one left behind is taken over.

    Parameters
    ----------
    folder : Path
        The folder.

    Yields
    ------
    None
        Within, no other run writes there.

    Raises
    ------
    UsageError
        If another run does: its process and its age.
    """
    path = folder / _NAME
    file = _open_locked(path)
    try:
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
        file.seek(0)
        file.truncate()
        file.write(json.dumps(owner).encode())
        file.flush()
        yield
    finally:
        with suppress(PermissionError):  # on Windows, where the file is still open
            path.unlink(missing_ok=True)
        file.close()


def _open_locked(path):
    while True:
        file = path.open("a+b")
        if not _try_lock(file):
            said = _whose(file)
            file.close()
            raise UsageError(
                f"{path.parent}: another run ({said}) writes there; wait for it, or name another "
                "folder with --out"
            )
        # between opening and locking its last owner may have removed the file
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()


def _try_lock(file):
    """Lock an open file without waiting; where the system has no locks, go on without."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _whose(file):
    try:
        file.seek(0)
        owner = json.loads(file.read())
        age = _age(time.time() - owner["started"])
        return f"process {int(owner['pid'])} on {owner['host']}, started {age} ago"
    except (ValueError, KeyError, TypeError):
        return "just started"


def _age(seconds):
    for unit, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(0, seconds):.0f} seconds"
