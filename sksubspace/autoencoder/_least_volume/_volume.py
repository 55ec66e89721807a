"""The volume of a cloud of latent points, and the objective that makes it small.

Chen and Fuge, "Least volume analysis", ICLR 2024.
"""

import math

import torch
from torch import nn

from sksubspace._torch.hooks import one_cycle
from sksubspace.autoencoder._networks import unexplained

__all__ = ["LeastVolume", "latent_spread", "volume"]

# share of the epochs over which the weight rises, see `warm_up`
_WARM_UP = 0.1
# steps of the log weight for each unit of excess and of its change, see `adapt`
_RATE = 20.0
_DAMPING = 60.0
# bounds of the excess, of a step of the log weight, and of the weight
_MOST_EXCESS = 0.1
_MOST_CHANGE = 2.0
_WEIGHT_RANGE = (1e-6, 1e2)


def latent_spread(z):  # (b, q) -> (q,)
    """Standard deviations over a batch, at least in single precision; 0 for a single row."""
    return torch.std(z if z.dtype == torch.float64 else z.float(), dim=0, correction=0)


def volume(z, eta):  # (b, q) -> ()
    r"""Geometric mean of the sides of the cloud, :math:`\exp(\mathrm{mean}_j \log(s_j + \eta))`.

    With eta = 0 one flat side would make the volume, and its gradient for all sides, zero.
    """
    return torch.exp(torch.log(latent_spread(z) + eta).mean())


def mean_spread(z, eta):  # (b, q) -> ()
    """Mean of the sides of the cloud, which does not prefer few long sides to many short ones."""
    return latent_spread(z).mean()


def no_penalty(z, eta):  # (b, q) -> ()
    """0."""
    return torch.zeros((), device=z.device)


_PENALTIES = {"volume": volume, "l1_std": mean_spread, "none": no_penalty}


class LeastVolume(nn.Module):
    r"""(1 - R2) + weight * volume of the latent points.

    Parameters
    ----------
    standardize, encoder, decoder : torch.nn.Module
        The units of the rows and the two networks.
    gain : float
        Factor of the decoder's output.
    penalty : {"volume", "l1_std", "none"}
        What stands for the volume.
    weight : float
        Its weight; with `min_score` the one to start with.
    eta : float
        Offset of the sides.
    min_score : float or None
        The R2 to reach. In evaluation mode the objective then is 1 - R2, and `adapt` raises the
        weight while R2 is above it: dual ascent for the least volume with R2 >= min_score.
    max_iter : int
        Number of epochs, for `warm_up` and `adapt`.
    """

    def __init__(
        self, standardize, encoder, decoder, *, gain, penalty, weight, eta, min_score, max_iter
    ):
        super().__init__()
        self.standardize = standardize
        self.encoder = encoder
        self.decoder = decoder
        self.gain = gain
        self.penalty = _PENALTIES[penalty]
        self.eta = eta
        self.min_score = min_score
        self.max_iter = max_iter
        self.register_buffer("weight", torch.tensor(float(weight), dtype=torch.float64))
        share = 1.0 if min_score is not None else _share(1, max_iter)
        self.register_buffer("share", torch.tensor(share, dtype=torch.float64))
        self.register_buffer("excess", torch.tensor(math.nan, dtype=torch.float64))

    def forward(self, batch):  # ((b, d),) -> ()
        """Loss of a batch."""
        x = self.standardize(batch[0])
        z = self.encoder(x)
        loss = unexplained(self.gain * self.decoder(z), x)
        if self.min_score is not None and not self.training:
            return loss
        weight = self.weight * self.share if self.training else self.weight
        return loss + weight.to(loss.dtype) * self.penalty(z, self.eta)

    def warm_up(self, losses):
        """Let the weight rise to its value over the first tenth of the epochs.

        Latent points start near zero. With all of the weight they may stay there: at first a
        shorter cloud is an easier gain than a better reconstruction.
        """
        self.share.fill_(_share(losses["epoch"] + 1, self.max_iter))

    def adapt(self, losses):
        """Follow the held-out R2 of an epoch, by its excess e = R2 - min_score and its change.

        log weight <- log weight + c * (rate * e + damping * (e - e of the epoch before)). Dual
        ascent is the first term; without the second one R2 swings about its target. The factor c
        falls to 0 with the learning rate, since the networks then follow ever more slowly.
        """
        excess = _clipped(1 - losses["valid_loss"] - self.min_score, _MOST_EXCESS)
        before = self.excess.item()
        change = 0.0 if math.isnan(before) else excess - before
        step = _clipped(_RATE * excess + _DAMPING * change, _MOST_CHANGE)
        cooling = one_cycle(losses["epoch"], self.max_iter + 1, 1.0, 0.0)
        self.weight.mul_(math.exp(cooling * step)).clamp_(*_WEIGHT_RANGE)
        self.excess.fill_(excess)


def _share(epoch, max_iter):
    """Share of the weight in an epoch, counted from 1."""
    return min(1.0, epoch / (_WARM_UP * max_iter))


def _clipped(value, most):
    return min(max(value, -most), most)
