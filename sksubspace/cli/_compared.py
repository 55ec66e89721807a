"""The rows that are compared on: read, checked, and what is to be said of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sksubspace.cli._cells import parse_cells, placeholders
from sksubspace.cli._columns import (
    drop_columns,
    take_groups,
    take_label,
    take_row_names,
    to_numbers,
)
from sksubspace.cli._features import expand_categories, leave_out_identifiers
from sksubspace.cli._model import Preparation, fit_preparation
from sksubspace.cli._read import read_table
from sksubspace.cli._say import UsageError, option, quoted
from sksubspace.cli._tables import Table
from sksubspace.metrics._input import is_constant

_FEWEST_ROWS = 10
_SPREADS_APART = 100
# what may be a label in numbers: few values in the first rows, of one or two of several columns
_MOST_CODES, _ROWS_OF_CODES = 12, 1_000
_MOST_COLUMNS_OF_CODES, _FEWEST_BESIDE_CODES = 2, 4
# a column with more of all variance is what the maps show
_DOMINANT = 0.5


@dataclass(frozen=True)
class ComparedRows:
    """What is compared on.

    Attributes
    ----------
    table : Table
        What was read, with names and groups of its rows.
    X : {ndarray, CSR matrix} of shape (n_rows, n_features)
        What the maps see.
    y : ndarray of shape (n_rows,) or None
        Labels.
    preparation : Preparation
        What was done to the table to get X.
    image_shape : tuple of int or None
        Of each row.
    """

    table: Table
    X: Any
    y: np.ndarray | None
    preparation: Preparation
    image_shape: tuple | None


def read_rows(options, terminal):
    """Read the training table, and note what was taken that the user did not say."""
    table = _example(options) if options.data is None else read_table(options.data, options)
    y = take_label(table, options.label)
    take_row_names(table, options.id)
    take_groups(table, options.groups)
    drop_columns(table, options.drop)
    categories = expand_categories(table, dict.fromkeys(options.one_hot))
    left_out, naming = leave_out_identifiers(table, options.keep)
    parse_cells(table)
    for note in table.notes:
        terminal.note(note)
    X = to_numbers(table, allow_missing=options.impute is not None, training=True)
    _check_size(table, X)
    if table.matrix is None:
        _note_missing(X, options, terminal)
        _note_placeholders(table, X, terminal)
        _note_codes(table, X, terminal)
    else:
        _check_steps(table, options)
    if options.scale == "standard":
        terminal.note(
            "--scale standard: scores, distortions and residuals are of z-scores (each column less "
            "its mean, over its standard deviation), not of the units of the table"
        )
    elif table.source is None:
        _note_spread(table, X, terminal)
    else:
        terminal.note(f"{table.path}: the rows are those of {table.source}")
    named = [name for name in (options.label, options.id, options.groups) if name is not None]
    preparation, X = fit_preparation(
        X,
        [*map(str, table.columns)] if table.has_names else None,
        impute=options.impute,
        scale=options.scale,
        beside=(*named, *options.drop, *left_out),
        id=options.id or naming,
        groups=options.groups,
        categories=categories,
    )
    _check_groups(table.groups, options)
    shape = getattr(options, "image_shape", None)
    return ComparedRows(table, X, y, preparation, _image_shape(shape, table, X))


def _example(options):
    """scikit-learn's handwritten digits: 1,797 images of 8x8 pixels."""
    from sklearn.datasets import load_digits

    digits = load_digits(as_frame=True)
    options.label = options.label or "digit"
    note = "no DATA was given: scikit-learn's handwritten digits are taken"
    return Table(
        Path("digits"), digits.data, extra={"digit": digits.target.to_numpy()},
        image_shape=(8, 8), notes=[note],
    )  # fmt: skip


def _check_size(table, X):
    if X.shape[1] < 2:
        raise UsageError(
            f"{table.path} has only the column '{table.columns[0]}'; a map needs at least 2 "
            "columns: give more, or check --delimiter"
        )
    if X.shape[0] < _FEWEST_ROWS:
        raise UsageError(
            f"{table.path} has {X.shape[0]} row{'s' if X.shape[0] > 1 else ''}; at least "
            f"{_FEWEST_ROWS} are needed to compare maps: give more rows"
        )
    if is_constant(X):
        raise UsageError(f"{table.path}: all rows are the same; give rows that differ")


