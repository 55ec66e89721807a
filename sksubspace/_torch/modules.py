"""Building blocks of the networks."""

from itertools import pairwise

import torch
from torch import nn

from .inference import batched_forward

__all__ = ["FourierFeatures", "ResidualBlock", "ResidualMLP", "check_module", "mlp"]

ACTIVATIONS = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def mlp(sizes, activation="gelu"):
    """Linear layers with an activation between each two.

    Parameters
    ----------
    sizes : sequence of int
        Widths from input to output, at least two.
    activation : str or callable, default="gelu"
        One of "elu", "gelu", "relu", "selu", "silu", "tanh", or something that returns a module
        when called without arguments.

    Returns
    -------
    torch.nn.Sequential
        Linear, activation, ..., Linear.

    Raises
    ------
    ValueError
        If `activation` is an unknown name or there are fewer than two sizes.

    Examples
    --------
    >>> mlp((4, 8, 2), "tanh")
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): Tanh()
      (2): Linear(in_features=8, out_features=2, bias=True)
    )
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes must name at least an input and an output width, got {sizes!r}.")
    make = _activation(activation)
    layers = [nn.Linear(sizes[0], sizes[1])]
    for n_in, n_out in pairwise(sizes[1:]):
        layers += [make(), nn.Linear(n_in, n_out)]
    return nn.Sequential(*layers)


def _activation(activation):
    if callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {sorted(ACTIVATIONS)} or a callable, got {activation!r}."
        )
    return ACTIVATIONS[activation]


class ResidualBlock(nn.Module):
    """x + W2 gelu(W1 layernorm(x) + b1) + b2, with W2 = 0 and b2 = 0 at the start.

    A new block is the identity, so that a deep stack starts as a linear map.

    Parameters
    ----------
    width : int
        Width of input and output.
    hidden : int
        Width of the hidden layer.
    """

    def __init__(self, width, hidden):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)
        self.activation = nn.GELU()
        self.reset_parameters()

    def reset_parameters(self):
        """Make the block the identity; its other layers reset themselves."""
        nn.init.zeros_(self.contract.weight)
        nn.init.zeros_(self.contract.bias)

    def forward(self, x):  # shape: (n, width) -> (n, width)
        """Add the correction to `x`."""
        return x + self.contract(self.activation(self.expand(self.norm(x))))


class ResidualMLP(nn.Module):
    """Linear, residual blocks, LayerNorm, Linear.

    Parameters
    ----------
    n_in : int
        Width of the input.
    hidden_layer_sizes : sequence of int
        Hidden width of each residual block; the first entry is also the width of the stream.
    n_out : int
        Width of the output.
    """

    def __init__(self, n_in, hidden_layer_sizes, n_out):
        super().__init__()
        if len(hidden_layer_sizes) == 0:
            raise ValueError("hidden_layer_sizes must name at least one width, got none.")
        width = hidden_layer_sizes[0]
        self.enter = nn.Linear(n_in, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, h) for h in hidden_layer_sizes))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, n_out)

    def forward(self, x):  # shape: (n, n_in) -> (n, n_out)
        """Map the rows of `x`."""
        return self.leave(self.norm(self.blocks(self.enter(x))))


class FourierFeatures(nn.Module):
    """[z, sin(z B), cos(z B)]: lets a network on a few inputs fit a function that varies fast.

    Parameters
    ----------
    frequencies : Tensor of shape (n_components, n_frequencies)
        The matrix B, fixed during training.
    linear : bool, default=True
        Whether z itself is among the features.

    Attributes
    ----------
    n_features_out : int
        Number of features.

    References
    ----------
    Tancik, Srinivasan, Mildenhall et al., "Fourier features let networks learn high frequency
    functions in low dimensional domains", NeurIPS 2020. https://arxiv.org/abs/2006.10739
    """

    def __init__(self, frequencies, linear=True):
        super().__init__()
        self.register_buffer("frequencies", torch.as_tensor(frequencies))
        self.linear = linear
        n_in, n_frequencies = self.frequencies.shape
        self.n_features_out = 2 * n_frequencies + (n_in if linear else 0)

    def forward(self, z):  # shape: (n, q) -> (n, n_features_out)
        """Compute the features of the rows of `z`."""
        phase = z @ self.frequencies
        features = (torch.sin(phase), torch.cos(phase))
        return torch.cat((z, *features) if self.linear else features, dim=1)


def check_module(module, name, n_in, n_out, device):
    """Check that a module maps two rows of the one width to two rows of the other."""
    weights = next(module.parameters(), torch.zeros(()))
    probe = torch.zeros(2, n_in, dtype=weights.dtype)
    wanted = f"{name} must be a module that maps shape (n, {n_in}) to (n, {n_out});"
    try:
        shape = tuple(batched_forward(module, probe, chunk_size=2, device=device).shape)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"{wanted} it fails on (2, {n_in}): {error}") from error
    if shape != (2, n_out):
        raise ValueError(f"{wanted} it maps (2, {n_in}) to {shape}.")
