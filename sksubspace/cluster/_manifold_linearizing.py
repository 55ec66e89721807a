"""Manifold linearizing and clustering: features whose clusters lie on subspaces.

Ding, Tong, Chan, Dai, Ma and Haeffele, "Unsupervised manifold linearizing and clustering", ICCV
2023.
"""

from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real
from operator import itemgetter

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.callback import CallbackSupportMixin

from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._torch.device import as_rows, available_device, resolve_device
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.persistence import load_arrays_, module_to_arrays
from sksubspace._torch.random import isolated_random_state, seeded_module
from sksubspace._torch.trainer import Budget, Trainer
from sksubspace.cluster._affinity import coefficients_to_affinity
from sksubspace.cluster._base import SCORED_DIM, BaseSubspaceClustering
from sksubspace.cluster._coding_objectives import Linearizing, Pretraining, TwoHeads, Views
from sksubspace.cluster._spectral import SpectralResult, nearest_bridges, spectral_labels
from sksubspace.cluster._subspaces import fit_subspaces, squared_residuals
from sksubspace.neighbors import k_nearest

_BUDGET = Budget(n_steps=400, max_epochs=100, weight_decay=1e-4)
_SMALLEST_WEIGHT = 1e-12


class ManifoldLinearizingClustering(CallbackSupportMixin, BaseSubspaceClustering):
    """Cluster by features that a network learns."""

    _parameter_constraints: dict = {
        **BaseSubspaceClustering._parameter_constraints,
        "hidden_layer_sizes": ["array-like"],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "consistency": [Interval(Real, 0, None, closed="left")],
        "pretrain_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "device": "no_validation",
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        hidden_layer_sizes=(512,),
        n_components=64,
        eps=0.5,
        temperature=0.1,
        n_neighbors=10,
        consistency=1.0,
        pretrain_iter="auto",
        max_iter=0,
        batch_size=256,
        learning_rate=1e-3,
        subspace_dim="auto",
        normalize=True,
        n_init=10,
        device="auto",
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_components = n_components
        self.eps = eps
        self.temperature = temperature
        self.n_neighbors = n_neighbors
        self.consistency = consistency
        self.pretrain_iter = pretrain_iter
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.device = device
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn features, cluster them, and fit the subspaces of the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, fewer rows than clusters or only zero rows, if a parameter
            does not fit the data, or if the training diverges.
        """
        X = self._validate_fit(X)
        self._widths = _check_widths(self.hidden_layer_sizes)
        context = self._init_callback_context(max_subtasks=1 + bool(self.max_iter))
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        trainer = self._trainer(X.dtype, isolated_random_state(self.random_state), context)
        stages = self._learn(X, trainer)
        self._record(X, max(stages, key=lambda stage: stage.score), stages)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def transform(self, X):
        """Distance of the features of each row from the subspace of each cluster's features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Distances, not squared, in units of the features, which have length 1.
        """
        return super().transform(X)

    def embed(self, X):
        """Compute the learned features of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Features, of length 1.
        """
        return self._features(self._validate_new(X)[0])

    def _trainer(self, dtype, random_state, context):
        return Trainer(
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.pretrain_iter,
            device=resolve_device(self.device),
            dtype=dtype,
            random_state=random_state,
            estimator=self,
            stage=context,
        )

    def _learn(self, X, trainer):  # (n, d) -> list of _Stage
        """Pretrain, copy the feature head, and train on for `max_iter` epochs."""
        heads, data, views = self._untrained(X, trainer)
        seed = trainer.random_state.randint(2**31 - 1)
        objective = Pretraining(heads, views, self.eps, self.consistency)
        log = trainer.fit(objective, data, _BUDGET, "pretraining")
        heads.copy_feature_head()
        stages = [self._assess("pretraining", heads, X, data[0], seed)]
        self.loss_curve_ = log.loss_curve
        self.coding_rate_curve_ = _by_epoch(objective.rates, log.n_iter)
        self.cluster_coding_rate_curve_ = []
        if self.max_iter:
            objective = Linearizing(heads, views, self.eps, self.consistency, self.temperature)
            log = replace(trainer, max_iter=self.max_iter).fit(
                objective, data, _BUDGET, "linearizing"
            )
            stages.append(self._assess("linearizing", heads, X, data[0], seed))
            self.loss_curve_ += log.loss_curve
            self.coding_rate_curve_ += _by_epoch(objective.rates, log.n_iter)
            self.cluster_coding_rate_curve_ = _by_epoch(objective.cluster_rates, log.n_iter)
        return stages

    def _untrained(self, X, trainer):
        length = 1.0 if self.normalize else _typical_length(X)
        heads = trainer.build(lambda: TwoHeads(X.shape[1], length, self._widths, self.n_components))
        rows = as_rows(X, trainer.device)
        n_neighbors = min(self.n_neighbors, len(X) - 1)
        neighbors = torch.as_tensor(k_nearest(X, X, n_neighbors, exclude_self=True)[1])
        views = Views(rows, neighbors.to(trainer.device), self.normalize, trainer.generator())
        return heads, (rows, torch.arange(len(X), device=trainer.device)), views

    def _assess(self, name, heads, X, rows, seed):
        """Cluster with what is learned so far; of the graphs tried, keep the best."""
        features, codes = batched_forward(heads, rows, device=rows.device).swapaxes(0, 1)
        found = (self._cluster(X, codes, A, seed) for A in self._graphs(codes))
        score, A, result = max(found, key=itemgetter(0))
        return _Stage(name, module_to_arrays(heads), features, A, result, score)

    def _graphs(self, codes):
        """Graphs of three numbers of neighbours, without those that fall into too many pieces."""
        sizes = (self.n_neighbors // 2, self.n_neighbors, 2 * self.n_neighbors)
        sizes = sorted({min(max(size, 1), len(codes) - 1) for size in sizes})
        graphs = [_graph(codes, size, self.temperature) for size in sizes]
        whole = [
            A
            for A in graphs
            if connected_components(A, directed=False, return_labels=False) <= self.n_clusters
        ]
        return whole or graphs[-1:]

    def _cluster(self, X, codes, A, seed):
        result = spectral_labels(
            A,
            self.n_clusters,
            n_init=self.n_init,
            random_state=np.random.RandomState(seed),
            bridges=partial(nearest_bridges, codes),
        )
        return _explained(X, result.labels), A, result

    def _record(self, X, best, stages):
        self.stage_ = best.name
        self.stage_scores_ = {stage.name: stage.score for stage in stages}
        self._weights = best.weights
        self.embedding_, self.affinity_matrix_ = best.features.copy(), best.affinity
        self.eigenvalues_ = best.spectral.eigenvalues
        self.n_iter_ = len(self.loss_curve_)
        self._set_subspaces(X, best.spectral.labels)
        dim = self.subspace_dim
        self.feature_means_, self.feature_bases_ = fit_subspaces(
            self.embedding_,
            self.labels_,
            self.n_clusters_,
            dim if dim == "auto" else min(dim, self.n_components - 1),
        )

    def _features(self, X):  # (n, d) -> (n, n_components)
        device = available_device(self.device)
        empty = partial(TwoHeads, self.n_features_in_, 1.0, self._widths, self.embedding_.shape[1])
        heads = load_arrays_(seeded_module(empty, torch.Generator()), self._weights, device)
        X = X.astype(self.embedding_.dtype, copy=False)
        return batched_forward(heads, as_rows(X, device), device=device)[:, 0]

    def _squared_distances(self, X):  # (n, d) -> (n, K)
        features = self._features(X)
        squared = squared_residuals(features, self.feature_means_, self.feature_bases_)
        return squared.astype(X.dtype, copy=False)


@dataclass(frozen=True)
class _Stage:
    """What is known after a stage of training."""

    name: str
    weights: dict
    features: np.ndarray
    affinity: sparse.csr_matrix
    spectral: SpectralResult
    score: float


def _check_widths(hidden_layer_sizes):
    widths = tuple(int(width) for width in hidden_layer_sizes)
    if not widths or min(widths) < 1:
        raise ValueError(
            f"hidden_layer_sizes must name at least one width, all at least 1, got "
            f"{hidden_layer_sizes!r}."
        )
    return widths


def _typical_length(X):
    """Root of the mean squared length of the rows; 1 if all are zero."""
    return float(np.sqrt(np.einsum("nd,nd->n", X, X).mean())) or 1.0


def _by_epoch(rates, n_epochs):
    """Mean over the batches of each epoch."""
    return torch.stack(rates).reshape(n_epochs, -1).double().mean(dim=1).tolist()


def _graph(codes, n_neighbors, temperature):  # (n, p) -> csr (n, n)
    """Doubly stochastic matrix of exp(<c_i, c_j> / temperature) on the nearest neighbours."""
    squared, nearest = k_nearest(codes, codes, n_neighbors, exclude_self=True)
    weights = np.maximum(np.exp(-squared / (2 * temperature)), _SMALLEST_WEIGHT)
    pointers = np.arange(0, nearest.size + 1, n_neighbors)
    C = sparse.csr_matrix((weights.ravel(), nearest.ravel(), pointers), shape=(len(codes),) * 2)
    return coefficients_to_affinity(C, "doubly_stochastic")


def _explained(X, labels):
    """R2 of projecting each row on the nearest of the clusters' subspaces, of three dimensions."""
    found, labels = np.unique(labels, return_inverse=True)
    means, bases = fit_subspaces(X, labels, len(found))
    bases = [basis[:SCORED_DIM] for basis in bases]
    residual = squared_residuals(X, means, bases).min(axis=1).sum(dtype=np.float64)
    total = np.square(X - X.mean(axis=0)).sum(dtype=np.float64)
    return 1.0 - float(residual / max(total, np.finfo(np.float64).tiny))
