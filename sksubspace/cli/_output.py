"""Tables to files."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np

from sksubspace._persistence import replace_file
from sksubspace._spreadsheets import FORMULA, harmless
from sksubspace.cli._say import UsageError

_WRITABLE = (".csv", ".tsv", ".parquet", ".npy", ".npz")


def check_output(name):
    """Raise a UsageError, before anything is computed, if a table cannot be written there."""
    if name is None:
        return
    path = Path(name)
    if path.suffix.lower() not in _WRITABLE:
        raise UsageError(f"--output {path}: the kind must be one of {' '.join(_WRITABLE)}")
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise UsageError(f"--output {path} {what}; name a file in a folder that is there")


def write_table(name, columns, row_names=None):
    """Write columns to a file by its suffix, or as CSV to standard output if it has no name.

    Row names are a first column "row", but not in .npy.
    """
    import pandas as pd

    path = None if name is None else Path(name)
    suffix = ".csv" if path is None else path.suffix.lower()
    if suffix == ".npy":
        replace_file(path, _numpy_bytes(np.save, np.column_stack(list(columns.values()))))
        return
    rows = {} if row_names is None else {"row": np.array(row_names)}
    if suffix == ".npz":
        replace_file(path, _numpy_bytes(np.savez, **rows, **columns))
        return
    frame = pd.DataFrame({**rows, **columns})
    if suffix == ".parquet":
        replace_file(path, frame.to_parquet(None, index=False))
        return
    text = csv_text(frame, "\t" if suffix == ".tsv" else ",")
    if path is None:
        sys.stdout.write(text)
    else:
        replace_file(path, text.encode("utf-8"))


def csv_text(frame, delimiter=","):
    """Write a data frame as text that no spreadsheet takes for formulas.

    Names that begin with ``= + - @`` get an apostrophe before them, as in the spreadsheet itself;
    numbers stay.
    """
    columns = {
        harmless(name): column if column.dtype.kind in "biufM" else [*map(harmless, column)]
        for name, column in frame.items()
    }
    safe = type(frame)(columns)
    return safe.to_csv(index=False, sep=delimiter, lineterminator="\n")


def plain_name(name):
    """Undo `harmless`, for a name that is read from a file.

    Examples
    --------
    >>> from sksubspace.cli._output import plain_name
    >>> plain_name("'=1+1"), plain_name("'quoted'")
    ('=1+1', "'quoted'")
    """
    return name[1:] if name[:1] == "'" and name[1:].startswith(FORMULA) else name


def _numpy_bytes(save, *arrays, **named):
    buffer = BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()
