"""Score of a mixture of Gaussians with shrunk covariances, their number by BIC."""

from numbers import Integral, Real

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.cluster import KMeans

from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions
from sksubspace.decomposition._score._base import (
    ScoreModel,
    Term,
    invert,
    shrink,
    squared_distances,
    weighted_moments,
)

_MOST_COMPONENTS = 5
_PARTS = ("weights", "means", "precisions", "log_determinants")


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

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names.

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
        n_components="auto",
        shrinkage="auto",
        max_iter=100,
        tol=1e-4,
        random_state=None,
    ):
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _fit(self, X, weights):
        rng = isolated_random_state(self.random_state)
        auto = self.n_components == "auto"
        best = self._run(X, weights, 1 if auto else self.n_components, rng)
        for n_components in range(2, _MOST_COMPONENTS + 1) if auto else ():
            if n_components > len(X):
                break
            candidate = self._run(X, weights, n_components, rng)
            if candidate["bic"] >= best["bic"]:
                break
            best = candidate
        self.mean_ = weights @ X / weights.sum()
        self.weights_, self.means_ = best["weights"], best["means"]
        self.precisions_, self.log_determinants_ = best["precisions"], best["log_determinants"]
        self.n_components_, self.n_iter_ = len(best["weights"]), best["n_iter"]

    def _run(self, X, weights, n_components, rng):
        """Expectation and maximisation for a fixed number of Gaussians."""
        posterior = _start(X, weights, n_components, rng)
        old = -np.inf
        for step in range(1, self.max_iter + 1):
            model = maximise(X, weights, posterior, self.shrinkage) | {"n_iter": step}
            joint = log_joint(X, model)
            posterior = softmax(joint, axis=1)
            loglik = weights @ logsumexp(joint, axis=1) / weights.sum()
            if abs(loglik - old) < self.tol:
                break
            old = loglik
        return model | {"bic": _bic(loglik, weights.sum(), model)}

    def _posterior(self, X):
        return softmax(log_joint(X, self._model()), axis=1)

    def _model(self):
        return {part: getattr(self, f"{part}_") for part in _PARTS}

    def _score(self, X):
        posterior = self._posterior(X)
        parts = zip(posterior.T, self.means_, self.precisions_, strict=True)
        return sum(g[:, None] * ((X - mean) @ P) for g, mean, P in parts)

    def _terms(self, X):
        parts = zip(self._posterior(X).T, self.means_, self.precisions_, strict=True)
        return [Term((X - mean) @ P, g, g, P) for g, mean, P in parts]


def maximise(X, weights, posterior, shrinkage):  # (n, d), (n,), (n, K) -> dict
    """Shares, means and shrunk covariances under the posteriors; empty Gaussians are left out."""
    shares = weights @ posterior
    floor = _floor(X, weights) if posterior.shape[1] > 1 else 0.0
    kept = np.flatnonzero(shares > 1e-8 * shares.sum())
    means, inverses = [], []
    for k in kept:
        mean, covariance, fourth = weighted_moments(X, weights * posterior[:, k])
        means.append(mean)
        shrunk, _ = shrink(covariance, fourth, shares[k], shrinkage)
        inverses.append(invert(shrunk + floor * np.eye(len(shrunk))))
    return {
        "weights": shares[kept] / shares[kept].sum(),
        "means": np.array(means),
        "precisions": np.array([inverse for inverse, _ in inverses]),
        "log_determinants": np.array([log_det for _, log_det in inverses]),
    }


def _floor(X, weights):
    """Variance that is added so that no Gaussian of several shrinks to a point."""
    centred = X - weights @ X / weights.sum()
    return 1e-6 * float(np.mean(weights @ np.square(centred)) / weights.sum())


def log_joint(X, model):  # (n, d), dict -> (n, K)
    """Logarithm of share times density, up to a constant that all Gaussians have."""
    columns = []
    for weight, mean, precision, log_determinant in zip(
        *(model[key] for key in _PARTS), strict=True
    ):
        centred = X - mean
        Q = squared_distances(centred @ precision, centred)
        columns.append(np.log(weight) - (log_determinant + Q) / 2)
    return np.stack(columns, axis=1)


def _start(X, weights, n_components, rng):  # -> (n, K)
    if n_components == 1:
        return np.ones((len(X), 1))
    seed = rng.randint(np.iinfo(np.int32).max)
    kmeans = KMeans(n_components, n_init=3, random_state=seed).fit(X, sample_weight=weights)
    return np.eye(n_components)[kmeans.labels_]


def _bic(loglik, total, model):
    K, d = model["means"].shape
    n_free = K - 1 + K * d + K * d * (d + 1) / 2
    return -2 * total * loglik + n_free * np.log(total)
