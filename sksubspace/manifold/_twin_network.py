"""Twin learning with networks: an encoder trained on neighbour pairs, one neighbour a step.

Kalantidis, Lassance, Almazan and Larlus, "TLDR: twin learning for dimensionality reduction", TMLR
2022.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from sksubspace._torch.device import as_rows
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import mlp
from sksubspace._torch.trainer import Budget
from sksubspace.manifold._twin_loss import (
    barlow_loss,
    cross_correlation,
    graph_moments,
    pair_correlation,
    resolve_redundancy,
)

__all__ = ["encoder_module", "fit_twin_network", "projector_module", "twin_loss"]

BUDGET = Budget(n_steps=1000, max_epochs=300, weight_decay=1e-4)


def encoder_module(n_features, encoder, hidden_layer_sizes, n_components):
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
    """Train an encoder on the pairs of a neighbour table.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Centred rows of about unit scale.

    neighbors : ndarray of shape (n_queries, n_neighbors)
        Row numbers.

    n_components : int
        Width of the encoder's output.

    encoder : {"linear", "mlp"}, default="linear"
        Kind of encoder.

    hidden_layer_sizes : tuple of int, default=()
        Hidden widths of the "mlp".

    projector : tuple of int, default=()
        Widths of the layers between the encoder and the loss, which are thrown away after the
        training. With none the loss acts on the encoder's output.

    redundancy : float or None, default=None
        Weight of the squared correlations between different outputs; None is 8 over the width of
        what the loss acts on.

    trainer : sksubspace._torch.trainer.Trainer
        How to train. Its batches are made a little larger where the last one would be small, since
        the correlations within a few rows are noise.

    queries : ndarray of shape (n_queries,), default=None
        The rows whose neighbours `neighbors` lists; None is all rows.

    Returns
    -------
    module : torch.nn.Module
        The encoder.

    log : TrainingLog
        Losses of the training, those of the batches.
    """
    modules = trainer.build(
        lambda: nn.ModuleList(
            [
                encoder_module(X.shape[1], encoder, hidden_layer_sizes, n_components),
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
    trainer = replace(trainer, batch_size=even_batch_size(len(neighbors), trainer.batch_size))
    log = trainer.fit(objective, (numbers,), BUDGET, "encoder")
    return objective.encoder, log


def even_batch_size(n_rows, batch_size):
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


def twin_loss(module, X, neighbors, *, queries=None, redundancy=None, device="cpu"):
    """Loss of an encoder on all pairs of a neighbour table, without a projector.

    Parameters
    ----------
    module : torch.nn.Module
        Maps (n, n_features) to (n, n_components).

    X : ndarray of shape (n_samples, n_features)
        Rows, in the dtype of the module.

    neighbors : ndarray of shape (n_queries, n_neighbors)
        Row numbers.

    queries : ndarray of shape (n_queries,), default=None
        The rows whose neighbours `neighbors` lists; None is all rows.

    redundancy : float or None, default=None
        Weight of the squared correlations between different outputs; None is 8 / n_components.

    device : str or torch.device, default="cpu"
        Where the module is applied.

    Returns
    -------
    loss : float
        0 if every output is the same for neighbours and uncorrelated with the others.
    """
    Z = batched_forward(module, as_rows(X, device), device=device).astype(np.float64)
    S, G = graph_moments(Z, neighbors, queries)
    C = cross_correlation(np.eye(Z.shape[1]), S, G)
    return float(barlow_loss(C, resolve_redundancy(redundancy, Z.shape[1])))
