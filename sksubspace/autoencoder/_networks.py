"""Encoders and decoders: of the library, or copies of the user's, and what a fit keeps of them."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.utils import check_array
from torch import nn

from sksubspace._parameters import check_widths
from sksubspace._state import Network, Recipe, register
from sksubspace._torch.modules import check_module, mlp
from sksubspace._torch.objectives import Standardize

__all__ = [
    "Autoencoding",
    "autoencoding",
    "build_networks",
    "check_width",
    "fitted_decoder",
    "fitted_encoder",
    "fitted_recipe",
    "unexplained",
    "with_recipes_of",
]


@register
@dataclass(frozen=True)
class Autoencoding:
    """Two trained networks: rows in input units to latent points, and back to standardised rows."""

    encoder: Network
    decoder: Network
    mean: np.ndarray  # (d,), in the dtype of the weights
    scale: float
    output_scale: float  # x = mean + output_scale * decoder(z)
    n_components: int
    ordered: bool  # whether the first columns of latent points will do

    def encode(self, X):  # (n, d) -> (n, k)
        """Latent points."""
        return self.encoder(X, self.mean.dtype).astype(X.dtype, copy=False)

    def decode(self, Z):  # (n, k) -> (n, d)
        """Reconstructions."""
        standardised = self.decoder(Z, self.mean.dtype)
        rows = standardised.astype(np.float64) * self.output_scale + self.mean
        return rows.astype(Z.dtype, copy=False)

    def check_codes(self, Z):  # (n, <= k) -> (n, k)
        """Latent points of a caller; with `ordered`, columns that are missing are at their mean."""
        Z = check_array(Z, dtype=[np.float64, np.float32])
        missing = check_width(Z, self.n_components, at_most=self.ordered)
        return np.pad(Z, ((0, 0), (0, missing))) if missing else Z

    def with_recipes_of(self, former):
        """The same, to be built like a former one: the parameters may have changed since."""
        return with_recipes_of(self, former)


def with_recipes_of(model, former):
    """A model whose networks, where there are any, are built like those of a former one."""
    return replace(
        model,
        **{
            name: replace(network, recipe=getattr(former, name).recipe)
            for name in ("encoder", "decoder")
            if (network := getattr(model, name)) is not None
        },
    )


def check_width(Z, n_components, *, at_most=False):
    """How many columns of latent points are missing; none may be, unless `at_most` is true."""
    missing = n_components - Z.shape[1]
    if missing < 0 or (missing and not at_most):
        raise ValueError(
            f"X must have {'at most ' * at_most}n_components_={n_components} columns, got "
            f"{Z.shape[1]}."
        )
    return missing


def build_networks(params, n_features, trainer):
    """New networks, checked against the widths of the data."""
    sizes = network_sizes(params, n_features)
    q = int(params.n_components)
    encoder = trainer.build(partial(_new_encoder, params.encoder, *sizes))
    decoder = trainer.build(partial(_new_decoder, params.decoder, *sizes))
    check_module(encoder, "encoder", n_features, q, trainer.device)
    check_module(decoder, "decoder", q, n_features, trainer.device)
    return encoder, decoder


def network_sizes(params, n_features):
    """Widths and nonlinearity of the networks that are not given."""
    widths = check_widths(params.hidden_layer_sizes)
    return n_features, widths, int(params.n_components), params.activation


def _new_encoder(custom, n_features, hidden_layer_sizes, n_components, activation):
    if custom is not None:
        return deepcopy(custom)
    return mlp((n_features, *hidden_layer_sizes, n_components), activation)


def _new_decoder(custom, n_features, hidden_layer_sizes, n_components, activation):
    if custom is not None:
        return deepcopy(custom)
    return mlp((n_components, *reversed(hidden_layer_sizes), n_features), activation)


@register
def fitted_encoder(custom, sizes, n_latent):
    """Module of the structure of a fitted encoder: units, network, affine layer if any.

    `n_latent` is None, or the width to which the layer brings latent points.
    """
    parts = [Standardize(np.zeros(sizes[0]), 1.0), _new_encoder(custom, *sizes)]
    if n_latent is not None:
        parts.append(nn.Linear(sizes[2], n_latent))
    return nn.Sequential(*parts)


@register
def fitted_decoder(custom, sizes, n_latent):
    """Module of the structure of a fitted decoder: affine layer if any, network."""
    parts = [] if n_latent is None else [nn.Linear(n_latent, sizes[2])]
    return nn.Sequential(*parts, _new_decoder(custom, *sizes))


def fitted_recipe(function, custom, sizes, n_latent=None):
    """How a fitted encoder or decoder is built."""
    return Recipe(function.__name__, {"custom": custom, "sizes": sizes, "n_latent": n_latent})


def autoencoding(params, scale, trainer, encoder, decoder, *, n_latent=None, output_scale=None):
    """What a fit keeps: its networks, the units of the rows, and how both are built again."""
    sizes = network_sizes(params, len(scale.mean))
    recipes = [
        fitted_recipe(fitted_encoder, params.encoder, sizes, n_latent),
        fitted_recipe(fitted_decoder, params.decoder, sizes, n_latent),
    ]
    return Autoencoding(
        Network(recipes[0], encoder, trainer.device),
        Network(recipes[1], decoder, trainer.device),
        mean=scale.mean.astype(trainer.dtype),
        scale=float(scale.spread),
        output_scale=float(scale.spread if output_scale is None else output_scale),
        n_components=n_latent or int(params.n_components),
        ordered=n_latent is not None,
    )


def unexplained(reconstruction, x):  # (b, d), (b, d) -> ()
    """1 - R2 of standardised rows, whose variance is 1 on average over the features.

    A reconstruction in half precision, as mixed precision makes it, is compared in that of x.
    """
    return (reconstruction.to(x.dtype) - x).square().mean()
