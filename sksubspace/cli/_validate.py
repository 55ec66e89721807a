"""``sksubspace validate``: compare embeddings of a table, and write what was found."""

import shlex
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from sksubspace._persistence import replace_file
from sksubspace.cli._candidates import EXAMPLE_GRIDS, make_candidates
from sksubspace.cli._columns import drop_columns, take_label, to_numbers
from sksubspace.cli._model import Model, assemble, fit_steps, read_rows, save_model
from sksubspace.cli._read import Table, read_table
from sksubspace.cli._say import UsageError

_FEWEST_ROWS = 10
_SPREADS_APART = 100
_NEEDED = ("jinja2", "matplotlib", "pandas", "skops")


@dataclass(frozen=True)
class Rows:
    """What is compared on.

    Attributes
    ----------
    table : Table
        What was read.
    X : ndarray of shape (n_rows, n_features)
        What the maps see.
    y : ndarray of shape (n_rows,) or None
        Labels.
    steps : list of (str, estimator)
        What was done to the table to get X.
    image_shape : tuple of int or None
        Of each row.
    """

    table: Table
    X: np.ndarray
    y: np.ndarray | None
    steps: list
    image_shape: tuple | None

    @property
    def names(self):
        """Names of the columns, None if they have none."""
        return list(self.table.frame.columns) if self.table.has_names else None

    def framed(self, X, table):
        """Give rows their names, for the report."""
        import pandas as pd

        return pd.DataFrame(X, columns=self.names, index=table.row_names)


def run(options, terminal):
    """Compare, print the table, and write results, report and model.

    Parameters
    ----------
    options : argparse.Namespace
        The words of the command line.
    terminal : Terminal
        Where notes, the progress bar and the table go.

    Returns
    -------
    code : int
        0.
    """
    _check_packages()
    places = _places(options)
    rows = _read(options, terminal)
    candidates = make_candidates(
        options.teachers,
        options.grid,
        _rows_in_training(rows.X, options),
        EXAMPLE_GRIDS if options.data is None else None,
    )
    _make_folders(places)
    if options.fresh:
        _forget(places["cache"])
    _check_new(options, rows, terminal)
    result = _compare(rows, candidates, options, places["cache"], terminal)
    terminal.say(result)
    beside = tuple(name for name in (options.label, *options.drop) if name is not None)
    model = Model(assemble(rows.steps, result.best_estimator_, rows.names), beside)
    _write(result, rows, model, places, options, terminal)
    return 0


def _check_packages():
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f'validate needs {", ".join(missing)}; install with: pip install "sksubspace[cli]"'
        )


# ---- what comes in -------------------------------------------------------------------------------


def _read(options, terminal):
    table = _digits(options) if options.data is None else read_table(options.data, options)
    y = take_label(table, options.label)
    drop_columns(table, options.drop)
    for note in table.notes:
        terminal.note(note)
    X = to_numbers(table, allow_missing=options.impute is not None)
    _check_size(table, X)
    names = list(table.frame.columns) if table.has_names else None
    _note_missing(table, X, terminal)
    steps, X = fit_steps(X, names, impute=options.impute, scale=options.scale)
    if options.scale == "none":
        _note_spread(table, X, terminal)
    return Rows(table, X, y, steps, _image_shape(options.image_shape or table.image_shape, X))


def _digits(options):
    """scikit-learn's handwritten digits: 1,797 images of 8x8 pixels."""
    from sklearn.datasets import load_digits

    digits = load_digits(as_frame=True)
    options.label = options.label or "digit"
    table = Table(None, digits.data, extra={"digit": digits.target.to_numpy()})
    table.image_shape = (8, 8)
    table.notes.append("no DATA was given: scikit-learn's handwritten digits are taken")
    return table


def _check_size(table, X):
    if X.shape[1] < 2:
        raise UsageError(
            f"{table.path} has only the column '{table.frame.columns[0]}'; a map needs at least 2 "
            "columns: give more, or check --delimiter"
        )
    if X.shape[0] < _FEWEST_ROWS:
        raise UsageError(
            f"{table.path} has {X.shape[0]} rows; at least {_FEWEST_ROWS} are needed to compare "
            "maps: give more rows"
        )
    if (X == X[0]).all():
        raise UsageError(f"{table.path}: all rows are the same; give rows that differ")


def _note_missing(table, X, terminal):
    missing = int(np.isnan(X).sum())
    if missing:
        terminal.note(
            f"{missing:,} missing values were replaced by the medians of their columns, over all "
            "rows; the model does the same to new rows"
        )


def _note_spread(table, X, terminal):
    spread = X.std(axis=0, dtype=np.float64)
    spread = spread[spread > 0]
    if len(spread) and spread.max() > _SPREADS_APART * np.median(spread) and table.has_names:
        terminal.note(
            f"one column has {spread.max() / np.median(spread):.0f} times the spread of the median "
            "column, and will shape the maps; --scale standard gives all the same weight"
        )


def _image_shape(shape, X):
    if shape is not None and np.prod(shape) != X.shape[1]:
        raise UsageError(
            f"--image-shape {'x'.join(map(str, shape))} needs {np.prod(shape)} columns, and there "
            f"are {X.shape[1]}; give the shape of one row"
        )
    return shape


def _rows_in_training(X, options):
    return len(X) - -(-len(X) // options.cv)


def _check_new(options, rows, terminal):
    """Read the batch before the long computation, so that what is wrong with it shows at once."""
    if options.new is not None:
        _batch(options, rows, terminal)


def _batch(options, rows, terminal):
    return read_rows(options.new, _Before(rows, options), options, terminal)


class _Before(Model):
    """What is known of a model before its map is: enough to read rows for it."""

    def __init__(self, rows, options):
        super().__init__(None, tuple(name for name in (options.label, *options.drop) if name))
        object.__setattr__(self, "_rows", rows)
"""Placeholder."""
