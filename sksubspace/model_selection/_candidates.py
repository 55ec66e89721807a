"""What is compared: teachers, under unique names, in an order of simplicity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA

from sksubspace._comparison import MEAN, PERMUTED
from sksubspace._sklearn import BaseEstimator
from sksubspace._teachers import SHORTHANDS, check_embedding, resolve_teacher
from sksubspace._validation import in_order_of

# by class, where its name is not what people call it
_NAMES = {"TSNE": "t-SNE", "FixedMap": "map"}
# of these, a larger value draws a smoother map
_SMOOTHING = ("n_neighbors", "perplexity", "min_dist")
# characters of a value in a name: a callable or a nested dict would fill the table
_LONGEST_VALUE = 40


class FixedMap(BaseEstimator):
    """A map that exists already, as a teacher that can draw nothing else.

    Parameters
    ----------
    places : ndarray of shape (n_samples, n_components)
        Of all rows.
    """

    def __init__(self, places):
        self.places = places

    @property
    def n_components(self):
        """Dimension of the map."""
        return self.places.shape[1]

    def fit_transform(self, X, y=None):  # (n, d) -> (n, q)
        """Return the map."""
        return self.places


@dataclass(frozen=True)
class Candidate:
    """A teacher to be compared.

    Attributes
    ----------
    name, group : str
        Its own name, and what it is a setting of.
    params : dict of str to object
        What distinguishes it within its group.
    teacher : estimator
        Unfitted.
    role : {"candidate", "control"}
        Whether it may be chosen.
    """

    name: str
    group: str
    teacher: Any
    params: dict = field(default_factory=dict)
    role: str = "candidate"

    @property
    def is_fixed(self):
        """Whether it is one map, which no other rows can be embedded in."""
        return isinstance(self.teacher, FixedMap)


def parse_candidates(candidates, rows=None):
    """Turn what the caller lists into candidates with unique names, in the order of the list.

    Settings of a grid come from smooth to rough; see `compare_embeddings`. Maps that are given as
    arrays or frames are of `rows`.
    """
    if isinstance(candidates, Mapping):
        entries = [(_checked_name(name), entry) for name, entry in candidates.items()]
    elif isinstance(candidates, list | tuple):
        entries = [(None, entry) for entry in candidates]
    else:
        raise TypeError(
            "candidates must be a dict of names to teachers, or a list or tuple of teachers, "
            f"got {candidates!r}."
        )
    if not entries:
        raise ValueError("candidates must have at least one teacher, got none.")
    taken, parsed = {MEAN, PERMUTED}, []
    for group, entry in entries:
        if _is_map(entry):
            entry = _fixed_map(entry, rows, group or "a map")
        teacher, grid = _teacher_and_grid(entry, group)
        group = _unique(group or default_name(teacher), taken)
        parsed += _settings(group, teacher, grid)
    return _uniquely_named(parsed)


def default_name(teacher):
    """Name a teacher by its class."""
    kind = type(teacher).__name__
    return _NAMES.get(kind, kind)


def order_of_simplicity(candidates, order):
    """Names of the candidates, simplest first: in the order of the list, or as the caller orders.

    `order` holds names of candidates, or of groups for all of their settings, each once.
    """
    names = tuple(candidate.name for candidate in candidates)
    if order is None:
        return names
    if isinstance(order, str):
        raise TypeError(f"order must be a sequence of names, simplest first, got {order!r}.")
    listed = [
        candidate.name
        for entry in order
        for candidate in candidates
        if entry in (candidate.name, candidate.group)
    ]
    unknown = set(order) - set(names) - {candidate.group for candidate in candidates}
    if unknown or sorted(listed) != sorted(names):
        raise ValueError(
            f"order must name each candidate once, out of {names}, or their groups, "
            f"got {tuple(order)}."
        )
    return tuple(listed)


def pca_control(candidates, n_features):
    """The control that a candidate has to beat, unless a PCA is among the candidates.

    It has as many components as the candidates have, and at most as many as the data.
    """
    if any(is_pca(candidate) for candidate in candidates):
        return None
    sizes = [getattr(candidate.teacher, "n_components", None) for candidate in candidates]
    n_components = max([size for size in sizes if type(size) is int], default=2)
    teacher = PCA(n_components=min(n_components, n_features))
    name = _unique("PCA (control)", {candidate.name for candidate in candidates})
    return Candidate(name, name, teacher, role="control")


def is_pca(candidate):
    """Whether a candidate can stand for the linear control."""
    return isinstance(candidate.teacher, PCA)


def _checked_name(name):
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"Names of candidates must be strings that are not empty, got {name!r}.")
    return name


def _checked_teacher(teacher):
    named = isinstance(teacher, str)
    if not named and (isinstance(teacher, type) or not hasattr(teacher, "fit_transform")):
        raise TypeError(
            f"A candidate must be an estimator with fit_transform, one of {SHORTHANDS}, such a "
            "teacher and a dict of its parameters, or a map as an array with a row for each of X, "
            f"got {teacher!r}."
        )
    return resolve_teacher(teacher)


def _is_map(entry):
    return hasattr(entry, "shape") and not hasattr(entry, "fit_transform")


def _fixed_map(places, rows, name):  # (n, q), (n, d) -> FixedMap
    source = f"The candidate {name!r}"
    n_samples = rows.shape[0] if hasattr(rows, "shape") else len(places if rows is None else rows)
    places = check_embedding(in_order_of(rows, places, source), n_samples, source)
    missing = int(np.isnan(places).any(axis=1).sum())
    if missing:
        raise ValueError(
            f"{source} has NaN in {missing} rows: all candidates must draw the same rows, leave "
            "those out of X too."
        )
    if (places == places[0]).all():
        raise ValueError(f"{source} puts all rows at one place.")
    return FixedMap(places)


def _teacher_and_grid(entry, name):
    if not isinstance(entry, tuple):
        return _checked_teacher(entry), {}
    if len(entry) != 2 or not isinstance(entry[1], Mapping):
        raise TypeError(
            f"A candidate with a grid must be a pair (teacher, dict of lists), got {entry!r}"
            + (f" for {name!r}." if name else ".")
        )
    teacher, grid = entry
    for key, values in grid.items():
        if isinstance(values, str) or not hasattr(values, "__len__") or not len(values):
            raise TypeError(f"The grid must have a list of values for {key!r}, got {values!r}.")
    return _checked_teacher(teacher), grid


def _settings(group, teacher, grid):
    """Multiply a grid out, smooth settings first."""
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    candidates = []
    for params in sorted(settings, key=_roughness):
        setting = clone(teacher, safe=False)
        if params:
            setting.set_params(**params)
        candidates.append(Candidate(_setting_name(group, params), group, setting, params))
    return candidates


def _roughness(params):
    return tuple(
        -value
        for name, value in params.items()
        if name.split("__")[-1] in _SMOOTHING and isinstance(value, int | float)
    )


def _setting_name(group, params):
    if not params:
        return group
    return f"{group} ({', '.join(f'{name}={_short(value)}' for name, value in params.items())})"


def _short(value):
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _uniquely_named(candidates):
    taken = {MEAN, PERMUTED}
    return tuple(
        Candidate(_unique(one.name, taken), one.group, one.teacher, one.params)
        for one in candidates
    )


def _unique(name, taken):
    """Number a name that is taken, and take it."""
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name} #{number}"
    taken.add(unique)
    return unique
