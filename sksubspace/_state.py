"""Fitted parts as arrays and plain values, and back: what pickles and model files hold.

A part is a dataclass that `register` knows: the encoder of a student, a scale, a `Network`. Its
state is a dict ``{"format": 2, "kind": name, field: value, ...}``, with a state in the place of
each part within it. So a file holds nothing of torch and outlives the classes behind it: a class
may move or be written anew, as long as its name and its fields stay.

A change of what a state holds raises `FORMAT`, and gets a function in `READERS` that turns a state
of the format before into the new one. Importing this module imports no torch.
"""

from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from sksubspace._ambient import own_settings

__all__ = [
    "FORMAT",
    "READERS",
    "Network",
    "Recipe",
    "StateError",
    "check_format",
    "from_state",
    "register",
    "to_state",
]

# 1: parts with "kind" alone, and networks in seven ways; 2: a number in each state, one `Network`
FORMAT = 2
_PARTS: dict[str, Any] = {}
_FACTORIES: dict[str, Any] = {}


class StateError(ValueError):
    """A state that this version of the library cannot read."""


def register(thing):  # -> thing
    """Make a dataclass known as a part, or a function as one that builds networks; a decorator.

    A dataclass of arrays, plain values and parts, a class with ``stored()`` and ``restored()``, or
    a function that returns an untrained module. It is known by its name, which therefore never
    changes. A TypeError if a class is neither, a ValueError if the name belongs to another.
    """
    known = _PARTS if isinstance(thing, type) else _FACTORIES
    if known is _PARTS and not (is_dataclass(thing) or hasattr(thing, "stored")):
        raise TypeError(f"{thing.__name__} must be a dataclass, or have stored() and restored().")
    other = known.setdefault(thing.__name__, thing)
    if other is not thing and other.__module__ != thing.__module__:
        raise ValueError(f"{thing.__name__} is the name of a part of {other.__module__} already.")
    known[thing.__name__] = thing
    return thing


def to_state(part):  # -> dict
    """Describe a part by arrays, plain values and the states of its own parts.

    With "format", "kind" and the fields, but for "device". A part of another library within it
    stays what it is. A TypeError if the class is not registered.
    """
    if not _is_part(part):
        raise TypeError(f"{type(part).__name__} is no part that is stored; register it.")
    state = {"format": FORMAT, "kind": type(part).__name__}
    if hasattr(part, "stored"):
        return state | {name: _stored(value) for name, value in part.stored().items()}
    names = [field.name for field in fields(part) if field.name != "device"]
    return state | {name: _stored(getattr(part, name)) for name in names}


@own_settings()
def from_state(state, device="cpu"):  # -> part
    """Rebuild a part that `to_state` described in this version of the library or a former one.

    The CPU takes the place of a device that this machine does not have. A ValueError if the state
    has a newer format, an unknown part, or other fields than its part.
    """
    number = state.get("format", 1)
    check_format(number, "This state of a model")
    for former in range(number, FORMAT):
        state = READERS[former](state)
    kind = state["kind"]
    if kind not in _PARTS:
        raise _unknown("part", kind, _PARTS)
    values = {name: state[name] for name in state.keys() - {"format", "kind"}}
    return _restored(_PARTS[kind], {n: _rebuilt(v, device) for n, v in values.items()}, device)


def check_format(number, what):
    """Refuse what a newer version wrote, or something that is no number of a format."""
    known = [*READERS, FORMAT]
    if number not in known:
        raise StateError(
            f"{what} has format {number!r}, and this version of sksubspace reads the formats "
            f"{', '.join(map(str, known))}; install a newer one."
        )


def _is_part(value):
    return _PARTS.get(type(value).__name__) is type(value)


def _stored(value):
    if _is_part(value):
        return to_state(value)
    if type(value) in (list, tuple):
        return type(value)(_stored(item) for item in value)
    if type(value) is dict:
        return {key: _stored(item) for key, item in value.items()}
    return value


def _rebuilt(value, device):
    if type(value) in (list, tuple):
        return type(value)(_rebuilt(item, device) for item in value)
    if type(value) is not dict:
        return value
    if {"format", "kind"} <= value.keys():
        return from_state(value, device)
    return {key: _rebuilt(item, device) for key, item in value.items()}


def _restored(part, values, device):
    wanted = {field.name for field in fields(part)} if is_dataclass(part) else set()
    if "device" in wanted:
        values["device"] = _device(device)
    try:
        return part.restored(**values) if hasattr(part, "restored") else part(**values)
    except TypeError as error:
        raise StateError(f"The state of the part {part.__name__!r} is damaged: {error}.") from error


def _device(device):
    from sksubspace._torch.device import available_device

    return available_device(device)


def _unknown(what, name, known):
    return StateError(
        f"This state of a model has an unknown {what} {name!r}; this version of sksubspace knows "
        f"{', '.join(sorted(known))}, and trusts these, arrays and plain values."
    )


def _read_1(state):
    """Format 1 had no number, and its parts stood in each other by "kind" alone."""
    nested = {k: _read_1(v) for k, v in state.items() if isinstance(v, dict) and "kind" in v}
    return {"format": 2, **state, **nested}


READERS = {1: _read_1}


@register
@dataclass(frozen=True)
class Recipe:
    """How an untrained network is built: a registered function and its arguments.

    Arguments are plain values, arrays, or modules of the user, which the function copies.
    """

    factory: str
    arguments: dict

    def build(self):
        """Make the module."""
        if self.factory not in _FACTORIES:
            raise _unknown("network", self.factory, _FACTORIES)
        return _FACTORIES[self.factory](**self.arguments)


@register
@dataclass(frozen=True)
class Network:
    """A trained module, and how to build one of its structure.

    Parameters
    ----------
    recipe : Recipe or torch.nn.Module
        A module of the user, as it was given, is its own recipe.
    module : torch.nn.Module
        The trained module, on the device.
    device : torch.device
        Where it is applied.
    """

    recipe: Any
    module: Any
    device: Any

    def __call__(self, X, dtype):  # (n, a) -> (n, b)
        """Apply the module in a dtype; a row's result does not depend on the others."""
        import numpy as np

        from sksubspace._torch.device import as_rows
        from sksubspace._torch.inference import batched_forward

        rows = as_rows(np.asarray(X).astype(dtype, copy=False), self.device)
        return batched_forward(self.module, rows, device=self.device)

    def stored(self):
        """What a state holds of it."""
        from sksubspace._torch.persistence import module_to_arrays

        return {"recipe": self.recipe, "weights": module_to_arrays(self.module)}

    @classmethod
    def restored(cls, recipe, weights, device):
        """Build the module, without a draw from a global generator, and fill it."""
        import torch

        from sksubspace._torch.persistence import load_arrays_
        from sksubspace._torch.random import seeded_module

        build = recipe.build if isinstance(recipe, Recipe) else lambda: deepcopy(recipe)
        module = seeded_module(build, torch.Generator())
        return cls(recipe, load_arrays_(module, weights, device), device)
