"""Manifold linearizing and clustering: features whose clusters lie on subspaces.

Ding, Tong, Chan, Dai, Ma and Haeffele, "Unsupervised manifold linearizing and clustering", ICCV
2023.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
import torch

from sksubspace._docs import fill_parameters
from sksubspace._parameters import check_widths, isolated_random_state
from sksubspace._sklearn import CallbackSupportMixin, Interval, StrOptions, _fit_context
from sksubspace._torch.device import as_rows, available_device
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.persistence import load_arrays_
from sksubspace._torch.random import seeded_module
from sksubspace._torch.trainer import Budget
from sksubspace._trained import fit_task, make_trainer, training_constraints
from sksubspace._typing import ArrayLike, Device, Floats, Ints, Seed, Sparse
from sksubspace.cluster._base import BaseSubspaceClustering, keep_subspaces, new_rows, training_rows
from sksubspace.cluster._linearizing._coding_objectives import (
    Linearizing,
    Pretraining,
    TwoHeads,
    Views,
)
from sksubspace.cluster._linearizing._stages import assess
from sksubspace.cluster._subspaces import fit_subspaces, squared_residuals
from sksubspace.neighbors import k_nearest

# pretrain_iter="auto"
_BUDGET = Budget(n_steps=400, max_epochs=100, weight_decay=1e-4)


@fill_parameters
class ManifoldLinearizingClustering(CallbackSupportMixin, BaseSubspaceClustering):
    r"""Cluster by features that a network learns, in which curved clusters become subspaces.

    A network gives each row a feature vector of length 1. It is trained so that the features of all
    rows together fill as many dimensions as possible, while places between a row and its nearest
    rows get the same features. Rows are then clustered by the graph of their features, and new rows
    go to the subspace of features that is nearest. ``max_iter`` above 0 adds the second stage of
    the paper, which also makes the clusters' features fill few dimensions each.

    Parameters
    ----------
    {n_clusters}

    hidden_layer_sizes : tuple of int, default=(512,)
        Widths of the layers before the two heads.

    n_components : int, default=64
        Dimension of the features. The second stage takes time with its third power.

    eps : float, default=0.5
        Root of the squared error allowed for a row in the coding rates.

    temperature : float, default=0.1
        Of the doubly stochastic matrix of similarities: the smaller, the fewer rows a row is
        grouped with.

    n_neighbors : int, default=10
        Nearest rows towards which the views of a row are drawn. Graphs of the features are made
        with half as many neighbours, as many, and twice as many.

    consistency : float, default=1.0
        Weight of the agreement of the two views of a row, relative to the largest possible rate.

    pretrain_iter : int or "auto", default="auto"
        Epochs of the first stage; "auto" makes 400 steps, at most 100 epochs.

    max_iter : int, default=0
        Epochs of the second stage; 0 leaves it out.

    max_samples : int or None, default=20000
        Rows that the network and the graph are learnt from. Of more rows so many are drawn, and the
        others go to the subspace of features that is nearest. None learns from all.

    {batch_size}

    learning_rate : float, default=0.001
        Highest learning rate of the one-cycle schedule of each stage.

    subspace_dim : int or "auto", default="auto"
        Dimension of the subspaces of the clusters, of rows and of features; "auto" keeps 99 % of
        the energy of the members, by at most 15 directions.

    {normalize}

    {n_init}

    {device}

    {random_state}
        Draws the rows that are learnt from; seeds the network, its training and k-means.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row.

    embedding_ : ndarray of shape (n_samples, n_components)
        Features of the training rows.

    affinity_matrix_ : sparse matrix of shape (n_samples, n_samples)
        Doubly stochastic graph of the features, restricted to nearest neighbours; only of the rows
        of `sample_indices_` where these were drawn.

    sample_indices_ : ndarray of shape (max_samples,) or None
        Training rows that were learnt from; None if all were.

    eigenvalues_ : ndarray of shape (n_eigenvalues,)
        Largest eigenvalues of the graph, descending.

    feature_means_ : ndarray of shape (n_clusters, n_components)
        Mean features of each cluster.

    feature_bases_ : list of ndarray of shape (subspace_dim, n_components)
        Orthonormal basis of the features of each cluster about their mean; what ``predict`` and
        ``transform`` use.

    cluster_means_ : ndarray of shape (n_clusters, n_features)
        Mean row of each cluster, at unit length with ``normalize``.

    cluster_bases_ : list of ndarray of shape (subspace_dim, n_features)
        Orthonormal basis of the rows of each cluster about their mean; what ``score`` uses.

    n_clusters_ : int
        Number of clusters found.

    stage_ : {"pretraining", "linearizing"}
        The stage that was kept.

    stage_scores_ : dict of str to float
        The criterion after each stage.

    loss_curve_ : list of float
        Training loss of each epoch, of both stages.

    coding_rate_curve_ : list of float
        Coding rate R of the features of the batches of each epoch, of both stages.

    cluster_coding_rate_curve_ : list of float
        Rate R_c of each epoch of the second stage; empty without one.

    n_iter_ : int
        Number of epochs, of both stages.

    {features_}

    See Also
    --------
    ThresholdedSubspaceClustering : The graph of the rows themselves, without a network.
    sksubspace.metrics.rate_reduction : R - R_c of labels.

    Notes
    -----
    For features Z of n rows in d dimensions, the first stage maximises the total coding rate

    .. math::
        R(Z) = \frac12 \log\det\left( I + \frac{d}{n \epsilon^2} Z^T Z \right)

    and the second one :math:`R(Z) - R_c(Z, \Gamma)` with

    .. math::
        R_c(Z, \Gamma) = \frac{1}{2n} \sum_j
        \log\det\left( I + \frac{d}{\epsilon^2} Z^T \mathrm{Diag}(\Gamma_j) Z \right),
        \qquad \Gamma = \mathrm{Sinkhorn}(C C^T / \eta),

    C the rows of a second head, which begins as a copy of the first. Where Gamma is uniform on
    blocks, R_c is the rate of coding each block on its own. Z are the directions of the sums of the
    features of two views of each row, and both stages subtract
    :math:`\lambda (1 - \mathrm{mean}_i \langle z_i, z_i' \rangle)` times the largest R possible.
    The paper's views are changed images; here a view is a random point on the way to one of the
    nearest rows, as nothing else is known of a table.

    Labels, and the stage that is kept, are chosen without labels of yours: among the graphs of
    three numbers of neighbours (those in more pieces than clusters are left out), after each stage,
    by the R2 of projecting the rows of X on the nearest of the clusters' subspaces, of three
    dimensions, in sample. It is in the space of X because rates of two sets of features do not
    compare.

    What the benchmark found, on at most 2,000 rows and three seeds: the first stage reaches an
    accuracy of .85 on COIL-20, .73 on ORL and .92 (between .82 and .97) on scattering features of
    MNIST, where the thresholded graph of the rows has .82, .67 and .81; on USPS (.64, .66) and
    digits (.79, .90) the graph of the rows is better. The second stage is no gain: with ten epochs
    the criterion went back to the first stage at the default temperature, and at 0.2 the accuracy
    on COIL-20 fell to .81. That is why ``max_iter`` is 0.

    ``predict`` and ``transform`` work on the features, ``score`` on the rows of X, so that it
    compares with other estimators. ``predict`` on training rows may differ from ``labels_``. The
    exact nearest rows are searched among all that are learnt from, in time that grows with the
    square of `max_samples`.

    References
    ----------
    .. [1] T. Ding, S. Tong, K. H. R. Chan, X. Dai, Y. Ma and B. D. Haeffele, "Unsupervised manifold
       linearizing and clustering", ICCV (2023), https://arxiv.org/abs/2301.01805
    .. [2] Z. Li, Y. Chen, Y. LeCun and F. T. Sommer, "Neural manifold clustering and embedding",
       arXiv:2201.10000 (2022), https://arxiv.org/abs/2201.10000

    Examples
    --------
    >>> from sksubspace.cluster import ManifoldLinearizingClustering
    >>> from sksubspace.datasets import make_union_of_manifolds
    >>> from sksubspace.metrics import clustering_accuracy
    >>> X, y = make_union_of_manifolds(200, random_state=0)
    >>> model = ManifoldLinearizingClustering(
    ...     n_clusters=3, hidden_layer_sizes=(64,), pretrain_iter=20, random_state=0
    ... )
    >>> model.fit(X[:150]).embedding_.shape
    (150, 64)
    >>> clustering_accuracy(y[150:], model.predict(X[150:]))
    1.0
    """

    embedding_: Floats
    affinity_matrix_: Sparse
    feature_means_: Floats
    feature_bases_: list[Floats]

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
        "max_samples": [Interval(Integral, 2, None, closed="left"), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        **training_constraints("learning_rate", "device"),
        "n_init": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        hidden_layer_sizes: Sequence[int] = (512,),
        n_components: int = 64,
        eps: float = 0.5,
        temperature: float = 0.1,
        n_neighbors: int = 10,
        consistency: float = 1.0,
        pretrain_iter: int | Literal["auto"] = "auto",
        max_iter: int = 0,
        max_samples: int | None = 20_000,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        subspace_dim: int | Literal["auto"] = "auto",
        normalize: bool = True,
        n_init: int = 10,
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_components = n_components
        self.eps = eps
        self.temperature = temperature
        self.n_neighbors = n_neighbors
        self.consistency = consistency
        self.pretrain_iter = pretrain_iter
        self.max_iter = max_iter
        self.max_samples = max_samples
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.device = device
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
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
        X = training_rows(self, X)
        self._widths = check_widths(self.hidden_layer_sizes, at_least_one=True)
        random_state = isolated_random_state(self.random_state)
        with fit_task(self, X, y, max_subtasks=1 + bool(self.max_iter)) as context:
            trainer = make_trainer(
                self, X.dtype, random_state, context, max_iter=self.pretrain_iter
            )
            self.sample_indices_: Ints | None = self._draw(len(X), random_state)
            drawn = slice(None) if self.sample_indices_ is None else self.sample_indices_
            stages = self._learn(X[drawn], trainer)
            self._keep(X, max(stages, key=lambda stage: stage.score), stages)
        return self

    def transform(self, X: ArrayLike) -> Floats:
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

    def embed(self, X: ArrayLike) -> Floats:
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
        return self._features(new_rows(self, X)[0])

    def _draw(self, n, random_state):  # -> (m,) or None
        if self.max_samples is None or n <= self.max_samples:
            return None
        if self.n_clusters > self.max_samples:
            raise ValueError(
                f"max_samples={self.max_samples} must be at least n_clusters={self.n_clusters}."
            )
        return np.sort(random_state.choice(n, self.max_samples, replace=False))

    def _learn(self, X, trainer):  # (n, d) -> list of Stage
        """Pretrain, copy the feature head, and train on for `max_iter` epochs."""
        heads, data, views = self._untrained(X, trainer)
        seed = trainer.random_state.randint(2**31 - 1)
        objective = Pretraining(heads, views, self.eps, self.consistency)
        log = trainer.fit(objective, data, _BUDGET, "pretraining")
        heads.copy_feature_head()
        stages = [self._assess("pretraining", heads, X, data[0], seed)]
        self.loss_curve_: list[float] = log.loss_curve
        self.coding_rate_curve_: list[float] = _by_epoch(objective.rates, log.n_iter)
        self.cluster_coding_rate_curve_: list[float] = []
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
        return assess(
            name,
            heads,
            X,
            rows,
            n_clusters=self.n_clusters,
            n_neighbors=self.n_neighbors,
            temperature=self.temperature,
            n_init=self.n_init,
            seed=seed,
        )

    def _keep(self, X, best, stages):
        self.stage_: str = best.name
        self.stage_scores_: dict[str, float] = {stage.name: stage.score for stage in stages}
        self._weights = best.weights
        self.embedding_, self.affinity_matrix_ = best.features.copy(), best.affinity
        self.eigenvalues_: Floats = best.spectral.eigenvalues
        self.n_iter_: int = len(self.loss_curve_)
        labels = best.spectral.labels
        if self.sample_indices_ is not None:
            labels = self._labels_of_all(X, labels)
        keep_subspaces(self, X, labels)
        self.feature_means_, self.feature_bases_ = self._feature_subspaces(
            self.embedding_, self.labels_, self.n_clusters_
        )

    def _labels_of_all(self, X, drawn_labels):  # (n, d), (m,) -> (n,)
        """Give rows that were not drawn to the nearest of the drawn ones' subspaces."""
        means, bases = self._feature_subspaces(
            self.embedding_, drawn_labels, drawn_labels.max() + 1
        )
        self.embedding_ = self._features(X)
        labels = squared_residuals(self.embedding_, means, bases).argmin(axis=1)
        labels[self.sample_indices_] = drawn_labels
        return labels

    def _feature_subspaces(self, features, labels, n_clusters):
        dim = self.subspace_dim
        dim = dim if dim == "auto" else min(dim, self.n_components - 1)
        return fit_subspaces(features, labels, n_clusters, dim)

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


def _typical_length(X):
    """Root of the mean squared length of the rows; 1 if all are zero."""
    return float(np.sqrt(np.einsum("nd,nd->n", X, X).mean())) or 1.0


def _by_epoch(rates, n_epochs):
    """Mean over the batches of each epoch."""
    return torch.stack(rates).reshape(n_epochs, -1).double().mean(dim=1).tolist()
