"""Networks that lengthen no distance: linear layers of spectral norm 1, and activations to match.

Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial networks",
ICLR 2018.
"""

import math

import torch
from torch import nn
from torch.nn.utils import parametrize

__all__ = ["bake", "check_decoder", "constrain", "lipschitz_bound"]

_FIRST_ITERATIONS = 15
_PLAIN = (
    *(nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh),
    *(nn.Identity, nn.Flatten, nn.Unflatten),
)
_ALLOWED = (
    "torch.nn.Sequential of Linear, ReLU, LeakyReLU, ELU, Tanh, Sigmoid, Softplus, Softsign, "
    "Hardtanh, Identity, Flatten and Unflatten"
)


class UnitNorm(nn.Module):
    """W / sigma, where sigma = u'Wv follows the largest singular value by power iteration.

    One iteration a step is enough, because the weights move little from step to step. It is done
    in the precision of the weights, whatever is around it.
    """

    def __init__(self, weight):
        super().__init__()
        u, v = (torch.randn(n, dtype=weight.dtype) for n in weight.shape)
        self.register_buffer("u", u.to(weight.device))
        self.register_buffer("v", v.to(weight.device))
        for _ in range(_FIRST_ITERATIONS):
            self._iterate(weight)

    @torch.no_grad()
    def _iterate(self, weight):
        self.u.copy_(nn.functional.normalize(weight @ self.v, dim=0))
        self.v.copy_(nn.functional.normalize(weight.T @ self.u, dim=0))

    def forward(self, weight):  # (a, b) -> (a, b)
        """Divide by the spectral norm."""
        with torch.autocast(weight.device.type, enabled=False):
            if self.training:
                self._iterate(weight)
            sigma = self.u.clone() @ (weight @ self.v.clone())
            return weight / sigma.clamp(min=torch.finfo(weight.dtype).tiny)


def constrain(module):
    """Give every linear layer of a module spectral norm 1, from now on, in place."""
    for layer in _linear_layers(module):
        parametrize.register_parametrization(layer, "weight", UnitNorm(layer.weight))
    return module


def bake(module):
    """Make the normalised weights plain weights again, in place."""
    for layer in _linear_layers(module):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    return module


def lipschitz_bound(module):
    """Product of the largest singular values of the linear layers."""
    norms = (torch.linalg.matrix_norm(w.weight.detach(), ord=2) for w in _linear_layers(module))
    return math.prod(norm.item() for norm in norms)


def check_decoder(module):
    """Refuse a decoder whose Lipschitz constant is not the product of those of its layers.

    The spectral norm of a convolution's kernel, written as a matrix, is not the norm of the
    convolution; and a sum of branches, a normalisation or dropout may lengthen distances.
    """
    for part in _leaves(module):
        if not _is_nonexpansive(part):
            raise ValueError(
                f"decoder must be a {_ALLOWED}, whose distances are known not to grow, got one "
                f"with {part}."
            )


def _leaves(module):
    if type(module) is not nn.Sequential:
        return [module]
    return [leaf for part in module for leaf in _leaves(part)]


def _is_nonexpansive(part):
    if type(part) is nn.ELU:
        return abs(part.alpha) <= 1
    if type(part) is nn.LeakyReLU:
        return abs(part.negative_slope) <= 1
    return type(part) in (nn.Linear, *_PLAIN)


def _linear_layers(module):
    return [part for part in module.modules() if isinstance(part, nn.Linear)]
