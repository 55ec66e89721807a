"""Local encoder: one attention head over the training rows.

It is a local mean whose localization kernel is learned, and exact on training rows.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sksubspace._torch.device import as_rows, to_tensor
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import mlp
from sksubspace._torch.objectives import Standardize, huber
from sksubspace._torch.trainer import Budget
from sksubspace.neighbors import k_nearest

_KEY_SIZES = (128, 32)
_BUDGET = Budget(n_steps=300, max_epochs=40, weight_decay=0.05)
_MAX_TRAINING_ROWS = 20_000
_N_FOLDS = 2
_CHUNK = 8192


class LocalKernel(nn.Module):
    """Keys phi(x) = mlp((x - mean) / spread), with the temperature and power of the kernel."""

    def __init__(self, scale):
        super().__init__()
        self.standardize = Standardize(scale.mean, scale.spread)
        self.keys = mlp((len(scale.mean), *_KEY_SIZES), "gelu")
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.log_power = nn.Parameter(torch.log(torch.tensor(2.0)))

    def forward(self, x):  # (n, d) -> (n, 32)
        """Keys of the rows of x."""
        return self.keys(self.standardize(x))

    def weights(self, query, keys, squared_distances):  # (n, h), (n, k, h), (n, k) -> (n, k)
        """softmax_j(-tau ||phi(x) - phi(x_j)||^2 - (p / 2) log d_j^2)."""
        apart = (query[:, None] - keys).square().sum(-1)
        logits = -self.log_temperature.exp() * apart
        return torch.softmax(logits - self.log_power.exp() / 2 * squared_distances.log(), dim=1)


class _LeaveOneOut(nn.Module):
    """Huber loss of placing each row by its neighbours, without itself."""

    def __init__(self, kernel, rows, Z):
        super().__init__()
        self.kernel = kernel
        self.rows = rows
        self.Z = Z

    def forward(self, batch):  # ((b,), (b, k), (b, k)) -> ()
        """Loss of the rows named by index, given their neighbours and squared distances."""
        index, neighbors, squared = batch
        keys = self.kernel(self.rows[neighbors.flatten()]).reshape(*neighbors.shape, -1)
        weights = self.kernel.weights(self.kernel(self.rows[index]), keys, squared)
        return huber(torch.einsum("bk,bkq->bq", weights, self.Z[neighbors]), self.Z[index])


@dataclass
class LocalEncoder:
    """z(x) = sum_j w_j(x) z_j over the nearest training rows."""

    kernel: LocalKernel
    rows: object  # (n, d) array or CSR matrix, working data
    keys: np.ndarray  # (n, 32)
    targets: np.ndarray  # (n, q)
    n_neighbors: int
    device: torch.device

    def __call__(self, X):  # (m, d) -> (m, q)
        """Place the rows of X."""
        squared, neighbors = k_nearest(X, self.rows, min(self.n_neighbors, len(self.keys)))
        query = batched_forward(self.kernel, as_rows(X, self.device), device=self.device)
        return _place(self.kernel, query, self.keys, self.targets, squared, neighbors)


def fit_local(X, Z, scale, graph, trainer, n_neighbors):
    """Fit the local encoder on all rows.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n, d)
        Working data.
    Z : ndarray of shape (n, q)
        Scaled embedding.
    scale : FeatureScale
        Units of X.
    graph : tuple of ndarray
        Squared distances and indices of neighbours, as `neighbor_graph` makes them.
    trainer : Trainer
        How to train.
    n_neighbors : int
        Neighbours a placement uses.
    """
    kernel, losses = _train(X, Z, scale, graph, np.arange(len(Z)), trainer, n_neighbors, "fit")
    keys = batched_forward(kernel, as_rows(X, trainer.device), device=trainer.device)
    return LocalEncoder(kernel, X, keys, Z, n_neighbors, trainer.device), losses


def place_left_out(X, Z, scale, graph, trainer, n_neighbors):  # -> (n, q)
    """Place every row by the other rows, with a kernel that was trained without it.

    Of two halves, each trains a kernel on its own rows and their neighbours among themselves; the
    other half is placed with it, by its neighbours among all rows. A kernel trained on all rows has
    seen where each of them belongs, and would place them ten times closer than new rows.
    """
    squared, neighbors = (part[:, :n_neighbors] for part in graph)
    half = trainer.random_state.permutation(len(Z)) % _N_FOLDS
    rows = as_rows(X, trainer.device)
    placed = np.empty(Z.shape)
    for fold in range(_N_FOLDS):
        inside = half == fold
        subset = np.flatnonzero(~inside)
        kernel, _ = _train(
            X, Z, scale, graph, subset, trainer, n_neighbors, f"leave-out-{fold + 1}"
        )
        keys = batched_forward(kernel, rows, device=trainer.device)
        placed[inside] = _place(kernel, keys[inside], keys, Z, squared[inside], neighbors[inside])
    return placed


def neighbor_graph(X, n_neighbors):
    """Leave-one-out neighbours of every row: three times as many, so that halves have enough."""
    return k_nearest(X, X, min(3 * n_neighbors, X.shape[0] - 1), exclude_self=True)


def _train(X, Z, scale, graph, subset, trainer, n_neighbors, task):
    """Train a kernel on the rows of `subset` and their neighbours within it."""
    kernel = trainer.build(lambda: LocalKernel(scale))
    index, squared, neighbors = _restrict(*graph, subset, n_neighbors, trainer.random_state)
    if len(index) == 0:
        return kernel, []
    rows, targets = as_rows(X, trainer.device), to_tensor(Z.astype(trainer.dtype), trainer.device)
    relative = squared / max(float(squared[np.isfinite(squared)].mean()), 1e-300)
    data = (
        to_tensor(index, trainer.device),
        to_tensor(neighbors, trainer.device),
        to_tensor(np.clip(relative, 1e-12, 1e30).astype(trainer.dtype), trainer.device),
    )
    objective = _LeaveOneOut(kernel, rows, targets)
    log = trainer.fit(objective, data, _BUDGET, task)
    return kernel, log.loss_curve


def _restrict(squared, neighbors, subset, n_neighbors, random_state):
    """Nearest neighbours within `subset` of rows of `subset`; a missing one is infinitely far."""
    inside = np.zeros(len(squared), dtype=bool)
    inside[subset] = True
    if len(subset) > _MAX_TRAINING_ROWS:
        subset = np.sort(random_state.choice(subset, _MAX_TRAINING_ROWS, replace=False))
    near = neighbors[subset]
    far = np.where(inside[near], squared[subset], np.inf)
    order = np.argsort(far, axis=1, kind="stable")[:, :n_neighbors]
    far, near = np.take_along_axis(far, order, axis=1), np.take_along_axis(near, order, axis=1)
    served = np.isfinite(far[:, 0])
    return subset[served], far[served], near[served]


def _place(kernel, query, keys, targets, squared, neighbors):
    """Weighted mean of the neighbours' targets; training rows equal to the query decide alone."""
    placed = np.empty((len(query), targets.shape[1]))
    for start in range(0, len(query), _CHUNK):
        rows = slice(start, start + _CHUNK)
        near, squared_here = neighbors[rows], squared[rows]
        equal = squared_here == 0
        distances = to_tensor(np.where(equal, 1.0, squared_here))
        with torch.inference_mode():
            weights = kernel.cpu().weights(
                to_tensor(query[rows]).double(), to_tensor(keys[near]).double(), distances
            )
        weights = np.where(equal.any(axis=1, keepdims=True), equal, weights.numpy())
        weights /= weights.sum(axis=1, keepdims=True)
        placed[rows] = np.einsum("nk,nkq->nq", weights, targets[near])
    return placed
