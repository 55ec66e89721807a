"""The redundancy-reduction loss of TLDR between neighbours, and encoders trained by it.

Kalantidis, Lassance, Almazan and Larlus, "TLDR: twin learning for dimensionality reduction", TMLR
2022; the loss is that of Zbontar, Jing, Misra, LeCun and Deny, "Barlow Twins: self-supervised
learning via redundancy reduction", ICML 2021. Functions that only multiply and add take numpy
arrays and tensors alike.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from scipy.special import entr
from torch import nn

from sksubspace._torch.device import as_rows
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import mlp
from sksubspace._torch.trainer import Budget

__all__ = [
    "REDUNDANCY_PER_WIDTH",
    "barlow_loss",
    "cross_correlation",
    "rank_of_outputs",
    "fit_twin_network",
    "graph_moments",
    "pair_correlation",
    "projector_module",
    "resolve_redundancy",
    "twin_encoder",
    "twin_loss",
]

_BUDGET = Budget(n_steps=1000, max_epochs=300, weight_decay=1e-4)
# see `resolve_redundancy`
REDUNDANCY_PER_WIDTH = 8.0


def resolve_redundancy(redundancy, width):
    """The weight of the off-diagonal entries; None is 8 / width.

    There are width - 1 of them for each entry of the diagonal. A constant such as the 0.0039 of
    Barlow Twins, made for a width of thousands, lets a narrow output collapse.
    """
    return REDUNDANCY_PER_WIDTH / width if redundancy is None else float(redundancy)


def barlow_loss(C, redundancy):  # (q, q) -> ()
    r""":math:`\sum_i (C_{ii} - 1)^2 + \lambda \sum_{i \ne j} C_{ij}^2`."""
    q = len(C)
    # without the last entry, rows of q + 1 entries all begin with one of the diagonal
    off_diagonal = C.reshape(-1)[:-1].reshape(q - 1, q + 1)[:, 1:]
    return ((C.diagonal() - 1) ** 2).sum() + redundancy * (off_diagonal**2).sum()


def cross_correlation(W, S, G):  # (d, q), (d, d), (d, d) -> (q, q)
    r""":math:`C = N W^T G W N` with :math:`N = \mathrm{diag}(W^T S W)^{-1/2}`.

    It is what a linear encoder W makes of the pairs, whose covariance is S and whose symmetrised
    cross-covariance is G.
    """
    scale = (W * (S @ W)).sum(0) ** -0.5
    return (W.T @ G @ W) * scale[:, None] * scale


def rank_of_outputs(W, S):  # (d, q), (d, d) -> float from 1 to q
    r"""How many independent directions the outputs of W have: :math:`\exp H(\mu / q)`.

    H is the entropy, and :math:`\mu` are the eigenvalues of the outputs' correlation matrix
    :math:`N W^T S W N`. It is q for uncorrelated outputs, and 1 if all of them are the same.
    """
    W = np.asarray(W, dtype=np.float64)
    correlation = cross_correlation(W, S, S)
    eigenvalues = np.linalg.eigvalsh((correlation + correlation.T) / 2).clip(min=0)
    return float(np.exp(entr(eigenvalues / eigenvalues.sum()).sum()))


def pair_correlation(left, right):  # tensors (n, q), (n, q) -> (q, q)
    r"""Symmetric cross-correlation of n pairs, both ways round.

    With the mean :math:`\mu` and the variances v of all 2 n rows,
    :math:`C_{ij} = \frac{1}{2n} \sum_p (l_{pi} r_{pj} + r_{pi} l_{pj}) / \sqrt{v_i v_j}` for rows
    from which :math:`\mu` is subtracted: the loss of a batch is the loss of its S and G.
    """
    center = (left.mean(0) + right.mean(0)) / 2
    left, right = left - center, right - center
    variance = ((left**2).mean(0) + (right**2).mean(0)) / 2
    # an output that is constant in this batch has no correlations, and no gradient
    scale = variance.clamp_min(_smallest_variance(variance.dtype)) ** -0.5
    product = (left * scale).T @ (right * scale) / len(left)
    return (product + product.T) / 2


def _smallest_variance(dtype):
    return 1e-12 if dtype.itemsize == 8 else 1e-8


def graph_moments(Z, neighbors, queries=None):  # (n, q), (m, k), (m,) -> (q, q), (q, q)
    """Covariance S and symmetric cross-covariance G of the pairs of a neighbour table.

    Row ``queries[i]`` (row i by default) is paired with the rows ``neighbors[i]``; both rows of a
    pair count in the mean and in S.
    """
    queries = np.arange(len(neighbors)) if queries is None else queries
    n_pairs = neighbors.size
    counts = neighbors.shape[1] * np.bincount(queries, minlength=len(Z))
    weights = (counts + np.bincount(neighbors.ravel(), minlength=len(Z))) / (2 * n_pairs)
    centered = Z - weights @ Z
    sums = sum(centered[column] for column in neighbors.T)
    cross = centered[queries].T @ sums / n_pairs
    return centered.T @ (weights[:, None] * centered), (cross + cross.T) / 2


def twin_encoder(n_features, encoder, hidden_layer_sizes, n_components):
    """One matrix for "linear", which has no use for hidden layers, or the layers of "mlp"."""
    if encoder == "linear":
        return nn.Linear(n_features, n_components, bias=False)
    return mlp((n_features, *hidden_layer_sizes, n_components), "gelu")


def projector_module(n_components, sizes):
    """Linear, BatchNorm, ReLU, ..., Linear; with no sizes the identity.

    The biases are left out: BatchNorm, and the standardisation of the loss, would subtract them.
    """
    layers = []
    for n_in, n_out in pairwise((n_components, *sizes)):
        layers += [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-2])


class TwinObjective(nn.Module):
    """Loss of the pairs (row, one of its neighbours at random) of a batch of row numbers."""

    def __init__(self, encoder, projector, rows, pairs, redundancy, generator):
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        self.rows = rows
        self.queries, self.neighbors = pairs
        self.redundancy = redundancy
        self.generator = generator

    def forward(self, batch):  # ((b,),) -> ()
        """Draw a neighbour for each of the numbered queries and compare the outputs."""
        (numbers,) = batch
        both = torch.cat((self.queries[numbers], self._draw(numbers)))
        outputs = self.projector(self.encoder(self.rows[both]))
        return barlow_loss(pair_correlation(*outputs.chunk(2)), self.redundancy)

    def _draw(self, numbers):  # (b,) -> (b,)
        k = self.neighbors.shape[1]
        columns = torch.randint(
            k, numbers.shape, generator=self.generator, device=self.generator.device
        )
        return self.neighbors[numbers, columns]


def fit_twin_network(
    X,
    neighbors,
    *,
    n_components,
    encoder="linear",
    hidden_layer_sizes=(),
    projector=(),
    redundancy=None,
    trainer,
    queries=None,
):
    """Train an encoder on the pairs of a neighbour table: the module, and the `TrainingLog`.

    X (n, d) has centred rows of about unit scale; `neighbors` (m, k) are those of the rows
    `queries` (m,), or of all. The layers of the projector stand between the encoder, of
    `n_components` outputs, and the loss, and are thrown away after the training; with none the loss
    acts on the encoder's output. `redundancy` weighs the squared correlations between different
    outputs; None is 8 over the width of what the loss acts on. Batches are made a little larger
    where the last one would be small, since the correlations within a few rows are noise.
    """
    modules = trainer.build(
        lambda: nn.ModuleList(
            [
                twin_encoder(X.shape[1], encoder, hidden_layer_sizes, n_components),
                projector_module(n_components, projector),
            ]
        )
    )
    objective = TwinObjective(
        *modules,
        as_rows(X.astype(trainer.dtype, copy=False), trainer.device),
        _pair_tensors(neighbors, queries, trainer.device),
        resolve_redundancy(redundancy, (n_components, *projector)[-1]),
        trainer.generator(),
    )
    numbers = torch.arange(len(neighbors), device=trainer.device)
    trainer = replace(
        trainer, batch_size=size_without_small_rest(len(neighbors), trainer.batch_size)
    )
    log = trainer.fit(objective, (numbers,), _BUDGET, "encoder")
    return objective.encoder, log


def size_without_small_rest(n_rows, batch_size):
    """The smallest size from `batch_size` whose last batch is at least half as large."""
    for n_batches in range(max(1, n_rows // batch_size), 0, -1):
        size = -(-n_rows // n_batches)
        if 2 * (n_rows - (-(-n_rows // size) - 1) * size) >= size:
            break
    return size


def _pair_tensors(neighbors, queries, device):  # -> (m,), (m, k)
    queries = np.arange(len(neighbors)) if queries is None else queries
    return tuple(
        torch.tensor(np.asarray(t), dtype=torch.int64, device=device) for t in (queries, neighbors)
    )


def twin_loss(module, X, neighbors, *, queries=None, redundancy=None, device="cpu"):  # -> float
    """Loss of an encoder on all pairs of a neighbour table, without a projector.

    0 if every output is the same for neighbours and uncorrelated with the others. X (n, d) is in
    the dtype of the module; `neighbors` (m, k) are those of the rows `queries` (m,), or of all.
    `redundancy` weighs the squared correlations between different outputs; None is 8 /
    n_components.
    """
    Z = batched_forward(module, as_rows(X, device), device=device).astype(np.float64)
    S, G = graph_moments(Z, neighbors, queries)
    C = cross_correlation(np.eye(Z.shape[1]), S, G)
    return float(barlow_loss(C, resolve_redundancy(redundancy, Z.shape[1])))
