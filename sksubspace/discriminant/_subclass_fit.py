"""How many subclasses a class has, and how a fit is made of them."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from sksubspace._linalg import column_means
from sksubspace._parameters import check_integer
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace.discriminant._subclasses import (
    discriminant_maps,
    regression_maps,
    split_into_subclasses,
    subclass_model,
)

__all__ = ["learn_subclasses", "wanted_subclasses"]

# "auto" tries so many subclasses a class, by so many folds
_MOST_SUBCLASSES, _FOLDS = 10, 3


def wanted_subclasses(params, X, codes, random_state):  # (n, d), (n,) -> list of int
    """Turn `n_subclasses` into a number for each class."""
    given, classes = params.n_subclasses, params.classes_
    if isinstance(given, Mapping):
        missing = [label for label in classes.tolist() if label not in given]
        if missing:
            raise ValueError(f"n_subclasses has no number for the class {missing[0]!r}.")
        wanted = [given[label] for label in classes.tolist()]
        for number in wanted:
            check_integer(number, "n_subclasses of a class", smallest=1)
        return wanted
    if given == "auto":
        given = _chosen_number(params, X, codes, random_state)
    return [given] * len(classes)


def _chosen_number(params, X, codes, random_state):
    """Return the largest number whose accuracy out of fold is within a standard error of the best.

    More subclasses cost little where they are of no use, and are the aim where they are.
    """
    most = min(_MOST_SUBCLASSES, int(np.bincount(codes).max()))
    n_folds = min(_FOLDS, int(np.bincount(codes).min()))
    copies = groups_of_equal_rows(X)  # in one fold: a copy would be a subclass that is right
    n_kinds = copies.max() + 1
    kind, groups = StratifiedGroupKFold, copies
    if n_kinds == len(X):
        kind, groups = StratifiedKFold, None
    folds = kind(n_folds, shuffle=True, random_state=random_state)
    right = np.zeros((most, len(X)))
    for fitted, held in folds.split(X, codes, groups):
        mean = column_means(X[fitted])
        for h in range(1, most + 1):
            wanted = [h] * len(params.classes_)
            model, _, subclass, class_of = learn_subclasses(
                params, X[fitted] - mean, codes[fitted], wanted, mean, random_state
            )
            shares = model.class_shares(X[held], np.bincount(subclass) / len(fitted), class_of)
            right[h - 1, held] = shares.argmax(axis=1) == codes[held]
    accuracy = right.mean(axis=1)
    best = accuracy.max()
    error = np.sqrt(best * (1 - best) / n_kinds)
    return int(np.flatnonzero(accuracy >= best - error)[-1]) + 1


def learn_subclasses(params, X, codes, wanted, mean, random_state):  # (n, d) centred
    """Cut into subclasses, map and whiten; also the subclasses of rows, and their classes."""

    def cluster(rows, h):
        clusterer = KMeans(n_init=1) if params.clusterer is None else clone(params.clusterer)
        seeds = {"random_state": random_state.randint(2**31 - 1)}
        known = clusterer.get_params()
        return clusterer.set_params(
            n_clusters=h, **(seeds if "random_state" in known else {})
        ).fit_predict(rows)

    subclass, class_of = split_into_subclasses(X, codes, wanted, cluster)
    find_maps = regression_maps if params.solver == "sr" else discriminant_maps
    maps = find_maps(X, subclass, class_of, params.views_, params.alpha)
    n_components = params.n_components or len(class_of)
    model, separations = subclass_model(
        X, mean, subclass, class_of, params.views_, maps, params.fusion == "mean", n_components
    )
    return model, separations, subclass, class_of
