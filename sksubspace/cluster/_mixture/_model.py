r"""Mixtures of low-rank Gaussians: densities, EM, samples, the posterior mean under white noise.

Tipping and Bishop, "Mixtures of probabilistic principal component analysers", Neural Computation
1999.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg
from scipy.special import logsumexp, softmax

from sksubspace._linalg import leading_directions
from sksubspace.cluster._k_subspaces._start import start_labels

__all__ = [
    "Fit",
    "LowRankGaussians",
    "best_of_starts",
    "draw",
    "expectation_maximization",
    "from_labels",
    "n_free_parameters",
    "posterior_mean",
    "weighted_log_densities",
    "within_rows",
]

# 1 Mi numbers, 8 MiB: rows whose posterior is computed at a time
_BLOCK_ELEMENTS = 2**20
# EM steps of each of several starts; the best one gets the rest
_SHORT = 10
# a posterior below this is rounding; such rows are left out of the principal components
_NO_SHARE = 1e-15


@dataclass(frozen=True)
class LowRankGaussians:
    r"""A mixture of N(mu, U' diag(l) U + s (I - U' U)), in float64.

    Attributes
    ----------
    weights : ndarray of shape (n_clusters,)
        Shares, which sum to 1.
    means : ndarray of shape (n_clusters, n_features)
        mu.
    bases : ndarray of shape (n_clusters, rank, n_features)
        Orthonormal rows U. A row may be zero; its variance is then that of the noise.
    variances : ndarray of shape (n_clusters, rank)
        l, at least s.
    noise : ndarray of shape (n_clusters,)
        s, the variance of every direction outside the subspace.
    """

    weights: np.ndarray
    means: np.ndarray
    bases: np.ndarray
    variances: np.ndarray
    noise: np.ndarray


def weighted_log_densities(X, model, n_features, extra=0.0):  # -> (n, K)
    """Logarithm of weight times density, log w_k + log N(x; mu_k, Sigma_k + extra I).

    X (n, d) is in the coordinates of the model. `n_features` is more than d where these are
    coordinates within a subspace that holds all rows, means and bases. `extra`, a number or (n,),
    is the variance of white noise that is added.
    """
    extra = np.broadcast_to(extra, len(X))
    logs = np.empty((len(X), len(model.weights)))
    rank = model.variances.shape[1]
    with np.errstate(divide="ignore"):
        log_weights = np.log(model.weights)
    for k, log_weight in enumerate(log_weights):
        inside, outside = split(X, model, k)
        variances, noise = model.variances[k] + extra[:, None], model.noise[k] + extra
        log_det = np.log(variances).sum(axis=1) + (n_features - rank) * np.log(noise)
        distance = (np.square(inside) / variances).sum(axis=1)
        distance += np.einsum("nd,nd->n", outside, outside) / noise
        logs[:, k] = log_weight - 0.5 * (n_features * np.log(2 * np.pi) + log_det + distance)
    return logs


def split(X, model, k):  # (n, d) -> (n, r), (n, d)
    """Coordinates of x - mu_k in the subspace, and what is left outside."""
    centred = X - model.means[k]
    inside = centred @ model.bases[k].T
    return inside, centred - inside @ model.bases[k]


def posterior_mean(X, model, noise):  # (n, d), (n,) -> (n, d)
    """Mean of x_0 given x = x_0 + white noise of the row's variance, x_0 of the mixture.

    The components are weighted by their posterior given x; each moves x to mu + Sigma (Sigma +
    noise I)^-1 (x - mu), which is a factor in each direction of its subspace and one outside.
    """
    posterior = softmax(weighted_log_densities(X, model, X.shape[1], noise), axis=1)
    mean = np.zeros_like(X)
    for k, share in enumerate(posterior.T):
        inside, outside = split(X, model, k)
        inside *= model.variances[k] / (model.variances[k] + noise[:, None])
        outside *= (model.noise[k] / (model.noise[k] + noise))[:, None]
        mean += share[:, None] * (model.means[k] + inside @ model.bases[k] + outside)
    return mean


def draw(model, n, random_state):  # -> (n, d), (n,)
    """Rows of the mixture and their components, component by component."""
    weights = model.weights / model.weights.sum()
    labels = np.repeat(np.arange(len(weights)), random_state.multinomial(n, weights))
    X = random_state.standard_normal((n, model.means.shape[1]))
    for k in range(len(weights)):
        rows = np.flatnonzero(labels == k)
        inside = X[rows] @ model.bases[k].T
        white = X[rows] - inside @ model.bases[k]
        colored = (inside * np.sqrt(model.variances[k])) @ model.bases[k]
        X[rows] = model.means[k] + colored + np.sqrt(model.noise[k]) * white
    return X, labels


def n_free_parameters(n_clusters, rank, n_features):
    """Weights, means, variances and subspaces (points of a Stiefel manifold)."""
    subspace = n_features * rank - rank * (rank + 1) // 2
    return n_clusters - 1 + n_clusters * (n_features + subspace + rank + 1)


@dataclass(frozen=True)
class Fit:
    """The end of one start.

    Attributes
    ----------
    model : LowRankGaussians
        The mixture.
    lower_bounds : list of float
        Mean log-likelihood of a row before each maximisation and of the end.
    converged : bool
        Whether the gain fell below the tolerance.
    """

    model: LowRankGaussians
    lower_bounds: list
    converged: bool


def expectation(X, model, n_features):  # -> log-likelihoods (n,), responsibilities (n, K)
    """Posterior shares of the components, by blocks of rows."""
    likelihoods, shares = np.empty(len(X)), np.empty((len(X), len(model.weights)))
    step = max(1, _BLOCK_ELEMENTS // X.shape[1])
    for start in range(0, len(X), step):
        block = slice(start, start + step)
        logs = weighted_log_densities(X[block], model, n_features)
        likelihoods[block] = logsumexp(logs, axis=1)
        shares[block] = np.exp(logs - likelihoods[block, None])
    return likelihoods, shares


def maximization(X, shares, previous, n_features, floor):
    """Weighted principal components of each cluster.

    A component with less than ``rank + 1`` rows' worth of shares keeps its mean and covariance, for
    it could otherwise shrink onto these rows; only its weight follows. The likelihood cannot fall.
    """
    counts = shares.sum(axis=0)
    means, bases = previous.means.copy(), previous.bases.copy()
    variances, noise = previous.variances.copy(), previous.noise.copy()
    rank = variances.shape[1]
    for k in np.flatnonzero(counts >= rank + 1):
        rows = np.flatnonzero(shares[:, k] > _NO_SHARE)
        share = shares[rows, k]
        means[k] = share @ X[rows] / counts[k]
        weighted = np.sqrt(share)[:, None] * (X[rows] - means[k])
        squared, bases[k] = leading_directions(weighted, rank)
        left = np.einsum("nd,nd->", weighted, weighted) - squared.sum()
        noise[k] = max(left / counts[k] / (n_features - rank), floor)
        variances[k] = np.maximum(squared / counts[k], noise[k])
    return LowRankGaussians(counts / counts.sum(), means, bases, variances, noise)


def from_labels(X, labels, n_clusters, rank, n_features, floor):  # -> LowRankGaussians
    """The mixture of given clusters; those of too few rows have the covariance of all rows.

    X (n, d) is in coordinates around its mean; rows with a negative label are left out. `floor` is
    the least variance.
    """
    shares = (labels[:, None] == np.arange(n_clusters)).astype(float)
    counts = shares.sum(axis=0)
    start = LowRankGaussians(
        np.ones(1), np.zeros((1, X.shape[1])), np.zeros((1, rank, X.shape[1])),
        np.full((1, rank), floor), np.full(1, floor),
    )  # fmt: skip
    whole = maximization(X, np.ones((len(X), 1)), start, n_features, floor)
    pooled = LowRankGaussians(
        np.full(n_clusters, 1 / n_clusters),
        (shares.T @ X) / np.maximum(counts, 1)[:, None],
        *(np.repeat(part, n_clusters, axis=0) for part in (whole.bases, whole.variances)),
        np.repeat(whole.noise, n_clusters),
    )
    return maximization(X, shares, pooled, n_features, floor)


def expectation_maximization(X, model, n_features, *, floor, max_iter, tol):  # -> Fit
    """Alternate until the mean log-likelihood gains less than `tol` nats a row.

    X (n, d) is in the coordinates of the model, the start. At most `max_iter` maximisations;
    `floor` is the least variance.
    """
    lower_bounds = []
    for n_iter in range(max_iter + 1):
        likelihoods, shares = expectation(X, model, n_features)
        lower_bounds.append(float(likelihoods.mean()))
        if n_iter and lower_bounds[-1] - lower_bounds[-2] < tol:
            return Fit(model, lower_bounds, True)
        if n_iter < max_iter:
            model = maximization(X, shares, model, n_features, floor)
    return Fit(model, lower_bounds, False)


def best_of_starts(X, Z, kinds, n_clusters, rank, random_state, *, floor, max_iter, tol):
    """Ten EM steps from each start, the rest from the one of the largest likelihood: a `Fit`.

    The starts are of the kinds of `start_labels`, from the rows X (n, n_features); Z (n, d) are the
    rows around their mean in coordinates of a subspace that holds all, and the mixture is in these.
    The rest is that of `expectation_maximization`.
    """
    d, settings = X.shape[1], {"floor": floor, "tol": tol}
    first = max_iter if len(kinds) == 1 else min(_SHORT, max_iter)
    fits = []
    for kind in kinds:
        labels = start_labels(X, n_clusters, kind, random_state)
        model = from_labels(Z, labels, n_clusters, rank, d, floor)
        fits.append(expectation_maximization(Z, model, d, max_iter=first, **settings))
    best = max(fits, key=lambda fit: fit.lower_bounds[-1])
    if best.converged or first == max_iter:
        return best
    rest = expectation_maximization(Z, best.model, d, max_iter=max_iter - first, **settings)
    return replace(rest, lower_bounds=best.lower_bounds[:-1] + rest.lower_bounds)


def within_rows(centred):  # (n, d) -> (n, q), (q, d) or None
    """Coordinates in the span of the rows, where there are fewer of them than features."""
    if len(centred) >= centred.shape[1]:
        return centred, None
    _, _, axes = linalg.svd(centred, full_matrices=False)
    return centred @ axes.T, axes
