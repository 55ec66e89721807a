"""Archives of arrays, looked at before anything in them is unpacked.

An archive may name sizes that it does not hold, or hold nothing but zeros, a thousand times smaller
than they are unpacked; to read one of a few kilobytes could take all memory.
"""

import math
import zipfile
from functools import partial
from io import BytesIO

from numpy.lib import format as npy

__all__ = ["check_archive"]

# bytes that every archive may unpack to, and times its own size beyond: arrays of numbers that were
# measured or learned shrink 1.1 to 4 times, those of zeros a thousand times
_ALWAYS = 2**26
_TIMES = 100
# of an .npy file before the numbers: the header of an array without names of fields is shorter
_HEADER = 4096
# bytes that are unpacked at a time to count them
_PART = 2**20
_ARCHIVE = b"PK\x03\x04"


def check_archive(content, names=None):
    """Refuse an archive, given as bytes, whose arrays are not as large as it says or far too large.

    With `names` those entries are counted, each as often as it is named; else each entry once. A
    ValueError says what is wrong; `zipfile` raises errors of its own where it is no archive.
    """
    with zipfile.ZipFile(BytesIO(content)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        counted = entries if names is None else names
        _check_total(sum(entries[name].file_size for name in counted), len(content))
        for name, entry in entries.items():
            start = _checked_start(archive, entry)
            if start.startswith(npy.MAGIC_PREFIX):  # whatever its name, it may be read as an array
                _check_array(start, entry)
            elif start.startswith(_ARCHIVE):
                check_archive(archive.read(name))


def _check_total(n_bytes, n_packed):
    if n_bytes > _ALWAYS + _TIMES * n_packed:
        raise ValueError(
            f"it would take {n_bytes / 1e6:.0f} MB of memory, {n_bytes / n_packed:.0f} times its "
            "size, which no model does"
        )


def _checked_start(archive, entry):
    """Return the first bytes of an entry; it must hold as many as the list of entries says."""
    try:
        with archive.open(entry) as file:
            start = file.read(_HEADER)
            held = len(start) + sum(map(len, iter(partial(file.read, _PART), b"")))
    except EOFError:
        raise ValueError(f"{entry.filename} ends too early") from None
    if held != entry.file_size:
        raise ValueError(f"{entry.filename} should have {entry.file_size} bytes, and holds {held}")
    return start


def _check_array(start, entry):
    """Compare the size of an array by its header with that of its entry."""
    start = BytesIO(start)
    version = npy.read_magic(start)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(start)
    wanted = start.tell() + math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or wanted != entry.file_size:
        raise ValueError(
            f"{entry.filename} says that it holds {dtype} of shape {shape}, and has "
            f"{entry.file_size} bytes"
        )
