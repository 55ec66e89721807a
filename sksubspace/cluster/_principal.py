"""Leading principal directions of a few rows, whichever side is the smaller."""

import numpy as np

from sksubspace._torch.linalg import largest_eigenpairs

__all__ = ["leading_directions"]

_DEPENDENT = 1e-13


def leading_directions(A, r):
    """Leading right singular vectors through the smaller of A A' and A' A.

    Parameters
    ----------
    A : ndarray of shape (m, d)
        Rows, centred and weighted as the caller needs.

    r : int
        Directions wanted.

    Returns
    -------
    squared : ndarray of shape (r,)
        Squared singular values, descending, as float64; zeros beyond the rank.

    basis : ndarray of shape (r, d)
        Orthonormal rows as float64; zero rows beyond the rank.
    """
    A = np.asarray(A, dtype=np.float64)
    m, d = A.shape
    squared, basis = np.zeros(r), np.zeros((r, d))
    found = min(r, m, d)
    if found == 0:
        return squared, basis
    values, vectors = largest_eigenpairs(A @ A.T if m < d else A.T @ A, found)
    found = int((values > _DEPENDENT * max(values[0], 0)).sum())
    squared[:found] = values[:found]
    vectors = vectors[:, :found]
    basis[:found] = np.linalg.qr(A.T @ vectors)[0].T if m < d else vectors.T
    return squared, basis
