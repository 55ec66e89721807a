"""Files that are either whole or not there, whoever else writes them and whenever that ends."""

import errno
import os
from pathlib import Path
from uuid import uuid4

__all__ = ["PAGE_SUFFIXES", "replace_file"]

# of pages for a browser, in small letters
PAGE_SUFFIXES = (".html", ".htm", ".xhtml")


def replace_file(path, content):  # -> Path
    """Write bytes to a file so that it is either the old one or whole.

    It is written beside under a name of its own, which is gone again if that fails. An OSError
    names the file, and the folder where that is missing.
    """
    path = Path(path)
    if not path.parent.is_dir():
        reason = f"There is no folder {str(path.parent)!r} to write into"
        raise FileNotFoundError(errno.ENOENT, reason, str(path))
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            # a full or broken disk may say so only now
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path
