"""Tables to files."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np

from sksubspace._persistence import replace_file
from sksubspace.cli._say import UsageError

SUFFIXES = (".csv", ".tsv", ".parquet", ".npy", ".npz")


def check_output(name):
    """Raise a UsageError, before anything is computed, if a table cannot be written there."""
    if name is None:
        return
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--output {path}: the kind must be one of {' '.join(SUFFIXES)}")
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise UsageError(f"--output {path} {what}; name a file in a folder that is there")


def write_table(name, columns, row_names=None):
    """Write columns to a file by its suffix, or as CSV to standard output.

    Parameters
    ----------
    name : str or None
        The file; None for standard output.
    columns : dict of str to ndarray of shape (n_rows,)
        The table.
    row_names : list of str or None, default=None
        Written as a first column "row", but not to .npy.
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
    text = frame.to_csv(index=False, sep="\t" if suffix == ".tsv" else ",", lineterminator="\n")
    if path is None:
        sys.stdout.write(text)
    else:
        replace_file(path, text.encode("utf-8"))


def _numpy_bytes(save, *arrays, **named):
    buffer = BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()
