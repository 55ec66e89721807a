"""Randomness for torch that comes from a `random_state` and leaves every global generator alone."""

from contextlib import contextmanager

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

__all__ = ["init_", "make_generator", "own_draws", "seeded_module"]

# what torch draws with: functions, methods of tensors, and initialisations
_TORCH_SAMPLERS = {
    *("rand", "randn", "randint", "randperm"),
    *("normal", "bernoulli", "multinomial", "poisson"),
}
_TENSOR_SAMPLERS = {
    *("uniform_", "normal_", "random_", "bernoulli_"),
    *("exponential_", "cauchy_", "geometric_", "log_normal_"),
}
_INIT_SAMPLERS = {
    *("uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_"),
    *("kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_"),
}
# they take no generator, and draw from the global one
_LAYERS_THAT_DRAW = (
    *(
        nn.Dropout,
        nn.Dropout1d,
        nn.Dropout2d,
        nn.Dropout3d,
        nn.AlphaDropout,
        nn.FeatureAlphaDropout,
    ),
    *(nn.RReLU, nn.MultiheadAttention, nn.RNNBase),
)
_SAMPLERS = _TORCH_SAMPLERS | _TENSOR_SAMPLERS | _INIT_SAMPLERS


class _DrawFrom(TorchFunctionMode):
    """Within this context torch's random functions draw from `generator`, in this thread only."""

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _SAMPLERS and kwargs.get("generator") is None:
            kwargs = {**kwargs, "generator": self.generator}
        return func(*args, **kwargs)


def make_generator(rng, device="cpu"):  # -> torch.Generator
    """Make a torch generator on `device` from one integer that is drawn from a numpy one.

    Torch's global generator is not touched.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> torch.rand(2, generator=make_generator(np.random.RandomState(0)))
    tensor([0.4281, 0.4873])
    """
    seed = int(rng.randint(2**31 - 1))
    return torch.Generator(device).manual_seed(seed)


def seeded_module(factory, generator):  # -> module
    """Build the module that ``factory()`` returns with initial weights from a CPU `generator`.

    Whatever torch draws inside (the reset of a layer, `torch.randn` for a buffer) is drawn from it.

    Examples
    --------
    >>> import torch
    >>> make = lambda: torch.nn.Linear(2, 1)
    >>> a, b = (seeded_module(make, torch.Generator().manual_seed(3)) for _ in range(2))
    >>> bool((a.weight == b.weight).all())
    True
    """
    with _DrawFrom(generator):
        return factory()


def init_(module, generator):  # -> module
    """Draw the weights of a module anew, in place, with torch's own distributions.

    Every submodule with a method `reset_parameters` is reset, inner ones before the ones that hold
    them, so that a block may overrule its layers. One without is kept as is. The generator is on
    the device of the weights.
    """
    with _DrawFrom(generator), torch.no_grad():
        for part in reversed(list(module.modules())):
            reset = getattr(part, "reset_parameters", None) or getattr(
                part, "_reset_parameters", None
            )
            if reset is not None:
                reset()
    return module


@contextmanager
def own_draws(module, generator):
    """Keep layers that can only draw from torch's global generators from moving them on.

    The draws of such layers (dropout, in training mode) follow from one integer that is drawn from
    `generator`, and the global state is the former one afterwards. Without such a layer nothing is
    done.
    """
    if not any(isinstance(part, _LAYERS_THAT_DRAW) for part in module.modules()):
        yield
        return
    seed = torch.randint(2**31, (), generator=generator, device=generator.device).item()
    cuda_devices = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    with torch.random.fork_rng(cuda_devices):
        torch.manual_seed(seed)
        yield
