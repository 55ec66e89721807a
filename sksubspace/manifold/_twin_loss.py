"""The redundancy-reduction loss of TLDR, between the two rows of each neighbour pair.

Kalantidis, Lassance, Almazan and Larlus, "TLDR: twin learning for dimensionality reduction", TMLR
2022; the loss is that of Zbontar, Jing, Misra, LeCun and Deny, "Barlow Twins: self-supervised
learning via redundancy reduction", ICML 2021. Functions that only multiply and add take numpy
arrays and tensors alike.
"""

import numpy as np
from scipy.special import entr

__all__ = [
    "REDUNDANCY_PER_WIDTH",
    "barlow_loss",
    "cross_correlation",
    "effective_rank",
    "graph_moments",
    "pair_correlation",
    "resolve_redundancy",
]

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


def effective_rank(W, S):  # (d, q), (d, d) -> float from 1 to q
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
