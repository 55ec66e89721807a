r"""Standard errors of scores, and intervals of all of their differences at once.

Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003: the splits
of a cross-validation share training rows, so that the variance of a mean over J of them is not
:math:`s^2 / J` but about :math:`(1/J + n_{test}/n_{train})\, s^2`. Repeats test the same rows
again: here J is at most the number of folds of one of them.

Cochran, "Sampling techniques", 1977, chapter 6: the variance of a ratio of two sums over rows.

Hothorn, Bretz and Westfall, "Simultaneous inference in general parametric models", Biometrical
Journal 50, 2008: the largest of many correlated t statistics.
"""

import numpy as np
from scipy import stats

from sksubspace._linalg import r_squared

# the quantile of a maximum is then known to a hundredth of itself
_N_DRAWS = 20_000
# of the largest variance: two candidates that differ by less than this are the same map
_SAME = 1e-12


def mean_standard_error(scores, test_share):
    r"""Standard error of the mean of J scores of test rows.

    Parameters
    ----------
    scores : array-like of shape (n_splits,)
        One for each split.
    test_share : float
        Test rows of a split over all of its rows.

    Returns
    -------
    float
        :math:`s` times the root of `variance_factor`; NaN for fewer than two.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if len(scores) < 2:
        return np.nan
    return float(scores.std(ddof=1) * np.sqrt(variance_factor(len(scores), test_share)))


def variance_factor(n_splits, test_share):
    r"""Variance of the mean score of J splits over the :math:`s^2` of all of them.

    With :math:`t = n_{test}/n`, the share of rows that a split tests,

    .. math:: \frac{\max(1/J, t) + n_{test}/n_{train}}{1 - \max(0, J t - 1) / (J - 1)} :

    test rows, to which repeats do not add; training rows, which the splits share; and below them
    that scores of repeats are alike, because they test the same rows.
    """
    tests = max(1 / n_splits, test_share) + test_share / (1 - test_share)
    return tests / (1 - max(0.0, n_splits * test_share - 1) / (n_splits - 1))


def split_covariance(scores, test_share):  # (J, c) -> (c, c)
    """Covariance of the mean scores of candidates over splits, as far as differences go."""
    scores = np.asarray(scores, dtype=np.float64)
    return variance_factor(len(scores), test_share) * np.atleast_2d(np.cov(scores.T, ddof=1))


def row_covariance(errors, squares):
    r"""Covariance of the R2 of candidates over the same rows and teacher seeds.

    Parameters
    ----------
    errors : ndarray of shape (n_candidates, n_seeds, n_samples)
        Mean squared error of each row; NaN for rows that were not scored.
    squares : ndarray of shape (n_seeds, n_samples)
        Mean squared distance of each row from the mean.

    Returns
    -------
    ndarray of shape (n_candidates, n_candidates)
        With :math:`e_i` and :math:`t_i` the means over S seeds, :math:`n` times the covariance of
        :math:`e_i - (1 - R^2) t_i` over :math:`(\sum t_i)^2`, and that of the R2 of the seeds
        over S.
    """
    errors, squares = _scored(errors, squares)
    totals = squares.sum(axis=1)  # (S,)
    if not totals.any():  # nothing to explain, whichever rows are drawn
        return np.zeros((len(errors), len(errors)))
    shares = errors.sum(axis=(1, 2)) / squares.sum()
    residuals = (errors - shares[:, None, None] * squares).mean(axis=1)
    n_seeds, n_samples = squares.shape
    covariance = np.atleast_2d(np.cov(residuals, ddof=1)) * n_samples / totals.mean() ** 2
    if n_seeds > 1:
        of_seeds = np.cov(errors.sum(axis=2) / totals, ddof=1)
        covariance = covariance + np.atleast_2d(of_seeds) / n_seeds
    return covariance


def ratio_r2(errors, squares):  # (S, n), (S, n) -> float, float
    """R2 from row-wise errors, and its standard error over rows and teacher seeds."""
    variance = row_covariance(np.asarray(errors)[None], squares)[0, 0]
    errors, squares = _scored(errors, squares)
    return r_squared(errors.sum(), squares.sum()), float(np.sqrt(variance))


def simultaneous_reach(covariance, degrees, confidence):
    r"""Half widths, in standard errors, of intervals of all differences that hold at once.

    Parameters
    ----------
    covariance : ndarray of shape (n_candidates, n_candidates)
        Of the scores.
    degrees : float
        Degrees of freedom of the covariance; infinite where it comes from many rows.
    confidence : float
        Level, between 0 and 1.

    Returns
    -------
    float
        Quantile of :math:`\max_{a < b} |z_a - z_b| / (\sigma_{ab} \sqrt{\chi^2_\nu / \nu})`, z
        normal with this covariance. All pairs and not only those with the best: which is the best,
        the same scores decide.
    """
    pairs = np.triu_indices(len(covariance), 1)
    deviations = difference_errors(covariance)[pairs]
    apart = deviations > 0
    if apart.sum() < 2:  # one difference: Student's own quantile
        return float(stats.t.ppf((1 + confidence) / 2, degrees))
    rng = np.random.RandomState(0)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    z = rng.standard_normal((_N_DRAWS, len(root))) @ root.T
    largest = np.zeros(_N_DRAWS)
    for a, b, deviation in zip(pairs[0][apart], pairs[1][apart], deviations[apart], strict=True):
        np.maximum(largest, np.abs(z[:, a] - z[:, b]) / deviation, out=largest)
    if np.isfinite(degrees):
        largest /= np.sqrt(rng.chisquare(degrees, _N_DRAWS) / degrees)
    return float(np.quantile(largest, confidence))


def difference_errors(covariance):  # (c, c) -> (c, c)
    """Standard errors of the differences of scores; 0 for what is the same up to rounding."""
    variances = np.diag(covariance)
    found = variances[:, None] + variances - 2 * covariance
    return np.sqrt(np.where(found > _SAME * max(variances.max(), 1e-300), found, 0.0))


def _scored(errors, squares):
    """Keep the rows that were scored with every seed, by all."""
    errors = np.asarray(errors, dtype=np.float64)
    squares = np.atleast_2d(np.asarray(squares, dtype=np.float64))
    known = np.isfinite(errors).reshape(-1, errors.shape[-1]).all(axis=0)
    known &= np.isfinite(squares).all(axis=0)
    return errors[..., known], squares[:, known]
