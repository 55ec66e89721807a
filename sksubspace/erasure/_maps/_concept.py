"""A concept as it is given, checked and written as columns: classes or numbers."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from sksubspace._validation import check_labels, in_order_of, which_target

__all__ = [
    "codes_of_known",
    "encoded_concept",
    "given_concept",
    "columns_of_codes",
    "wanted_offsets",
]


def given_concept(estimator, X, y, concept, method):
    """What a caller gives as the concept: `concept`, or y where there is none.

    An error where metadata routing was told to hand the concept on and nothing came: y, which in
    a pipeline is something else, would silently take its place.
    """
    if concept is not None:
        return in_order_of(X, concept, "concept"), "concept"
    requests = getattr(estimator.get_metadata_routing(), method).requests
    if requests.get("concept") is True:
        raise ValueError(
            f"concept was asked for by set_{method}_request(concept=True), and none was given to "
            f"{method}: pass concept=, a value for each row."
        )
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None; or "
            "pass concept=."
        )
    return in_order_of(X, y, "y"), "y"


def encoded_concept(given, name, n_samples, kind=None, *, columns=True):
    """Check a concept and write it as columns, one-hot where it holds classes.

    Returns the kind, columns (n, k), the classes or None, and their codes; classes have no columns
    without `columns`, as where they are made block by block.
    """
    kind = which_target(given) if kind is None else kind
    if kind == "numbers":
        Z = check_array(given, dtype=np.float64, ensure_2d=False, input_name=name)
        Z = Z[:, None] if Z.ndim == 1 else Z
        _check_length(Z, n_samples, name)
        return kind, Z, None, None
    labels = check_labels(given, name)
    _check_length(labels, n_samples, name)
    classes, codes = np.unique(labels, return_inverse=True)
    return kind, columns_of_codes(codes, len(classes)) if columns else None, classes, codes


def _check_length(values, n_samples, name):
    try:
        check_consistent_length(values, np.empty(n_samples))
    except ValueError as error:
        raise ValueError(
            f"{name} must have a value for each of the {n_samples} rows, got {len(values)}."
        ) from error


def columns_of_codes(codes, n_classes):  # (n,) -> (n, K)
    return np.eye(n_classes)[codes]


def codes_of_known(given, name, n_samples, classes):  # -> (n,)
    """Number of the class of each row, -1 where `fit` has not seen it."""
    labels = check_labels(given, name)
    _check_length(labels, n_samples, name)
    if (labels.dtype.kind in "US") != (classes.dtype.kind in "US"):
        return np.full(n_samples, -1)
    at = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    return np.where(classes[at] == labels, at, -1)


def wanted_offsets(concept, n_samples, classes, slope, concept_mean):  # -> (n, d) or (1, d)
    """What rows of a wanted concept have on average beyond the mean of all rows.

    `concept` is one value for all rows or one for each.
    """
    if classes is None:
        wanted = check_array(
            np.reshape(concept, (-1, len(slope))), dtype=np.float64, input_name="concept"
        )
        _check_number(len(wanted), n_samples)
        return (wanted - concept_mean) @ slope
    wanted = np.atleast_1d(np.asarray(concept))
    _check_number(len(wanted), n_samples)
    codes = codes_of_known(wanted, "concept", len(wanted), classes)
    if (codes < 0).any():
        raise ValueError(
            f"concept must be of the classes that fit has seen, {classes.tolist()}, got "
            f"{wanted[codes < 0][0]!r}."
        )
    return slope[codes]


def _check_number(n_given, n_samples):
    if n_given not in (1, n_samples):
        raise ValueError(
            f"concept must hold one value for all rows or one for each of the {n_samples}, got "
            f"{n_given}."
        )
