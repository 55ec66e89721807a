"""Responses as centred and scaled columns: numbers as they are, classes by one-hot codes."""

import numpy as np
from scipy import sparse


def encode_responses(y, classes=None):  # (n,) or (n, L) -> (n, L), classes or None
    """Columns of float64, and the sorted classes where the responses are classes.

    One column is of classes if its values are not floats: strings, integers or booleans.
    """
    y = y.toarray() if sparse.issparse(y) else np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 or not (_are_classes(y) or classes is not None):
        return _as_numbers(y), None
    classes = np.unique(y) if classes is None else np.unique(classes)
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y holds {unknown[:5].tolist()}, which is not among the classes {classes.tolist()} "
            "given to the first call."
        )
    return (y[:, None] == classes).astype(np.float64), classes


def _are_classes(y):
    if y.dtype == object:
        return any(isinstance(value, str) for value in y)
    return y.dtype.kind != "f"


def _as_numbers(y):
    try:
        Y = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "y must hold numbers, or one column of classes; more than one column of strings was "
            "given."
        ) from error
    if not np.isfinite(Y).all():
        raise ValueError("y must be finite, got NaN or infinity.")
    return Y.reshape(len(Y), -1)


def centre_responses(Y, weights, scale):  # (n, L), (n,) -> (n, L)
    """Centred columns, of unit variance with `scale`, times weight over the sum of weights."""
    share = weights / weights.sum()
    centred = Y - share @ Y
    deviations = response_scales(share @ np.square(centred), np.abs(Y).max(axis=0), scale)
    return share[:, None] * (centred / deviations)


def response_scales(variances, sizes, scale):  # (L,), (L,) -> (L,), infinite for constants
    """Standard deviations, or 1 without `scale`; a column that is constant is left out."""
    constant = np.sqrt(variances) <= 1e-12 * sizes
    if constant.all():
        raise ValueError("y is constant: it says nothing about the directions of X.")
    return np.where(constant, np.inf, np.sqrt(variances) if scale else 1.0)
