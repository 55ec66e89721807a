"""Codes as sparse matrices: the entries of each row that are kept."""

import numpy as np
from scipy import sparse

__all__ = ["largest_entries", "positive_entries"]


def largest_entries(A, k):  # (n, m), int -> CSR (n, m)
    """The k largest entries of each row where they are positive; of equal ones any."""
    m = A.shape[1]
    if k >= m:
        return positive_entries(A)
    columns = np.sort(np.argpartition(A, m - k, axis=1)[:, m - k :], axis=1)
    values = np.take_along_axis(A, columns, axis=1)
    kept = values > 0
    return _csr(values[kept], columns[kept], kept.sum(axis=1), A.shape)


def positive_entries(A):  # (n, m) -> CSR (n, m)
    """The positive entries of each row."""
    kept = A > 0
    return _csr(A[kept], np.nonzero(kept)[1], kept.sum(axis=1), A.shape)


def _csr(values, columns, n_kept, shape):
    starts = np.concatenate([[0], np.cumsum(n_kept)])
    return sparse.csr_matrix((values, columns, starts), shape=shape)
