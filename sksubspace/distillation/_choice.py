"""Which encoder follows the teacher, decided by coordinates it has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sksubspace.distillation._components import match_r_squared
from sksubspace.distillation._exact import correct, loo_correction
from sksubspace.distillation._linear import fit_linear
from sksubspace.distillation._local import LocalTask, fit_local, place_left_out

_EXACT_ENOUGH = 1e-6


@dataclass
class Distilled:
    """An encoder, where it puts the training rows without themselves, and how it was chosen."""

    name: str
    encoder: Any
    Z_loo: np.ndarray | None  # (n, q)
    scores: dict
    loss_curve: list


def closed_encoder(names, X, Z, scale, trainer, *, n_neighbors, exact):
    """Choose among the encoders with a leave-one-out form, "linear" and "local", and fit one.

    The criterion is the R2 of the leave-one-out placement against the teacher's coordinates, not
    the reconstruction: an encoder that looks at neighbours carries information past a smooth
    teacher and would be preferred for it.

    Parameters
    ----------
    names : tuple of str
        Candidates.
    X : {ndarray, CSR matrix} of shape (n, d)
        Working data.
    Z : ndarray of shape (n, q)
        Scaled embedding.
    scale : FeatureScale
        Units of X.
    trainer : Trainer
        How to train the local kernel.
    n_neighbors : int
        Neighbours the local encoder uses.
    exact : bool
        Whether a linear encoder is corrected to be exact on training rows.
    """
    placed = {}
    if "linear" in names:
        linear = fit_linear(X, Z)
        placed["linear"] = linear.Z_loo
    if "local" in names:
        task = LocalTask.of(X, Z, scale, n_neighbors, trainer)
        placed["local"] = place_left_out(task, trainer)
    scores = {name: match_r_squared(Z_loo, Z) for name, Z_loo in placed.items()}
    name = max(scores, key=scores.get)
    if name == "local":
        encoder, losses = fit_local(task, trainer)
        return Distilled(name, encoder, placed[name], scores, losses)
    encoder, Z_loo = _exact_linear(linear, X, Z, exact)
    return Distilled(name, encoder, Z_loo, scores, [])


def _exact_linear(linear, X, Z, exact):
    residuals = Z - linear.encoder(X)
    if not exact or np.abs(residuals).max() <= _EXACT_ENOUGH:
        return linear.encoder, linear.Z_loo
    encoder = correct(linear.encoder, X, Z)
    if linear.influence is None:
        return encoder, linear.Z_loo
    return encoder, linear.Z_loo + loo_correction(X, Z, residuals, linear)
