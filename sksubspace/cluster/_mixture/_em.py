"""EM for mixtures of low-rank Gaussians, of rows in memory or by sums over blocks of them.

Tipping and Bishop, "Mixtures of probabilistic principal component analysers", Neural Computation
1999.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg
from scipy.special import logsumexp

from sksubspace._dask import Blocks
from sksubspace._linalg import leading_directions, leading_directions_of_gram
from sksubspace.cluster._mixture._model import LowRankGaussians, weighted_log_densities
from sksubspace.cluster._rows import training_block

__all__ = [
    "SharedBlocks",
    "SharedRows",
    "best_of_starts",
    "expectation_maximization",
    "from_labels",
    "mixture_of_all",
    "mixture_of_sums",
    "within_rows",
]

# 1 Mi numbers, 8 MiB: rows whose posterior is computed at a time
_BLOCK_ELEMENTS = 2**20
# EM steps of each of several starts; the best one gets the rest
_SHORT = 10
# of a log-likelihood: less is rounding
_TIED = 1e-9
# a posterior below this is rounding; such rows are left out of the principal components
_NO_SHARE = 1e-15


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


def mixture_of_all(X, rank, n_features, floor):  # (n, d) -> LowRankGaussians
    """One component of all rows, which are in coordinates around their mean."""
    start = _no_component(X.shape[1], rank, floor)
    return maximization(X, np.ones((len(X), 1)), start, n_features, floor)


def mixture_of_sums(n, gram, rank, floor):  # int, (d, d) -> LowRankGaussians
    """The same from the sum of x x' of n rows around their mean."""
    d = len(gram)
    sums = ComponentSums(0.0, np.array([float(n)]), np.zeros((1, d)), gram[None])
    return maximization_of_sums(sums, _no_component(d, rank, floor), d, floor)


def _no_component(d, rank, floor):
    return LowRankGaussians(
        np.ones(1), np.zeros((1, d)), np.zeros((1, rank, d)), np.full((1, rank), floor),
        np.full(1, floor),
    )  # fmt: skip


def from_labels(X, labels, n_clusters, whole, n_features, floor):  # -> LowRankGaussians
    """The mixture of given clusters; those of too few rows have the covariance of all rows.

    X (n, d) is in coordinates around the mean of all; rows with a negative label are left out.
    `whole` is the mixture of one component of all rows, `floor` the least variance.
    """
    shares = (labels[:, None] == np.arange(n_clusters)).astype(float)
    counts = shares.sum(axis=0)
    pooled = LowRankGaussians(
        np.full(n_clusters, 1 / n_clusters),
        (shares.T @ X) / np.maximum(counts, 1)[:, None],
        *(np.repeat(part, n_clusters, axis=0) for part in (whole.bases, whole.variances)),
        np.repeat(whole.noise, n_clusters),
    )
    return maximization(X, shares, pooled, n_features, floor)


@dataclass(frozen=True)
class SharedRows:
    """Rows in memory whose shares the components are estimated from.

    Attributes
    ----------
    X : ndarray of shape (n_samples, d)
        In the coordinates of the model.
    n_features : int
        More than d where these are coordinates within a subspace that holds all rows.
    floor : float
        The least variance.
    """

    X: np.ndarray
    n_features: int
    floor: float

    def expected(self, model):  # -> float, (n, K)
        """Mean log-likelihood of a row, and the shares of the components in each."""
        likelihoods, shares = expectation(self.X, model, self.n_features)
        return float(likelihoods.mean()), shares

    def maximised(self, shares, model):  # -> LowRankGaussians
        """The mixture of largest likelihood for these shares."""
        return maximization(self.X, shares, model, self.n_features, self.floor)


@dataclass(frozen=True)
class SharedBlocks:
    """The same of rows in a dask collection, which are read once for each step.

    Attributes
    ----------
    blocks : Blocks
        The rows as they were given.
    mean : ndarray of shape (n_features,)
        Taken off them, after they are of unit length with `normalize`.
    normalize : bool
        As in `MixtureOfLowRankGaussians`.
    floor : float
        The least variance.
    """

    blocks: Blocks
    mean: np.ndarray
    normalize: bool
    floor: float

    def expected(self, model):  # -> float, ComponentSums
        """Mean log-likelihood of a row, and sums of the rows by the shares of the components."""
        settings = (model, self.mean, self.normalize)
        sums = self.blocks.total(component_sums, ComponentSums.add, *settings)
        return sums.likelihood / self.blocks.n_rows, sums

    def maximised(self, sums, model):  # -> LowRankGaussians
        """The mixture of largest likelihood for these shares."""
        return maximization_of_sums(sums, model, self.blocks.n_columns, self.floor)


