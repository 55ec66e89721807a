"""Eigenpairs of symmetric matrices."""

import numpy as np
from scipy import linalg

__all__ = ["largest_eigenpairs"]


def largest_eigenpairs(matrix, k):  # (p, p) symmetric -> (k,), (p, k)
    """Compute the largest eigenvalues, descending, and their vectors.

    LAPACK's solver for a part of the spectrum is the fastest, but can fail where eigenvalues
    repeat; then all are computed by another one.

    Examples
    --------
    >>> largest_eigenpairs(np.diag([1.0, 3.0, 2.0]), 2)[0]
    array([3., 2.])
    """
    p = len(matrix)
    try:
        values, vectors = linalg.eigh(matrix, subset_by_index=[p - k, p - 1], check_finite=False)
    except np.linalg.LinAlgError:
        values, vectors = linalg.eigh(matrix, driver="evd", check_finite=False)
    return values[::-1][:k], vectors[:, ::-1][:, :k]
