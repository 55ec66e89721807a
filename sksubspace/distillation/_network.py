"""Network encoders: decoupled, or jointly with a decoder as in the paper."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sksubspace._torch.device import as_rows, to_tensor
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import ResidualMLP, mlp
from sksubspace._torch.objectives import Standardize, huber
from sksubspace._torch.trainer import Budget

_BUDGET = Budget(n_steps=2000, max_epochs=200, weight_decay=0.05)
_AUTOENCODER_BUDGET = Budget(n_steps=1200, max_epochs=120, weight_decay=1e-4)


@dataclass
class NetworkEncoder:
    """z(x) = module(x), on working data."""

    module: nn.Module
    device: torch.device

    def __call__(self, X):  # (n, d) -> (n, q)
        """Place the rows of X."""
        placed = batched_forward(self.module, as_rows(X, self.device), device=self.device)
        return placed.astype(np.float64)


def encoder_module(scale, hidden_layer_sizes, n_components):
    """The residual network on standardised rows, for building under a seed."""
    return nn.Sequential(
        Standardize(scale.mean, scale.spread),
        ResidualMLP(len(scale.mean), hidden_layer_sizes, n_components),
    )


class _Matching(nn.Module):
    """Huber loss between f(x + noise) and z; the noise is in units of the spread of x."""

    def __init__(self, module, noise, generator):
        super().__init__()
        self.module = module
        self.noise = noise
        self.generator = generator

    def forward(self, batch):  # ((b, d), (b, q)) -> ()
        x, z = batch
        draw = torch.randn(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        return huber(self.module(x + self.noise * draw), z)


def fit_network(X, Z, module, scale, input_noise, trainer):
    """Train `module` in place to place rows X of shape (n, d) at Z of shape (n, q)."""
    objective = _Matching(module, input_noise * scale.spread, trainer.generator())
    data = (as_rows(X, trainer.device), to_tensor(Z.astype(trainer.dtype), trainer.device))
    log = trainer.fit(objective, data, _BUDGET, "encoder")
    return NetworkEncoder(module, trainer.device), log


class _Joint(nn.Module):
    """The paper's penalty: mean ||x - g(f(x))||^2 / d + weight * mean ||f(x) - z||^2 / q."""

    def __init__(self, encoder, decoder, standardize, match_weight):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.standardize = standardize
        self.match_weight = match_weight

    def forward(self, batch):  # ((b, d), (b, q)) -> ()
        x, z = batch
        placed = self.encoder(x)
        reconstruction = nn.functional.mse_loss(self.decoder(placed), self.standardize(x))
        return reconstruction + self.match_weight * nn.functional.mse_loss(placed, z)


def fit_joint(X, Z, encoder, decoder, scale, match_weight, trainer):
    """Train encoder and decoder modules together, in place, with the paper's penalty."""
    standardize = Standardize(scale.mean, scale.spread).to(trainer.device, trainer.torch_dtype)
    objective = _Joint(encoder, decoder, standardize, match_weight)
    data = (as_rows(X, trainer.device), to_tensor(Z.astype(trainer.dtype), trainer.device))
    return trainer.fit(objective, data, _BUDGET, "joint")


class _Autoencoder(nn.Module):
    """mean ||x - g(f(x))||^2 of a plain autoencoder on standardised rows."""

    def __init__(self, standardize, n_features, hidden_layer_sizes, n_components):
        super().__init__()
        self.standardize = standardize
        self.encoder = mlp((n_features, *hidden_layer_sizes, n_components), "gelu")
        self.decoder = mlp((n_components, *hidden_layer_sizes[::-1], n_features), "gelu")

    def forward(self, x):  # (n, d) -> (n, d)
        return self.decoder(self.encoder(self.standardize(x)))


class _AutoencoderLoss(nn.Module):
    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, batch):  # ((b, d),) -> ()
        (x,) = batch
        return nn.functional.mse_loss(self.autoencoder(x), self.autoencoder.standardize(x))


def fit_autoencoder(X, scale, hidden_layer_sizes, n_components, trainer):
    """Train a plain autoencoder on rows X of shape (n, d); returns rows -> reconstructions."""
    module = trainer.build(
        lambda: _Autoencoder(
            Standardize(scale.mean, scale.spread), len(scale.mean), hidden_layer_sizes, n_components
        )
    )
    data = (as_rows(X, trainer.device),)
    trainer.fit(_AutoencoderLoss(module), data, _AUTOENCODER_BUDGET, "autoencoder")

    def reconstruct(rows):
        rows = as_rows(rows.astype(trainer.dtype, copy=False), trainer.device)
        standardised = batched_forward(module, rows, device=trainer.device)
        return standardised * scale.spread + scale.mean

    return reconstruct
