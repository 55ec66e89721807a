"""Networks that lengthen no distance: layers of operator norm 1, and activations to match.

Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial networks",
ICLR 2018; for convolutions, the norm of the operator itself and not of its kernel as a matrix:
Gouk, Frank, Pfahringer and Cree, "Regularisation of neural networks by enforcing Lipschitz
continuity", Machine Learning 110, 2021.
"""

import math
from copy import deepcopy

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, svds
from torch import nn
from torch.nn.utils import parametrize

__all__ = ["bake", "check_decoder", "constrain", "lipschitz_bound"]

# of the power iteration, before the first step of the training; then one a step is enough
_FIRST_ITERATIONS = 15
# up to this side the operator is written out as a matrix; above, Lanczos finds the norm
_SMALL_OPERATOR = 64
# relative error of the norm that Lanczos finds
_TOLERANCE = 1e-9
_CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
# they lengthen no distance, whatever their arguments
_PLAIN = (
    *(nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh),
    *(nn.Identity, nn.Flatten, nn.Unflatten, nn.PixelShuffle),
)
_ALLOWED = (
    "torch.nn.Sequential of Linear, Conv1d to Conv3d, ConvTranspose1d to ConvTranspose3d, ReLU, "
    "LeakyReLU, ELU, Tanh, Sigmoid, Softplus, Softsign, Hardtanh, Identity, Flatten, Unflatten and "
    "PixelShuffle"
)


class Matrix:
    """The operator of a linear layer, v -> W v."""

    def __init__(self, layer):
        self.shapes = tuple(layer.weight.shape)

    def times(self, weight, v):
        """W v."""
        return weight @ v

    def adjoint_times(self, weight, u):
        """W' u."""
        return weight.T @ u


class Convolution:
    """The operator A of a convolution without its bias, on inputs of one size.

    Its norm depends on that size, on stride and padding, and is not that of the kernel written as
    a matrix.
    """

    def __init__(self, layer, in_shape, out_shape):
        self.shapes = tuple(out_shape), tuple(in_shape)
        bare = deepcopy(layer)
        bare.bias = None
        self._layer = bare.to("meta")

    def times(self, weight, v):
        """A v."""
        return torch.func.functional_call(self._layer, {"weight": weight}, (v[None],))[0]

    def adjoint_times(self, weight, u):
        """A' u, the gradient of u'A v with respect to v."""
        v = torch.zeros(self.shapes[1], dtype=u.dtype, device=u.device, requires_grad=True)
        with torch.enable_grad():
            return torch.autograd.grad(self.times(weight.detach(), v), v, u)[0]


class UnitNorm(nn.Module):
    """A / sigma, where sigma = u'A v follows the largest singular value by power iteration.

    One iteration a step is enough, because the weights move little from step to step. It is done
    in the precision of the weights, whatever is around it.
    """

    def __init__(self, weight, operator):
        super().__init__()
        self.operator = operator
        u, v = (torch.randn(shape, dtype=weight.dtype) for shape in operator.shapes)
        self.register_buffer("u", u.to(weight.device))
        self.register_buffer("v", v.to(weight.device))
        for _ in range(_FIRST_ITERATIONS):
            self._iterate(weight)

    @torch.no_grad()
    def _iterate(self, weight):
        self.u.copy_(_of_length_one(self.operator.times(weight, self.v)))
        self.v.copy_(_of_length_one(self.operator.adjoint_times(weight, self.u)))

    def forward(self, weight):
        """Divide by the norm of the operator."""
        with torch.autocast(weight.device.type, enabled=False):
            if self.training:
                self._iterate(weight)
            image = self.operator.times(weight, self.v.clone())
            sigma = self.u.clone().flatten() @ image.flatten()
            return weight / sigma.clamp(min=torch.finfo(weight.dtype).tiny)


def constrain(module, n_in):
    """Give every layer of a module that maps (n, n_in) operator norm 1, from now on, in place."""
    for layer, operator in _operators(module, n_in):
        parametrize.register_parametrization(layer, "weight", UnitNorm(layer.weight, operator))
    return module


def bake(module):
    """Make the normalised weights plain weights again, in place."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight", leave_parametrized=True)
    return module


def lipschitz_bound(module, n_in):
    """Product of the largest singular values of the layers of a module that maps (n, n_in)."""
    return math.prod(_norm(layer, operator) for layer, operator in _operators(module, n_in))


def check_decoder(module):
    """Refuse a decoder whose Lipschitz constant is not the product of those of its layers.

    A sum of branches, a normalisation or dropout may lengthen distances.
    """
    parts = _leaves(module)
    if len({id(part) for part in parts}) < len(parts):
        raise ValueError("decoder must have each layer once, got one that uses a layer again.")
    for part in parts:
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
    return type(part) in (nn.Linear, *_CONVOLUTIONS, *_PLAIN)


def _operators(module, n_in):
    """Layers with weights and their operators, of which those of convolutions depend on n_in."""
    layers = [part for part in module.modules() if isinstance(part, (nn.Linear, *_CONVOLUTIONS))]
    probe = torch.zeros(1, n_in, **_like(module))
    shapes = {}

    def note(layer, inputs, output):
        shapes[layer] = inputs[0].shape[1:], output.shape[1:]

    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            module(probe)
    finally:
        for hook in hooks:
            hook.remove()
    return [(layer, _operator(layer, *shapes[layer])) for layer in layers]


def _operator(layer, in_shape, out_shape):
    if isinstance(layer, nn.Linear):
        return Matrix(layer)
    return Convolution(layer, in_shape, out_shape)


def _like(module):
    weight = next(module.parameters(), torch.zeros(()))
    return {"dtype": weight.dtype, "device": weight.device}


def _norm(layer, operator):
    """Largest singular value, exactly or by Lanczos's iteration."""
    weight = layer.weight.detach().cpu().double()
    if isinstance(operator, Matrix):
        return torch.linalg.matrix_norm(weight, ord=2).item()
    out_shape, in_shape = operator.shapes
    shape = math.prod(out_shape), math.prod(in_shape)

    def times(v):
        return operator.times(weight, torch.from_numpy(v).reshape(in_shape)).numpy().ravel()

    def adjoint_times(u):
        u = torch.from_numpy(u).reshape(out_shape)
        return operator.adjoint_times(weight, u).numpy().ravel()

    if min(shape) <= _SMALL_OPERATOR:
        product, size = (times, shape[1]) if shape[1] <= shape[0] else (adjoint_times, shape[0])
        return np.linalg.norm(np.stack([product(column) for column in np.eye(size)]), ord=2)
    A = LinearOperator(shape, matvec=times, rmatvec=adjoint_times, dtype=np.float64)
    start = np.random.RandomState(0).standard_normal(min(shape))
    return float(svds(A, k=1, v0=start, tol=_TOLERANCE, return_singular_vectors=False)[0])


def _of_length_one(x):
    """An array of any shape, divided by its length."""
    return nn.functional.normalize(x.flatten(), dim=0).reshape(x.shape)
