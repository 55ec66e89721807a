"""The maths of classes as subspaces: bases, the loss, and steps on the Grassmann manifold.

Zhang, Li and Zhang, "Grassmann class representation", ICCV 2023.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sksubspace._linalg import fixed_signs, unit_rows

__all__ = [
    "GrassmannSGD",
    "ProjectionLoss",
    "angles_between",
    "class_bases",
    "merged_rows",
    "projection_norms",
]


def merged_rows(X, codes, weights):  # (n, d), (n,), (n,) -> (m, d), (m,), (m,)
    """Equal rows of a class as one, with the sum of their weights, in an order of their own.

    So a weight of two is a row given twice, whatever the batches are.
    """
    table = np.ascontiguousarray(np.column_stack([codes, X + 0.0]))  # + 0.0: -0.0 is 0.0
    keys = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    return X[first], codes[first], np.bincount(number, weights)


def class_bases(X, codes, weights, k):  # (n, d), (n,), (n,), int -> (K, d, k)
    """CLAFIC: the leading right singular vectors of the rows of each class, under their weights."""
    bases = []
    for c in range(codes.max() + 1):
        rows = X[codes == c] * np.sqrt(weights[codes == c])[:, None]
        bases.append(fixed_signs(np.linalg.svd(rows, full_matrices=False)[2][:k]).T)
    return np.stack(bases)


def turned_to_axes(U, X, codes, weights):  # (K, d, k), (n, d), (n,), (n,) -> (K, d, k)
    """Orthonormal bases of the same subspaces: along the axes of the class in each, longest first.

    The subspaces do not change, so that logits do not.
    """
    Q = np.linalg.qr(U)[0]
    for c in range(len(Q)):
        rows = (X[codes == c] * np.sqrt(weights[codes == c])[:, None]) @ Q[c]
        turn = np.linalg.svd(rows)[2].T
        Q[c] = fixed_signs((Q[c] @ turn).T).T
    return Q


def projection_norms(X, U):  # (n, d), (K, d, k) -> (n, K)
    """||U_c' x|| / ||x||, the cosine of the angle between a row and a subspace; 0 for zeros."""
    K, d, k = U.shape
    parts = unit_rows(X) @ U.transpose(1, 0, 2).reshape(d, K * k)
    return np.linalg.norm(parts.reshape(len(X), K, k), axis=2)


def angles_between(U):  # (K, d, k) -> (K, K, k)
    """Principal angles of each two subspaces in radians, the smallest first."""
    K, d, k = U.shape
    side = U.transpose(1, 0, 2).reshape(d, K * k)
    products = (side.T @ side).reshape(K, k, K, k).transpose(0, 2, 1, 3)
    return np.arccos(np.clip(np.linalg.svd(products, compute_uv=False), -1, 1))


class ProjectionLoss(nn.Module):
    r"""Weighted cross entropy of the logits gamma ||U_c' x|| of unit rows x.

    Parameters
    ----------
    bases : Tensor of shape (n_classes, d, k)
        Orthonormal columns each; trained by `GrassmannSGD`, which keeps them so.
    gamma : float
        Largest possible logit.
    """

    def __init__(self, bases, gamma):
        super().__init__()
        self.bases = nn.Parameter(bases)
        self.gamma = gamma

    def forward(self, batch):  # ((b, d), (b,), (b,)) -> ()
        """Loss of a batch of unit rows, their classes and their weights."""
        x, labels, weights = batch
        K, d, k = self.bases.shape
        # one product of two matrices is several times as fast as one for each class
        parts = x @ self.bases.transpose(0, 1).reshape(d, K * k)
        logits = self.gamma * torch.linalg.vector_norm(parts.view(len(x), K, k), dim=2)
        return (weights * cross_entropy(logits, labels, reduction="none")).mean()


class GrassmannSGD(torch.optim.Optimizer):
    r"""Gradient steps with momentum on the Grassmann manifold.

    For an orthonormal U, the gradient G and the momentum M:

    .. math::
        M \leftarrow \mu M + (I - U U^T) G, \quad U \leftarrow \mathrm{qf}(U - \eta M), \quad
        M \leftarrow (I - U U^T) M .

    Parameters
    ----------
    params : iterable of Parameter of shape (..., d, k)
        Orthonormal columns each.
    lr : float
        The rate eta.
    momentum : float
        The share mu that is kept.
    """

    def __init__(self, params, lr, momentum):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        """Move all bases by one step."""
        for group in self.param_groups:
            for U in group["params"]:
                kept = self.state[U]
                M = tangent(U, U.grad)
                if "momentum" in kept:
                    M += group["momentum"] * kept["momentum"]
                U.copy_(retracted(U, -group["lr"] * M))
                kept["momentum"] = tangent(U, M)


def tangent(U, G):  # (K, d, k), (K, d, k) -> (K, d, k)
    """(I - U U') G, the part of G that moves the subspace."""
    return G - U @ (U.mT @ G)


def retracted(U, step):  # (K, d, k), (K, d, k) -> (K, d, k)
    """Q of the QR decomposition of U + step, whose R has a positive diagonal.

    By Cholesky: for a tangent step the products are I + step' step, never near singular.
    """
    moved = U + step
    L = torch.linalg.cholesky(moved.mT @ moved)
    return torch.linalg.solve_triangular(L, moved.mT, upper=False).mT
