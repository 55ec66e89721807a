"""Conformal p-values and the shift test.

Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005; Szekely and Rizzo,
"Testing for equal distributions in high dimension", InterStat 2004.
"""

import warnings
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp

from sksubspace._typing import Floats

# p-values down to .002, of which a level of .01 is sure
_N_PERMUTATIONS = 499
# ways to choose new groups that are all looked at
_MOST_LABELINGS = 5_000
# rows of a sample whose distances to all others are formed
_MAX_ROWS = 1000
# equal energies that rounding tells apart
_ROUNDING = 1e-9
# the exact distribution of Kolmogorov and Smirnov takes long above
_MAX_EXACT_ROWS = 100


@dataclass(frozen=True)
class ShiftResult:
    """Whether a batch still belongs on the map.

    Attributes
    ----------
    shifted : bool
        Whether the smaller p-value, corrected by Holm, is at most ``alpha``.

    p_value : float
        That corrected p-value.

    p_distortion : float
        One-sided Kolmogorov-Smirnov test that the batch is distorted more than the calibration
        rows, by more than the margin; with groups a permutation test of their mean logarithms.

    p_embedding : float
        Energy-distance permutation test that the batch lies elsewhere on the map; with groups a
        permutation test of their mean places.

    fraction_flagged : float
        Share of rows whose own p-value is at most ``alpha``; about ``alpha`` without shift.

    alpha : float
        Level of the test.

    sample_p_values : ndarray of shape (n_samples,)
        Conformal p-value of each row.

    n_groups : tuple of int or None
        Number of groups in the batch and among the calibration rows, if groups were compared.
    """

    shifted: bool
    p_value: float
    p_distortion: float
    p_embedding: float
    fraction_flagged: float
    alpha: float
    sample_p_values: Floats = field(repr=False)
    n_groups: tuple[int, int] | None = None

    def __str__(self) -> str:
        verdict = "shift found" if self.shifted else "no shift found"
        if self.n_groups is not None:
            verdict += " between groups ({} of the batch, {} known)".format(*self.n_groups)
        return (
            f"{verdict} at alpha={self.alpha:g} (p={self.p_value:.3g}: distortion "
            f"{self.p_distortion:.3g}, position {self.p_embedding:.3g}); "
            f"{self.fraction_flagged:.1%} of {len(self.sample_p_values)} rows flagged"
        )


@dataclass(frozen=True)
class PlacedRows:
    """Rows of a batch, or calibration rows.

    Attributes
    ----------
    distortion : ndarray of shape (n,)
        Their distortions.
    placed : ndarray of shape (n, q)
        Their positions.
    groups : ndarray of shape (n,) or None
        Consecutive integers from 0.
    """

    distortion: np.ndarray
    placed: np.ndarray
    groups: np.ndarray | None = None


def conformal_p_values(scores, calibration, groups=None):  # (n,), (m,), (m,) -> (n,)
    """(1 + number of calibration scores that are at least s) / (m + 1), for each score s.

    With G groups, (1 + sum over groups of the share of scores that are at least s) / (1 + G).
    """
    order = np.argsort(calibration)
    if groups is None:
        weight, n_units = np.ones(len(calibration)), len(calibration)
    else:
        sizes = np.bincount(groups)
        weight, n_units = 1 / sizes[groups], int((sizes > 0).sum())
    above = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    at_least = above[np.searchsorted(calibration[order], scores, side="left")]
    return (1 + at_least) / (n_units + 1)


def shift_test(batch, reference, alpha, margin, random_state):  # -> ShiftResult
    """Test a batch against the calibration rows, by distortion and by position, combined by Holm.

    `margin` is the relative increase of the distortion that counts as none. Permutations are drawn,
    and rows where there are more than a thousand.
    """
    known = _one_a_group(reference, random_state)
    eased = batch.distortion / (1 + margin)
    method = "auto" if len(eased) <= _MAX_EXACT_ROWS else "asymp"
    test = ks_2samp(eased, known.distortion, alternative="less", method=method)
    by_position = energy_test(batch.placed, known.placed, random_state)
    return _result(batch, reference, alpha, float(test.pvalue), by_position)


def _one_a_group(rows, random_state):  # PlacedRows -> PlacedRows
    """Copies are no further evidence: of each group one row, at random."""
    if rows.groups is None or rows.groups.max(initial=0) + 1 == len(rows.placed):
        return rows
    order = random_state.permutation(len(rows.placed))
    kept = np.sort(order[np.unique(rows.groups[order], return_index=True)[1]])
    return PlacedRows(rows.distortion[kept], rows.placed[kept])


def names_of_groups(groups):  # (n,) -> (G,) of str, None without groups
    """Names of groups as text, so that those of a file and those of a frame can be compared."""
    return None if groups is None else np.unique(np.asarray(groups).astype(str))


def warn_of_known(groups, known, stacklevel):
    """Say which groups of a batch the map was made with; `known` are their names, if kept."""
    if known is None:
        return
    names = names_of_groups(groups)
    shared = np.intersect1d(names, known)
    if len(shared):
        shown = ", ".join(shared[:3]) + (", ..." if len(shared) > 3 else "")
        warnings.warn(
            f"{len(shared)} of the {len(names)} groups of the batch are among those that the map "
            f"was made with ({shown}), and are compared as if they were new. The map knows them, "
            "so that a shift of theirs is easily missed; test them on a map made without them.",
            UserWarning,
            stacklevel=stacklevel,
        )


