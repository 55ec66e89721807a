"""What an audit is given, checked and brought into the order of the rows."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from sksubspace._student import check_groups
from sksubspace._teachers import resolve_teacher
from sksubspace._validation import check_counts, in_order_of, named_groups, refuse_containers


@dataclass(frozen=True)
class AuditInput:
    """What is audited.

    Attributes
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, as the caller gave them.

    Z : array-like of shape (n_samples, n_components)
        Map, in their order.

    labels : ndarray of shape (n_samples,) of str, or None
        Group of each row.

    label_name : str
        What they are.

    groups : ndarray of shape (n_samples,) or None
        What rows belong to, consecutive integers.

    group_name : str
        What these are.

    ids : tuple of str
        Name of each row.

    counts : {ndarray, CSR matrix} of shape (n_samples, n_genes) or None
        Counts of the same rows.

    teacher : estimator or None
        What drew the map.
    """

    X: Any
    Z: Any
    labels: np.ndarray | None
    label_name: str
    groups: np.ndarray | None
    group_name: str
    ids: tuple
    counts: Any
    teacher: Any


def read_input(X, Z, *, y, groups, ids, counts, teacher):
    """Check what goes with the rows, and bring it into their order by name."""
    refuse_containers(X, "X")
    refuse_containers(Z, "Z")
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    Z = in_order_of(X, Z, "Z")
    given = {"y": y, "groups": groups, "ids": ids, "counts": counts}
    given = {
        name: None if values is None else in_order_of(X, values, name)
        for name, values in given.items()
    }
    labels = None if y is None else named_groups(given["y"], n_samples, "y")[0]
    groups = None if groups is None else check_groups(given["groups"], n_samples)
    return AuditInput(
        X, Z, labels, _name_of(y, "label"), groups, _name_of(given["groups"], "group"),
        _ids_of(X, given["ids"], n_samples), _counts_of_rows(given["counts"], n_samples),
        None if teacher is None else resolve_teacher(teacher),
    )  # fmt: skip


def check_options(q, surrogate, teacher):
    """Raise unless the options are of their kind and go together."""
    if not isinstance(q, Real) or isinstance(q, bool) or not 0 < q < 1:
        raise ValueError(f"q must be a number between 0 and 1, got {q!r}.")
    if not isinstance(surrogate, bool | np.bool_):
        raise TypeError(f"surrogate must be True or False, got {surrogate!r}.")
    if surrogate and teacher is None:
        raise ValueError(
            "surrogate=True draws another map, which needs the teacher that drew this one, got "
            "teacher=None."
        )


def _counts_of_rows(counts, n_samples):
    if counts is None:
        return None
    counts = check_counts(counts, "counts")
    if counts.shape[0] != n_samples:
        raise ValueError(f"counts must have the {n_samples} rows of X, got {counts.shape[0]}.")
    return counts


def _name_of(values, default):
    name = getattr(values, "name", None)
    return default if name is None else str(name)


def _ids_of(X, ids, n_samples):
    """Names of the rows: those given, those of the index, or their numbers."""
    if ids is None:
        index = getattr(X, "index", None)
        ids = index if hasattr(index, "get_indexer") else range(n_samples)
    names = tuple(str(name) for name in ids)
    if len(names) != n_samples:
        raise ValueError(f"ids must have one name for each of {n_samples} rows, got {len(names)}.")
    return names
