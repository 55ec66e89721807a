"""Pickles and files of format 1: autoencoders kept their networks apart from what they say."""

from copy import deepcopy

from sksubspace._state import Network
from sksubspace._torch.device import available_device
from sksubspace.autoencoder._networks import (
    Autoencoding,
    fitted_decoder,
    fitted_encoder,
    fitted_recipe,
)
from sksubspace.autoencoder._sparse._coding import SparseCoding, with_units_recipe

__all__ = ["former_model"]


def former_model(attributes):
    """The model of the attributes that an estimator had; what it replaces is taken out of them."""
    device = available_device(attributes["device"])
    built = attributes.pop("_architecture")
    networks = {name: attributes.pop(f"_{name}") for name in ("encoder", "decoder")}
    attributes.setdefault("_kept_state", None)
    if "_output_spread" in attributes:
        return _autoencoding(attributes, built, networks, device)
    return _sparse_coding(attributes, built, networks, device)


def _autoencoding(attributes, built, networks, device):
    sizes, n_latent = built["sizes"], built["n_latent"]
    functions = {"encoder": fitted_encoder, "decoder": fitted_decoder}
    restored = {
        name: Network.restored(
            fitted_recipe(functions[name], built[name], sizes, n_latent), weights, device
        )
        for name, weights in networks.items()
    }
    attributes.pop("_dtype")
    return Autoencoding(
        **restored,
        mean=attributes["mean_"],
        scale=attributes["scale_"],
        output_scale=attributes.pop("_output_spread"),
        n_components=attributes["n_components_"],
        ordered=n_latent is not None,
    )


def _sparse_coding(attributes, built, networks, device):
    recipes = {
        "encoder": with_units_recipe(built["encoder"], built["n_features"]),
        "decoder": deepcopy(built["decoder"]),
    }
    restored = {
        name: None if weights is None else Network.restored(recipes[name], weights, device)
        for name, weights in networks.items()
    }
    return SparseCoding(
        **restored,
        mean=attributes["mean_"],
        scale=attributes["scale_"],
        n_components=attributes["n_components_"],
        atoms=attributes["components_"],
        weights=attributes["encoder_components_"],
        intercept=attributes["encoder_intercept_"],
        gain=attributes.get("encoder_gain_"),
        offset=attributes["intercept_"],
    )
