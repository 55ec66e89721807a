"""Modules of the user in a sparse coder: copies that are trained, applied, and kept in pickles."""

from copy import deepcopy

import numpy as np
from torch import nn

from sksubspace._state import load_arrays_, module_to_arrays
from sksubspace._torch.device import available_device
from sksubspace._torch.objectives import Standardize
from sksubspace.autoencoder._networks import apply, check_map

__all__ = ["ModuleKeeper", "own_copy"]


def own_copy(module, name, n_in, n_out):
    """A copy of a module of the user, which must map rows of the one width to rows of the other.

    None stays None: there is a linear map instead.
    """
    if module is None:
        return None
    copy = deepcopy(module)
    check_map(copy, name, n_in, n_out, "cpu")
    return copy


class ModuleKeeper:
    """Base of estimators that keep trained modules beside `mean_` and `scale_`.

    Modules see rows and codes divided by `scale_`. Pickles hold arrays in the place of the trained
    modules, and the modules of the user, as they were given, for the structure.
    """

    def _keep_modules(self, device, *, encoder, decoder=None):
        """Keep the trained modules, or None where there is a linear map."""
        if encoder is not None:
            encoder = _with_units(encoder, self.mean_, self.scale_)
        self._encoder, self._decoder, self._device = encoder, decoder, device

    def _keep_structure(self):
        """Keep what is needed to build the modules again, whatever the parameters become."""
        given = {name: getattr(self, name, None) for name in ("encoder", "decoder")}
        self._architecture = {**given, "n_features": len(self.mean_)}

    def _encoded(self, X):  # (n, d) -> (n, m)
        """Output of the encoder, in input units."""
        return self.scale_ * apply(self._encoder, X, self.mean_.dtype.name, self._device)

    def _decoded(self, Z):  # (n, m) -> (n, d)
        """Rows, in input units, from codes in input units."""
        found = apply(self._decoder, Z / self.scale_, self.mean_.dtype.name, self._device)
        return found.astype(np.float64) * self.scale_ + self.mean_

    def __getstate__(self):
        state = dict(super().__getstate__())
        for name in ("_encoder", "_decoder"):
            if state.get(name) is not None:
                state[name] = module_to_arrays(state[name])
        state.pop("_device", None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_architecture" in state:
            self._device = available_device(self.device)
            for name, module in _empty_modules(**state["_architecture"]).items():
                setattr(self, name, load_arrays_(module, state[name], self._device))


def _empty_modules(encoder, decoder, n_features):
    """Modules of the structure of the trained ones, by the attributes that hold these."""
    found = {}
    if encoder is not None:
        found["_encoder"] = _with_units(deepcopy(encoder), np.zeros(n_features), 1.0)
    if decoder is not None:
        found["_decoder"] = deepcopy(decoder)
    return found


def _with_units(encoder, mean, scale):
    units = Standardize(mean, scale)
    weights = next(encoder.parameters(), units.mean)
    return nn.Sequential(units.to(weights.device, weights.dtype), encoder)
