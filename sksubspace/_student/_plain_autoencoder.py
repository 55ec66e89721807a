"""A plain autoencoder: what a map of the same dimension could tell at most, or nearly."""

from torch import nn

from sksubspace._torch.device import as_rows
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import mlp
from sksubspace._torch.objectives import Standardize
from sksubspace._torch.trainer import Budget

_BUDGET = Budget(n_steps=1200, max_epochs=120, weight_decay=1e-4)


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
    trainer.fit(_AutoencoderLoss(module), data, _BUDGET, "autoencoder")

    def reconstruct(rows):
        rows = as_rows(rows.astype(trainer.dtype, copy=False), trainer.device)
        standardised = batched_forward(module, rows, device=trainer.device)
        return standardised * scale.spread + scale.mean

    return reconstruct
