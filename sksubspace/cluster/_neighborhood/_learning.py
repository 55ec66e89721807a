"""How a network learns a partition from neighbours, and what is kept of it."""

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import log_softmax
from sklearn.cluster import KMeans

from sksubspace._linalg import row_blocks
from sksubspace._parameters import check_widths
from sksubspace._state import Network, Recipe, register
from sksubspace._torch.device import as_rows, to_tensor
from sksubspace._torch.modules import mlp
from sksubspace._torch.trainer import Budget
from sksubspace._trained import as_even_as_can_be
from sksubspace.cluster._neighborhood._information import (
    SoftLabels,
    WalkLoss,
    pair_information,
)
from sksubspace.neighbors import k_nearest, nearest_neighbors

__all__ = ["Learning", "NeighborPartition"]

# epochs by the labels of k-means
_START_ITER = 20
# the number of epochs is given: only the weight decay, of none, counts
_BUDGET = Budget(n_steps=1, max_epochs=1, weight_decay=0.0)
# in units of the spread; squares of it are finite in single precision
_FAR = 1e15


@register
def partition_network(sizes):
    """Make an untrained network, of standardised rows to logarithms of shares up to a constant."""
    return mlp(sizes, "relu")


@register
@dataclass(frozen=True)
class NeighborPartition:
    """A trained partition, and the distinct rows that it knows, with their shares."""

    network: Network
    mean: np.ndarray  # (d,)
    spread: float
    rows: np.ndarray  # (m, d)
    log_shares: np.ndarray  # (m, K)

    @classmethod
    def of(cls, network, scale, rows):
        """Partition distinct rows by a trained network, which sees them standardised."""
        blank = cls(network, scale.mean, float(scale.spread), rows, np.empty((0, 0)))
        return replace(blank, log_shares=blank.log_shares_of(rows))

    def log_shares_of(self, X):  # (n, d) -> (n, K)
        """Logarithms of the shares of rows."""
        logits = self.network(standardized(X, self.mean, self.spread), np.float32)
        return log_softmax(logits.astype(np.float64), axis=1)

    def nearest(self, X, n_neighbors):  # (n, d) -> (n, k)
        """Numbers of the nearest known rows that differ from each row."""
        n_neighbors = min(n_neighbors, len(self.rows) - 1)
        squared, nearest = k_nearest(X, self.rows, n_neighbors + 1)
        # the rows known are distinct, so that one at most is equal
        return np.where(squared[:, :1] == 0, nearest[:, 1:], nearest[:, :-1])

    def information(self, X, nearest):  # (n, d), (n, k) -> float
        """Mean of log n q(j | i) over rows i and known rows j."""
        log_a, log_b = to_tensor(self.log_shares_of(X)), to_tensor(self.log_shares)
        log_masses = log_b.logsumexp(dim=0) - math.log(len(log_b))
        blocks = row_blocks(len(X), n_columns=nearest.shape[1] * log_a.shape[1])
        sums = [
            pair_information(log_a[rows, None], log_b[nearest[rows]], log_masses).sum().item()
            for rows in blocks
        ]
        return sum(sums) / nearest.size


def standardized(X, mean, spread):  # (n, d) -> (n, d) float32
    """(x - mean) / spread, subtracted before it is rounded to single precision."""
    u = np.empty(X.shape, dtype=np.float32)
    for rows in row_blocks(len(X), n_columns=X.shape[1]):
        u[rows] = np.clip((X[rows] - mean) / spread, -_FAR, _FAR)
    return u


def nearest_rows(X, n_neighbors, random_state):  # (m, d) -> (m, k), int
    """Nearest other rows of each row, and in how many components their graph falls."""
    n_neighbors = min(n_neighbors, len(X) - 1)
    nearest = nearest_neighbors(X, n_neighbors, metric="euclidean", random_state=random_state)[1]
    pointers = np.arange(0, nearest.size + 1, n_neighbors)
    entries = np.ones(nearest.size, dtype=bool), nearest.ravel(), pointers
    graph = sparse.csr_matrix(entries, shape=(len(X), len(X)))
    return nearest, connected_components(graph, directed=False)[0]


class Learning:
    """What the starts of a fit share: rows in the units of the network, and their graph.

    Parameters
    ----------
    params : NeighborhoodClustering
        The parameters.
    scale : FeatureScale
        Units of the rows.
    X : ndarray of shape (m, d)
        Distinct rows.
    trainer : Trainer
        In single precision.

    Attributes
    ----------
    n_components : int
        Of the graph.
    """

    def __init__(self, params, scale, X, trainer):
        self.params, self.scale = params, scale
        batch_size = as_even_as_can_be(len(X), params.batch_size)
        self.trainer = replace(trainer, batch_size=batch_size)
        nearest, self.n_components = nearest_rows(X, params.n_neighbors, trainer.random_state)
        self.neighbors = torch.from_numpy(nearest).to(trainer.device)
        self.u = standardized(X, scale.mean, scale.spread)
        self.rows = as_rows(self.u, trainer.device)
        self.sizes = (X.shape[1], *check_widths(params.hidden_layer_sizes), params.n_clusters)

    def start(self):  # -> nn.Module
        """Train a new network by the labels of k-means."""
        network = self.trainer.build(partial(partition_network, self.sizes))
        k_means = KMeans(
            self.params.n_clusters, n_init=1, random_state=self.trainer.random_state
        ).fit(self.u)
        labels = torch.from_numpy(k_means.labels_.astype(np.int64)).to(self.trainer.device)
        self._train(SoftLabels(network), labels, "start", _START_ITER)
        return network

    def go_on(self, network):  # -> TrainingLog
        """Train a network, in place, by what its partition says of neighbours."""
        objective = WalkLoss(
            network,
            self.rows,
            self.neighbors,
            n_steps=self.params.n_steps,
            debias=self.params.debias,
            generator=self.trainer.generator(),
        )
        numbers = torch.arange(len(self.u), device=self.trainer.device)
        return self._train(objective, numbers, "neighbors", self.params.max_iter)

    def _train(self, objective, targets, task, max_iter):
        trainer = replace(self.trainer, max_iter=max_iter)
        return trainer.fit(objective, (self.rows, targets), _BUDGET, task, schedule=None)

    def partition(self, network, X):  # -> NeighborPartition
        """Partition distinct rows by a network that was trained here."""
        recipe = Recipe(partition_network.__name__, {"sizes": self.sizes})
        return NeighborPartition.of(Network(recipe, network, self.trainer.device), self.scale, X)
