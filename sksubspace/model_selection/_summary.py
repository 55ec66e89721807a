r"""From evaluations to the rows of a comparison: scores, standard errors and differences.

Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003: the splits
of a cross-validation share training rows, so that the variance of a mean over J of them is not
:math:`s^2 / J` but about :math:`(1/J + n_{test}/n_{train})\, s^2`.

Cochran, "Sampling techniques", 1977, chapter 6: the variance of a ratio of two sums over rows.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
from scipy import stats

from sksubspace._comparison import MEAN, CandidateResult, best, within_one_standard_error
from sksubspace.model_selection._evaluate import Evaluation


def summarize(candidate, cv, loo):
    """Sum the evaluations of a candidate up, without what depends on the other candidates.

    They are on splits (`cv`), and on all rows with several seeds (`loo`); either may be empty.
    """
    evaluations = cv or loo
    loo_score, loo_error = _loo_score(loo)
    scores = tuple(evaluation.score for evaluation in evaluations)
    score = float(np.mean(scores)) if cv else loo_score
    return CandidateResult(
        name=candidate.name,
        group=candidate.group,
        params=candidate.params,
        role=candidate.role,
        score=score,
        standard_error=mean_standard_error(scores) if cv else loo_error,
        evidence=_evidence(candidate, cv),
        split_scores=scores,
        loo_score=loo_score,
        encoder=Counter(evaluation.encoder for evaluation in evaluations).most_common(1)[0][0],
        placement_r2=_mean_of_finite(evaluation.placement_r2 for evaluation in evaluations),
        metrics=_mean_metrics(evaluations),
        teacher_seconds=_mean_of_finite(evaluation.teacher_seconds for evaluation in evaluations),
        student_seconds=_mean_of_finite(evaluation.student_seconds for evaluation in evaluations),
        continuous=_mean_of_finite(evaluation.continuous for evaluation in evaluations),
        global_share=_mean_of_finite(evaluation.global_share for evaluation in evaluations),
        error=next((one.error for one in (*evaluations, *loo) if one.error), ""),
    )


def mean_evaluations(evaluations):
    """As many evaluations of the map that places all rows at one point: R2 is 0 by definition."""
    return tuple(
        Evaluation(score=0.0, distortion=one.squares, squares=one.squares) for one in evaluations
    )


def relate(rows, cv, loo, test_to_train, confidence):
    """Set each row beside the best: difference, interval and ties, by the evaluations of each name.

    `test_to_train` is the number of test rows over that of training rows of a split.
    """
    first = best(rows)
    related = []
    for row in rows:
        if row is first:
            difference, (low, high) = 0.0, (0.0, 0.0)
        elif row.name in cv and first.name in cv:
            difference, (low, high) = _split_difference(row, first, test_to_train, confidence)
        else:
            pair = loo.get(row.name, ()), loo.get(first.name, ())
            difference, (low, high) = _row_difference(*pair, confidence)
        row = replace(
            row,
            difference=difference,
            difference_interval=(low, high),
            tied=bool(low <= 0 <= high),
            within_one_standard_error=within_one_standard_error(row, first),
        )
        related.append(row)
    return related


def _evidence(candidate, cv):
    if candidate.name == MEAN and candidate.role == "control":
        return "definition"
    return "held-out" if cv else "leave-one-out"


def _loo_score(loo):
    if not loo or any(evaluation.error for evaluation in loo):
        return np.nan, np.nan
    r2, error = ratio_r2([one.distortion for one in loo], [one.squares for one in loo])
    return float(r2), error


def _split_difference(row, first, test_to_train, confidence):
    differences = np.subtract(row.split_scores, first.split_scores)
    interval = corrected_t_interval(differences, test_to_train, confidence)
    return float(differences.mean()), interval


def _row_difference(evaluations, of_best, confidence):
    if not evaluations or not of_best or any(one.error for one in (*evaluations, *of_best)):
        return np.nan, (np.nan, np.nan)
    return paired_ratio_interval(
        [one.distortion for one in evaluations],
        [one.distortion for one in of_best],
        [one.squares for one in of_best],
        confidence,
    )


def _mean_of_finite(values):
    values = [value for value in values if np.isfinite(value)]
    return float(np.mean(values)) if values else np.nan


def _mean_metrics(evaluations):
    names = evaluations[0].metrics
    return {
        name: _mean_of_finite(one.metrics.get(name, np.nan) for one in evaluations)
        for name in names
    }


# ---- standard errors and intervals ---------------------------------------------------------------


def mean_standard_error(scores):  # (J,) -> float
    r"""Standard error :math:`s / \sqrt J` of the mean of J scores; NaN for fewer than two."""
    scores = np.asarray(scores, dtype=np.float64)
    if len(scores) < 2:
        return np.nan
    return float(scores.std(ddof=1) / np.sqrt(len(scores)))


def corrected_t_interval(differences, test_to_train, confidence):  # -> low, high
    r"""Corrected resampled t interval of the mean of differences (J,) over the same splits.

    :math:`\bar d \pm t_{J-1}\, s \sqrt{1/J + n_{test}/n_{train}}`, with the test rows over the
    training rows of a split; NaN for fewer than two splits.
    """
    differences = np.asarray(differences, dtype=np.float64)
    n_splits = len(differences)
    if n_splits < 2:
        return np.nan, np.nan
    spread = differences.std(ddof=1) * np.sqrt(1 / n_splits + test_to_train)
    reach = stats.t.ppf((1 + confidence) / 2, n_splits - 1) * spread
    return float(differences.mean() - reach), float(differences.mean() + reach)


def ratio_r2(errors, squares):  # two of (S, n) -> float, float
    r"""R2 from mean squared errors of rows, and its standard error over rows and teacher seeds.

    With :math:`e_i` the errors, NaN for rows that were not scored, and :math:`t_i` the mean squared
    distances from the mean, both averaged over S seeds, :math:`R^2 = 1 - \sum e_i / \sum t_i` and
    the standard error is the root of :math:`n\, s^2(e_i - (1 - R^2) t_i) / (\sum t_i)^2 +
    s^2(R^2_1, ..., R^2_S) / S`.
    """
    errors, squares = _scored(errors, squares)
    ratio, error = _ratio_of_sums(errors, squares)
    return 1 - ratio, error


def paired_ratio_interval(errors, best_errors, squares, confidence):
    r"""Difference of two R2 over the same rows, that of the best taken off, and its interval.

    Errors and squares (S, n) are those of `ratio_r2`. The interval is :math:`\pm z` standard errors
    of the ratio :math:`\sum (b_i - e_i) / \sum t_i`.
    """
    gains, squares = _scored(np.asarray(best_errors) - errors, squares)
    difference, error = _ratio_of_sums(gains, squares)
    reach = stats.norm.ppf((1 + confidence) / 2) * error
    return difference, (difference - reach, difference + reach)


def _ratio_of_sums(values, squares):  # (S, n), (S, n) -> ratio of the sums, its standard error
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
