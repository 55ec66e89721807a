"""The energy of predictive sparse coding: codes that minimise it, and what it trains."""

import numpy as np
import torch
from torch import nn

from sksubspace._torch.device import to_tensor
from sksubspace.autoencoder._sparse._network import unit_atoms

__all__ = ["PredictiveEnergy", "TanhEncoder", "lasso_codes", "soft_threshold"]

# of FISTA in a training step, from the predicted codes
_STEPS = 20


def soft_threshold(z, threshold):
    """Bring every entry closer to zero by `threshold`, and no further than zero."""
    return z - z.clip(-threshold, threshold)


class TanhEncoder(nn.Module):
    """g tanh(W x + b), with b = 0 and g = 1 at the start."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(to_tensor(weights))
        self.intercept = nn.Parameter(torch.zeros(len(weights)))
        self.gain = nn.Parameter(torch.ones(len(weights)))

    def forward(self, x):  # (b, d) -> (b, m)
        """Predict the codes of standardised rows."""
        return self.gain * torch.tanh(x @ self.weights.T + self.intercept)


class PredictiveEnergy(nn.Module):
    """||x - D z||^2 + alpha |z|_1 + weight ||z - f(x)||^2, a mean over the rows.

    f, the encoder, predicts the codes. They minimise the energy for the weights as they are, so
    that its gradient is that of the least energy of each row. Rows are centred and divided by
    `unit`, and the energy by the number of features. Codes are found in the precision of the
    weights, whatever is around.
    """

    def __init__(self, mean, unit, atoms, encoder, *, alpha, weight):
        super().__init__()
        self.register_buffer("mean", to_tensor(mean))
        self.register_buffer("unit", torch.as_tensor(float(unit)))
        self.atoms = nn.Parameter(to_tensor(atoms))
        self.encoder = encoder
        self.alpha = alpha
        self.weight = weight

    def forward(self, batch):  # ((b, d),) -> ()
        """Least energy of a batch of rows."""
        x = (batch[0] - self.mean) / self.unit
        D = unit_atoms(self.atoms)
        predicted = self.encoder(x).to(x.dtype)
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            z = self.codes(x, D, predicted)
        energy = (x - z @ D).square().sum(1) + self.alpha * z.abs().sum(1)
        energy = energy + self.weight * (z - predicted).square().sum(1)
        return energy.mean() / x.shape[1]

    def codes(self, x, D, predicted):  # (b, d), (m, d), (b, m) -> (b, m)
        """Codes of least energy, by FISTA from the prediction."""
        gram, target = D @ D.T, x @ D.T + self.weight * predicted
        gram = gram + self.weight * torch.eye(len(D), dtype=D.dtype, device=D.device)
        step = 1 / (torch.linalg.matrix_norm(D, ord=2) ** 2 + self.weight)
        z = y = predicted
        t = 1.0
        for _ in range(_STEPS):
            former, z = z, soft_threshold(y - step * (y @ gram - target), self.alpha / 2 * step)
            t_former, t = t, (1 + (1 + 4 * t**2) ** 0.5) / 2
            y = z + (t_former - 1) / t * (z - former)
        return z


def lasso_codes(X, D, start, alpha, max_iter, tol):  # (n, d), (m, d), (n, m) -> (n, m), (n,)
    """Minimise 1/2 ||x - D'z||^2 + alpha |z|_1 for each row by FISTA, restarted where it rises.

    A row is left alone once no optimality condition is violated by more than ``tol * alpha``, so
    that it does not depend on the others. The second result says which rows got there.
    """
    G, P = D @ D.T, X @ D.T
    L = max(np.linalg.norm(D, 2) ** 2, np.finfo(D.dtype).tiny)
    Z = Y = start
    t = np.ones((len(X), 1), D.dtype)
    moving = np.ones((len(X), 1), dtype=bool)
    for _ in range(max_iter):
        found = np.where(moving, soft_threshold(Y - (Y @ G - P) / L, alpha / L), Z)
        moving = moving & (L * np.abs(found - Y).max(axis=1, keepdims=True) > tol * alpha)
        rises = ((Y - found) * (found - Z)).sum(axis=1, keepdims=True) > 0
        t_former = np.where(rises, 1, t)
        t = (1 + np.sqrt(1 + 4 * t_former**2)) / 2
        Y = found + (t_former - 1) / t * (found - Z)
        Z = found
        if not moving.any():
            break
    return Z, ~moving[:, 0]
