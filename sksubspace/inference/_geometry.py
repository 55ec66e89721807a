"""The maths of regions of subspaces: the logarithm, covariances, and the angle of an ellipsoid.

A principal frame is an orthonormal basis of all eigenvectors. In its coordinates the subspace that
was found is spanned by some of the axes, `inside`, and a subspace near it is a matrix T of
(n_outside, n_inside): how far each of these axes leans to each of the others.
"""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

__all__ = [
    "degrees_of_freedom",
    "gaussian_covariance",
    "grassmann_log",
    "largest_lean",
    "outside_of",
    "sandwich_covariance",
    "wald_statistic",
]

# alternating maximisation gains less than this share and ends
_NO_GAIN = 1e-10
_MOST_STEPS = 200
# of the eigenvectors of a covariance, those whose leading directions are tried as starts
_N_STARTS = 5
_BLOCK_ROWS = 4096


def outside_of(inside, r):  # (q,), int -> (r - q,)
    """The axes that are not inside."""
    return np.delete(np.arange(r), inside)


def degrees_of_freedom(q, r):
    """Dimension of the manifold of subspaces of dimension q in r."""
    return q * (r - q)


def grassmann_log(A, B):  # (..., q, q), (..., m, q) -> (..., m, q)
    r"""Riemannian logarithm of a subspace, seen from the one that the frame belongs to.

    With an orthonormal basis V of the subspace, A = U'V and B = W'V for the frame (U, W), and
    :math:`A = P \cos\Theta\, Q'`,

    .. math:: T = B Q \frac{\Theta}{\sin\Theta} P',

    which is :math:`\arctan(B A^{-1})` where A can be inverted. The singular values of T are the
    principal angles. Angles come from sines and cosines, so that small ones are exact.
    """
    P, cosines, Qt = np.linalg.svd(A)
    BQ = B @ Qt.swapaxes(-1, -2)
    sines = np.linalg.norm(BQ, axis=-2)
    angles = np.arctan2(sines, cosines)
    factors = np.divide(angles, sines, out=np.ones_like(sines), where=sines > 0)
    return (BQ * factors[..., None, :]) @ P.swapaxes(-1, -2)


def gaussian_covariance(values, inside):  # (r,), (q,) -> (m q, m q)
    r"""Covariance of vec T times n for Gaussian rows: :math:`l_k l_j / (l_j - l_k)^2`, diagonal."""
    outer, inner = values[outside_of(inside, len(values))], values[inside]
    return np.diag((np.multiply.outer(outer, inner) / _gaps(values, inside) ** 2).ravel())


def sandwich_covariance(Y, weights, values, inside):  # (n, r), (n,), (r,), (q,) -> (m q, m q)
    r"""Weighted mean of f f' of the influence :math:`f_{kj} = y_k y_j / (l_j - l_k)` of rows.

    Y has rows less their mean in the coordinates of the frame; k is outside and j inside.
    """
    outside = outside_of(inside, len(values))
    p = len(outside) * len(inside)
    total = np.zeros((p, p))
    root = np.sqrt(weights)[:, None]
    for start in range(0, len(Y), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        scaled = root[rows] * Y[rows][:, inside]
        F = (Y[rows][:, outside, None] * scaled[:, None, :]).reshape(-1, p)
        total += F.T @ F
    scale = 1 / _gaps(values, inside).ravel()
    return total / weights.sum() * scale[:, None] * scale


def _gaps(values, inside):  # (r,), (q,) -> (m, q)
    return np.subtract.outer(-values[outside_of(inside, len(values))], -values[inside])


def wald_statistic(T, C):  # (m, q), (m q, m q) -> float
    """vec(T)' C^{-1} vec(T), on the scale of the diagonal of C; infinite for a singular C."""
    scale = np.sqrt(np.diag(C))
    if not (np.isfinite(scale).all() and scale.min() > 0):
        return np.inf
    try:
        L = cholesky(C / scale[:, None] / scale, lower=True, check_finite=False)
    except LinAlgError:
        return np.inf
    return float(np.square(solve_triangular(L, T.ravel() / scale, lower=True)).sum())


def largest_lean(C, m, q):  # (m q, m q), int, int -> float
    r"""Largest spectral norm of T within :math:`\mathrm{vec}(T)' C^{-1} \mathrm{vec}(T) \le 1`.

    .. math:: \max_{|u| = |v| = 1} \sqrt{(u \otimes v)'\, C\, (u \otimes v)},

    by turns over u and v, from several starts; with q = 1 it is the root of the largest eigenvalue.
    """
    C = C.reshape(m, q, m, q)
    vectors = np.linalg.eigh(C.reshape(m * q, m * q))[1][:, ::-1][:, :_N_STARTS]
    leading = [np.linalg.svd(one.reshape(m, q))[2][0] for one in vectors.T]
    return float(np.sqrt(max(_climb(C, v) for v in [*np.eye(q), *leading])))


def _climb(C, v):  # (m, q, m, q), (q,) -> float
    value = 0.0
    for _ in range(_MOST_STEPS):
        u = np.linalg.eigh(np.einsum("ajbk,j,k->ab", C, v, v))[1][:, -1]
        values, vectors = np.linalg.eigh(np.einsum("ajbk,a,b->jk", C, u, u))
        v, former, value = vectors[:, -1], value, values[-1]
        if value - former <= _NO_GAIN * value:
            break
    return value
