r"""A Gaussian score of fewer rows than features, without a matrix of all features.

With the centred rows A times the roots of their shares, the covariance
:math:`(1 - \alpha) A^T A + r I` and every power of its inverse are a multiple of the identity and
a part :math:`A^T K A` in the span of the rows.
"""

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import LinearOperator

from sksubspace._machine import check_memory
from sksubspace.decomposition._score._base import Term, intensity
from sksubspace.decomposition._score._gaussian import GaussianScore
from sksubspace.decomposition._score._sparse_gaussian import centred_rows

__all__ = ["fit_wide_gaussian"]

# of the size of X in double precision, held at the same time
_ARRAYS = 4


def fit_wide_gaussian(X, weights, shrinkage):  # (n, d), (n,) -> GaussianScore, Term
    """Fit the score; the term's rows P (x - m) are an operator of shape (n, d), P one of (d, d).

    The fit is that of `GaussianScore.fit` but for rounding; ``precision_`` of the score is None.
    """
    check_memory(
        8.0 * _ARRAYS * X.size,
        f"SteinSubspace on {X.shape[0]:,} rows of {X.shape[1]:,} features",
        "Fit fewer rows, or reduce the features first, such as with PCA.",
    )
    X, total = X.astype(np.float64, copy=False), weights.sum()
    share = weights / total
    mean = share @ X
    A = np.sqrt(share)[:, None] * (X - mean)
    squared, U = linalg.eigh(A @ A.T)
    squared = np.maximum(squared, 0)
    fourth = share @ np.square(np.einsum("nd,nd->n", A, A) / share)
    trace, d = squared.sum(), X.shape[1]
    alpha = intensity(trace, np.square(squared).sum(), d, fourth, total, shrinkage)
    model = GaussianScore(shrinkage=shrinkage)
    model.n_features_in_ = d
    model.mean_, model.precision_, model.shrinkage_ = mean, None, alpha
    precision = SpanPrecision.of_covariance(A, U, squared, alpha, alpha * trace / d)
    one = np.ones(len(X))
    return model, Term(centred_rows(X, mean, precision), one, one, precision)


class SpanPrecision(LinearOperator):
    r"""Symmetric operator :math:`c I + A^T K A` of shape (d, d), by its eigenvalues.

    Parameters
    ----------
    A : ndarray of shape (n, d)
        Rows that span where it is no multiple of the identity.
    U : ndarray of shape (n, r)
        Orthonormal; the eigenvectors are :math:`A^T u_i / s_i`.
    squared : ndarray of shape (r,)
        The squares of :math:`s_i`, above zero.
    values : ndarray of shape (r,)
        Eigenvalues in the span.
    elsewhere : float
        The eigenvalue c outside of it.
    """

    def __init__(self, A, U, squared, values, elsewhere):
        super().__init__(np.float64, (A.shape[1], A.shape[1]))
        self.A, self.U, self.squared = A, U, squared
        self.values, self.elsewhere = values, elsewhere
        self.core = (U * ((values - elsewhere) / squared)) @ U.T

    @classmethod
    def of_covariance(cls, A, U, squared, alpha, ridge):
        """Inverse of the shrunk covariance; a pseudo-inverse without a ridge."""
        kept = squared > len(squared) * np.finfo(np.float64).eps * squared.max(initial=0)
        squared = squared[kept]
        values = 1 / ((1 - alpha) * squared + ridge)
        return cls(A, U[:, kept], squared, values, 1 / ridge if ridge > 0 else 0.0)

    def power(self, exponent):
        """Raise it to a power, on its span where it is singular."""
        elsewhere = self.elsewhere**exponent if self.elsewhere > 0 else 0.0
        return SpanPrecision(self.A, self.U, self.squared, self.values**exponent, elsewhere)

    def _matmat(self, V):
        return self.elsewhere * V + self.A.T @ (self.core @ (self.A @ V))

    def _matvec(self, v):
        return self._matmat(v)

    def _adjoint(self):
        return self

    def _transpose(self):
        return self
