"""What the rows of a map are marked by: p-values of their places, tears and overlaps."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone

from sksubspace._parameters import isolated_random_state
from sksubspace._student import Forget, LeftOut, MedianEncoder
from sksubspace._student._elsewhere import count_places_as_good
from sksubspace._student._groups import groups_of_copies
from sksubspace._validation import named_groups
from sksubspace.metrics._input import MAX_SAMPLES
from sksubspace.metrics._marks._result import EmbeddingReliability, row_marks
from sksubspace.neighbors import k_nearest
from sksubspace.neighbors._distances import squared_distances

__all__ = [
    "N_PLACES",
    "PLACES_RADIUS",
    "ROWS_RADIUS",
    "Measured",
    "decoder_as_drawn",
    "fdr_limit",
    "measure_rows",
    "passes_fdr",
    "reliability_of",
    "spreads_among",
]

# places drawn where comparing with all would be quadratic: as many certify the same rows to .001
N_PLACES = 999
# a share of copies that is worth a search around all rows
_MANY_COPIES = 0.01
# three in ten of a row's true neighbours: fewer stand elsewhere at every rim, half is too blind
_QUANTILE = 0.7
_NEAREST_ROWS, ROWS_RADIUS = 15, 60
_NEAREST_PLACES, PLACES_RADIUS = 30, 30
# R2 of left-out coordinates from which on a linear encoder is where rows are drawn
_FOLLOWED = 0.9


def reliability_of(found, X, Z, *, is_drawn=None, y=None, n_places=None, q=0.05, random_state=0):
    """Mark the rows of a map whose student has been learnt.

    Parameters
    ----------
    found : LeftOut
        Of `learn_student`, from these rows.

    X : {ndarray, CSR matrix} of shape (n_drawn, n_features)
        The rows that are drawn.

    Z : ndarray of shape (n_drawn, n_components)
        Their places, without NaN.

    is_drawn : ndarray of shape (n_samples,) of bool, default=None
        Which of the caller's rows these are; None for all.

    y : array-like of shape (n_samples,), default=None
        Groups to sum up by.

    n_places, q, random_state
        As in `embedding_reliability`.

    Returns
    -------
    reliability : EmbeddingReliability
        With an entry for each of the caller's rows.
    """
    is_drawn = np.ones(len(Z), dtype=bool) if is_drawn is None else is_drawn
    group, names = (None, ()) if y is None else named_groups(y, len(is_drawn), "y")
    seen = measure_rows(found, X, Z, n_places=n_places, q=q, random_state=random_state)
    limit = fdr_limit(*np.unique(seen.p_value, return_counts=True), q)
    values = (_of_all(one, is_drawn) for one in (seen.p_value, seen.tear, seen.overlap))
    return EmbeddingReliability(
        **row_marks(*values, limit), group=group, group_names=names, q=q,
        n_places=len(seen.at_rows), n_searched=len(seen.among), n_copies=seen.found.n_copies,
    )  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What rows are marked by.

    Attributes
    ----------
    found : LeftOut
        The student, its decoder chosen at places as drawn and copies looked for where it matters.

    at_rows : ndarray of shape (n_places,)
        Rows whose places each row's own is compared with.

    among : ndarray of shape (n_searched,)
        Rows that neighbours are looked for among.

    p_value, tear, overlap : ndarray of shape (n,)
        Of the rows.
    """

    found: LeftOut
    at_rows: np.ndarray
    among: np.ndarray
    p_value: np.ndarray
    tear: np.ndarray
    overlap: np.ndarray


def measure_rows(found, X, Z, *, n_places, q, random_state):  # -> Measured
    """Compare each row's place with others, and its neighbours in the data with those on the map.

    The parameters are those of `reliability_of`.
    """
    random_state = isolated_random_state(random_state)
    found = decoder_as_drawn(_with_all_copies(found, X), X)
    if n_places is None:
        n_places = len(Z) if len(Z) <= MAX_SAMPLES else N_PLACES
    at_rows = _draw_rows(len(Z), n_places, random_state)
    among = _draw_rows(len(Z), MAX_SAMPLES, random_state)
    _check_places_outside(found.groups, at_rows, q)
    n_as_good, n_compared = count_places_as_good(found, X, Z, at_rows)
    work = found.student.feature_scale.work(X)
    tear, overlap = _spreads(work, Z, found.groups, among)
    return Measured(found, at_rows, among, (1 + n_as_good) / (1 + n_compared), tear, overlap)


