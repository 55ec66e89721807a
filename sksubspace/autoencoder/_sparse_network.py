"""The network of a sparse autoencoder: its codes, its penalties, and its first atoms."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from sksubspace._torch.device import to_tensor

__all__ = ["PENALTIES", "SparseReconstruction", "first_atoms", "unit_rows"]


def largest(a, k):  # (b, m), int -> (b, m)
    """The k largest entries of each row where they are positive, and 0 elsewhere."""
    if k >= a.shape[1]:
        return a.relu()
    values, places = a.topk(k, dim=1)
    return torch.zeros_like(a).scatter(1, places, values.relu())


def l1(z):  # (b, m) -> ()
    """Mean over the rows of sum_j |z_ij|."""
    return z.abs().sum(dim=1).mean()


def flops(z):  # (b, m) -> ()
    """sum_j (mean_i |z_ij|)^2, which is least where all units are used alike."""
    return z.abs().mean(dim=0).square().sum()


PENALTIES = {"l1": l1, "flops": flops}


class SparseReconstruction(nn.Module):
    """mean_i ||x_i - D z_i - b||^2 + weight * penalty(z), with z = act(E'(x - b) + c).

    Rows are centred and divided by the root of their total variance, so that the first term is
    1 - R2. The columns of D are the rows of `atoms`, brought to length one.
    """

    def __init__(self, mean, unit, weights, *, k, penalty, penalty_weight):
        super().__init__()
        self.register_buffer("mean", to_tensor(mean))
        self.register_buffer("unit", torch.as_tensor(float(unit)))
        for name in ("atoms", "encoder", "intercept", "offset"):
            setattr(self, name, nn.Parameter(to_tensor(weights[name])))
        self.k = k
        self.penalty = penalty
        self.penalty_weight = penalty_weight

    def forward(self, batch):  # ((b, d),) -> ()
        """Loss of a batch of rows."""
        x = (batch[0] - self.mean) / self.unit
        z = self.codes(x)
        found = z @ nn.functional.normalize(self.atoms, dim=1) + self.offset
        loss = (x - found).square().sum(dim=1).mean()
        if self.penalty is not None:
            loss = loss + self.penalty_weight * PENALTIES[self.penalty](z)
        return loss

    def codes(self, x):  # (b, d) -> (b, m)
        """Codes of standardised rows; all positive ones are kept if k is None."""
        a = (x - self.offset) @ self.encoder.T + self.intercept
        return a.relu() if self.k is None else largest(a, self.k)


def unit_rows(W):  # (m, d) -> (m, d)
    """Rows divided by their lengths."""
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def first_atoms(X, mean, n_atoms, init, share, random_state):  # (n, d), (d,) -> (n_atoms, d)
    """Atoms of length one to start from: anywhere, within the principal subspace, or rows of X."""
    drawn = random_state.standard_normal((n_atoms, X.shape[1]))
    if init == "subspace":
        V = principal_subspace(X, share)
        drawn = drawn[:, : len(V)] @ V
    elif init == "data":
        rows = X[random_state.permutation(len(X))[:n_atoms]] - mean
        spread = np.square(rows).sum(axis=1) > 0
        drawn[: len(rows)][spread] = rows[spread]
    return unit_rows(drawn)


def principal_subspace(X, share):  # (n, d) -> (m, d)
    """Principal directions that hold a share of the variance; all directions if there is none."""
    if not np.ptp(X, axis=0).any():
        return np.eye(X.shape[1])
    pca = PCA().fit(X.astype(np.float64))
    held = np.cumsum(pca.explained_variance_ratio_)
    n_needed = 1 + np.searchsorted(held, share * held[-1] * (1 - 1e-12))
    return pca.components_[:n_needed]
