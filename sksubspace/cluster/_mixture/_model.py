r"""Mixtures of low-rank Gaussians: densities, samples, the posterior mean under white noise.

Tipping and Bishop, "Mixtures of probabilistic principal component analysers", Neural Computation
1999.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

__all__ = [
    "LowRankGaussians",
    "draw",
    "n_free_parameters",
    "posterior_mean",
    "weighted_log_densities",
]


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
