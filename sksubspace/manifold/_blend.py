"""The blend: three maps of principal scores side by side, and their principal components.

The linear and the Fourier map draw together what shares neighbours, which ranks well and blurs;
principal scores keep apart what the vote of the nearest rows goes by.
"""

import numpy as np
from scipy.linalg import block_diag

from sksubspace._linalg import leading_eigenpairs, row_blocks
from sksubspace.manifold._map import beside_rows, encode_blocks, followed_by

# of principal scores, the linear and the Fourier map: their shares in the products of two rows
_WEIGHTS = (0.2, 0.4, 0.4)
# of the variance of each principal score: halfway from the metric of the rows to that of white ones
_POWER = -0.25


def blend(scores, components, fourier):  # (n, r), (q, r), dict -> dict, (n, k)
    r"""Blend three maps of rows x, each brought to total variance 1.

    .. math:: a_j = x_j / \mathrm{var}(x_j)^{1/4}, \quad b = W x, \quad c = \mathrm{fourier}(x),

    with W the components, stand side by side times the roots of the weights, so that the products
    of two rows are the weighted average of those in each map. What is returned are the leading
    principal components, at most q: the encoder, for `encode`, and its outputs for the rows.
    """
    waves = encode_blocks(fourier, scores)
    mean, C = joint_moments(scores, waves)
    sizes = scores.shape[1], len(components), waves.shape[1]
    root = np.diag(C.diagonal()[: sizes[0]] ** _POWER)
    together = block_diag(np.hstack([root, components.T]), np.eye(sizes[2]))
    together *= np.repeat(weigh(together, C, sizes), sizes)
    _, E = leading_eigenpairs(together.T @ C @ together, len(components))
    matrix = together @ E
    blocks = [_side_by_side(scores, waves, rows, mean) @ matrix for rows in row_blocks(len(waves))]
    return followed_by(beside_rows(fourier), matrix, mean), np.concatenate(blocks)


def joint_moments(Z, Y):  # (n, r), (n, q) -> (r + q,), (r + q, r + q)
    """Mean and covariance of (z, y), of which no array is made."""
    mean = np.r_[Z.mean(axis=0, dtype=np.float64), Y.mean(axis=0)]
    C = np.zeros((len(mean), len(mean)))
    for rows in row_blocks(len(Z)):
        block = _side_by_side(Z, Y, rows, mean)
        C += block.T @ block / len(Z)
    return mean, C


def weigh(together, C, sizes):  # (p, m), (p, p) -> (3,)
    """Factors by which columns of three sizes get the weights as total variances.

    A part without variance stays without.
    """
    variances = np.einsum("pm,pq,qm->m", together, C, together)
    totals = np.add.reduceat(variances, np.r_[0, np.cumsum(sizes[:-1])])
    return np.sqrt(np.divide(_WEIGHTS, totals, out=np.zeros(3), where=totals > 0))


def _side_by_side(Z, Y, rows, mean):
    return np.hstack([Z[rows], Y[rows]]) - mean
