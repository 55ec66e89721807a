"""Network decoder: Fourier features of the latent point, then an MLP.

Without the features a network on two inputs underfits badly: Tancik et al., "Fourier features let
networks learn high frequency functions in low dimensional domains", NeurIPS 2020.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sksubspace._torch.device import as_rows, to_tensor
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import FourierFeatures, mlp
from sksubspace._torch.objectives import Standardize
from sksubspace._torch.trainer import Budget

_N_FREQUENCIES = 64
_FREQUENCY_SCALE = 3.0
_JITTER = 0.02
_BUDGET = Budget(n_steps=1000, max_epochs=120, weight_decay=1e-4)


@dataclass
class FourierNetwork:
    """A fitted decoder x(z) = mean + spread * module(z).

    Attributes
    ----------
    module : torch.nn.Module
        Maps scaled latent points to standardised data.

    mean : ndarray of shape (n_features,)
        Mean of the target.

    spread : float
        Unit of the module's output.

    device : torch.device
        Where it runs.
    """

    module: nn.Module
    mean: np.ndarray
    spread: float
    device: torch.device

    def predict(self, Z):
        """Decode points of the latent space.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components)
            Scaled points.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Reconstructions.
        """
        rows = to_tensor(np.asarray(Z, dtype=self.mean.dtype), self.device)
        standardised = batched_forward(self.module, rows, device=self.device)
        return standardised * self.mean.dtype.type(self.spread) + self.mean


def decoder_module(n_components, hidden_layer_sizes, n_features):
    """The network [z, sin(zB), cos(zB)] -> MLP with B ~ N(0, 3^2), of shape (q, 64)."""
    frequencies = _FREQUENCY_SCALE * torch.randn(n_components, _N_FREQUENCIES)
    features = FourierFeatures(frequencies)
    return nn.Sequential(
        features, mlp((features.n_features_out, *hidden_layer_sizes, n_features), "gelu")
    )


class _Reconstruction(nn.Module):
    """mean ||(x - mean) / spread - g(z + noise)||^2 per feature."""

    def __init__(self, module, standardize, generator):
        super().__init__()
        self.module = module
        self.standardize = standardize
        self.generator = generator

    def forward(self, batch):  # ((b, q), (b, d)) -> ()
        z, x = batch
        noise = torch.randn(z.shape, generator=self.generator, dtype=z.dtype, device=z.device)
        return nn.functional.mse_loss(self.module(z + _JITTER * noise), self.standardize(x))


def fit_network_decoder(Z, X, module, *, mean, spread, trainer):
    """Train a decoder on latent points and data.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
        Scaled embedding.

    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Target.

    module : torch.nn.Module
        Maps (n, n_components) to (n, n_features), in standardised units. Trained in place.

    mean : ndarray of shape (n_features,)
        Centre of the target.

    spread : float
        Unit of the target.

    trainer : sksubspace._torch.trainer.Trainer
        How to train.

    Returns
    -------
    decoder : FourierNetwork
        The fitted decoder.

    log : TrainingLog
        Losses of the training.
    """
    standardize = Standardize(mean, spread).to(trainer.device, trainer.torch_dtype)
    objective = _Reconstruction(module, standardize, trainer.generator())
    data = (to_tensor(Z.astype(trainer.dtype), trainer.device), as_rows(X, trainer.device))
    log = trainer.fit(objective, data, _BUDGET, "decoder")
    return FourierNetwork(module, mean.astype(trainer.dtype), spread, trainer.device), log
