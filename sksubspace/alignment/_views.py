"""Views are lists of columns of one table; what a fit sees of each."""

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sksubspace._linalg import dense, leading_eigenpairs, place_rows
from sksubspace._views import check_views

__all__ = ["Span", "columns_of_views", "spans_of", "varying_columns"]


def columns_of_views(views, n_features, names):  # -> list of (d_v,)
    """Turn `views` into column numbers; None is halves, and no column is in two."""
    if views is None:
        if n_features < 2:
            raise ValueError(f"Two views need two columns, got {n_features} feature(s).")
        half = n_features // 2
        return [np.arange(half), np.arange(half, n_features)]
    if len(views) < 2:
        raise ValueError(f"views must name at least two views, got {len(views)}.")
    columns = check_views(views, n_features, names)
    numbers, counts = np.unique(np.concatenate(columns), return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"views must not overlap; column {numbers[counts > 1][0]} is in two.")
    return columns


def varying_columns(X):  # (n, d) -> (d,) of bool
    """Which columns are not constant."""
    low, high = (dense(end).ravel() for end in (X.min(axis=0), X.max(axis=0)))
    return low != high


class Span(NamedTuple):
    """Rows of a view in coordinates of the space that they span, and how to get there.

    `rows` (n, r) are X itself, and `basis` None, where it has fewer columns than rows.
    """

    rows: Any
    basis: Any
    mean: Any


def spans_of(views, means):  # list of (n, d_v), list of (d_v,) -> list of Span
    """The views, those with fewer rows than columns in the coordinates of their rows.

    Nothing is lost: directions that no row has are correlated with nothing.
    """
    return [_span(X, mean) for X, mean in zip(views, means, strict=True)]


def _span(X, mean):
    n, d = X.shape
    if n > d:
        return Span(X, None, mean)
    if sparse.issparse(X):
        centring = np.eye(n) - 1 / n
        products = centring @ dense(X @ X.T, np.float64) @ centring
    else:
        centred = np.asarray(X, np.float64) - mean
        products = centred @ centred.T
    values, vectors = leading_eigenpairs(products)
    weights = vectors / np.sqrt(values)
    basis = X.T @ weights - np.outer(mean, weights.sum(axis=0))
    return Span(place_rows(X, mean, basis), basis, np.zeros(basis.shape[1]))
