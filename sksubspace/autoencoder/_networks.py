"""Encoders and decoders: of the library, or copies of the user's, and how they are applied."""

from copy import deepcopy
from numbers import Integral

import numpy as np
import torch
from torch import nn

from sksubspace._torch.device import as_rows
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import mlp
from sksubspace._torch.objectives import Standardize

__all__ = [
    "apply",
    "check_map",
    "check_widths",
    "empty_decoder",
    "empty_encoder",
    "make_decoder",
    "make_encoder",
]


def make_encoder(custom, n_features, hidden_layer_sizes, n_components, activation):
    """Untrained module that maps standardised rows (n, d) to latent points (n, q)."""
    if custom is not None:
        return deepcopy(custom)
    return mlp((n_features, *hidden_layer_sizes, n_components), activation)


def make_decoder(custom, n_features, hidden_layer_sizes, n_components, activation):
    """Untrained module that maps latent points (n, q) to standardised rows (n, d)."""
    if custom is not None:
        return deepcopy(custom)
    return mlp((n_components, *reversed(hidden_layer_sizes), n_features), activation)


def empty_encoder(encoder, decoder, sizes, n_latent):
    """A module of the structure of a fitted encoder: units, network, affine layer if any."""
    parts = [Standardize(np.zeros(sizes[0]), 1.0), make_encoder(encoder, *sizes)]
    if n_latent is not None:
        parts.append(nn.Linear(sizes[2], n_latent))
    return nn.Sequential(*parts)


def empty_decoder(encoder, decoder, sizes, n_latent):
    """A module of the structure of a fitted decoder: affine layer if any, network."""
    parts = [] if n_latent is None else [nn.Linear(n_latent, sizes[2])]
    return nn.Sequential(*parts, make_decoder(decoder, *sizes))


def check_widths(hidden_layer_sizes):
    """Turn `hidden_layer_sizes` into a tuple of int; an empty one makes linear networks."""
    widths = list(hidden_layer_sizes)
    if not all(isinstance(width, Integral) and width > 0 for width in widths):
        raise ValueError(
            "hidden_layer_sizes must be a sequence of positive whole numbers, got "
            f"{hidden_layer_sizes!r}."
        )
    return tuple(int(width) for width in widths)


def check_map(module, name, n_in, n_out, device):
    """Check that a module maps two rows of the one width to two rows of the other."""
    weights = next(module.parameters(), torch.zeros(()))
    probe = torch.zeros(2, n_in, dtype=weights.dtype)
    wanted = f"{name} must be a module that maps shape (n, {n_in}) to (n, {n_out});"
    try:
        shape = tuple(batched_forward(module, probe, chunk_size=2, device=device).shape)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"{wanted} it fails on (2, {n_in}): {error}") from error
    if shape != (2, n_out):
        raise ValueError(f"{wanted} it maps (2, {n_in}) to {shape}.")


def apply(module, X, dtype, device):  # (n, a) -> (n, b)
    """Apply a trained module in its own dtype; a row's result does not depend on the others."""
    rows = as_rows(np.asarray(X).astype(dtype, copy=False), device)
    return batched_forward(module, rows, device=device)
