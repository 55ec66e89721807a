"""Tables from binary files: Parquet and NumPy."""

from importlib.util import find_spec

import numpy as np

from sksubspace.cli._say import UsageError, is_numeral, quoted
from sksubspace.cli._tables import Table


def read_parquet(path, options):
    """Read a Parquet file; its index, where it is more than a count, names the rows."""
    import pandas as pd

    if find_spec("pyarrow") is None:
        raise UsageError('.parquet needs pyarrow; install it with: pip install "sksubspace[cli]"')
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except Exception as error:  # pyarrow has a dozen kinds
        raise UsageError(f"{path} is not a whole Parquet file ({error}); write it again") from error
    counts = isinstance(frame.index, pd.RangeIndex)
    row_names = None if counts else [str(name) for name in frame.index]
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    return without_marks(options.na_values, Table(path, frame, row_names=row_names))


def read_npy(path, options):
    """Read an array."""
    return without_marks(options.na_values, _array_table(path, _load_numpy(path), ""))


def read_npz(path, options):
    """Read the array that `--array` names, and keep the label beside it."""
    with _load_numpy(path) as archive:
        name = options.array
        if name is None and len(archive.files) == 1:
            name = archive.files[0]
        if name not in archive.files:
            which = "several arrays" if name is None else f"no array '{name}'"
            raise UsageError(
                f"{path} has {which}: {quoted(archive.files, 20)}; choose with --array NAME"
            )
        table = _array_table(path, _member(path, archive, name), f" (array '{name}')")
        others = [other for other in archive.files if other != name]
        wanted = {getattr(options, use, None) for use in ("label", "id", "groups")}
        for other in others:
            table.extra[other] = None
            if other in wanted:
                table.extra[other] = np.atleast_1d(_member(path, archive, other).squeeze())
    return without_marks(options.na_values, table)


def _load_numpy(path):
    try:
        loaded = np.load(path, allow_pickle=False)
    except Exception as error:  # zipfile, EOFError, ValueError, ...
        raise UsageError(_not_numpy(path, error)) from error
    if isinstance(loaded, np.ndarray) == (path.suffix.lower() == ".npz"):
        raise UsageError(f"{path} is not what its suffix says; rename it, or write it again")
    return loaded


def _member(path, archive, name):
    try:
        return archive[name]
    except Exception as error:
        raise UsageError(_not_numpy(path, error)) from error


def _not_numpy(path, error):
    if str(error).startswith("Object arrays"):
        return (
            f"{path} holds Python objects, which are not read because they can run code; save "
            "numbers: numpy.save(file, X.astype(float))"
        )
    reason = "" if "allow_pickle" in str(error) else f" ({error})"
    return f"{path} is not a whole NumPy file{reason}; write it again with numpy.save"


def _array_table(path, array, which):
    import pandas as pd

    if array.dtype.names:
        return Table(path, pd.DataFrame.from_records(array))
    if array.ndim < 2:
        raise UsageError(
            f"{path}{which} has shape {array.shape}; rows and columns are needed: reshape it"
        )
    table = Table(path, None, has_names=False)
    if array.ndim > 2:
        table.image_shape = array.shape[1:] if array.ndim == 3 else None
        table.notes.append(f"{path}{which} has shape {array.shape}: each entry is made one row")
        array = array.reshape(len(array), -1)
    table.frame = pd.DataFrame(array, columns=[f"x{column}" for column in range(array.shape[1])])
    return table


def without_marks(marks, table):
    """Make the marks of missing values missing; numbers are compared as numbers."""
    if not marks:
        return table
    numbers = [float(mark) for mark in marks if is_numeral(mark)]
    frame = table.frame
    table.frame = frame.mask(frame.isin([*marks, *numbers]))
    return table
