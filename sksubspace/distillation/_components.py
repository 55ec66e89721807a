"""A held-out score taken apart."""

from dataclasses import dataclass

import numpy as np


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

    continuous : float
        R2 at the mean place of the ten nearest training rows. Under .75 of `r2` the map is torn:
        its pieces say where a row is, not what is beside it.

    global_share : float
        R2 of a linear decoder over that of the principal components: 1 is the plane of largest
        variance.
    """

    r2: float
    r2_decoder_only: float
    match_r2: float
    match_source: str
    pca_r2: float
    ae_r2: float
    skill: float
    continuous: float = np.nan
    global_share: float = np.nan

    def __str__(self) -> str:
        rows = (
            ("held-out R2 of the map", self.r2),
            ("the same at mean places: is it continuous?", self.continuous),
            ("decoder at the teacher's own coordinates", self.r2_decoder_only),
            (f"encoder against the teacher ({self.match_source})", self.match_r2),
            ("principal components", self.pca_r2),
            ("plain autoencoder", self.ae_r2),
            ("skill over principal components", self.skill),
            ("global share: linear decoder / components", self.global_share),
        )
        return "\n".join(f"{name:<50}{value:>8.3f}" for name, value in rows)