def _draw_rows(n_samples, n_rows, random_state):  # -> (min(n_rows, n_samples),)
    if n_rows >= n_samples:
        return np.arange(n_samples)
    return np.sort(random_state.choice(n_samples, n_rows, replace=False))


def _with_all_copies(found, X):
    """Where only some rows were left out, copies are known around these alone."""
    if len(found.rows) == X.shape[0] or found.n_copies <= _MANY_COPIES * len(found.rows):
        return found
    groups, n_copies = groups_of_copies(found.student.feature_scale.work(X))
    return replace(found, groups=groups, n_copies=n_copies)


def decoder_as_drawn(found, X):
    """Choose the decoder anew where the encoder is a line that the map does not follow.

    Chosen at places that are blurred, it would be too smooth to tell places as drawn apart. The
    median puts rows on places of the map.
    """
    student = found.student
    if isinstance(student.encoder, MedianEncoder) or not found.placement_r2 < _FOLLOWED:
        return found
    decoder = clone(student.decoder, safe=False)
    at, own = found.target[found.rows], Forget(found.groups, found.rows)
    decoder = decoder.fit(found.target, at, student.feature_scale.work(X), own) or decoder
    return replace(found, student=replace(student, decoder=decoder))


def _check_places_outside(groups, at_rows, q):
    """Raise where the smallest p-value of a row is above q: it could never be reliable."""
    n_groups = groups.max() + 1
    least = len(at_rows) - np.bincount(groups[at_rows], minlength=n_groups).max()
    if 1 / (1 + least) > q:
        raise ValueError(
            f"There must be at least {int(np.ceil(1 / q - 1))} places outside of every group to "
            f"compare with for p-values of q={q:g}, got {least}: give more rows, more n_places or "
            "smaller groups."
        )


def _of_all(values, is_drawn):  # (n_drawn,), (n_samples,) -> (n_samples,)
    whole = np.full(len(is_drawn), np.nan)
    whole[is_drawn] = values
    return whole


def passes_fdr(p_value, q):  # (n,) -> (n,)
    """Benjamini-Hochberg: reject up to the last k with p_(k) <= q k / n."""
    return p_value <= fdr_limit(*np.unique(p_value, return_counts=True), q)


def fdr_limit(values, counts, q):  # (m,) ascending, (m,) -> float
    """The largest p-value that passes, where each of some values is that of as many rows."""
    last = np.cumsum(counts)  # the rank of the last of equal ones, for which most is allowed
    below = np.flatnonzero(values <= q * last / last[-1])
    return values[below[-1]] if len(below) else -1.0


def _spreads(X, Z, groups, among):  # (n, d), (n, q), (n,), (m,) -> (n,), (n,)
    """`tear` and `overlap` by neighbours of other groups among the rows `among`."""
    n_nearest = len(among) - np.bincount(groups[among]).max()

    def nearest(rows, k):
        of_groups = (groups, groups[among])
        return k_nearest(rows, rows[among], min(k, n_nearest), groups=of_groups)

    near = nearest(X, ROWS_RADIUS), nearest(Z, PLACES_RADIUS)
    return spreads_among(X, Z, X[among], Z[among], *near)


def spreads_among(X, Z, X_among, Z_among, to_rows, to_places):  # -> (n,), (n,)
    """`tear` and `overlap` of rows X (n, d) at places Z (n, q), by neighbours among others.

    These are squared distances and numbers of the 60 nearest rows, and of the 30 nearest places.
    """
    (to_rows, rows), (to_places, places) = to_rows, to_places
    tear = _spread(Z, Z_among, rows[:, :_NEAREST_ROWS], to_places[:, -1])
    return tear, _spread(X, X_among, places[:, :_NEAREST_PLACES], to_rows[:, -1])


def _spread(rows, reference, neighbors, squared_radius):  # -> (n,)
    """70 % quantile of the distances to some rows, in units of a radius; 1 where both are zero."""
    distances = np.sqrt(squared_distances(rows, reference, neighbors))
    far, radius = np.quantile(distances, _QUANTILE, axis=1), np.sqrt(squared_radius)
    alone = np.where(far > 0, np.inf, 1.0)
    return np.divide(far, radius, out=alone, where=radius > 0)
