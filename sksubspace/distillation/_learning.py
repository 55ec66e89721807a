"""The two steps of the distillation: an encoder onto the targets, a decoder from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sksubspace._torch.inference import batched_forward
from sksubspace.decoding import FourierNetwork, fit_fourier_ridge, fit_network_decoder
from sksubspace.distillation._network import (
    NetworkEncoder,
    fit_joint,
    fit_network,
)
from sksubspace.distillation._state import network_decoder, network_encoder
from sksubspace.encoding import Distilled, closed_encoder, correct, interpolate
from sksubspace.neighbors import k_nearest

_PROXY_NEIGHBORS = 10


@dataclass
class Student:
    """Encoder and decoder as learned, with what is known about rows left out."""

    target: np.ndarray  # (n, q), scaled coordinates the encoder reproduces
    encoder_name: str
    encoder: Any
    encoder_scores: dict
    Z_loo: np.ndarray | None  # (n, q)
    decoder: Any
    squared_errors: np.ndarray | None  # (n,), leave-one-out, in squared input units
    loss_curve: list


def learn(params, plan, X, Z, scale, trainer, stage):
    """Learn encoder and decoder from working data X of (n, d) and scaled targets Z of (n, q).

    Parameters
    ----------
    params : MEDAL
        Its constructor parameters.
    plan : Plan
        Which parts to learn.
    X : {ndarray, CSR matrix} of shape (n, d)
        Working data.
    Z : ndarray of shape (n, q)
        Scaled targets.
    scale : FeatureScale
        Units of X.
    trainer : Trainer
        How to train.
    stage : callable
        Opens a task of that name for callbacks, as a context manager.
    """
    with stage("encoder") as trainer.stage:
        if plan.joint:
            distilled, decoder = learn_jointly(params, plan, X, Z, scale, trainer)
            return _student(Z, distilled, decoder, None, [])
        distilled = learn_encoder(params, plan, X, Z, scale, trainer)
    with stage("decoder") as trainer.stage:
        decoder, errors, losses = learn_decoder(params, plan, X, Z, distilled, scale, trainer)
    return _student(Z, distilled, decoder, errors, losses)


def _student(Z, distilled, decoder, squared_errors, losses):
    return Student(
        Z, distilled.name, distilled.encoder, distilled.scores, distilled.Z_loo, decoder,
        squared_errors, losses or distilled.loss_curve,
    )  # fmt: skip


def learn_encoder(params, plan, X, Z, scale, trainer):
    """Learn the encoder of the decoupled strategy on working data X and scaled targets Z."""
    if plan.closed_encoder:
        return closed_encoder(
            plan.encoders, X, Z, scale, trainer,
            n_neighbors=params.n_neighbors, exact=params.exact is not None,
        )  # fmt: skip
    module = trainer.build(
        lambda: network_encoder(params.encoder, scale, params.hidden_layer_sizes, Z.shape[1])
    )
    _check_width(module, "encoder", X.shape[1], Z.shape[1], trainer.device)
    encoder, log = fit_network(X, Z, module, scale, params.input_noise, trainer)
    return _finish(params, plan, encoder, X, Z, log)


def learn_decoder(params, plan, X, Z, distilled, scale, trainer):
    """Learn the decoder of the decoupled strategy from scaled targets Z to working data X."""
    if plan.decoder == "ridge":
        Z_loo = distilled.Z_loo
        decoder, squared_errors = fit_fourier_ridge(
            Z, _neighbor_placement(X, Z) if Z_loo is None else Z_loo, X,
            random_state=trainer.random_state, feature_weights=scale.squared_units,
        )  # fmt: skip
        return decoder, None if Z_loo is None else squared_errors, []
    module = trainer.build(
        lambda: network_decoder(params.decoder, params.hidden_layer_sizes, Z.shape[1], X.shape[1])
    )
    _check_width(module, "decoder", Z.shape[1], X.shape[1], trainer.device)
    decoder, log = fit_network_decoder(
        Z, X, module, mean=scale.mean, spread=scale.spread, trainer=trainer
    )
    return decoder, None, log.loss_curve


def learn_jointly(params, plan, X, Z, scale, trainer):
    """Learn both networks with the paper's penalty."""
    widths = params.hidden_layer_sizes
    encoder = trainer.build(lambda: network_encoder(params.encoder, scale, widths, Z.shape[1]))
    decoder = trainer.build(lambda: network_decoder(params.decoder, widths, Z.shape[1], X.shape[1]))
    _check_width(encoder, "encoder", X.shape[1], Z.shape[1], trainer.device)
    _check_width(decoder, "decoder", Z.shape[1], X.shape[1], trainer.device)
    log = fit_joint(X, Z, encoder, decoder, scale, params.match_weight, trainer)
    distilled = _finish(params, plan, NetworkEncoder(encoder, trainer.device), X, Z, log)
    mean = scale.mean.astype(trainer.dtype)
    fitted = FourierNetwork(decoder, mean, scale.spread, trainer.device)
    return distilled, fitted


def _check_width(module, name, n_in, n_out, device):
    """Check that a user's module maps two rows of the one width to two rows of the other."""
    weights = next(module.parameters(), torch.zeros(()))
    probe = torch.zeros(2, n_in, dtype=weights.dtype)
    try:
        shape = tuple(batched_forward(module, probe, chunk_size=2, device=device).shape)
    except RuntimeError as error:
        raise ValueError(
            f"{name} must be a module that maps shape (n, {n_in}) to (n, {n_out}); it fails on "
            f"(2, {n_in}): {error}"
        ) from error
    if shape != (2, n_out):
        raise ValueError(
            f"{name} must be a module that maps shape (n, {n_in}) to (n, {n_out}); it maps "
            f"(2, {n_in}) to {shape}."
        )


def _finish(params, plan, encoder, X, Z, log):
    encoder = encoder if params.exact is None else correct(encoder, X, Z)
    return Distilled(plan.encoders[0], encoder, None, {}, log.loss_curve)


def _neighbor_placement(X, Z):
    """Inverse-square-distance placement of each row by others: stands in for a network's."""
    n_neighbors = min(_PROXY_NEIGHBORS, len(Z) - 1)
    squared, neighbors = k_nearest(X, X, n_neighbors, exclude_self=True)
    return interpolate(squared, Z[neighbors])
