"""Placement and reconstruction of the rows of a given map, each without itself."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sksubspace._parameters import isolated_random_state
from sksubspace._torch.device import resolve_device
from sksubspace._torch.trainer import Trainer
from sksubspace.decoding import fit_fourier_ridge
from sksubspace.encoding import FeatureScale, LatentScale, average_duplicates, leave_out

_ENCODERS = ("linear", "local")
_LEARNING_RATE = 2e-3
_BATCH_SIZE = 128
_CHUNK_ELEMENTS = 2**24


@dataclass(frozen=True)
class LeftOutRows:
    """Where m rows went, and how far their reconstructions are off."""

    encoder: str
    placed: np.ndarray  # (m, q), in units of the map's radius
    given: np.ndarray  # (m, q)
    squared_errors: np.ndarray  # (m,)
    squares: np.ndarray  # (m,), about the mean


def score_left_out(X, Z, rows, n_neighbors, random_state):
    """Leave each of `rows` out of X of (n, d) and Z of (n, q), as MEDAL does by default."""
    random_state = isolated_random_state(random_state)
    random_state.randint(2**31 - 1)  # MEDAL's seed for its tests of shift
    scale, latent = FeatureScale.of(X, "global"), LatentScale.of(Z)
    target, _ = average_duplicates(X, latent.scale(Z))
    trainer = Trainer(
        learning_rate=_LEARNING_RATE,
        batch_size=_BATCH_SIZE,
        max_iter="auto",
        device=resolve_device("auto"),
        dtype=X.dtype,
        random_state=random_state,
    )
    chosen = leave_out(
        _ENCODERS, X, target, scale, trainer, n_neighbors=n_neighbors, exact=True, rows=rows
    )
    if chosen.name == "local":
        random_state.randint(2**31 - 1, size=2)  # MEDAL's for the kernel of all rows
    _, squared_errors = fit_fourier_ridge(
        target, chosen.Z_loo, X, random_state=random_state, rows=rows
    )
    squares = _squares_about(X, rows, scale.mean)
    return LeftOutRows(chosen.name, chosen.Z_loo, target[rows], squared_errors, squares)


def _squares_about(X, rows, mean):  # (n, d), (m,), (d,) -> (m,)
    """||x_i - mean||^2 of these rows."""
    squares = np.empty(len(rows))
    step = max(1, _CHUNK_ELEMENTS // X.shape[1])
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        here = X[rows[block]]
        difference = (here.toarray() if sparse.issparse(X) else here) - mean
        squares[block] = np.einsum("md,md->m", difference, difference)
    return squares
