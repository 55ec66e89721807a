"""About the nearest rows, and how far this may be from the truth."""

from functools import partial

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.extmath import row_norms

from sksubspace._linalg import row_blocks

# single precision is used from so many rows on
_MANY_ROWS = 2000
# with fewer features, neighbours are too near for single precision to tell apart
_MANY_FEATURES = 16
# up to so many, as in a map, a tree looks at a few rows in the place of all
_FEW_FEATURES = 3
# the least margin, relative to the furthest candidate
_LEAST_ROUNDING = 1e-6
# margin for squares that vanish in single precision, in units of the squared scale
_UNDERFLOW = 1e-30
# a block of distances, 256 by 32,768 in single precision, is 32 MiB
_BLOCK_ROWS = 256
_SPAN_ROWS = 32768
# so many distances are first looked at by their minimum
_GROUP = 32
# MiB that a block of distances of sparse rows may take, their product beside it; scikit-learn's own
# is a gigabyte
_WORKING_MEMORY = 128
# so that the square, 1e30, does not overflow in single precision
_FAR = 1e15


def propose(queries, reference, n_candidates, device=None):  # (m, d), (n, d) -> (m, c)
    r"""Propose reference rows by matrix products, in single precision if they are many and dense.

    These products are formed on a device, if there is one named.

    Also returned is a function from the squared distance of each query to its furthest candidate to
    how much smaller that of a row that was not proposed may be.

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
        search = nearest_in_single_precision
        if device is not None:
            from sksubspace.neighbors._on_device import nearest_on_device

            search = partial(nearest_on_device, device=device)
        candidates = search(queries, reference, n_candidates, mean, scale)
        rounding, underflow = single_rounding(reference.shape[1]), _UNDERFLOW * scale**2
    else:
        few = dense and reference.shape[0] >= _MANY_ROWS and reference.shape[1] <= _FEW_FEATURES
        search = NearestNeighbors(algorithm="kd_tree" if few else "brute")
        search.fit(moved(reference, mean))
        with config_context(working_memory=_WORKING_MEMORY):
            candidates = search.kneighbors(
                moved(queries, mean), n_candidates, return_distance=False
            )
        rounding = double_rounding(reference.shape[1])
    absolute = 10 * rounding * _norms_about(queries, mean) + underflow
    relative = max(8 * rounding, _LEAST_ROUNDING)
    return candidates, lambda furthest: absolute + relative * furthest


def moved(rows, mean):  # (n, d), (d,) -> (n, d)
    """Subtract the mean from dense rows, in double precision; sparse ones are handed back."""
    return rows if sparse.issparse(rows) else rows - mean


def double_rounding(n_features):
    """Bound the relative error of a product of two rows in double precision."""
    return (8 * n_features + 32) * np.finfo(np.float64).eps


def single_rounding(n_features):
    """Estimate, from far above, the relative error of a product of two rows in single precision.

    The roundings of its terms are random enough to add up like the square root of their number.
    """
    return (8 + np.sqrt(n_features)) * np.finfo(np.float32).eps


def _largest_deviation(rows, mean):
    extremes = np.stack([rows.max(axis=0), rows.min(axis=0)])
    return float(np.abs(extremes - mean).max()) or 1.0


def _norms_about(rows, mean):  # (m, d), (d,) -> (m,)
    blocks = row_blocks(rows.shape[0], n_columns=max(1, rows.shape[1]))
    norms = [row_norms(moved(rows[block], mean), squared=True) for block in blocks]
    return np.concatenate(norms).astype(np.float64)


def centered_single(rows, mean, scale, n_padding=0):  # (n, d), (d,) -> (n + n_padding, d)
    """Compute (rows - mean) / scale in float32, followed by rows of zeros.

    Values are within 1e15 of zero, so that no square overflows.
    """
    single = np.zeros((len(rows) + n_padding, rows.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _SPAN_ROWS):
        part = slice(start, min(start + _SPAN_ROWS, len(rows)))
        single[part] = np.clip((rows[part] - mean) / scale, -_FAR, _FAR)
    return single


def nearest_in_single_precision(queries, reference, n_candidates, mean, scale):  # -> (m, c)
    r"""Find the rows with the smallest :math:`\|r\|^2 - 2 q^T r`, up to rounding, in any order.

    Rows are moved by a mean, so that they round least, and divided by a scale, so that nothing
    overflows. All is done on one pass over the rows.
    """
    n_padding = -len(reference) % _GROUP
    rows = centered_single(reference, mean, scale, n_padding)
    norms = np.einsum("nd,nd->n", rows, rows)
    norms[len(reference) :] = np.inf
    buffer = np.empty(_BLOCK_ROWS * min(_SPAN_ROWS, len(rows)), dtype=np.float32)
    nearest = np.empty((len(queries), n_candidates), dtype=np.intp)
    for start in range(0, len(queries), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        doubled = -2 * centered_single(queries[block], mean, scale)
        nearest[block] = _nearest_of_block(doubled, rows, norms, n_candidates, buffer)
    return nearest


def _nearest_of_block(doubled, rows, norms, n_candidates, buffer):  # (b, d), (n, d), (n,) -> (b, c)
    """Merge the nearest rows of each span, whose distances are still in the cache."""
    values, indices = [], []
    for start in range(0, len(rows), _SPAN_ROWS):
        span = rows[start : start + _SPAN_ROWS]
        squared = buffer[: len(doubled) * len(span)].reshape(len(doubled), len(span))
        np.matmul(doubled, span.T, out=squared)
        squared += norms[start : start + len(span)]
        smallest, columns = _smallest(squared, n_candidates)
        values.append(smallest)
        indices.append(columns + start)
    best = _first(np.concatenate(values, axis=1), n_candidates)
    return np.take_along_axis(np.concatenate(indices, axis=1), best, axis=1)


def _smallest(squared, n_smallest):  # (b, w) -> (b, c), (b, c)
    """Smallest entries of each row; they are in the groups that have the smallest minima."""
    n_groups = squared.shape[1] // _GROUP
    if n_smallest >= n_groups:
        columns = _first(squared, min(n_smallest, squared.shape[1]))
        return np.take_along_axis(squared, columns, axis=1), columns
    minima = squared.reshape(len(squared), _GROUP, n_groups).min(axis=1)
    members = _first(minima, n_smallest)[:, None] + n_groups * np.arange(_GROUP)[:, None]
    columns = members.reshape(len(squared), -1)
    values = np.take_along_axis(squared, columns, axis=1)
    places = _first(values, n_smallest)
    return np.take_along_axis(values, places, axis=1), np.take_along_axis(columns, places, axis=1)


def _first(values, n_smallest):  # (b, w) -> (b, c)
    """Columns of the smallest entries, in any order."""
    return np.argpartition(values, n_smallest - 1, axis=1)[:, :n_smallest]
