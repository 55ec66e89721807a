"""Score of a Gaussian whose covariance is shrunk, by Ledoit and Wolf.

Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal
of Multivariate Analysis 88 (2004).
"""

from numbers import Real

import numpy as np

from sksubspace._sklearn import Interval, StrOptions
from sksubspace.decomposition._score._base import ScoreModel, Term, invert, shrink, weighted_moments


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
        `SteinSubspace` fitted it to more than 2,000 sparse features.

    shrinkage_ : float
        Share of the identity.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names.

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

    _parameter_constraints: dict = {
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
    }

    def __init__(self, *, shrinkage="auto"):
        self.shrinkage = shrinkage

    def _fit(self, X, weights):
        self._set_moments(*weighted_moments(X, weights), weights.sum())

    def _set_moments(self, mean, covariance, fourth, total):
        """Fit to moments; `fourth` is the mean of ||x - mean||^4, `total` the sum of weights."""
        shrunk, self.shrinkage_ = shrink(covariance, fourth, total, self.shrinkage)
        self.mean_ = mean
        self.precision_, _ = invert(shrunk)

    def _score(self, X):
        if self.precision_ is None:
            raise ValueError(
                "This score was fitted to more than 2,000 sparse features, for which no precision "
                "matrix is kept; fit it to dense rows."
            )
        return (X - self.mean_) @ self.precision_

    def _terms(self, X):
        one = np.ones(len(X))
        return [Term(self._score(X), one, one, self.precision_)]

    def _fisher_information(self):
        return self.precision_
