"""Which encoder follows the teacher, decided by coordinates it has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sksubspace._linalg import match_r_squared
from sksubspace.encoding._exact import correct, loo_correction
from sksubspace.encoding._linear import fit_linear
from sksubspace.encoding._local import LocalTask, fit_local, place_left_out

_EXACT_ENOUGH = 1e-6


@dataclass
class Distilled:
    """An encoder, where it puts the training rows without themselves, and how it was chosen."""

    name: str
    encoder: Any
    Z_loo: np.ndarray | None  # (n, q)
    scores: dict
    loss_curve: list


@dataclass
class LeftOut:
    """Where the chosen encoder puts rows without themselves, and what it takes to fit it."""

    name: str
    Z_loo: np.ndarray  # (m, q)
    scores: dict
    linear: Any  # LinearFit or None
    residuals: np.ndarray | None  # (n, q), of the linear encoder that is to be corrected
    task: Any  # LocalTask or None


def closed_encoder(names, X, Z, scale, trainer, *, n_neighbors, exact):
    """Choose among the encoders with a leave-one-out form, "linear" and "local", and fit one.

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
    chosen = leave_out(names, X, Z, scale, trainer, n_neighbors=n_neighbors, exact=exact)
    losses = []
    if chosen.name == "local":
        encoder, losses = fit_local(chosen.task, trainer)
    else:
        encoder = chosen.linear.encoder
        encoder = encoder if chosen.residuals is None else correct(encoder, X, Z)
    return Distilled(chosen.name, encoder, chosen.Z_loo, chosen.scores, losses)


def leave_out(names, X, Z, scale, trainer, *, n_neighbors, exact, rows=None):
    """Choose among the same encoders, and place `rows` (all if None), each without itself.

    The criterion is the R2 of the leave-one-out placement against the teacher's coordinates, not
    the reconstruction: an encoder that looks at neighbours carries information past a smooth
    teacher and would be preferred for it.
    """
    rows = np.arange(len(Z)) if rows is None else rows
    placed, linear, task = {}, None, None
    if "linear" in names:
        linear = fit_linear(X, Z)
        placed["linear"] = linear.Z_loo[rows]
    if "local" in names:
        task = LocalTask.of(X, Z, scale, n_neighbors, trainer, rows)
        placed["local"] = place_left_out(task, trainer)
    scores = {name: match_r_squared(Z_loo, Z[rows]) for name, Z_loo in placed.items()}
    name = max(scores, key=scores.get)
    Z_loo, residuals = placed[name], None
    if name == "linear" and exact:
        residuals = _inexact(Z - linear.encoder(X))
        if residuals is not None and linear.influence is not None:
            Z_loo = Z_loo + loo_correction(X, Z, residuals, linear, rows)
    return LeftOut(name, Z_loo, scores, linear, residuals, task)


def _inexact(residuals):
    return residuals if np.abs(residuals).max() > _EXACT_ENOUGH else None
