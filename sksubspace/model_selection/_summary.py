"""From evaluations to the rows of a comparison: scores, differences, choice and ranks."""

from collections import Counter
from dataclasses import replace

import numpy as np

from sksubspace.model_selection._candidates import MEAN, PERMUTED
from sksubspace.model_selection._evaluate import Evaluation
from sksubspace.model_selection._intervals import (
    corrected_t_interval,
    mean_standard_error,
    paired_ratio_interval,
    ratio_r2,
)
from sksubspace.model_selection._result import CandidateResult


def summarize(candidate, cv, loo):
    """Sum the evaluations of a candidate up.

    Parameters
    ----------
    candidate : Candidate
        Whose they are.

    cv, loo : tuple of Evaluation
        On splits, and on all rows with several seeds; either may be empty.

    Returns
    -------
    CandidateResult
        Without what depends on the other candidates.
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
        placement_r2=_mean(evaluation.placement_r2 for evaluation in evaluations),
        metrics=_mean_metrics(evaluations),
        teacher_seconds=_mean(evaluation.teacher_seconds for evaluation in evaluations),
        student_seconds=_mean(evaluation.student_seconds for evaluation in evaluations),
        error=next((one.error for one in (*evaluations, *loo) if one.error), ""),
    )


def mean_evaluations(evaluations):
    """Evaluations of the map that places all rows at one point: R2 is 0 by definition.

    Parameters
    ----------
    evaluations : tuple of Evaluation
        Of a candidate, on the same splits or rows.

    Returns
    -------
    tuple of Evaluation
        As many.
    """
    return tuple(
        Evaluation(score=0.0, distortion=one.squares, squares=one.squares) for one in evaluations
    )


def best_of(rows):
    """Return the candidate with the highest score, by the best evidence there is."""
    eligible = [row for row in rows if row.role == "candidate" and np.isfinite(row.score)]
    confirmed = [row for row in eligible if row.evidence == "held-out"]
    return max(confirmed or eligible, key=lambda row: row.score)


def relate(rows, cv, loo, test_to_train, confidence):
    """Set each row beside the best.

    Parameters
    ----------
    rows : list of CandidateResult
        As `summarize` made them.

    cv, loo : dict of str to tuple of Evaluation
        Evaluations by name.

    test_to_train : float
        Test rows over training rows of a split.

    confidence : float
        Level of the intervals.

    Returns
    -------
    list of CandidateResult
        With difference, interval and ties.
    """
    best = best_of(rows)
    related = []
    for row in rows:
        if row.name in cv and best.name in cv:
            pair = _split_difference(row, best, test_to_train, confidence)
        else:
            pair = _row_difference(loo.get(row.name, ()), loo.get(best.name, ()), confidence)
        difference, (low, high) = (0.0, (0.0, 0.0)) if row is best else pair
        same_evidence = row.evidence in (best.evidence, "definition")
        row = replace(
            row,
            difference=difference,
            difference_interval=(low, high),
            tied=bool(low <= 0 <= high),
            within_one_standard_error=same_evidence
            and bool(row.score >= best.score - np.nan_to_num(best.standard_error)),
        )
        related.append(row)
    return related


def choose(rows, select, order):
    """Name the chosen candidate.

    Parameters
    ----------
    rows : list of CandidateResult
        As `relate` made them.

    select : {"one_std_err", "best"}
        The rule.

    order : tuple of str
        Names, simplest first.

    Returns
    -------
    str
        The best, or the simplest within one standard error of it.
    """
    if select == "best":
        return best_of(rows).name
    good = {row.name for row in rows if row.role == "candidate" and row.within_one_standard_error}
    return next(name for name in order if name in good)


def rank(rows, chosen):
    """Sort rows, number them, and mark the chosen one.

    Parameters
    ----------
    rows : list of CandidateResult
        In any order.

    chosen : str
        Name of the chosen candidate.

    Returns
    -------
    tuple of CandidateResult
        By score. Candidates that are known by leave-one-out alone come after those confirmed; so do
        the mean and the permuted control, unless they beat one of them. Failures come last.
    """
    least = min((row.score for row in rows if _is_confirmed(row)), default=np.inf)

    def key(row):
        first = _is_confirmed(row) or (_is_floor(row) and row.score > least)
        return not np.isfinite(row.score), not first, -row.score

    return tuple(
        replace(row, rank=place, selected=row.name == chosen)
        for place, row in enumerate(sorted(rows, key=key), start=1)
    )


def _is_confirmed(row):
    return row.evidence == "held-out" and np.isfinite(row.score) and not _is_floor(row)


def _is_floor(row):
    return row.role == "control" and row.name in (MEAN, PERMUTED)


def _evidence(candidate, cv):
    if candidate.name == MEAN and candidate.role == "control":
        return "definition"
    return "held-out" if cv else "leave-one-out"


def _loo_score(loo):
    if not loo or any(evaluation.error for evaluation in loo):
        return np.nan, np.nan
    r2, error = ratio_r2([one.distortion for one in loo], [one.squares for one in loo])
    return float(r2), error


def _split_difference(row, best, test_to_train, confidence):
    differences = np.subtract(row.split_scores, best.split_scores)
    interval = corrected_t_interval(differences, test_to_train, confidence)
    return float(differences.mean()), interval


def _row_difference(evaluations, best, confidence):
    if not evaluations or not best or any(one.error for one in (*evaluations, *best)):
        return np.nan, (np.nan, np.nan)
    return paired_ratio_interval(
        [one.distortion for one in evaluations],
        [one.distortion for one in best],
        [one.squares for one in best],
        confidence,
    )


def _mean(values):
    values = [value for value in values if np.isfinite(value)]
    return float(np.mean(values)) if values else np.nan


def _mean_metrics(evaluations):
    names = evaluations[0].metrics
    return {name: _mean(one.metrics.get(name, np.nan) for one in evaluations) for name in names}
