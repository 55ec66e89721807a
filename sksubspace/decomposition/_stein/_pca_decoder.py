"""Decoders of a linear encoder: what scores say about the residual of the linear reconstruction."""

import math
from dataclasses import replace
from numbers import Integral

import numpy as np
import torch
from scipy import linalg
from torch import nn

from sksubspace._torch.modules import mlp
from sksubspace._torch.persistence import load_arrays_, module_to_arrays
from sksubspace._torch.random import seeded_module
from sksubspace._torch.trainer import Budget
from sksubspace.decoding import (
    FourierNetwork,
    FourierRidge,
    fit_fourier_ridge,
    fit_network_decoder,
)
from sksubspace.decoding._ridge import fourier_features

_MOST_RIDGE_COMPONENTS = 8
_SELECTION_ROWS = 500
_CHUNK = 4096
_BUDGET = Budget(n_steps=1000, max_epochs=60, weight_decay=1e-4)


def resolve_decoder(name, n_components):
    """Name the decoder that "auto" stands for: closed form in few dimensions, else a network."""
    if name != "auto":
        return name
    return "ridge" if n_components <= _MOST_RIDGE_COMPONENTS else "network"


def check_widths(hidden_layer_sizes):
    """Return the widths as a tuple of int; they must be positive integers."""
    widths = tuple(hidden_layer_sizes)
    if not widths or not all(isinstance(width, Integral) and width > 0 for width in widths):
        raise ValueError(
            "hidden_layer_sizes must be a sequence of at least one positive int, got "
            f"{hidden_layer_sizes!r}."
        )
    return tuple(int(width) for width in widths)


def fit_decoder(name, Z, R, hidden_layer_sizes, trainer):  # (n, k), (n, d) -> dict, list
    """Regress residuals on scores of unit radius.

    Parameters
    ----------
    name : {"linear", "ridge", "network"}
        The regression; "linear" leaves the residual at zero.

    Z : ndarray of shape (n_samples, n_components)
        Scores with a root mean squared length of one.

    R : ndarray of shape (n_samples, n_features)
        Residuals.

    hidden_layer_sizes : tuple of int
        Hidden widths of the network.

    trainer : sksubspace._torch.trainer.Trainer
        How it is trained; the source of randomness.

    Returns
    -------
    decoder : dict
        Arrays and plain values, for `decode`.

    loss_curve : list of float
        Training loss of every epoch; empty without a network.
    """
    if name == "linear":
        return {"kind": name}, []
    if name == "ridge":
        ridge = fit_ridge(Z, R, trainer.random_state)
        return {"kind": name, **vars(ridge)}, []
    return _fit_network(Z, R, hidden_layer_sizes, trainer)


def decode(decoder, Z, device):  # dict, (n, k) -> (n, d)
    """Residuals that a decoder of `fit_decoder` predicts at scores of unit radius; 0 if linear."""
    values = {name: value for name, value in decoder.items() if name != "kind"}
    if decoder["kind"] == "linear":
        return 0.0
    if decoder["kind"] == "ridge":
        return FourierRidge(**values).predict(Z)
    sizes = (Z.shape[1], *values.pop("hidden_layer_sizes"), len(values["mean"]))
    module = seeded_module(lambda: mlp(sizes, "gelu"), torch.Generator())
    load_arrays_(module, values.pop("weights"), device)
    return FourierNetwork(module, device=device, **values).predict(math.sqrt(Z.shape[1]) * Z)


def fit_ridge(Z, R, random_state):  # (n, k), (n, d) -> FourierRidge
    """Ridge on Fourier features; above 500 rows their scale and the penalty come from 500 rows.

    A linear encoder hardly moves when a row is left out, so that the leave-one-out error is taken
    at Z itself.
    """
    if len(Z) <= _SELECTION_ROWS:
        return fit_fourier_ridge(Z, Z, R, random_state=random_state)[0]
    drawn = np.sort(random_state.choice(len(Z), _SELECTION_ROWS, replace=False))
    ridge, _ = fit_fourier_ridge(Z[drawn], Z[drawn], R[drawn], random_state=random_state)
    return _refit(ridge, Z, R)


def _refit(ridge, Z, R):
    r"""Coefficients :math:`(F^T F + a I)^{-1} F^T R`, F the centred features of all rows."""
    size = len(ridge.coef)
    gram, moment = np.zeros((size, size)), np.zeros((size, R.shape[1]))
    offset, mean = np.zeros(size), R.mean(axis=0, dtype=np.float64)
    for start in range(0, len(Z), _CHUNK):
        rows = slice(start, start + _CHUNK)
        features = fourier_features(Z[rows], ridge.frequencies)
        gram += features.T @ features
        moment += features.T @ (R[rows] - mean)
        offset += features.sum(axis=0) / len(Z)
    gram -= len(Z) * np.outer(offset, offset)
    gram[np.diag_indices_from(gram)] += ridge.penalty
    coef = linalg.solve(gram, moment, assume_a="pos", overwrite_a=True, check_finite=False)
    intercept = (mean - offset @ coef).astype(R.dtype)
    return replace(ridge, coef=coef.astype(R.dtype), intercept=intercept)


def _fit_network(Z, R, hidden_layer_sizes, trainer):
    mean = R.mean(axis=0, dtype=np.float64)
    spread = float(np.sqrt(R.var(axis=0, dtype=np.float64).mean())) or 1.0
    sizes = (Z.shape[1], *hidden_layer_sizes, R.shape[1])
    module = trainer.build(lambda: _silent(mlp(sizes, "gelu")))
    steps = math.ceil(len(Z) / trainer.batch_size)
    epochs = _BUDGET.epochs(steps) if trainer.max_iter == "auto" else trainer.max_iter
    fitted, log = fit_network_decoder(
        math.sqrt(Z.shape[1]) * Z,
        R,
        module,
        mean=mean,
        spread=spread,
        trainer=replace(trainer, max_iter=epochs),
    )
    decoder = {
        "kind": "network",
        "hidden_layer_sizes": hidden_layer_sizes,
        "weights": module_to_arrays(fitted.module),
        "mean": fitted.mean,
        "spread": fitted.spread,
    }
    return decoder, log.loss_curve


def _silent(module):
    """Set the last layer to zero, so that training starts at the linear reconstruction."""
    nn.init.zeros_(module[-1].weight)
    nn.init.zeros_(module[-1].bias)
    return module
