r"""Standard errors and confidence intervals of held-out scores.

Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003: the splits
of a cross-validation share training rows, so that the variance of a mean over J of them is not
:math:`s^2 / J` but about :math:`(1/J + n_{test}/n_{train})\, s^2`.

Cochran, "Sampling techniques", 1977, chapter 6: the variance of a ratio of two sums over rows.
"""

import numpy as np
from scipy import stats


def mean_standard_error(scores):
    r"""Standard error :math:`s / \sqrt J` of the mean of J scores.

    Parameters
    ----------
    scores : array-like of shape (n_splits,)
        One for each split.

    Returns
    -------
    float
        NaN for fewer than two.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if len(scores) < 2:
        return np.nan
    return float(scores.std(ddof=1) / np.sqrt(len(scores)))


def corrected_t_interval(differences, test_to_train, confidence):
    r"""Corrected resampled t interval of a mean difference over splits.

    Parameters
    ----------
    differences : array-like of shape (n_splits,)
        Score of one candidate less that of another, on the same splits.

    test_to_train : float
        Test rows over training rows of a split.

    confidence : float
        Level, between 0 and 1.

    Returns
    -------
    low, high : float
        :math:`\bar d \pm t_{J-1}\, s \sqrt{1/J + n_{test}/n_{train}}`; NaN for fewer than two
        splits.
    """
    differences = np.asarray(differences, dtype=np.float64)
    n_splits = len(differences)
    if n_splits < 2:
        return np.nan, np.nan
    spread = differences.std(ddof=1) * np.sqrt(1 / n_splits + test_to_train)
    reach = stats.t.ppf((1 + confidence) / 2, n_splits - 1) * spread
    return float(differences.mean() - reach), float(differences.mean() + reach)


def ratio_r2(errors, squares):
    r"""R2 from row-wise errors, and its standard error over rows and teacher seeds.

    Parameters
    ----------
    errors : ndarray of shape (n_seeds, n_samples)
        Mean squared error of each row; NaN for rows that were not scored.

    squares : ndarray of shape (n_seeds, n_samples)
        Mean squared distance of each row from the mean.

    Returns
    -------
    r2, standard_error : float
        With :math:`e_i` and :math:`t_i` the means over S seeds,
        :math:`R^2 = 1 - \sum e_i / \sum t_i` and the standard error is the root of
        :math:`n\, s^2(e_i - (1 - R^2) t_i) / (\sum t_i)^2 + s^2(R^2_1, ..., R^2_S) / S`.
    """
    errors, squares = _scored(errors, squares)
    ratio, error = _ratio(errors, squares)
    return 1 - ratio, error


def paired_ratio_interval(errors, best_errors, squares, confidence):
    r"""Interval of the difference of two R2 over the same rows.

    Parameters
    ----------
    errors, best_errors : ndarray of shape (n_seeds, n_samples)
        Mean squared error of each row with either candidate; NaN for rows that were not scored.

    squares : ndarray of shape (n_seeds, n_samples)
        Mean squared distance of each row from the mean.

    confidence : float
        Level, between 0 and 1.

    Returns
    -------
    difference : float
        R2 of the first less that of the best.

    interval : tuple of float and float
        :math:`\pm z` standard errors of the ratio :math:`\sum (b_i - e_i) / \sum t_i`.
    """
    gains, squares = _scored(np.asarray(best_errors) - errors, squares)
    difference, error = _ratio(gains, squares)
    reach = stats.norm.ppf((1 + confidence) / 2) * error
    return difference, (difference - reach, difference + reach)


def _ratio(values, squares):  # (S, n), (S, n) -> ratio of the sums, its standard error
    totals = squares.sum(axis=1)
    ratio = values.sum() / squares.sum()
    residuals = (values - ratio * squares).mean(axis=0)
    n_seeds, n_samples = values.shape
    variance = residuals.var(ddof=1) * n_samples / totals.mean() ** 2
    if n_seeds > 1:
        variance += (values.sum(axis=1) / totals).var(ddof=1) / n_seeds
    return float(ratio), float(np.sqrt(variance))


def _scored(values, squares):
    """Keep the rows that were scored with every seed."""
    values, squares = np.atleast_2d(values, squares)
    scored = np.isfinite(values).all(axis=0) & np.isfinite(squares).all(axis=0)
    return values[:, scored], squares[:, scored]
