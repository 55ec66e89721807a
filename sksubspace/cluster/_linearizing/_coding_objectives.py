"""Objectives of manifold linearizing and clustering: coding rates of features of pairs of views.

Ding, Tong, Chan, Dai, Ma and Haeffele, "Unsupervised manifold linearizing and clustering", ICCV
2023. The doubly stochastic matrix is that of Sander, Ablin, Blondel and Peyré, "Sinkformers:
transformers with doubly stochastic attention", AISTATS 2022, and of Landa, Coifman and Kluger,
"Doubly stochastic normalization of the Gaussian kernel is robust to heteroskedastic noise", SIAM
Journal on Mathematics of Data Science 3 (2021).
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from sksubspace._torch.modules import mlp
from sksubspace._torch.objectives import Standardize

__all__ = ["Linearizing", "Pretraining", "TwoHeads", "rate_in_groups", "rate_of_all", "sinkhorn"]


def rate_of_all(Z, eps):  # (n, d) -> ()
    r"""Rate of all rows, :math:`\frac12 \log\det(I + \frac{d}{n \epsilon^2} Z^T Z)`."""
    n, d = Z.shape
    return _half_logdet(Z.T @ Z * (d / (n * eps**2)))


def rate_in_groups(Z, Gamma, eps):  # (n, d), (n, n) -> ()
    r"""Rate of the rows coded in the soft groups that the rows of Gamma are.

    :math:`R_c = \frac{1}{2n} \sum_j \log\det(I + \frac{d}{\epsilon^2} Z^T \mathrm{Diag}(\Gamma_j)
    Z)`. Where Gamma is uniform on blocks it is :math:`\sum_k \frac{n_k}{n} R(Z_k)`.
    """
    n, d = Z.shape
    groups = (Gamma[:, :, None] * Z).mT @ Z
    return _half_logdet(groups * (d / eps**2)).sum() / n


def _half_logdet(M):  # (..., d, d) positive semidefinite -> (...)
    eye = torch.eye(M.shape[-1], dtype=M.dtype, device=M.device)
    factor = torch.linalg.cholesky(M + eye)
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def sinkhorn(similarities, temperature, *, tol=1e-3, max_iter=100):  # (n, n) -> (n, n)
    r"""Symmetric Sinkhorn's algorithm in the log domain, with one potential.

    With entropy H and temperature :math:`\eta`, Gamma maximises :math:`\langle S, \Gamma \rangle +
    \eta H(\Gamma)` among the doubly stochastic matrices; the smaller :math:`\eta`, the fewer
    neighbours a row keeps. It is symmetric and positive, :math:`\exp(S_{ij} / \eta + u_i + u_j)`,
    and the potential u is the fixed point of :math:`u \leftarrow \frac12 (u - \log \sum_j
    \exp(S_{ij} / \eta + u_j))`. Iterations, through which gradients flow, end when every row sums
    to 1 up to `tol`, or after `max_iter`.
    """
    logits = similarities / temperature
    u = -torch.logsumexp(logits, dim=1) / 2
    for _ in range(max_iter):
        log_sums = u + torch.logsumexp(logits + u, dim=1)
        if log_sums.detach().abs().max() < tol / 2:
            break
        u = u - log_sums / 2
    return torch.exp(logits + u + u[:, None])


class TwoHeads(nn.Module):
    """A backbone, a feature head and a cluster head, both with rows of length 1.

    Parameters
    ----------
    n_features : int
        Width of the input.
    length : float
        Typical length of a row; the network sees rows in units of it. Rows are not centred, and
        not brought to unit variance: with larger inputs a network bends more, and keeps the
        neighbourhoods of the rows worse.
    hidden_layer_sizes : sequence of int
        Widths of the backbone.
    n_components : int
        Width of each head.
    """

    def __init__(self, n_features, length, hidden_layer_sizes, n_components):
        super().__init__()
        widths = (n_features, *hidden_layer_sizes)
        scale = Standardize(np.zeros(n_features), length)
        self.backbone = nn.Sequential(scale, mlp(widths), nn.GELU())
        self.features = nn.Linear(widths[-1], n_components)
        self.clusters = nn.Linear(widths[-1], n_components)

    def forward(self, x):  # (n, d) -> (n, 2, n_components)
        """Features, and what they are clustered by."""
        hidden = self.backbone(x)
        heads = torch.stack([self.features(hidden), self.clusters(hidden)], dim=1)
        return normalize(heads, dim=2)

    def copy_feature_head(self):
        """Let the cluster head begin where the feature head is."""
        self.clusters.load_state_dict(self.features.state_dict())


class Views(nn.Module):
    """Two random views of each row: places on the way to one of its nearest rows.

    Parameters
    ----------
    rows : Rows
        All rows.
    neighbors : Tensor of shape (n_samples, n_neighbors)
        Numbers of the nearest rows.
    unit : bool
        Whether views are scaled to length 1.
    generator : torch.Generator
        Draws neighbours and places.
    """

    def __init__(self, rows, neighbors, unit, generator):
        super().__init__()
        self.rows = rows
        self.neighbors = neighbors
        self.unit = unit
        self.generator = generator

    def forward(self, x, index):  # (b, d), (b,) -> two of (b, d)
        """Draw two views of the rows x, whose numbers are `index`."""
        return self._draw(x, index), self._draw(x, index)

    def _draw(self, x, index):
        draws = {"generator": self.generator, "device": x.device}
        choice = torch.randint(self.neighbors.shape[1], index.shape, **draws)
        nearest = self.rows[self.neighbors[index, choice]]
        view = x + torch.rand(len(x), 1, dtype=x.dtype, **draws) * (nearest - x)
        return normalize(view, dim=1) if self.unit else view


class Pretraining(nn.Module):
    r"""Total coding rate of features that the views of a row share.

    :math:`-R(\bar Z) + \lambda \max R \cdot (1 - \mathrm{mean}_i \langle z_i, z_i' \rangle)`, where
    :math:`\bar z_i` is the direction of :math:`z_i + z_i'` and the largest possible rate
    :math:`\max R = \frac d2 \log(1 + 1 / \epsilon^2)` makes :math:`\lambda` free of units.

    Parameters
    ----------
    heads : TwoHeads
        Trained in place.
    views : Views
        Draws the two views.
    eps : float
        Root of the squared error allowed for a row.
    consistency : float
        The weight lambda.
    """

    def __init__(self, heads, views, eps, consistency):
        super().__init__()
        self.heads = heads
        self.views = views
        self.eps = eps
        self.consistency = consistency
        self.rates = []

    def forward(self, batch):  # ((b, d), (b,)) -> ()
        """Loss of a batch of rows and their numbers."""
        first, second = map(self.heads, self.views(*batch))
        both = normalize(first + second, dim=2)
        return self._rate_loss(both) + self._disagreement(first[:, 0], second[:, 0])

    def _rate_loss(self, both):
        rate = rate_of_all(both[:, 0], self.eps)
        self.rates.append(rate.detach())
        return -rate

    def _disagreement(self, first, second):
        largest_rate = first.shape[1] / 2 * math.log(1 + 1 / self.eps**2)
        return self.consistency * largest_rate * (1 - (first * second).sum(dim=1).mean())


class Linearizing(Pretraining):
    r"""The same with what clusters save: :math:`-(R(\bar Z) - R_c(\bar Z, \Gamma))`.

    :math:`\Gamma` is the doubly stochastic matrix of the similarities of the cluster head. The
    temperature is that of Sinkhorn's algorithm, the rest as in `Pretraining`.
    """

    def __init__(self, heads, views, eps, consistency, temperature):
        super().__init__(heads, views, eps, consistency)
        self.temperature = temperature
        self.cluster_rates = []

    def _rate_loss(self, both):
        codes = both[:, 1]
        Gamma = sinkhorn(codes @ codes.T, self.temperature)
        cluster_rate = rate_in_groups(both[:, 0], Gamma, self.eps)
        self.cluster_rates.append(cluster_rate.detach())
        return super()._rate_loss(both) + cluster_rate
