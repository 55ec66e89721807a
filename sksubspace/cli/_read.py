"""A file as a table: the reader by its suffix, names of rows, columns of lists."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sksubspace.cli._anndata import read_h5ad
from sksubspace.cli._arrays import read_npy, read_npz, read_parquet
from sksubspace.cli._output import plain_name
from sksubspace.cli._say import UsageError, quoted
from sksubspace.cli._tables import check_file
from sksubspace.cli._text import read_sheet, read_text

_READERS = {
    ".csv": read_text,
    ".tsv": read_text,
    ".csv.gz": read_text,
    ".tsv.gz": read_text,
    ".parquet": read_parquet,
    ".npy": read_npy,
    ".npz": read_npz,
    ".h5ad": read_h5ad,
    ".xlsx": read_sheet,
}
SUFFIXES = tuple(_READERS)
# formats of other programs, which all of them can export from
_FOREIGN = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".sav", ".dta", ".rds", ".feather")
# what pandas, polars and readr make of a header's empty cell
_NAMELESS = re.compile(r"|Unnamed: \d+(\.\d+)?|__index_level_\d+__|\.\.\.1")


def read_table(name, options):
    """Read a file by its suffix.

    Parameters
    ----------
    name : str
        The file.
    options : argparse.Namespace
        How tables are read: `delimiter`, `decimal`, `thousands`, `header`, `comment`,
        `na_values`, `encoding`, `array`, `rep` and `layer`.

    Returns
    -------
    table : Table
        With at least one row.

    Raises
    ------
    UsageError
        If it cannot be read as a table.
    """
    if find_spec("pandas") is None:
        raise UsageError('tables need pandas; install it with: pip install "sksubspace[cli]"')
    path = Path(name)
    suffix = _suffix(path)
    check_file(path)
    for option in ("rep", "layer") if suffix != ".h5ad" else ():
        if getattr(options, option, None) is not None:
            raise UsageError(f"--{option} names a matrix of an .h5ad file, which {path} is not")
    table = _READERS[suffix](path, options)
    _take_nameless_columns(table)
    repeated = table.frame.columns[table.frame.columns.duplicated()].unique()
    if len(repeated):
        raise UsageError(f"{path}: columns {quoted(repeated)} appear twice; rename one of each")
    if table.frame.shape[0] == 0:
        raise UsageError(f"{path} has column names but no rows; give it rows")
    _expand_lists(table)
    return table


def _suffix(path):
    suffixes = "".join(path.suffixes[-2:]).lower()
    suffix = suffixes if suffixes.endswith(".gz") else path.suffix.lower()
    if suffix in _FOREIGN:
        raise UsageError(f"{path}: {suffix} is not read; save as CSV")
    if suffix not in _READERS:
        raise UsageError(f"{path}: the kind of file must be one of {' '.join(SUFFIXES)}")
    return suffix


def _take_nameless_columns(table):
    """Take a first column without a name as row names, whatever it holds.

    It is an index that a table was written with; written twice, there are two.
    """
    while table.has_names and table.frame.shape[1] > 1:
        name = table.frame.columns[0]
        if not _NAMELESS.fullmatch(str(name)):
            return
        values = table.frame.iloc[:, 0].tolist()
        table.frame = table.frame.iloc[:, 1:]
        if table.row_names is None:
            name_rows(table, values)
            text = f"{table.path}: the first column has no name: its values are row names"
        else:
            text = f"{table.path}: another column of row names, '{name}', is left out"
        table.notes.append(text)


def name_rows(table, values):
    """Name the rows; one without a name is called by its number, counted from 0."""
    names = [plain_name(name) for name in texts_of(values)]
    table.row_names = [name or f"row {row}" for row, name in enumerate(names)]


def texts_of(values):
    """Return values as text: missing ones "", and whole numbers that gaps made floats whole."""
    import pandas as pd

    missing = pd.Series(values, dtype=object).isna().tolist()
    there = [value for value, is_missing in zip(values, missing, strict=True) if not is_missing]
    whole = all(isinstance(value, float) and value.is_integer() for value in there)
    return [
        "" if is_missing else str(int(value) if whole else value)
        for value, is_missing in zip(values, missing, strict=True)
    ]


# ---- lists ---------------------------------------------------------------------------------------


def _expand_lists(table):
    """Make a column for each entry of a column of lists of numbers, such as embeddings."""
    import pandas as pd

    of_objects = table.frame.columns[[kind.kind == "O" for kind in table.frame.dtypes]]
    lists = {name: _lists_in(table.frame[name]) for name in of_objects}
    if not any(lists.values()):
        return
    parts = []
    for name in table.frame.columns:
        column = lists.get(name)
        if column is None:
            parts.append(table.frame[name])
            continue
        lengths = {len(value) for value in column}
        if len(lengths) > 1:
            raise UsageError(
                f"{table.path}: column '{name}' holds lists of different lengths, from "
                f"{min(lengths)} to {max(lengths)}; make them the same, or name other columns"
            )
        values = np.array(column)
        values = values.reshape(len(values), -1)
        names = [f"{name}_{entry}" for entry in range(values.shape[1])]
        parts.append(pd.DataFrame(values, columns=names, index=table.frame.index))
        table.notes.append(
            f"{table.path}: column '{name}' holds lists: each of their {len(names)} entries is a "
            "column"
        )
    table.frame = pd.concat(parts, axis=1)


def _lists_in(column):
    """Return the lists that all cells are, or are the JSON of; None if one is not."""
    cells = column.tolist()
    if all(isinstance(cell, str) and cell.startswith("[") for cell in cells):
        try:
            cells = [json.loads(cell) for cell in cells]
        except ValueError:
            return None
    return cells if all(isinstance(cell, list | tuple | np.ndarray) for cell in cells) else None
