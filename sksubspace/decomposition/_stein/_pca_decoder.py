"""Decoders of a linear encoder: what scores say about the residual of the linear reconstruction."""

import math

import numpy as np
from torch import nn

from sksubspace._state import Recipe, from_state, register
from sksubspace._student import FeatureScale, Forget, FourierRidge
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace._student._networks import NetworkDecoder, train_decoder
from sksubspace._student._part import Setting
from sksubspace._torch.modules import mlp
from sksubspace._torch.trainer import Budget

# with more, so many frequencies no longer cover the space of the scores
_MOST_RIDGE_COMPONENTS = 8
# a linear encoder hardly moves, and neither do scale and penalty
_SELECTION_ROWS = 500
_BUDGET = Budget(n_steps=1000, max_epochs=60, weight_decay=1e-4)


def resolve_decoder(name, n_components):
    """Name the decoder that "auto" stands for: closed form in few dimensions, else a network."""
    if name != "auto":
        return name
    return "ridge" if n_components <= _MOST_RIDGE_COMPONENTS else "network"


def fit_decoder(name, Z, R, hidden_layer_sizes, trainer):
    """Regress residuals R (n, d) on scores Z (n, k) of unit radius, their root mean squared length.

    "linear" leaves the residual at zero and is None; the ``predict`` of "ridge" and "network" takes
    what `decoder_input` makes of the scores. Returned with the training loss of every epoch of the
    network, an empty list without one.
    """
    if name == "linear":
        return None, []
    if name == "ridge":
        return fit_ridge(Z, R, int(trainer.random_state.randint(2**31 - 1))), []
    decoder = NetworkDecoder(hidden_layer_sizes=hidden_layer_sizes)
    setting = Setting(FeatureScale.of(R, "global"), np.arange(len(R)), trainer=trainer)
    recipe = _recipe(hidden_layer_sizes, Z.shape[1], R.shape[1])
    module = trainer.build(recipe.build)
    train_decoder(decoder, recipe, module, decoder_input(decoder, Z), R, setting, _BUDGET)
    return decoder, decoder.loss_curve_


def fit_ridge(Z, R, seed):  # (n, k), (n, d) -> FourierRidge
    """The student's decoder; what k scores tell is a row's own scores without the row.

    Equal rows are left out together. There is no row next door: scores of a linear encoder are no
    cards that name rows.
    """
    own = Forget(groups_of_equal_rows(Z), np.arange(len(Z)))
    ridge = FourierRidge(max_samples=_SELECTION_ROWS, random_state=seed)
    return ridge.fit(Z, Z, R, own).released()


def decoder_input(decoder, Z):  # (n, k) -> (n, k)
    """Scores as a decoder takes them: a network has each of them at unit variance."""
    return Z * math.sqrt(Z.shape[1]) if isinstance(decoder, NetworkDecoder) else Z


def former_decoder(state, n_components, n_features, device):
    """A decoder as format 1 kept it: a dict with "kind"."""
    values = {name: value for name, value in state.items() if name != "kind"}
    if state["kind"] == "linear":
        return None
    if state["kind"] == "ridge":
        fitted = {f"{name}_": value for name, value in values.items()}
        return FourierRidge.restored(**FourierRidge().get_params(), **fitted)
    widths = tuple(values["hidden_layer_sizes"])
    recipe = _recipe(widths, n_components, n_features)
    network = {"format": 2, "kind": "Network", "recipe": recipe, "weights": values["weights"]}
    return NetworkDecoder.restored(
        module=None,
        hidden_layer_sizes=widths,
        network_=from_state(network, device),
        mean_=values["mean"],
        spread_=values["spread"],
        loss_curve_=[],
    )


def _recipe(hidden_layer_sizes, n_components, n_features):
    return Recipe("silent_mlp", {"sizes": (n_components, *hidden_layer_sizes, n_features)})


@register
def silent_mlp(sizes):
    """A network whose last layer is zero, so that training starts at the linear reconstruction."""
    module = mlp(sizes, "gelu")
    nn.init.zeros_(module[-1].weight)
    nn.init.zeros_(module[-1].bias)
    return module
