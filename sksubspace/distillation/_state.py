"""Fitted parts as plain arrays and values, so that files hold nothing of torch."""

from copy import deepcopy
from dataclasses import fields

import torch
from torch import nn

from sksubspace._torch.device import available_device
from sksubspace._torch.objectives import Standardize
from sksubspace._torch.persistence import load_arrays_, module_to_arrays
from sksubspace._torch.random import seeded_module
from sksubspace.decoding import FourierNetwork, FourierRidge
from sksubspace.decoding._network import decoder_module
from sksubspace.distillation._network import NetworkEncoder, encoder_module
from sksubspace.encoding import (
    Corrected,
    FeatureScale,
    LatentScale,
    LinearEncoder,
    LocalEncoder,
    LocalKernel,
)

_PLAIN = {part.__name__: part for part in (FourierRidge, LinearEncoder, FeatureScale, LatentScale)}
_PARTS = {"_encoder", "_decoder", "_feature_scale", "_latent_scale"}


class StateMixin:
    """Pickles of a MEDAL: its parts as arrays, on the way out and back."""

    def __getstate__(self):
        state = dict(super().__getstate__())
        for name in _PARTS & state.keys():
            state[name] = dump(state[name])
        if "_encoder" in state and not self.keep_teacher and hasattr(self.teacher, "fit_transform"):
            state["teacher"] = "precomputed"
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if _PARTS <= state.keys():
            self._restore()

    def _restore(self):
        """Rebuild the fitted parts from plain arrays, on a device that this machine has."""
        device = available_device(self.device)
        for name in ("_feature_scale", "_latent_scale"):
            setattr(self, name, load(getattr(self, name), device))
        built = self._architecture
        widths = built["hidden_layer_sizes"]
        scale, n_components = self._feature_scale, self.n_components_
        self._encoder = load(
            self._encoder,
            device,
            lambda: network_encoder(built["encoder"], scale, widths, n_components),
        )
        self._decoder = load(
            self._decoder,
            device,
            lambda: network_decoder(built["decoder"], widths, n_components, self.n_features_in_),
        )


def dump(part):
    """Describe a fitted part by a dict of arrays, plain values and further dicts."""
    kind = type(part).__name__
    state = {"kind": kind}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, nn.Module):
            state[field.name] = module_to_arrays(value)
        elif field.name == "encoder":
            state[field.name] = dump(value)
        elif field.name != "device":
            state[field.name] = value
    return state


def load(state, device, make_module=None):
    """Rebuild a part from its description.

    Parameters
    ----------
    state : dict
        As `dump` made it.
    device : torch.device
        Where networks go.
    make_module : callable or None, default=None
        Returns the untrained network of a `NetworkEncoder` or `FourierNetwork`.
    """
    values = {name: value for name, value in state.items() if name != "kind"}
    kind = state["kind"]
    if kind in _PLAIN:
        return _PLAIN[kind](**values)
    if kind == "Corrected":
        inner = load(values.pop("encoder"), device, make_module)
        return Corrected(inner, **values)
    if kind == "LocalEncoder":
        arrays = values.pop("kernel")
        kernel = _filled(lambda: _empty_kernel(arrays), arrays, device)
        return LocalEncoder(kernel=kernel, device=device, **values)
    module = _filled(make_module, values.pop("module"), device)
    part = {"NetworkEncoder": NetworkEncoder, "FourierNetwork": FourierNetwork}[kind]
    return part(module=module, device=device, **values)


def _filled(make_module, arrays, device):
    return load_arrays_(seeded_module(make_module, torch.Generator()), arrays, device)


def _empty_kernel(arrays):
    return LocalKernel(arrays["standardize.mean"], 1.0, arrays.get("directions"))


def network_encoder(custom, scale, hidden_layer_sizes, n_components):
    """Untrained module of an encoder, of the user or of the library."""
    if isinstance(custom, nn.Module):
        return nn.Sequential(Standardize(scale.mean, scale.spread), deepcopy(custom))
    return encoder_module(scale, hidden_layer_sizes, n_components)


def network_decoder(custom, hidden_layer_sizes, n_components, n_features):
    """Untrained module of a decoder, of the user or of the library."""
    if isinstance(custom, nn.Module):
        return deepcopy(custom)
    return decoder_module(n_components, hidden_layer_sizes, n_features)
