"""The network of a sparse autoencoder: its codes, its penalties, and its first atoms."""

import math

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from sksubspace._linalg import far_centre, unit_rows
from sksubspace._torch.device import to_tensor

__all__ = ["PENALTIES", "SparseReconstruction", "active_units", "first_atoms", "unit_atoms"]


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
    1 - R2. The columns of D are the rows of `atoms`, brought to length one. A module may stand in
    the place of E'(x - b) + c, or of D z + b; it sees the root of the number of features times as
    much. In mixed precision only products and modules are rounded: what is active is chosen among
    single precision numbers, and atoms are brought to length one in it.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the rows.
    unit : float
        Root of their total variance.
    weights : dict of str to ndarray or None
        "atoms" (m, d), "encoder" (m, d), "intercept" (m,) and "offset" (d,), which are E, D, c and
        b; None for those that no linear map needs.
    encoder, decoder : torch.nn.Module or None
        The modules.
    k : int
        Most entries of a row of codes that are kept.
    penalty : {"l1", "flops"} or None
        What is added.
    penalty_weight : float
        Its factor.
    """

    def __init__(self, mean, unit, weights, *, encoder, decoder, k, penalty, penalty_weight):
        super().__init__()
        self.register_buffer("mean", to_tensor(mean))
        self.register_buffer("unit", torch.as_tensor(float(unit)))
        for name, value in weights.items():
            setattr(self, name, None if value is None else nn.Parameter(to_tensor(value)))
        self.encoder_module = encoder
        self.decoder_module = decoder
        self.root = math.sqrt(len(mean))
        self.k = self.k_now = k
        self.penalty = penalty
        self.penalty_weight = penalty_weight

    def forward(self, batch):  # ((b, d),) -> ()
        """Loss of a batch of rows."""
        x = (batch[0] - self.mean) / self.unit
        z = self.codes(x)
        loss = (x - self.reconstruction(z)).square().sum(dim=1).mean()
        if self.penalty is not None:
            loss = loss + self.penalty_weight * PENALTIES[self.penalty](z)
        return loss

    def codes(self, x):  # (b, d) -> (b, m)
        """Codes of standardised rows; `k_now` counts in the training only."""
        if self.encoder_module is not None:
            a = self.encoder_module(self.root * x).to(x.dtype) / self.root
        else:
            a = ((x - self.offset) @ self.encoder.T).to(x.dtype) + self.intercept
        return largest(a, self.k_now if self.training else self.k)

    def reconstruction(self, z):  # (b, m) -> (b, d)
        """Standardised rows from codes."""
        if self.decoder_module is not None:
            return self.decoder_module(self.root * z).to(z.dtype) / self.root
        return (z @ unit_atoms(self.atoms)).to(z.dtype) + self.offset

    def narrow(self, losses, k_start, n_epochs):
        """Set the number of active units of the epoch that comes after the one just made."""
        self.k_now = active_units(losses["epoch"], n_epochs, k_start, self.k)

    def get_extra_state(self):
        """What of a state is no weight: a number that the training changes."""
        return torch.tensor(self.k_now)

    def set_extra_state(self, state):
        """Go on with the number of active units that was saved."""
        self.k_now = int(state)


def active_units(epoch, n_epochs, k_start, k):
    """k_start in epoch 0, linearly fewer up to half of the epochs, then k."""
    share = min(1.0, 2 * epoch / n_epochs)
    return round(k_start + share * (k - k_start))


def unit_atoms(atoms):  # (m, d) -> (m, d)
    """Rows of length one, in the precision of the weights, whatever is around."""
    with torch.autocast(atoms.device.type, enabled=False):
        return nn.functional.normalize(atoms, dim=1)


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
    X = X.astype(np.float64)
    centre = far_centre(X)
    pca = PCA().fit(X if centre is None else X - centre)
    held = np.cumsum(pca.explained_variance_ratio_)
    n_needed = 1 + np.searchsorted(held, share * held[-1] * (1 - 1e-12))
    return pca.components_[:n_needed]