def group_shift_test(batch, reference, alpha, margin, random_state):
    """Test whether groups are new, by permutations of which groups are the batch.

    Statistics are the difference of the mean over groups of the mean log distortion, the
    calibration raised by log(1 + margin), and the squared distance of the mean places. A batch
    without groups is one group. Parameters and result are those of `shift_test`.
    """
    groups = np.zeros(len(batch.placed), dtype=int) if batch.groups is None else batch.groups
    new, old = _group_means(batch, groups, 0.0), _group_means(reference, reference.groups, margin)
    units = np.vstack([new, old])
    labels = _labelings(len(new), len(units), random_state)
    if 2 * (1 / len(labels)) > alpha:
        warnings.warn(
            f"Groups ({len(new)} of the batch, {len(old)} known) cannot give a p-value below "
            f"{2 / len(labels):.3g}, so that no shift is found at alpha={alpha:g}; take more "
            "groups.",
            UserWarning,
            stacklevel=3,
        )
    contrast = labels / len(new) - (1 - labels) / len(old)  # (P, G)
    moved = contrast @ units
    statistics = moved[:, 0], np.square(moved[:, 1:]).sum(axis=1)
    by_distortion, by_position = (_share_at_least(one) for one in statistics)
    return _result(batch, reference, alpha, by_distortion, by_position, (len(new), len(old)))


def _group_means(rows, groups, margin):  # -> (G, 1 + q)
    """Mean log distortion, raised by log(1 + margin), and mean place of each group."""
    floor = np.finfo(np.float64).tiny  # a perfect reconstruction has no logarithm
    logs = np.log(np.maximum(rows.distortion, floor)) + np.log1p(margin)
    values = np.column_stack([logs, rows.placed])
    sizes = np.bincount(groups)
    sums = np.stack([np.bincount(groups, column) for column in values.T], axis=1)
    return sums[sizes > 0] / sizes[sizes > 0, None]


def _labelings(n_new, n_units, random_state):  # -> (P, G) of 0 and 1, the observed one first
    """All ways to choose the new groups if there are few, else as many at random."""
    if comb(n_units, n_new) <= _MOST_LABELINGS:
        chosen = np.array(list(combinations(range(n_units), n_new)))  # the observed one first
    else:
        drawn = [random_state.permutation(n_units)[:n_new] for _ in range(_N_PERMUTATIONS)]
        chosen = np.array([np.arange(n_new), *drawn])
    labels = np.zeros((len(chosen), n_units))
    np.put_along_axis(labels, chosen, 1.0, axis=1)
    return labels


def _share_at_least(statistics):  # (P,), the observed one first -> float
    return float((statistics >= statistics[0] - _ROUNDING * np.abs(statistics).max()).mean())


def _result(batch, reference, alpha, by_distortion, by_position, n_groups=None):
    combined = holm_minimum((by_distortion, by_position))
    p_values = conformal_p_values(batch.distortion, reference.distortion, reference.groups)
    return ShiftResult(
        shifted=combined <= alpha,
        p_value=combined,
        p_distortion=by_distortion,
        p_embedding=by_position,
        fraction_flagged=float((p_values <= alpha).mean()),
        alpha=alpha,
        sample_p_values=p_values,
        n_groups=n_groups,
    )


def holm_minimum(p_values):
    """Holm-adjusted p-value of the smallest: their number times the smallest, at most 1."""
    return min(1.0, len(p_values) * min(p_values))


def energy_test(A, B, random_state):  # (n, q), (m, q) -> float
    """Permutation p-value of the energy distance 2 E|a-b| - E|a-a'| - E|b-b'|."""
    A, B = _at_most(A, random_state), _at_most(B, random_state)
    pooled = np.vstack([A, B])
    distances = cdist(pooled, pooled)
    first = np.zeros((len(pooled), _N_PERMUTATIONS + 1))
    first[: len(A), 0] = 1
    for column in range(1, _N_PERMUTATIONS + 1):
        first[random_state.permutation(len(pooled))[: len(A)], column] = 1
    energy = _energy(distances, first, len(A), len(B))
    at_least = energy[1:] >= energy[0] - _ROUNDING * distances.max()
    return float((1 + at_least.sum()) / (_N_PERMUTATIONS + 1))


def _energy(distances, first, n, m):  # (N, N), (N, P) -> (P,)
    """Energy distance of each split; `first` marks the rows of the first sample."""
    total = distances.sum()
    touching = distances.sum(axis=0) @ first
    within_first = np.einsum("np,np->p", first, distances @ first)
    between = touching - within_first
    within_second = total - within_first - 2 * between
    return 2 * between / (n * m) - within_first / n**2 - within_second / m**2


def _at_most(rows, random_state):
    if len(rows) <= _MAX_ROWS:
        return rows
    return rows[random_state.choice(len(rows), _MAX_ROWS, replace=False)]
