"""One student: an encoder and a decoder of a map, and what they know of rows left out.

Everything in the library that scores, extends or inverts a map calls `learn_student`: the fit of
MEDAL, `embedding_score`, and both ways of comparing embeddings.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sksubspace._linalg import (
    dense,
    match_r_squared,
    r_squared,
    row_squares,
)
from sksubspace._state import register
from sksubspace._student._linear import LinearEncoder
from sksubspace._student._median import MedianEncoder
from sksubspace._student._ridge import FourierRidge
from sksubspace._student._scaling import FeatureScale, LatentScale

for part in (FeatureScale, LatentScale, MedianEncoder, LinearEncoder, FourierRidge):
    register(part)


@dataclass(frozen=True)
class StudentPlan:
    """Which parts a student is made of, all of them unfitted.

    Attributes
    ----------
    encoders : tuple of encoder
        Candidates: the one with the best left-out coordinates is taken.

    decoder : decoder
        From places to rows.

    scale : {"global", "feature", "none"}
        Units of the rows.

    match_weight : float or None
        Weight of the teacher's coordinates where two networks are trained together.

    make_trainer : callable or None
        ``make_trainer(dtype, random_state)`` gives what trains networks.
    """

    encoders: tuple = (LinearEncoder(), MedianEncoder())
    decoder: Any = field(default_factory=FourierRidge)
    scale: str = "global"
    match_weight: float | None = None
    make_trainer: Any = None

    @property
    def has_left_out(self):
        """Whether encoder and decoder say where rows go, and what comes back, without them."""
        return all(hasattr(part, "left_out") for part in (*self.encoders, self.decoder))

    def __str__(self):
        encoder, decoder = part_name(self.encoders[0]), part_name(self.decoder)
        return f"encoder={encoder!r} with decoder={decoder!r}"


@register
@dataclass(frozen=True)
class Student:
    """A fitted encoder and decoder, kept whole.

    Attributes
    ----------
    feature_scale : FeatureScale
        Units of the rows.

    latent_scale : LatentScale
        Units of the map.

    mean : ndarray of shape (n_features,)
        Of the training rows, in input units.

    components : ndarray of shape (q, n_features)
        As many principal components of the training rows: a reference.

    encoder, decoder : object
        The fitted parts, on scaled places and working data.

    mean_decoder : object or None
        The decoder chosen at mean places, for the second reading.

    line : object or None
        The linear decoder, for the third reading.

    sparse : bool
        Whether the training rows were sparse.

    seed : int
        Of whatever is drawn later: permutations, references.
    """

    feature_scale: FeatureScale
    latent_scale: LatentScale
    mean: np.ndarray
    components: np.ndarray
    encoder: Any
    decoder: Any
    mean_decoder: Any
    line: Any
    sparse: bool
    seed: int

    def place(self, X):  # (n, d) -> (n, q)
        """Place rows, in units of the map."""
        return self.latent_scale.unscale(self.encoder.predict(self.feature_scale.work(X)))

    def decode(self, Z):  # (n, q) -> (n, d)
        """Decode places in units of the map, in input units."""
        return self._decoded(self.decoder, self.latent_scale.scale(Z))

    def squared_errors(self, X, placed):  # (n, d), (n, q) -> (n,)
        """Sum over features of (x - g(z))^2, in squared input units."""
        return row_squares(X, lambda rows: self.decode(placed[rows]))

    def squares(self, X):  # (n, d) -> (n,)
        """||x - mean of the training rows||^2."""
        return row_squares(X, lambda rows: self.mean)

    def principal_errors(self, X):  # (n, d) -> (n,)
        """Squared errors of as many principal components."""

        def project(rows):
            centred = dense(X[rows]) - self.mean
            return centred @ self.components.T @ self.components + self.mean

        return row_squares(X, project)

    def readings(self, X, placed):  # (n, d), (n, q) -> dict, (n,)
        """The three held-out readings of the map on placed rows: r2, continuous, global_share.

        NaN where the parts have no such reading. Beside them the squared errors of the first.
        """
        total, errors = self.squares(X).sum(), self.squared_errors(X, placed)
        found = {"r2": r_squared(errors.sum(), total)}
        found |= {"continuous": np.nan, "global_share": np.nan}
        if self.mean_decoder is not None:
            work = self.feature_scale.work(X.astype(self.components.dtype, copy=False))
            at = self.encoder.predict_mean(work)
            found["continuous"] = self._r2(self.mean_decoder, X, at, total)
        if self.line is not None:
            principal = r_squared(self.principal_errors(X).sum(), total)
            at = self.latent_scale.scale(placed)
            found["global_share"] = share(self._r2(self.line, X, at, total), principal)
        return found, errors

    def _decoded(self, decoder, Z):
        return self.feature_scale.unwork(decoder.predict(Z))

    def _r2(self, decoder, X, Z, total):
        errors = row_squares(X, lambda rows: self._decoded(decoder, Z[rows]))
        return r_squared(errors.sum(), total)


@dataclass(frozen=True)
class LeftOut:
    """What is known of the training rows as if they were new.

    Attributes
    ----------
    student : Student
        The fitted pair.

    rows : ndarray of shape (m,)
        The rows that were left out, all or a part.

    target : ndarray of shape (n, q)
        Scaled coordinates that the encoder reproduces; equal rows have the mean of theirs.

    n_conflicts : int
        Rows that equal another one with other coordinates.

    groups : ndarray of shape (n,)
        Rows that are left out together.

    n_copies : int
        Rows that share their group with another, where no groups were given.

    encoder_scores : dict of str to float
        R2 of the left-out coordinates of each candidate.

    placed : ndarray of shape (m, q) or None
        Scaled places without the own group.

    squared_errors, squares : ndarray of shape (m,) or None
        Of reconstructions without the own group and the row next door, and about the mean; in
        squared input units.

    continuous, global_share : float
        The second and the third reading; NaN where they cannot be had.

    loss_curve : list of float
        Losses of the last network trained.

    neighbors : ndarray of shape (m, k)
        Nearest rows of other groups, one of each and its copies.

    copies : ndarray of shape (n,) or None
        Numbers that equal and nearly equal rows of a group share; None if all rows differ.
    """

    student: Student
    rows: np.ndarray
    target: np.ndarray
    n_conflicts: int
    groups: np.ndarray
    n_copies: int
    encoder_scores: dict
    placed: np.ndarray | None
    squared_errors: np.ndarray | None
    squares: np.ndarray | None
    continuous: float
    global_share: float
    loss_curve: list
    neighbors: np.ndarray
    copies: np.ndarray | None = None

    @property
    def score(self):
        """Left-out R2, or None."""
        if self.squared_errors is None:
            return None
        return r_squared(self.squared_errors.sum(), self.squares.sum())

    @property
    def placement_r2(self):
        """R2 of the left-out coordinates against those given, or NaN."""
        return np.nan if self.placed is None else match_r_squared(self.placed, self._given)

    @property
    def placement_error(self):
        """Root mean squared error of these coordinates, in units of the radius."""
        return float(np.sqrt(np.square(self.placed - self._given).sum(axis=1).mean()))

    @property
    def _given(self):
        return self.target[self.rows]


def share(part, whole):
    """Part of a whole that is positive, else NaN."""
    return float(part / whole) if whole > 0 else np.nan


def part_name(part):
    """What a part is called in tables."""
    return getattr(part, "name", type(part).__name__)
