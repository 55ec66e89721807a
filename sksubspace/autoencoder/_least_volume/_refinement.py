"""The last epochs: the first coordinates learn to do without the others.

A training for a small volume asks for few dimensions, and not for much in the first of them. Here
half of the rows are rebuilt from their first k coordinates, with nothing else in the loss and no
bound on the decoder.
"""

from dataclasses import replace

import torch
from torch import nn

from sksubspace._trained import train_rows
from sksubspace.autoencoder._networks import unexplained

__all__ = ["Refinement", "n_first", "refine"]

_SETTINGS = {"max_iter": 30, "learning_rate": 1e-3, "batch_size": 128}


class Refinement(nn.Module):
    r"""1 - R2 of rows, the second half of them rebuilt from their first k coordinates.

    The others are at 0, their mean before the refinement, and stay there where columns are left
    out. The number k is drawn anew for each row, see `n_first`.

    Parameters
    ----------
    standardize, encoder, decoder : torch.nn.Module
        The units of the rows and the two networks, with ordered and centred latent points.
    gain : float
        Factor of the decoder's output.
    generator : torch.Generator
        Draws k, on the device of the networks.
    """

    def __init__(self, standardize, encoder, decoder, *, gain, generator):
        super().__init__()
        self.standardize = standardize
        self.encoder = encoder
        self.decoder = decoder
        self.gain = gain
        self.generator = generator

    def forward(self, batch):  # ((b, d),) -> ()
        """Loss of a batch; a single row is not cut."""
        x = self.standardize(batch[0])
        whole, cut = self.encoder(x).tensor_split([(len(x) + 1) // 2])
        k = n_first(*cut.shape, self.generator)
        beyond = torch.arange(cut.shape[1], device=k.device) >= k[:, None]
        z = torch.cat([whole, cut.masked_fill(beyond, 0.0)])
        return unexplained(self.gain * self.decoder(z), x)


def n_first(n_rows, n_components, generator):  # -> (n_rows,)
    """Numbers from 1 to q that are log-uniform: the floor of (q + 1)^u with u uniform."""
    u = torch.rand(n_rows, generator=generator, device=generator.device)
    return torch.floor((n_components + 1) ** u).clamp(max=n_components)


def refine(objective, X, trainer, *, autocast=False):
    """Train a `Refinement` on rows, all of them, in place; callbacks do not see these epochs."""
    trainer = replace(trainer, **_SETTINGS, estimator=None, stage=None)
    train_rows(objective, X, trainer, validation_fraction=0.0, autocast=autocast)
