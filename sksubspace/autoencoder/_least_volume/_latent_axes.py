"""Axes of a cloud of latent points, and how much of the data each of them explains."""

import numpy as np
import torch
from torch import nn

from sksubspace._torch.device import to_tensor

__all__ = ["affine", "explained_reconstruction", "latent_axes", "n_kept", "weights_of"]

# rows that the shares of the components are measured on: each component is decoded for itself
_MOST_ROWS = 5000


def latent_axes(Z, rotate):  # (n, q) -> (q,), (q, q), (q,)
    """Mean, orthonormal axes in the columns, and standard deviations along them, descending.

    With `rotate` they are the principal axes, else the coordinate axes.
    """
    Z = Z.astype(np.float64)
    mean = Z.mean(axis=0)
    if rotate:
        _, singular_values, axes = np.linalg.svd(Z - mean, full_matrices=False)
        axes = _all_axes(axes, Z.shape[1])
        std = np.zeros(Z.shape[1])
        std[: len(singular_values)] = singular_values / np.sqrt(len(Z))
        return mean, _signed(axes), std
    std = Z.std(axis=0)
    order = np.argsort(-std, kind="stable")
    return mean, np.eye(len(std))[:, order], std[order]


def _all_axes(rows, q):  # (r, q) -> (q, q)
    """Fill up fewer orthonormal rows to a basis, and put it into columns."""
    if len(rows) == q:
        return rows.T
    basis = np.linalg.qr(rows.T, mode="complete")[0]
    return np.column_stack([rows.T, basis[:, len(rows) :]])


def _signed(axes):
    """Make the largest entry of each column positive."""
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return axes * np.where(largest < 0, -1, 1)


def n_kept(std, prune_tol):  # (q,), descending
    """Number of sides above `prune_tol` times the longest; at least one."""
    return max(1, int((std > prune_tol * std[0]).sum()))


def affine(weight, bias, like):  # (b, a), (b,) -> module
    """The layer z -> W z + b, of the dtype and on the device of a tensor."""
    layer = nn.utils.skip_init(
        nn.Linear, weight.shape[1], weight.shape[0], dtype=like.dtype, device=like.device
    )
    with torch.no_grad():
        layer.weight.copy_(to_tensor(weight))
        layer.bias.copy_(to_tensor(bias))
    return layer


def weights_of(layer):  # module -> (b, a), (b,)
    """Weight and bias of a layer in double precision."""
    return [part.detach().cpu().numpy().astype(np.float64) for part in (layer.weight, layer.bias)]


def explained_reconstruction(decode, Z, X, mean):  # (n, k), (n, d), (d,) -> (k,), (k,)
    """Mean squared error that each component takes away, after those before it, and its share.

    Of more than 5,000 rows as many are used, evenly spaced. The components that do not yet count
    are at their mean, which is 0. The error without any is that of the mean of the data, so that
    the sum of the shares is R2.
    """
    every = -(-len(X) // _MOST_ROWS)
    Z, X = Z[::every], X[::every].astype(np.float64)
    total = np.square(X - mean).sum(axis=1).mean()
    errors = [total]
    for k in range(1, Z.shape[1] + 1):
        part = Z.copy()
        part[:, k:] = 0
        errors.append(np.square(X - decode(part)).sum(axis=1).mean())
    gains = -np.diff(errors)
    return gains, gains / total if total > 0 else np.zeros_like(gains)
