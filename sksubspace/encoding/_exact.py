"""Exactness: an encoder plus the interpolated residuals of the nearest training rows."""

from dataclasses import dataclass

import numpy as np

from sksubspace.neighbors import k_nearest

_N_NEIGHBORS = 3
_CHUNK = 4096


@dataclass
class Corrected:
    """An encoder plus the inverse-square-distance mean of the three nearest training residuals.

    On a training row it returns that row's target.
    """

    encoder: object
    rows: object  # (n, d) array or CSR matrix, working data
    residuals: np.ndarray  # (n, q)

    def __call__(self, X):  # (m, d) -> (m, q)
        """Place the rows of X."""
        squared, near = k_nearest(X, self.rows, min(_N_NEIGHBORS, len(self.residuals)))
        return self.encoder(X) + interpolate(squared, self.residuals[near])


def correct(encoder, X, Z):
    """Make an encoder exact on the training rows X of shape (n, d) with targets Z of (n, q)."""
    return Corrected(encoder, X, Z - encoder(X))


def interpolate(squared, values):  # (m, k), (m, k, q) -> (m, q)
    """Inverse-square-distance mean; values at distance zero decide alone."""
    equal = squared == 0
    weights = 1 / np.where(equal, 1.0, squared)
    weights = np.where(equal.any(axis=1, keepdims=True), equal, weights)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkq->mq", weights, values)


def loo_correction(X, Z, residuals, linear, rows):  # -> (m, q)
    """What `Corrected` adds to a linear encoder at row i when both are made without row i.

    The residual of row j under the fit without row i is e_j + H_ji e_i / (1 - h_ii).

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n, d)
        Working data.
    Z : ndarray of shape (n, q)
        Targets.
    residuals : ndarray of shape (n, q)
        e = Z - H Z, of the fit on all rows.
    linear : LinearFit
        That fit.
    rows : ndarray of shape (m,)
        The rows i.
    """
    n_neighbors = min(_N_NEIGHBORS, len(Z) - 1)
    squared, neighbors = k_nearest(X[rows], X, n_neighbors, exclude_self=rows)
    left_out = Z - linear.Z_loo  # e_i / (1 - h_ii)
    influence, values = linear.influence, np.empty((*neighbors.shape, residuals.shape[1]))
    for start in range(0, len(rows), _CHUNK):
        block = slice(start, start + _CHUNK)
        here, near = rows[block], neighbors[block]
        hat = 1 / len(residuals) + np.einsum("np,nkp->nk", influence[here], influence[near])
        values[block] = residuals[near] + hat[:, :, None] * left_out[here, None, :]
    return interpolate(squared, values)
