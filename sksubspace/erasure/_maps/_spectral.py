"""The directions in which rows and concept vary together most, taken off orthogonally.

Shao, Ziser and Cohen, "Gold doesn't always glitter: spectral removal of linear and nonlinear
guarded attribute information", EACL 2023.
"""

import numpy as np

__all__ = ["concept_span", "spectral_directions"]

# of the largest singular value, and of what rows and concept could covary at most: else rounding
_NO_COVARIANCE, _ROUNDING = 1e-10, 1e-13


def concept_span(S_xz, most):  # (d, k), float -> (d, q), (q,), (k, q)
    """Singular vectors and values of S_xz, the covariance of rows and concept, without rounding.

    `most` is the root of the product of both total variances.
    """
    U, s, Vt = np.linalg.svd(S_xz, full_matrices=False)
    kept = s > max(_NO_COVARIANCE * s[:1].sum(), _ROUNDING * most)
    return U[:, kept], s[kept], Vt[kept].T


def spectral_directions(S_xz, most, n_components=None):  # (d, k), float -> (d, q)
    """Left singular vectors of S_xz, largest first."""
    return concept_span(S_xz, most)[0][:, :n_components]
