"""Pieces of objectives: units and losses."""

import torch
from torch import nn

from .device import to_tensor

__all__ = ["Standardize", "huber"]


class Standardize(nn.Module):
    """(x - mean) / spread, as the first layer of a network on working data."""

    def __init__(self, mean, spread):
        super().__init__()
        self.register_buffer("mean", to_tensor(mean))
        self.register_buffer("spread", torch.as_tensor(float(spread)))

    def forward(self, x):  # (n, d) -> (n, d)
        """Standardise the rows of x."""
        return (x - self.mean) / self.spread


def huber(prediction, target, delta=0.02):  # (n, q), (n, q) -> ()
    """Huber loss in units of delta: nearly the absolute error, whose minimiser is a median.

    Squared error would place a sample between two clusters at their mean, which is empty space.
    """
    return nn.functional.huber_loss(prediction, target, delta=delta) / delta
