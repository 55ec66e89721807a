"""Conformal p-values and the shift test.

Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005; Szekely and Rizzo,
"Testing for equal distributions in high dimension", InterStat 2004.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp

_N_PERMUTATIONS = 499
_MAX_ROWS = 1000
_ROUNDING = 1e-9
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
        rows, by more than the margin.

    p_embedding : float
        Energy-distance permutation test that the batch lies elsewhere on the map.

    fraction_flagged : float
        Share of rows whose own p-value is at most ``alpha``; about ``alpha`` without shift.

    alpha : float
        Level of the test.

    sample_p_values : ndarray of shape (n_samples,)
        Conformal p-value of each row.
    """

    shifted: bool
    p_value: float
    p_distortion: float
    p_embedding: float
    fraction_flagged: float
    alpha: float
    sample_p_values: np.ndarray = field(repr=False)

    def __str__(self):
        verdict = "shift found" if self.shifted else "no shift found"
        return (
            f"{verdict} at alpha={self.alpha:g} (p={self.p_value:.3g}: distortion "
            f"{self.p_distortion:.3g}, position {self.p_embedding:.3g}); "
            f"{self.fraction_flagged:.1%} of {len(self.sample_p_values)} rows flagged"
        )


def conformal_p_values(scores, calibration):  # (n,), (m,) -> (n,)
    """(1 + number of calibration scores that are at least s) / (m + 1), for each score s."""
    ordered = np.sort(calibration)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return (1 + at_least) / (len(ordered) + 1)


def shift_test(
    distortion, placed, reference_distortion, reference_placed, alpha, margin, random_state
):
    """Test a batch against the calibration rows, by distortion and by position.

    Parameters
    ----------
    distortion : ndarray of shape (n,)
        Distortions of the batch.

    placed : ndarray of shape (n, q)
        Its positions on the map.

    reference_distortion : ndarray of shape (m,)
        Distortions of the calibration rows.

    reference_placed : ndarray of shape (m, q)
        Their positions.

    alpha : float
        Level.

    margin : float
        Relative increase of the distortion that counts as none.

    random_state : RandomState
        Draws permutations, and rows where there are more than a thousand.

    Returns
    -------
    result : ShiftResult
        P-values, combined by Holm's step-down procedure.
    """
    eased = distortion / (1 + margin)
    method = "auto" if len(eased) <= _MAX_EXACT_ROWS else "asymp"
    test = ks_2samp(eased, reference_distortion, alternative="less", method=method)
    by_distortion = float(test.pvalue)
    by_position = energy_test(placed, reference_placed, random_state)
    combined = holm_minimum((by_distortion, by_position))
    p_values = conformal_p_values(distortion, reference_distortion)
    return ShiftResult(
        shifted=combined <= alpha,
        p_value=combined,
        p_distortion=by_distortion,
        p_embedding=by_position,
        fraction_flagged=float((p_values <= alpha).mean()),
        alpha=alpha,
        sample_p_values=p_values,
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
