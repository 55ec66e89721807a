"""Score of a mixture of Gaussians with shrunk covariances, their number by BIC."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.cluster import KMeans

from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._typing import Floats, Seed
from sksubspace.decomposition._score._base import (
    ScoreModel,
    Term,
    density_of,
    invert,
    mahalanobis,
    shrunk_covariance,
    weighted_moments,
)

# of "auto"
_MOST_COMPONENTS = 5
# share of the rows below which a Gaussian is left out
_EMPTY = 1e-8
# of the mean variance, added to all, so that no Gaussian shrinks to a point
_FLOOR = 1e-6


@fill_parameters
class MixtureScore(ScoreModel):
    r"""Score of a mixture of Gaussians, each with a covariance that is shrunk.

    For rows in clusters. Each Gaussian has a covariance matrix of its own, so that in many
    dimensions "auto" settles for a single one unless clusters are far apart or rows are many.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of Gaussians. "auto" adds one after the other, up to five, while the Bayesian
        information criterion falls.

    shrinkage : float or "auto", default="auto"
        Share of the identity in each covariance, from 0 to 1. "auto" is the choice of Ledoit and
        Wolf.

    max_iter : int, default=100
        Steps of expectation and maximisation at most.

    tol : float, default=1e-4
        The fit ends when a step changes the mean log-likelihood of a row by less than this, in
        nats.

    random_state : int, RandomState instance or None, default=None
        Draws the starts of k-means, from which the mixture starts.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of the rows.

    weights_ : ndarray of shape (n_components,)
        Shares of the Gaussians, which sum to 1.

    means_ : ndarray of shape (n_components, n_features)
        Their means.

    precisions_ : ndarray of shape (n_components, n_features, n_features)
        Inverses of their covariances.

    log_determinants_ : ndarray of shape (n_components,)
        Logarithms of the determinants of their covariances.

    n_components_ : int
        Number of Gaussians.

    n_iter_ : int
        Steps that were made.

    {features_}

    See Also
    --------
    GaussianScore : A single one.
    SteinSubspace : The estimator that uses it.

    Notes
    -----
    With the posteriors :math:`g_k(x)` and :math:`s_k(x) = P_k (x - m_k)`,

    .. math::
        s(x) = \sum_k g_k s_k, \qquad T(x) = \sum_k g_k (s_k s_k^T - P_k) .

    The second holds because :math:`T = \nabla^2 p / p` for every density, and the Hessian of a
    mixture is the mixture of the Hessians.

    References
    ----------
    .. [1] Olivier Ledoit and Michael Wolf, "A well-conditioned estimator for large-dimensional
       covariance matrices", Journal of Multivariate Analysis 88 (2004).
       https://doi.org/10.1016/S0047-259X(03)00096-4

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.decomposition import MixtureScore
    >>> rng = np.random.RandomState(0)
    >>> X = np.concatenate([rng.randn(300, 2), rng.randn(300, 2) + 8])
    >>> model = MixtureScore(random_state=0).fit(X)
    >>> model.n_components_
    2
    >>> bool(np.abs(model.score_function(model.means_)).max() < 1e-6)
    True
    """

    mean_: Floats
    weights_: Floats
    means_: Floats
    precisions_: Floats
    log_determinants_: Floats
    n_components_: int
    n_iter_: int

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        n_components: int | Literal["auto"] = "auto",
        shrinkage: float | Literal["auto"] = "auto",
        max_iter: int = 100,
        tol: float = 1e-4,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _fit_density(self, X, weights):  # (n, d), (n,) -> dict
        """Fit one Gaussian more after the other while the criterion falls, or the number given."""
        rng = isolated_random_state(self.random_state)
        auto = self.n_components == "auto"
        best, n_iter, lowest = _fit_number(self, X, weights, 1 if auto else self.n_components, rng)
        for n_components in range(2, _MOST_COMPONENTS + 1) if auto else ():
            if n_components > len(X):
                break
            candidate, n_steps, bic = _fit_number(self, X, weights, n_components, rng)
            if bic >= lowest:
                break
            best, n_iter, lowest = candidate, n_steps, bic
        fitted = {f"{part}_": value for part, value in vars(best).items()}
        fitted |= {"n_components_": len(best.weights), "n_iter_": n_iter}
        return fitted | {"mean_": weights @ X / weights.sum()}


@dataclass(frozen=True)
class Mixture:
    """Shares (K,), means (K, d), inverse covariances (K, d, d) and their log determinants (K,)."""

    weights: np.ndarray
    means: np.ndarray
    precisions: np.ndarray
    log_determinants: np.ndarray

    def log_joint(self, X):  # (n, d) -> (n, K)
        """Logarithm of share times density, up to a constant that all Gaussians have."""
        columns = []
        for weight, mean, precision, log_determinant in zip(
            self.weights, self.means, self.precisions, self.log_determinants, strict=True
        ):
            centred = X - mean
            Q = mahalanobis(centred @ precision, centred)
            columns.append(np.log(weight) - (log_determinant + Q) / 2)
        return np.stack(columns, axis=1)

    def score(self, X):  # (n, d) -> (n, d)
        """Mean of the scores of the Gaussians under their posteriors."""
        return sum(g[:, None] * u for u, g, _, _ in self.terms(X))

    def terms(self, X):
        """T is the mean of those of the Gaussians under their posteriors."""
        posterior = softmax(self.log_joint(X), axis=1)
        parts = zip(posterior.T, self.means, self.precisions, strict=True)
        return [Term((X - mean) @ P, g, g, P) for g, mean, P in parts]

    def bic(self, loglik, total):
        """Bayesian information criterion at a mean log-likelihood of `total` rows."""
        K, d = self.means.shape
        n_free = K - 1 + K * d + K * d * (d + 1) / 2
        return -2 * total * loglik + n_free * np.log(total)


@density_of.register
def mixture_of(model: MixtureScore):
    """All Gaussians, as one."""
    return Mixture(model.weights_, model.means_, model.precisions_, model.log_determinants_)


def _fit_number(model, X, weights, n_components, rng):  # -> Mixture, number of steps, criterion
    """Expectation and maximisation for a fixed number of Gaussians."""
    posterior = _posterior_of_clusters(X, weights, n_components, rng)
    old = -np.inf
    for step in range(1, model.max_iter + 1):
        mixture = maximise(X, weights, posterior, model.shrinkage)
        joint = mixture.log_joint(X)
        posterior = softmax(joint, axis=1)
        loglik = weights @ logsumexp(joint, axis=1) / weights.sum()
        n_iter = step
        if abs(loglik - old) < model.tol:
            break
        old = loglik
    return mixture, n_iter, mixture.bic(loglik, weights.sum())


def maximise(X, weights, posterior, shrinkage):  # (n, d), (n,), (n, K) -> Mixture
    """Shares, means and shrunk covariances under the posteriors; empty Gaussians are left out."""
    shares = weights @ posterior
    floor = _floor(X, weights) if posterior.shape[1] > 1 else 0.0
    kept = np.flatnonzero(shares > _EMPTY * shares.sum())
    means, inverses = [], []
    for k in kept:
        mean, covariance, fourth = weighted_moments(X, weights * posterior[:, k])
        means.append(mean)
        shrunk, _ = shrunk_covariance(covariance, fourth, shares[k], shrinkage)
        inverses.append(invert(shrunk + floor * np.eye(len(shrunk))))
    return Mixture(
        shares[kept] / shares[kept].sum(),
        np.array(means),
        np.array([inverse for inverse, _ in inverses]),
        np.array([log_det for _, log_det in inverses]),
    )


def _floor(X, weights):
    """Variance that is added so that no Gaussian of several shrinks to a point."""
    centred = X - weights @ X / weights.sum()
    return _FLOOR * float(np.mean(weights @ np.square(centred)) / weights.sum())


def _posterior_of_clusters(X, weights, n_components, rng):  # -> (n, K)
    if n_components == 1:
        return np.ones((len(X), 1))
    seed = rng.randint(np.iinfo(np.int32).max)
    kmeans = KMeans(n_components, n_init=3, random_state=seed).fit(X, sample_weight=weights)
    return np.eye(n_components)[kmeans.labels_]
