"""What is done to a table before a map sees it, and done again to new tables."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from sksubspace.cli._columns import drop_columns, match_columns, to_numbers
from sksubspace.cli._read import read_table


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
    """

    names: tuple | None
    n_columns: int
    beside: tuple = ()
    steps: tuple = ()

    def read(self, name, options, terminal, drop=()):
        """Read new rows: the training columns in their order, checked and prepared.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
            What the map sees.
        table : Table
            What was read.
        """
        table = read_table(name, options)
        drop_columns(table, drop)
        match_columns(table, self.names, self.n_columns, self.beside)
        for note in table.notes:
            terminal.note(note)
        imputes = any(isinstance(step, SimpleImputer) for step in self.steps)
        return self.apply(to_numbers(table, allow_missing=imputes)), table

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


def fit_preparation(X, names, beside=(), *, impute=None, scale="none"):
    """Fit what comes before the map.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        The table; NaN where a value is missing.
    names : sequence of str or None
        Names of the columns.
    beside : sequence of str, default=()
        Columns of the table that are not in X.
    impute : {"median"} or None, default=None
        What missing values become.
    scale : {"standard", "none"}, default="none"
        Whether columns are standardised.

    Returns
    -------
    preparation : Preparation
        With the fitted steps.
    X : ndarray of shape (n_rows, n_columns)
        What the map will see.
    """
    steps = [SimpleImputer(strategy=impute)] if impute else []
    if scale == "standard":
        steps.append(StandardScaler())
    n_columns = X.shape[1]
    seen = X if names is None else framed(X, names)
    for step in steps:
        X = seen = step.fit_transform(seen)
    names = None if names is None else tuple(names)
    return Preparation(names, n_columns, tuple(beside), tuple(steps)), X


def framed(X, names, row_names=None) -> Any:
    """A data frame of rows."""
    import pandas as pd

    return pd.DataFrame(X, columns=names, index=row_names)
