"""Model files: a map, and what is done to a table before it."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sksubspace._persistence import read_model, write_model
from sksubspace.cli._prepare import Preparation, framed
from sksubspace.cli._read import check_file
from sksubspace.cli._say import UsageError

_STEP_NAMES = {"SimpleImputer": "impute", "StandardScaler": "scale"}


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

    def reconstruct(self, Z):  # (n, q) -> (n, d)
        """Rows of the table, from places on the map."""
        return self.preparation.undo(np.asarray(self.map.inverse_transform(Z)))


def save_model(model, path, terminal):
    """Write a model file: a pipeline, or the bare map where nothing comes before it.

    A teacher that cannot be stored is noted.
    """
    steps = model.preparation.steps
    if steps:
        named = [(_STEP_NAMES[type(step).__name__], step) for step in steps]
        estimator = Pipeline([*named, ("map", model.map)])
    else:
        estimator = model.map
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_model(estimator, path, {"beside": list(model.preparation.beside)})
    for warning in caught:
        terminal.note(str(warning.message))


def open_model(name, *, trust_pickle=False):
    """Read a model file.

    Parameters
    ----------
    name : str
        The file.
    trust_pickle : bool, default=False
        Whether it may be a pickle.

    Returns
    -------
    model : Model
        With a fitted map.

    Raises
    ------
    UsageError
        If it is not there, not a model, or not to be trusted.
    """
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
    names = getattr(estimator, "feature_names_in_", None)
    names = None if names is None else tuple(str(name) for name in names)
    beside = tuple(str(name) for name in notes.get("beside", ()))
    return Model(steps[-1], Preparation(names, n_columns, beside, tuple(steps[:-1])))
