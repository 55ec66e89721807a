"""Elastic net by coordinate descent: slow and sure, for what the homotopy leaves.

Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via coordinate
descent", Journal of Statistical Software 2010.
"""

import torch

__all__ = ["coordinate_descent"]

_SWEEPS = 2000


def coordinate_descent(inner, b, squared_norms, allowed, penalty, ridge, c):
    r"""Minimise :math:`\frac12 \|x - cD\|^2 + \lambda \|c\|_1 + \frac\mu2 \|c\|^2` for each row.

    Parameters
    ----------
    inner : callable
        Maps a position (n_rows,) of each row to the inner products (n_rows, w) of that atom with
        the row's atoms.
    b : Tensor of shape (n_rows, w)
        Inner products of each row with its atoms.
    squared_norms : Tensor of shape (n_rows, w)
        Squared lengths of the atoms.
    allowed : Tensor of shape (n_rows, w)
        Which atoms may be used.
    penalty : Tensor of shape (n_rows,)
        :math:`\lambda > 0`.
    ridge : Tensor of shape (n_rows,)
        :math:`\mu \ge 0`.
    c : Tensor of shape (n_rows, w)
        Where to start.

    Returns
    -------
    c : Tensor of shape (n_rows, w)
        The coefficients, when no sweep changes the fit any more or after 2,000 sweeps.
    """
    n, w = b.shape
    positions = torch.arange(w, device=b.device)
    gram = torch.stack([inner(position.expand(n)) for position in positions], dim=1)
    c = torch.where(allowed, c, 0)
    a = b - (c[:, None] @ gram)[:, 0]
    curvature = squared_norms + ridge[:, None]
    usable = allowed & (curvature > 0)
    tol = torch.finfo(b.dtype).eps * b.abs().amax(dim=1)
    for _ in range(_SWEEPS):
        largest = torch.zeros_like(tol)
        for j in torch.nonzero(usable.any(dim=0))[:, 0]:
            z = a[:, j] + squared_norms[:, j] * c[:, j]
            shrunk = z.sign() * (z.abs() - penalty).clamp(min=0)
            new = torch.where(usable[:, j], shrunk / curvature[:, j], 0)
            change = new - c[:, j]
            a -= change[:, None] * gram[:, j]
            c[:, j] = new
            largest = torch.maximum(largest, change.abs() * squared_norms[:, j])
        if bool((largest <= tol).all()):
            break
    return c
