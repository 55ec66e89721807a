"""Weights of a module as numpy arrays, so that a fitted estimator holds nothing of torch."""

from .device import to_tensor

__all__ = ["load_arrays_", "module_to_arrays"]


def module_to_arrays(module):  # -> dict of str to ndarray
    """Copy the parameters and buffers of a module, on any device, into arrays of their dtypes.

    Examples
    --------
    >>> import torch
    >>> {name: a.shape for name, a in module_to_arrays(torch.nn.Linear(3, 2)).items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    state = module.state_dict()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}


def load_arrays_(module, arrays, device="cpu"):  # -> module
    """Put what `module_to_arrays` returned back into a module of the same structure, in place.

    It is then in evaluation mode, on `device`, with the dtypes of the arrays. A ValueError if their
    names or shapes are not those of the module.
    """
    state = {name: to_tensor(array, device) for name, array in arrays.items()}
    try:
        module.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise ValueError(f"arrays do not fit {type(module).__name__}: {error}") from error
    return module.to(device).eval()
