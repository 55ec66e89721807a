"""A map that there is already: an array of `obsm`, or a file whose rows are found by name."""

from argparse import Namespace
from collections import Counter
from pathlib import Path

import numpy as np

from sksubspace.cli._anndata import offered, read_obsm
from sksubspace.cli._cells import parse_cells
from sksubspace.cli._columns import drop_columns, has_column, take_row_names, to_numbers
from sksubspace.cli._features import leave_out_identifiers
from sksubspace.cli._read import SUFFIXES, read_table
from sksubspace.cli._say import UsageError, quoted


def read_embedding(name, table, options, terminal):
    """Read a map of the rows of a table.

    Parameters
    ----------
    name : str
        What `--embedding` says: a key of `obsm` where the table is an .h5ad file, or else a file.
    table : Table
        What was read, with its row names.
    options : argparse.Namespace
        How tables are read; columns of the file that are called as `id`, `label` or `groups` say
        are not coordinates.
    terminal : Terminal
        Told what was put right.

    Returns
    -------
    Z : ndarray of shape (n_rows, n_components)
        Coordinates of the rows of the table, in their order; NaN where they are missing.

    Raises
    ------
    UsageError
        If there is no such map, or its rows are not those of the table.
    """
    keys = []
    if table.path.suffix.lower() == ".h5ad":
        values, keys = read_obsm(table.path, name)
        if values is not None:
            return _of_numbers(table, name, values)
    if not Path(name).exists():
        if not keys and name.lower().endswith(SUFFIXES):
            raise UsageError(f"{name} for --embedding does not exist; check the name and folder")
        raise UsageError(
            f"{table.path} has no '{name}' in obsm for --embedding, and there is no file of that "
            f"name; {offered(name, keys)}"
        )
    found = read_table(name, Namespace(**{**vars(options), "rep": None, "layer": None}))
    take_row_names(found, options.id if has_column(found, options.id) else None)
    beside = [getattr(options, one, None) for one in ("label", "groups")]
    drop_columns(found, [one for one in dict.fromkeys(beside) if one in found.columns])
    leave_out_identifiers(found)
    parse_cells(found)
    Z = to_numbers(found, allow_missing=True)
    order = _rows_in_order(found, table, len(Z))
    for note in found.notes:
        terminal.note(note)
    return Z if order is None else Z[order]


def _of_numbers(table, name, values):
    if values.ndim != 2 or values.dtype.kind not in "iuf" or np.isinf(values).any():
        raise UsageError(
            f"{table.path}: obsm['{name}'] must hold finite numbers in rows and columns to be a map"
        )
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def _rows_in_order(found, table, n_found):  # -> (n_rows,) or None
    """Where the rows of the table are in the file; by their order if one of them has no names."""
    names, n_rows = table.row_names, len(table.frame)
    if names is None or found.row_names is None:
        if n_found != n_rows:
            raise UsageError(
                f"{found.path} has {n_found:,} rows, and {table.path} {n_rows:,}; give both a "
                "column of names, and say which with --id"
            )
        found.notes.append(f"{found.path}: the rows are taken in the order of {table.path}")
        return None
    for one in (table, found):
        twice = [name for name, times in Counter(one.row_names).items() if times > 1]
        if twice:
            raise UsageError(
                f"{one.path}: rows {quoted(twice)} are there more than once, so that places cannot "
                "be told apart by name; make the names unique"
            )
    place = {name: row for row, name in enumerate(found.row_names)}
    missing = [name for name in names if name not in place]
    if missing:
        raise UsageError(
            f"{found.path} has no place for {len(missing):,} of {n_rows:,} rows of {table.path}: "
            f"{quoted(missing)}; its own are called {quoted(found.row_names, 3)}"
        )
    if n_found > n_rows:
        found.notes.append(
            f"{found.path}: {n_found - n_rows:,} places of rows that {table.path} has not are left "
            "out"
        )
    order = np.array([place[name] for name in names])
    if not np.array_equal(order, np.arange(n_rows)):
        found.notes.append(f"{found.path}: rows are found by their names, which are in other order")
    return order
