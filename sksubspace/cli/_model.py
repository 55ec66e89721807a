"""Model files: a map, and what is done to a table before the map sees it."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace._persistence import read_model, write_model
from sksubspace.cli._cells import parse_cells
from sksubspace.cli._columns import (
    drop_columns,
    has_column,
    match_columns,
    take_groups,
    take_row_names,
    to_numbers,
)
from sksubspace.cli._features import expand_categories
from sksubspace.cli._read import read_table
from sksubspace.cli._say import UsageError
from sksubspace.cli._tables import check_file

_STEP_NAMES = {"SimpleImputer": "impute", "StandardScaler": "scale"}


@dataclass(frozen=True)
class Preparation:
    """The columns of the training table, and fitted steps.

    Attributes
    ----------
    names : tuple of str or None
        Columns that are used, None if they had no names.
    n_columns : int
        Their number.
    beside : tuple of str
        Columns of the training table that are not used: the label and those left out.
    steps : tuple of estimators
        Fitted transformers, applied in this order.
    id, groups : str or None
        Columns that name and that group the rows.
    categories : dict of str to list of str
        Columns that become one column for each category.
    """

    names: tuple | None
    n_columns: int
    beside: tuple = ()
    steps: tuple = ()
    id: str | None = None
    groups: str | None = None
    categories: dict = field(default_factory=dict)

    @property
    def is_scaled(self):
        """Whether the map sees z-scores."""
        return any(isinstance(step, StandardScaler) for step in self.steps)

    def read(self, name, options, terminal, drop=()):
        """Read new rows: the training columns in their order, checked and prepared.

        Returns
        -------
        X : {ndarray, CSR matrix} of shape (n_rows, n_features)
            What the map sees.
        table : Table
            What was read, with names and groups of its rows where it has them.
        """
        table = read_table(name, options)
        take_row_names(table, self._named_here(table, options.id, self.id))
        if hasattr(options, "groups"):
            take_groups(table, self._named_here(table, options.groups, self.groups))
        drop_columns(table, drop)
        if table.has_names:
            expand_categories(table, self.categories)
        match_columns(table, self.names, self.n_columns, self.beside)
        parse_cells(table)
        for note in table.notes:
            terminal.note(note)
        imputes = any(isinstance(step, SimpleImputer) for step in self.steps)
        return self.apply(to_numbers(table, allow_missing=imputes)), table

    def _named_here(self, table, given, trained):
        """Return the column that the user names now, or that of the training if it is here."""
        if given is not None and given != trained:
            return given
        return trained if has_column(table, trained) else None

    def apply(self, X):
        """Apply the steps to rows."""
        for step in self.steps:
            X = np.asarray(step.transform(self._as_seen_by(step, X)))
        return X

    def undo(self, X):
        """Take rows back through the steps; what was filled in stays filled in."""
        for step in reversed(self.steps):
            if not isinstance(step, SimpleImputer):
                X = np.asarray(step.inverse_transform(X))
        return X

    def _as_seen_by(self, step, X):
        return framed(X, self.names) if hasattr(step, "feature_names_in_") else X


def fit_preparation(X, names, *, impute=None, scale="none", **columns):
    """Fit what comes before the map; return it, and what the map will see.

    `impute` says what missing values become, `columns` are further attributes of `Preparation`.
    """
    steps = [SimpleImputer(strategy=impute)] if impute else []
    if scale == "standard":
        steps.append(StandardScaler())
    n_columns = X.shape[1]
    seen = X if names is None else framed(X, names)
    for step in steps:
        X = seen = step.fit_transform(seen)
    names = None if names is None else tuple(names)
    return Preparation(names, n_columns, steps=tuple(steps), **columns), X


def framed(X, names, row_names=None) -> Any:
    """A data frame of rows; sparse ones stay as they are."""
    import pandas as pd

    if sparse.issparse(X):
        return X
    return pd.DataFrame(X, columns=names, index=row_names)


# ---- model files ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """What a model file holds.

    Attributes
    ----------
    map : estimator
        What places rows.
    preparation : Preparation
        What comes before it.
    """

    map: Any
    preparation: Preparation

    @property
    def place_names(self):
        """Names of the coordinates."""
        return [str(name) for name in self.map.get_feature_names_out()]

    def as_seen(self, X):
        """Give prepared rows the column names that the map was fitted with, if any."""
        if hasattr(self.map, "feature_names_in_"):
            return framed(X, self.map.feature_names_in_)
        return X

    def place(self, X):  # (n, d) -> (n, q)
        """Map prepared rows."""
        return np.asarray(self.map.transform(self.as_seen(X)))

    def test_shift(self, X, table, **options):
        """Test prepared rows for shift; where the map was fitted with groups, by groups."""
        groups = table.groups if getattr(self.map, "groups_given_", False) else None
        if table.groups is not None and groups is None:
            raise UsageError(
                f"{table.path}: --groups needs a model that was made with --groups; run validate "
                "with it, or leave it out"
            )
        try:
            return self.map.detect_shift(self.as_seen(X), groups=groups, **options)
        except ValueError as error:  # nothing to calibrate with
            raise UsageError(str(error)) from error

    def reconstruct(self, Z):  # (n, q) -> (n, d)
        """Rows of the table, from places on the map."""
        return self.preparation.undo(np.asarray(self.map.inverse_transform(Z)))


def save_model(model, path, terminal, run=None):
    """Write a model file: a pipeline, or the bare map where nothing comes before it.

    `run` says which files belong together. A teacher that cannot be stored is noted.
    """
    prepared = model.preparation
    steps = prepared.steps
    if steps:
        named = [(_STEP_NAMES[type(step).__name__], step) for step in steps]
        estimator = Pipeline([*named, ("map", model.map)])
    else:
        estimator = model.map
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        notes = {
            "beside": list(prepared.beside),
            "id": prepared.id,
            "groups": prepared.groups,
            "categories": prepared.categories,
            "run": run,
            # an estimator that was fitted to sparse rows knows none
            "names": None if hasattr(estimator, "feature_names_in_") else prepared.names,
        }
        write_model(estimator, path, notes)
    for warning in caught:
        terminal.note(str(warning.message))


def open_model(name, *, trust_pickle=False):
    """Read a model file with a fitted map, or say in a UsageError what is wrong with it."""
    path = Path(name)
    check_file(path)
    try:
        estimator, notes = read_model(path, trust_pickle=trust_pickle)
    except (ValueError, ImportError) as error:
        raise UsageError(str(error).replace("trust_pickle=True", "--trust-pickle")) from error
    steps = [step for _, step in getattr(estimator, "steps", [("map", estimator)])]
    n_columns = getattr(estimator, "n_features_in_", None)
    if n_columns is None or not hasattr(steps[-1], "transform"):
        raise UsageError(f"{path} holds no fitted map; take best.skops of sksubspace validate")
    names = getattr(estimator, "feature_names_in_", notes.get("names"))
    names = None if names is None else tuple(str(name) for name in names)
    preparation = Preparation(
        names, n_columns, tuple(str(name) for name in notes.get("beside", ())), tuple(steps[:-1]),
        notes.get("id"), notes.get("groups"), notes.get("categories", {}),
    )  # fmt: skip
    return Model(steps[-1], preparation)
