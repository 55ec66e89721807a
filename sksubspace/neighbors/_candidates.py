"""About the nearest rows, and how far this may be from the truth."""

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.extmath import row_norms

from sksubspace.neighbors._single_precision import nearest_in_single_precision

_MANY_ROWS = 2000
_MANY_FEATURES = 16  # with fewer, neighbours are too near for single precision to tell apart
_LEAST_ROUNDING = 1e-6
_UNDERFLOW = 1e-30
_CHUNK_ELEMENTS = 2**22


def propose(queries, reference, n_candidates):  # (m, d), (n, d) -> (m, c)
    r"""Propose reference rows by matrix products, in single precision if they are many and dense.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_features)
        Rows to look up.

    reference : {ndarray, CSR matrix} of shape (n_reference, n_features)
        Rows to find.

    n_candidates : int
        Rows for each query; at most ``n_reference``.

    Returns
    -------
    candidates : ndarray of shape (n_queries, n_candidates)
        Rows of `reference`, in any order.

    may_be_nearer : callable
        Maps the squared distance from each query to its furthest candidate to how much smaller that
        of a row that was not proposed may be.

    Notes
    -----
    With products of two rows that are rounded by at most :math:`\epsilon |q| |r|` and squared norms
    by :math:`\epsilon |r|^2`, the error of a squared distance :math:`D^2` is at most
    :math:`\epsilon (5 |q|^2 + 4 D^2)`, because :math:`|r| \le |q| + D`. So it is small wherever the
    distance is, however far the other rows are. Two distances are compared.
    """
    dense = not sparse.issparse(reference)
    mean = reference.mean(axis=0, dtype=np.float64) if dense else 0.0
    underflow = 0.0
    if dense and reference.shape[0] >= _MANY_ROWS and reference.shape[1] >= _MANY_FEATURES:
        scale = _largest_deviation(reference, mean)
        candidates = nearest_in_single_precision(queries, reference, n_candidates, mean, scale)
        rounding, underflow = single_rounding(reference.shape[1]), _UNDERFLOW * scale**2
    else:
        search = NearestNeighbors(algorithm="brute").fit(moved(reference, mean))
        candidates = search.kneighbors(moved(queries, mean), n_candidates, return_distance=False)
        rounding = double_rounding(reference.shape[1])
    absolute = 10 * rounding * _squared_norms(queries, mean) + underflow
    relative = max(8 * rounding, _LEAST_ROUNDING)
    return candidates, lambda furthest: absolute + relative * furthest


def moved(rows, mean):  # (n, d), (d,) -> (n, d)
    """Subtract the mean from dense rows, in double precision.

    Parameters
    ----------
    rows : {ndarray, CSR matrix} of shape (n_rows, n_features)
        Any floats; sparse ones are handed back.

    mean : ndarray of shape (n_features,)
        As float64.

    Returns
    -------
    {ndarray, CSR matrix} of shape (n_rows, n_features)
        Dense ones as float64.
    """
    return rows if sparse.issparse(rows) else rows - mean


def double_rounding(n_features):
    """Bound the relative error of a product of two rows in double precision.

    Parameters
    ----------
    n_features : int
        Terms of the product.

    Returns
    -------
    float
        A multiple of the machine precision.
    """
    return (8 * n_features + 32) * np.finfo(np.float64).eps


def single_rounding(n_features):
    """Estimate, from far above, the relative error of a product of two rows in single precision.

    Parameters
    ----------
    n_features : int
        Terms of the product; their roundings are random enough to add up like its square root.

    Returns
    -------
    float
        A multiple of the machine precision.
    """
    return (8 + np.sqrt(n_features)) * np.finfo(np.float32).eps


def _largest_deviation(rows, mean):
    extremes = np.stack([rows.max(axis=0), rows.min(axis=0)])
    return float(np.abs(extremes - mean).max()) or 1.0


def _squared_norms(rows, mean):  # (m, d), (d,) -> (m,)
    step = max(1, _CHUNK_ELEMENTS // max(1, rows.shape[1]))
    blocks = (moved(rows[start : start + step], mean) for start in range(0, rows.shape[0], step))
    return np.concatenate([row_norms(block, squared=True) for block in blocks]).astype(np.float64)
