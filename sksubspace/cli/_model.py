"""Model files: the map, what is done to a table before it, and what stood beside its columns."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace._persistence import read_model, write_model
from sksubspace.cli._columns import drop_columns, match_columns, to_numbers
from sksubspace.cli._read import check_file, read_table
from sksubspace.cli._say import UsageError


@dataclass(frozen=True)
class Model:
    """What a model file holds.

    Attributes
    ----------
    estimator : estimator
        A map, or a pipeline that ends in one.
    beside : tuple of str
        Columns of the training table that the map does not see: the label and those left out.
    """

    estimator: Any
    beside: tuple = field(default=())

    @property
    def steps(self):
        """Fitted steps before the map."""
        if isinstance(self.estimator, Pipeline):
            return [step for _, step in self.estimator.steps[:-1]]
        return []

    @property
    def map(self):
        """The map itself."""
        return self.estimator[-1] if isinstance(self.estimator, Pipeline) else self.estimator

    @property
    def names(self):
        """Names of the columns, None if they had none."""
        names = getattr(self.estimator, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]

    def prepare(self, X):
        """Do to rows what was done to the training rows before the map saw them."""
        for step in self.steps:
            X = step.transform(self._named(X) if hasattr(step, "feature_names_in_") else X)
        return np.asarray(X)

    def _named(self, X):
        import pandas as pd

        return pd.DataFrame(X, columns=self.names)

    def place(self, X):
        """Map prepared rows, whether the map knows column names or not."""
        return np.asarray(self.map.transform(self.as_seen(X)))

    def as_seen(self, X):
        """Give prepared rows the column names that the map was fitted with, if any."""
        return self._named(X) if hasattr(self.map, "feature_names_in_") else X

    def reconstruct(self, Z):
        """Rows of the table from places on the map; what was filled in stays filled in."""
        X = np.asarray(self.map.inverse_transform(Z))
        for step in reversed(self.steps):
            if not isinstance(step, SimpleImputer):
                X = np.asarray(step.inverse_transform(X))
        return X


def fit_steps(X, names, *, impute, scale):
    """Fit what comes before the map.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        The table; NaN where a value is missing.
    names : sequence of str or None
        Names of the columns.
    impute : {"median"} or None
        What missing values become.
    scale : {"standard", "none"}
        Whether columns are standardised.

    Returns
    -------
    steps : list of (str, estimator)
        Fitted steps of a pipeline.
    X : ndarray of shape (n_rows, n_columns)
        What the map will see.
    """
    import pandas as pd

    steps = [("impute", SimpleImputer(strategy=impute))] if impute else []
    if scale == "standard":
        steps.append(("scale", StandardScaler()))
    seen = X if names is None else pd.DataFrame(X, columns=names)
    for _, step in steps:
        X = seen = step.fit_transform(seen)
    return steps, X


def assemble(steps, medal, names):
    """Put the steps before the map; without any, the map takes the column names itself."""
    if steps:
        return Pipeline([*steps, ("map", medal)])
    if names is None or hasattr(medal, "feature_names_in_"):
        return medal
    named = object.__new__(type(medal))
    named.__dict__.update(vars(medal), feature_names_in_=np.array(names, dtype=object))
    return named


def save_model(model, path, terminal):
    """Write a model file; a teacher that is left out is noted."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_model(model.estimator, path, {"beside": list(model.beside)})
    for warning in caught:
        terminal.note(str(warning.message))


def open_model(name, options):
    """Read a model file.

    Raises
    ------
    UsageError
        If it is not there, not a model, or not to be trusted.
    """
    path = Path(name)
    check_file(path)
    try:
        estimator, notes = read_model(path, trust_pickle=options.trust_pickle)
    except (ValueError, ImportError) as error:
        raise UsageError(str(error).replace("trust_pickle=True", "--trust-pickle")) from error
    model = Model(estimator, tuple(str(name) for name in notes.get("beside", ())))
    if not hasattr(model.map, "transform") or not hasattr(estimator, "n_features_in_"):
        raise UsageError(f"{path} holds no fitted map; take best.skops of sksubspace validate")
    return model


def read_rows(name, model, options, terminal):
    """Read new rows for a model: the columns of training in their order, checked and prepared.

    Returns
    -------
    X : ndarray of shape (n_rows, n_features)
        What the map sees.
    table : Table
        What was read.
    """
    table = read_table(name, options)
    drop_columns(table, options.drop)
    match_columns(table, model.names, model.estimator.n_features_in_, model.beside)
    for note in table.notes:
        terminal.note(note)
    imputes = any(isinstance(step, SimpleImputer) for step in model.steps)
    return model.prepare(to_numbers(table, allow_missing=imputes)), table
