"""Codes and atoms under constraints: non-negative least squares, unit columns, orthonormal ones."""

import numpy as np
from scipy import linalg
from scipy.optimize import nnls

__all__ = ["code_sweep", "nonnegative_codes", "orthonormal_columns", "unit_columns"]

# of the active sets, at most
_STEPS_PER_ATOM = 100


def code_sweep(H, P, G):  # (n, r), (n, r), (r, r) -> (n, r), in place
    """Minimise ||x - W h||^2 over each entry of h >= 0 in turn, given P = X W and G = W'W."""
    for j in np.flatnonzero(G.diagonal() > 0):
        H[:, j] += (P[:, j] - H @ G[:, j]) / G[j, j]
        np.maximum(H[:, j], 0, out=H[:, j])
    return H


def nonnegative_codes(P, G):  # (n, r), (r, r) -> (n, r)
    """Minimise ||x - W h||^2 over h >= 0 for each row, given P = X W and G = W'W.

    With S the symmetric root of G it is the least squares problem ||S h - S^+ W'x||^2 of size r,
    which the active sets of Lawson and Hanson solve exactly.
    """
    values, vectors = linalg.eigh(G)
    kept = values > len(G) * np.finfo(np.float64).eps * values[-1]
    roots = np.sqrt(np.where(kept, values, 1.0))
    inverse = (vectors * (kept / roots)) @ vectors.T
    root = (vectors * (kept * roots)) @ vectors.T
    most = _STEPS_PER_ATOM * len(G)
    return np.array([nnls(root, target, maxiter=most)[0] for target in P @ inverse])


def unit_columns(W):  # (d, r) -> (d, r)
    """Nearest columns of length one without negative entries.

    A column without a positive entry becomes the axis of its largest one.
    """
    clipped = np.maximum(W, 0.0)
    lengths = linalg.norm(clipped, axis=0)
    for j in np.flatnonzero(lengths == 0):
        clipped[W[:, j].argmax(), j] = lengths[j] = 1.0
    return clipped / lengths


def orthonormal_columns(W):  # (d, r) -> (d, r)
    """Nearest matrix with orthonormal columns, U V' of the singular value decomposition."""
    U, _, Vt = linalg.svd(W, full_matrices=False, check_finite=False)
    return U @ Vt
