"""What a soft partition says of the neighbours of a row, and how a network learns to say more.

Alshammari, Hershey, Feldmann, Freeman and Hamilton, "I-Con: a unifying framework for representation
learning", ICLR 2025.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax

__all__ = ["WalkLoss", "SoftLabels", "pair_information", "walk"]

# of the labels that a training starts from: a network that is sure of them would keep them
_SMOOTHING = 0.1
# the masses of the clusters are those of so many batches
_BATCHES_OF_MASS = 4


def pair_information(log_a, log_b, log_masses):  # (..., K), (..., K), (K,) -> (...)
    r"""What the clusters of two rows say of each other, in nats.

    :math:`\log n q(j | i) = \log \sum_c a_{ic} a_{jc} / m_c` for the shares :math:`a_i` of row i,
    the masses :math:`m = \frac1n \sum_i a_i`, and j drawn by a cluster of i, then uniformly from
    it: :math:`q(j | i) = \sum_c a_{ic} \, a_{jc} / (n m_c)`.
    """
    return torch.logsumexp(log_a + log_b - log_masses, dim=-1)


def walk(start, neighbors, n_steps, generator):  # (b,), (n, k), int -> (b,)
    """Rows where walks end that go to a uniformly drawn neighbour at each step."""
    draws = {"generator": generator, "device": start.device}
    for _ in range(n_steps):
        step = torch.randint(neighbors.shape[1], start.shape, **draws)
        start = neighbors[start, step]
    return start


class SoftLabels(nn.Module):
    """Cross entropy of a network's shares and labels, smoothed."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, batch):  # ((b, d), (b,)) -> ()
        """Loss of a batch of rows and their labels."""
        x, labels = batch
        return cross_entropy(self.network(x), labels, label_smoothing=_SMOOTHING)


class WalkLoss(nn.Module):
    r"""Minus the information about where a walk from a row ends.

    :math:`-\sum_j \tilde p(j | i) \log n q(j | i)`, the mean over the rows i of a batch, of one
    walk each. :math:`\tilde p = (1 - \delta) p + \delta u` mixes the uniform distribution u over
    the other rows, drawn from the batch, into the distribution p of the walk's end. It differs from
    :math:`KL(\tilde p \| q)` by what does not depend on the partition.

    Parameters
    ----------
    network : torch.nn.Module
        Rows (b, d) to logarithms of shares (b, K), up to a constant; trained in place.
    rows : Rows
        All rows.
    neighbors : Tensor of shape (n_samples, n_neighbors)
        Numbers of the nearest rows.
    n_steps : int
        Steps of a walk.
    debias : float
        The weight delta.
    generator : torch.Generator
        Draws the walks.
    """

    def __init__(self, network, rows, neighbors, *, n_steps, debias, generator):
        super().__init__()
        self.network = network
        self.rows = rows
        self.neighbors = neighbors
        self.n_steps = n_steps
        self.debias = debias
        self.generator = generator
        self.former = []

    def forward(self, batch):  # ((b, d), (b,)) -> ()
        """Loss of a batch of rows and their numbers."""
        x, index = batch
        ends = self.rows[walk(index, self.neighbors, self.n_steps, self.generator)]
        log_a = log_softmax(self.network(x), dim=1)
        log_b = log_softmax(self.network(ends), dim=1)
        log_masses = self._masses(log_a).log()
        loss = -(1 - self.debias) * pair_information(log_a, log_b, log_masses).mean()
        if self.debias:  # the batch is in random order: the row before is drawn uniformly
            anywhere = pair_information(log_a, log_a.roll(1, dims=0), log_masses)
            loss = loss - self.debias * anywhere.mean()
        return loss

    def _masses(self, log_a):  # (b, K) -> (K,)
        """Masses of this batch and the last ones, with the gradient of those of this one."""
        masses = log_a.exp().mean(dim=0)
        self.former = [*self.former, masses.detach()][-_BATCHES_OF_MASS:]
        return masses + (torch.stack(self.former).mean(dim=0) - masses).detach()