@dataclass(frozen=True)
class ComponentSums:
    """Sums over rows, each by the shares of the components in it.

    Attributes
    ----------
    likelihood : float
        Sum of log-likelihoods.
    counts : ndarray of shape (n_clusters,)
        Rows' worth of shares.
    totals, grams : ndarrays of shape (n_clusters, n_features) and (..., n_features)
        Sums and products of the rows less the mean of the component.
    """

    likelihood: float
    counts: np.ndarray
    totals: np.ndarray
    grams: np.ndarray

    def add(self, other):
        """Sums of both sets of rows."""
        return ComponentSums(
            self.likelihood + other.likelihood, self.counts + other.counts,
            self.totals + other.totals, self.grams + other.grams,
        )  # fmt: skip


def component_sums(rows, model, mean, normalize):  # -> ComponentSums
    """Sums of the rows of a block."""
    X = training_block(rows, normalize).astype(np.float64, copy=False) - mean
    likelihoods, shares = expectation(X, model, X.shape[1])
    totals = np.zeros_like(model.means)
    grams = np.zeros((*model.means.shape, X.shape[1]))
    for k, share in enumerate(shares.T):
        centred = X - model.means[k]
        totals[k], grams[k] = share @ centred, (share[:, None] * centred).T @ centred
    return ComponentSums(float(likelihoods.sum()), shares.sum(axis=0), totals, grams)


def maximization_of_sums(sums, previous, n_features, floor):  # -> LowRankGaussians
    """What `maximization` finds, from sums over the rows."""
    counts = sums.counts
    means, bases = previous.means.copy(), previous.bases.copy()
    variances, noise = previous.variances.copy(), previous.noise.copy()
    rank = variances.shape[1]
    for k in np.flatnonzero(counts >= rank + 1):
        step = sums.totals[k] / counts[k]
        scatter = sums.grams[k] - counts[k] * np.outer(step, step)
        means[k] = previous.means[k] + step
        squared, bases[k] = leading_directions_of_gram(scatter, rank)
        left = np.trace(scatter) - squared.sum()
        noise[k] = max(left / counts[k] / (n_features - rank), floor)
        variances[k] = np.maximum(squared / counts[k], noise[k])
    return LowRankGaussians(counts / counts.sum(), means, bases, variances, noise)


def expectation_maximization(rows, model, *, max_iter, tol):  # -> Fit
    """Alternate until the mean log-likelihood gains less than `tol` nats a row.

    `rows` are `SharedRows` or `SharedBlocks`, `model` is the start, in their coordinates. At most
    `max_iter` maximisations.
    """
    lower_bounds = []
    for n_iter in range(max_iter + 1):
        lower_bound, shares = rows.expected(model)
        lower_bounds.append(lower_bound)
        if n_iter and lower_bounds[-1] - lower_bounds[-2] < tol:
            return Fit(model, lower_bounds, True)
        if n_iter < max_iter:
            model = rows.maximised(shares, model)
    return Fit(model, lower_bounds, False)


def best_of_starts(rows, starts, *, max_iter, tol):  # -> Fit
    """Ten EM steps from each start, the rest from the one of the largest likelihood.

    `rows` are those of `expectation_maximization`, `starts` functions that make a model.
    """
    first = max_iter if len(starts) == 1 else min(_SHORT, max_iter)
    fits = [expectation_maximization(rows, start(), max_iter=first, tol=tol) for start in starts]
    best = fits[0]
    for fit in fits[1:]:  # the earlier one stays where the gain is rounding
        gain = fit.lower_bounds[-1] - best.lower_bounds[-1]
        best = fit if gain > _TIED * abs(best.lower_bounds[-1]) else best
    if best.converged or first == max_iter:
        return best
    rest = expectation_maximization(rows, best.model, max_iter=max_iter - first, tol=tol)
    return replace(rest, lower_bounds=best.lower_bounds[:-1] + rest.lower_bounds)


def within_rows(centred):  # (n, d) -> (n, q), (q, d) or None
    """Coordinates in the span of the rows, where there are fewer of them than features."""
    if len(centred) >= centred.shape[1]:
        return centred, None
    _, _, axes = linalg.svd(centred, full_matrices=False)
    return centred @ axes.T, axes
