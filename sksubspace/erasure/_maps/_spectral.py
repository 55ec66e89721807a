"""The directions in which rows and concept vary together most, taken off orthogonally.

Shao, Ziser and Cohen, "Gold doesn't always glitter: spectral removal of linear and nonlinear
guarded attribute information", EACL 2023.
"""

import numpy as np

__all__ = ["spectral_directions"]

# of the largest singular value; what is below is rounding
_NO_COVARIANCE = 1e-9


def spectral_directions(S_xz, n_components=None):  # (d, k) -> (d, q)
    """Left singular vectors of S_xz, the covariance of rows and concept."""
    U, s, _ = np.linalg.svd(S_xz, full_matrices=False)
    return U[:, s > _NO_COVARIANCE * s[:1].sum()][:, :n_components]
