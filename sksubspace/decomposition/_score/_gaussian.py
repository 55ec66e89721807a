"""Score of a Gaussian whose covariance is shrunk, by Ledoit and Wolf.

Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal
of Multivariate Analysis 88 (2004).
"""

from dataclasses import dataclass
from numbers import Real
from typing import Literal

import numpy as np

from sksubspace._docs import fill_parameters
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._typing import Floats
from sksubspace.decomposition._score._base import (
    ScoreModel,
    Term,
    density_of,
    invert,
    shrunk_covariance,
    weighted_moments,
)


@fill_parameters
class GaussianScore(ScoreModel):
    r"""Score of a Gaussian with a shrunk covariance, linear in x.

    It has a closed form and needs few rows. Where X is far from Gaussian, second-order moments are
    the first to suffer.

    Parameters
    ----------
    shrinkage : float or "auto", default="auto"
        Share of the identity in the covariance, from 0 to 1. "auto" is the choice of Ledoit and
        Wolf.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of the rows.

    precision_ : ndarray of shape (n_features, n_features) or None
        Inverse of the shrunk covariance; a pseudo-inverse where that is singular. None where
        `SteinSubspace` fitted it to more than 2,000 sparse features, or to more than 5,000 features
        of fewer rows.

    shrinkage_ : float
        Share of the identity.

    {features_}

    See Also
    --------
    StudentTScore : For heavy tails.
    MixtureScore : For several clusters.
    SteinSubspace : The estimator that uses it.

    Notes
    -----
    With the sample covariance S and :math:`\mu = \mathrm{tr}(S) / d`,

    .. math::
        \Sigma = (1 - \alpha) S + \alpha \mu I, \quad P = \Sigma^{-1}, \quad s(x) = P (x - m),
        \quad T(x) = s s^T - P .

    References
    ----------
    .. [1] Olivier Ledoit and Michael Wolf, "A well-conditioned estimator for large-dimensional
       covariance matrices", Journal of Multivariate Analysis 88 (2004).
       https://doi.org/10.1016/S0047-259X(03)00096-4

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.decomposition import GaussianScore
    >>> X = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    >>> GaussianScore(shrinkage=0.0).fit(X).score_function([[2.0, 1.0]])
    array([[1., 2.]])
    """

    mean_: Floats
    precision_: Floats | None
    shrinkage_: float

    _parameter_constraints: dict = {
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})]
    }

    def __init__(self, *, shrinkage: float | Literal["auto"] = "auto") -> None:
        self.shrinkage = shrinkage

    def _fit_density(self, X, weights):  # (n, d), (n,) -> dict
        """Fit by the moments of the rows."""
        return _of_moments(*weighted_moments(X, weights), weights.sum(), self.shrinkage)


@dataclass(frozen=True)
class Gaussian:
    """Mean (d,) and inverse covariance (d, d)."""

    mean: np.ndarray
    precision: np.ndarray

    def score(self, X):  # (n, d) -> (n, d)
        """P (x - m)."""
        if self.precision is None:
            raise ValueError(
                "This score was fitted by SteinSubspace to more than 2,000 sparse features, or to "
                "more than 5,000 features of fewer rows, for which no precision matrix is kept; "
                "fit a GaussianScore to dense rows."
            )
        return (X - self.mean) @ self.precision

    def terms(self, X):
        """T = s s' - P."""
        one = np.ones(len(X))
        return [Term(self.score(X), one, one, self.precision)]

    def information(self):  # -> (d, d)
        """E[s s'] = P."""
        return self.precision


@density_of.register
def gaussian_of(model: GaussianScore):
    """Mean and precision, as one."""
    return Gaussian(model.mean_, model.precision_)


def score_of_moments(
    mean, covariance, fourth, total, *, shrinkage
):  # (d,), (d, d) -> GaussianScore
    """Fit to moments; `fourth` is the mean of ||x - mean||^4, `total` the sum of weights."""
    model = GaussianScore(shrinkage=shrinkage)
    vars(model).update(_of_moments(mean, covariance, fourth, total, shrinkage))
    model.n_features_in_ = len(mean)
    return model


def _of_moments(mean, covariance, fourth, total, shrinkage):
    shrunk, alpha = shrunk_covariance(covariance, fourth, total, shrinkage)
    return {"shrinkage_": alpha, "mean_": mean, "precision_": invert(shrunk)[0]}