def _check_steps(table, options):
    """Refuse what would make a sparse table dense."""
    if options.scale != "none" or options.impute:
        wanted = "--scale standard" if options.scale != "none" else "--impute"
        raise UsageError(
            f"{table.path}: {wanted} would make {table.source}, which is sparse, dense; scale it "
            "before, or name an array of obsm with --rep"
        )


def _check_groups(groups, options):
    if groups is None:
        return
    n_groups = len(np.unique(groups))
    folds = getattr(options, "cv", 3) if getattr(options, "method", "loo") != "loo" else 3
    if n_groups < max(3, folds):
        mend = f"take --cv {n_groups}" if n_groups >= 3 else "at least 3 are needed"
        raise UsageError(
            f"--groups {options.groups}: {n_groups} groups cannot be held out in {folds} "
            f"folds; {mend}"
        )


def _image_shape(shape, table, X):
    shape = shape or table.image_shape
    if shape is not None and np.prod(shape) != X.shape[1]:
        if shape == table.image_shape:
            return None
        raise UsageError(
            f"--image-shape {'x'.join(map(str, shape))} needs {np.prod(shape)} columns, and there "
            f"are {X.shape[1]}; give the shape of one row"
        )
    return shape


# ---- notes ---------------------------------------------------------------------------------------


def _note_missing(X, options, terminal):
    missing = int(np.isnan(X).sum())
    if missing:
        also = "; the model does the same to new rows" if options.verb == "validate" else ""
        terminal.note(
            f"missing values ({missing:,}) are replaced by the medians of their columns over all "
            f"rows{also}"
        )


def _note_codes(table, X, terminal):
    """Say which column may be a label in numbers, where nearly all others are no such column."""
    if not table.has_names or X.shape[1] < _FEWEST_BESIDE_CODES:
        return
    n_codes = {str(name): _n_codes(values) for name, values in zip(table.columns, X.T, strict=True)}
    few = {name: number for name, number in n_codes.items() if number}
    if len(few) <= _MOST_COLUMNS_OF_CODES:
        for name, number in few.items():
            terminal.note(
                f"{table.path}: column '{name}' holds {number} whole numbers and is a feature; if "
                f"it is a label: {option('--label', [name])}, or {option('--drop', [name])}"
            )


def _n_codes(values):  # (n,) -> int
    """How many different whole numbers a column holds, NaN aside; 0 if others, one or too many."""
    for part in (values[:_ROWS_OF_CODES], values):  # nearly all columns end with the first rows
        found = np.unique(part[~np.isnan(part)])
        if len(found) > _MOST_CODES or (found != np.floor(found)).any():
            return 0
    return len(found) if len(found) > 1 else 0


def _note_placeholders(table, X, terminal):
    found = placeholders(table, X)
    if found:
        values = sorted({value for value, _ in found.values()})
        terminal.note(
            f"{table.path}: {' and '.join(map(str, values))} in {quoted(found)} "
            f"({sum(count for _, count in found.values()):,} cells) is far from all other values; "
            f"if it stands for missing ones: {option('--na-values', values)} "
            "--impute median",
            always=True,
        )


def _note_spread(table, X, terminal):
    """Name the column that the maps will show, because its numbers are the largest."""
    variance = np.nanvar(X, axis=0, dtype=np.float64)
    if not variance.sum() > 0:
        return
    spread = np.sqrt(variance)
    widest = int(np.argmax(spread))
    name, share = table.frame.columns[widest], variance[widest] / variance.sum()
    ratio = spread[widest] / np.median(spread[spread > 0])
    if share > _DOMINANT:
        terminal.note(
            f"column '{name}' has {100 * share:.0f} % of all variance, and the maps will show "
            "little else; --scale standard gives all columns the same weight",
            always=True,
        )
    elif ratio > _SPREADS_APART:
        terminal.note(
            f"column '{name}' has {ratio:,.0f} times the spread of the median column and will "
            "shape the maps; --scale standard gives all columns the same weight"
        )
