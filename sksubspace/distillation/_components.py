"""A held-out score taken apart."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA


@dataclass(frozen=True)
class ScoreComponents:
    """Where a held-out score comes from; NaN where a part cannot be had.

    Attributes
    ----------
    r2 : float
        Held-out R2 of encoder and decoder together: what ``score`` returns.

    r2_decoder_only : float
        R2 of the decoder at the coordinates that the teacher's own ``transform`` gives.

    match_r2 : float
        R2 of the encoder's coordinates against the teacher's.

    match_source : str
        "transform" if the teacher placed the rows itself, else "leave-one-out" on training rows.

    pca_r2 : float
        R2 of as many principal components of the training rows.

    ae_r2 : float
        R2 of a plain autoencoder of the same dimension: a reference, not an upper bound.

    skill : float
        Share of the error of the principal components that the map removes,
        1 - (1 - r2) / (1 - pca_r2).
    """

    r2: float
    r2_decoder_only: float
    match_r2: float
    match_source: str
    pca_r2: float
    ae_r2: float
    skill: float

    def __str__(self):
        rows = (
            ("held-out R2 of the map", self.r2),
            ("decoder at the teacher's own coordinates", self.r2_decoder_only),
            (f"encoder against the teacher ({self.match_source})", self.match_r2),
            ("principal components", self.pca_r2),
            ("plain autoencoder", self.ae_r2),
            ("skill over principal components", self.skill),
        )
        return "\n".join(f"{name:<50}{value:>8.3f}" for name, value in rows)


def principal_components(X, n_components):  # (n, d) -> (min(q, n - 1, d), d)
    """Directions of the reference that as many principal components give."""
    n_components = min(n_components, min(X.shape) - sparse.issparse(X))
    if n_components < 1:
        return np.zeros((0, X.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):  # explained ratios of constant data
        return PCA(n_components, random_state=0).fit(X).components_
