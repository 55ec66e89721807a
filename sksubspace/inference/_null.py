"""What the statistic is compared with: resamples, or the chi-squared distribution."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from sksubspace._typing import Floats

__all__ = ["NullDistribution", "check_resamples"]

# of (1 - level) (n_resamples + 1), what rounding may take off a whole number
_ROUNDING = 1e-9


@dataclass(frozen=True)
class NullDistribution:
    """Distribution of the statistic and of the largest angle where the subspace is the true one.

    Attributes
    ----------
    dof : int
        Degrees of freedom of the chi-squared distribution, which it is for many rows.

    resampled : ndarray of shape (n_resamples,) or None
        The statistics of resamples, to be taken in its place.

    angles : ndarray of shape (n_draws,)
        Largest principal angles of draws, in radians.
    """

    dof: int
    resampled: Floats | None
    angles: Floats

    def p_value(self, statistic):
        """Probability of a statistic as large; of resamples, the sample itself counts as one."""
        if self.resampled is None:
            return float(chi2.sf(statistic, self.dof))
        return float((1 + np.sum(self.resampled >= statistic)) / (1 + len(self.resampled)))

    def threshold(self, level):
        """Largest statistic whose p-value is above 1 - level."""
        if self.resampled is None:
            return float(chi2.ppf(level, self.dof))
        return _quantile(self.resampled, level)

    def angle(self, level):
        """Angle that so large a share of the draws does not exceed, in degrees, at most 90."""
        return min(90.0, float(np.degrees(_quantile(self.angles, level))))


def check_resamples(level, n_resamples):
    """Raise a ValueError where there are too few resamples for a region of a level."""
    if _n_beyond(level, n_resamples) < 1:
        fewest = math.ceil(1 / (1 - level) - 1 - _ROUNDING)
        raise ValueError(
            f"n_resamples must be at least {fewest} for level={level}, 1 / (1 - level) - 1, got "
            f"{n_resamples}."
        )


def _quantile(values, level):  # (B,), float -> float
    return float(np.sort(values)[::-1][max(1, _n_beyond(level, len(values))) - 1])


def _n_beyond(level, n_resamples):  # -> int
    """Number of the largest statistics of resamples that stay outside of a region."""
    return math.floor((1 - level) * (n_resamples + 1) + _ROUNDING)
