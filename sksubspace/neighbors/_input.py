"""What the search for neighbours accepts, and rows whose distance is the cosine distance."""

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from sksubspace._validation import canonical, refuse_containers

# beyond, sums of squares may not be finite
_LARGEST = 1e100


def check_table(X, min_samples=2):
    """Check a table of numbers that can be squared: float32 where it is, else float64.

    It may be the caller's own.
    """
    refuse_containers(X, "X")
    X = check_array(
        X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_min_samples=min_samples,
        input_name="X",
    )  # fmt: skip
    X = canonical(X)
    largest = float(max(X.max(), -X.min()))
    if largest > _LARGEST:
        raise ValueError(
            f"The largest absolute value in X must be at most {_LARGEST:g}, so that squared "
            f"distances can be computed, got {largest:g}."
        )
    return X


def check_queries(queries, n_samples):
    """Check row numbers of X, at least one; None is all rows."""
    if queries is None:
        return np.arange(n_samples)
    queries = np.asarray(queries)
    if queries.size and queries.dtype.kind not in "iu":
        raise TypeError(f"queries must hold integers, row numbers of X, got {queries.dtype}.")
    if queries.ndim != 1 or not queries.size:
        raise ValueError(
            "queries must be a sequence of at least one row number of X, "
            f"got an array of shape {queries.shape}."
        )
    if queries.min() < 0 or queries.max() >= n_samples:
        raise ValueError(
            f"queries must be at least 0 and at most {n_samples - 1}, the last row of X, "
            f"got values from {queries.min()} to {queries.max()}."
        )
    return queries.astype(np.intp)


def rows_for_cosine(X, *, flag=False):  # (n, d) -> (n, d) or (n, d + 1)
    """Divide each row by its length: Euclidean neighbours are then those in cosine distance.

    Only where there are rows of zeros, or with `flag` always, one more column is 1 for them and 0
    for the others: they are then at cosine distance 1 from the others.
    """
    largest = abs(X).max(axis=1)
    largest = largest.toarray().ravel() if sparse.issparse(X) else largest
    empty = largest == 0
    largest[empty] = 1
    rows = _divided(X, largest)  # so that no square overflows or vanishes
    rows = _divided(rows, _lengths(rows, empty))
    if not (flag or empty.any()):
        return rows
    column = empty[:, None].astype(X.dtype)
    if sparse.issparse(X):
        return sparse.hstack([rows, sparse.csr_matrix(column)], format="csr")
    return np.hstack([rows, column])


def _lengths(rows, empty):  # (n, d), (n,) -> (n,)
    if sparse.issparse(rows):
        squares = rows.astype(np.float64).power(2).sum(axis=1)
    else:
        squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return np.sqrt(np.asarray(squares).ravel() + empty)


def _divided(rows, by):  # (n, d), (n,) -> (n, d)
    if not sparse.issparse(rows):
        return (rows / by[:, None]).astype(rows.dtype, copy=False)
    divided = rows.copy()
    divided.data = (rows.data / np.repeat(by, np.diff(rows.indptr))).astype(rows.dtype)
    return divided
