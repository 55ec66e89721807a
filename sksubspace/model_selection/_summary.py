"""From evaluations to the rows of a comparison: scores, differences, ties; the choice's score."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from sksubspace._comparison import (
    MEAN,
    CandidateResult,
    best,
    choose,
    within_one_standard_error,
)
from sksubspace.model_selection._evaluate import Evaluation
from sksubspace.model_selection._intervals import (
    difference_errors,
    mean_standard_error,
    ratio_r2,
    row_covariance,
    simultaneous_reach,
    split_covariance,
)

# parts of the rows by which a choice by leave-one-out is scored anew
_N_PARTS = 5


@dataclass(frozen=True)
class Rule:
    """How candidates are set beside each other, and one is chosen.

    Attributes
    ----------
    select, order, confidence
        See `compare_embeddings`.
    n_test, n_train : float
        Test and training rows of a split, as means.
    n_repeats : int
        Repeats of the cross-validation.
    whole_rows : {"leave-one-out", "thinned"}
        Where scores of maps of all rows come from.
    """

    select: str
    order: tuple
    confidence: float
    n_test: float
    n_train: float
    n_repeats: int
    whole_rows: str = "leave-one-out"

    @property
    def test_share(self):
        """Test rows over all rows of a split."""
        return self.n_test / (self.n_test + self.n_train)


def summarize_all(candidates, cv, loo, rule):
    """Sum up each candidate, without what depends on the others but for whom splits were spared.

    `cv` and `loo` hold evaluations by name, on splits, and on all rows with several seeds; who is
    in neither is left out. Of splits that a candidate was spared it has None.
    """
    known = {name: evaluations for name, evaluations in cv.items() if _ran(evaluations)}
    rivals = [known.get(one.name, (None,)) for one in candidates if one.role == "candidate"]
    whole = [one for one in rivals if None not in one and np.isfinite(_mean_score(one))]
    reference = max(whole, key=_mean_score, default=None)
    return [
        _summarize(one, known.get(one.name, ()), loo.get(one.name, ()), rule, reference)
        for one in candidates
        if one.name in known or one.name in loo
    ]


def _summarize(candidate, cv, loo, rule, reference):
    ran = _ran(cv)
    evaluations = ran or loo
    loo_score, loo_error = _loo_score(loo)
    scores = tuple(evaluation.score for evaluation in evaluations)
    spared = len(ran) < len(cv)
    score = _mean_score(ran) if ran else loo_score
    if spared and reference is not None:
        # folds differ: the best of all splits, less the difference on those that both have
        score = _mean_score(reference) + _mean_score(cv, less=reference)
    return CandidateResult(
        name=candidate.name,
        group=candidate.group,
        params=candidate.params,
        role=candidate.role,
        score=score,
        standard_error=mean_standard_error(scores, rule.test_share) if ran else loo_error,
        evidence=_evidence(candidate, cv, rule),
        split_scores=scores,
        loo_score=loo_score,
        encoder=Counter(evaluation.encoder for evaluation in evaluations).most_common(1)[0][0],
        placement_r2=_mean_of_finite(evaluation.placement_r2 for evaluation in evaluations),
        metrics=_mean_metrics(evaluations),
        teacher_seconds=_mean_of_finite(evaluation.teacher_seconds for evaluation in evaluations),
        student_seconds=_mean_of_finite(evaluation.student_seconds for evaluation in evaluations),
        continuous=_mean_of_finite(evaluation.continuous for evaluation in evaluations),
        global_share=_mean_of_finite(evaluation.global_share for evaluation in evaluations),
        n_components=max((one.n_components for one in evaluations), default=0),
        error=next((one.error for one in (*evaluations, *loo) if one.error), ""),
        is_fixed=candidate.is_fixed,
        dropped_after=len(ran) if spared else 0,
    )


def _ran(evaluations):
    return tuple(one for one in evaluations if one is not None)


def _mean_score(evaluations, less=None):
    """Mean R2 over splits, or of its differences from those of another on the same splits."""
    others = [None] * len(evaluations) if less is None else less
    pairs = zip(evaluations, others, strict=True)
    return float(np.mean([
        one.score - (0 if other is None else other.score) for one, other in pairs if one is not None
    ]))  # fmt: skip


def mean_evaluations(evaluations):
    """As many evaluations of the map that places all rows at one point: R2 is 0 by definition."""
    return tuple(
        Evaluation(score=0.0, distortion=one.squares, squares=one.squares) for one in evaluations
    )


@dataclass(frozen=True)
class Family:
    """Scores of candidates that can be set beside each other.

    Attributes
    ----------
    names : list of str
        The candidates.
    scores : ndarray of shape (n_candidates,)
        Their R2.
    reach : ndarray of shape (n_candidates, n_candidates)
        Half widths of the intervals of the differences, all of which hold at once; NaN if unknown.
    """

    names: list
    scores: np.ndarray
    reach: np.ndarray

    def differences(self, first):
        """Difference of each from the first, with its interval, by name."""
        if first not in self.names:
            return {}
        place = self.names.index(first)
        differences, reach = self.scores - self.scores[place], self.reach[place]
        ends = zip(self.names, differences, differences - reach, differences + reach, strict=True)
        return {name: (float(d), (float(low), float(high))) for name, d, low, high in ends}


def families(rows, cv, loo, rule):  # -> Family, Family
    """The candidates whose rows were left out, and those that were scored on splits."""
    return _over_rows(rows, loo, rule), _over_splits(rows, cv, rule)


def relate(rows, families):
    """Set each row beside the best: difference, interval and ties; splits count more than rows."""
    first = best(rows)
    known = {}
    for family in families:
        known |= family.differences(first.name)
    related = []
    for row in rows:
        difference, (low, high) = known.get(row.name, (np.nan, (np.nan, np.nan)))
        if row.dropped_after:
            # what splits say of it, without an interval; leave-one-out knows it too, but less
            difference, (low, high) = row.score - first.score, (np.nan, np.nan)
        row = replace(
            row,
            difference=difference,
            difference_interval=(low, high),
            tied=row is first or bool(low <= 0 <= high),
            within_one_standard_error=within_one_standard_error(row, first),
        )
        related.append(row)
    return related


def honest_score(candidates, cv, loo, rule):
    """Score of the best where it is chosen anew without the splits, or rows, that it is scored on.

    The best of many that are nearly equal is the luckiest, so that its own score is too high.
    """
    by_rows, by_splits = families(summarize_all(candidates, cv, loo, rule), cv, loo, rule)
    scores = []
    for others, score_of in _parts_of_splits(cv, rule) if cv else _parts_of_rows(loo):
        kept = (others, loo) if cv else ({}, others)
        # whoever was dropped on these splits may be the best without one of them
        rows = [replace(row, dropped_after=0) for row in summarize_all(candidates, *kept, rule)]
        known = {row.name: row for row in rows}
        moved = (
            replace(by_rows, scores=np.array([known[name].loo_score for name in by_rows.names])),
            replace(by_splits, scores=np.array([known[name].score for name in by_splits.names])),
        )
        scores.append(score_of(choose(relate(rows, moved), "best", rule.order)))
    return float(np.mean(scores)) if scores else np.nan


def _parts_of_splits(cv, rule):
    """For each split the others of its repeat, and the score of a candidate on it.

    Of candidates that were not spared it.
    """
    n_splits = len(next(iter(cv.values())))
    repeats = np.arange(n_splits).reshape(rule.n_repeats, -1)
    for repeat in repeats if repeats.shape[1] > 2 else ():
        for split in repeat:
            kept = repeat[repeat != split]
            running = {name: one for name, one in cv.items() if one[split] is not None}
            others = {name: tuple(one[i] for i in kept) for name, one in running.items()}
            yield others, lambda name, split=split: cv[name][split].score


def _parts_of_rows(loo):
    """For each fifth of the rows the evaluations without it, and the score of a candidate on it."""
    whole = {name: one for name, one in loo.items() if not any(each.error for each in one)}
    n_samples = len(next(iter(whole.values()))[0].squares)
    part_of = np.random.RandomState(0).permutation(n_samples) % _N_PARTS
    for part in range(_N_PARTS):

        def restricted(one, rows):
            return replace(one, distortion=np.where(rows, one.distortion, np.nan))

        def score(name, rows=part_of == part):
            return _loo_score(tuple(restricted(one, rows) for one in loo[name]))[0]

        others = {
            name: tuple(restricted(each, part_of != part) for each in one)
            for name, one in whole.items()
        }
        yield others, score


def _over_splits(rows, cv, rule):
    known = [
        row for row in rows if row.name in cv and np.isfinite(row.score) and not row.dropped_after
    ]
    scores = np.array([row.split_scores for row in known]).T
    covariance = None
    if known and len(scores) > 1:
        covariance = split_covariance(scores, rule.test_share)
    return _family(known, [row.score for row in known], covariance, len(scores) - 1, rule)


def _over_rows(rows, loo, rule):
    known = [row for row in rows if loo.get(row.name) and np.isfinite(_loo_score(loo[row.name])[0])]
    covariance, scores = None, []
    if known:
        errors = np.array([[one.distortion for one in loo[row.name]] for row in known])
        squares = np.array([one.squares for one in loo[known[0].name]])
        covariance = row_covariance(errors, squares)
        scores = [ratio_r2(one, squares)[0] for one in errors]
    return _family(known, scores, covariance, np.inf, rule)


def _family(rows, scores, covariance, degrees, rule):
    """Controls are no rivals: they do not widen the intervals."""
    reach = np.full((len(rows), len(rows)), np.nan)
    if covariance is not None:
        among = [i for i, row in enumerate(rows) if row.role == "candidate"]
        quantile = simultaneous_reach(covariance[np.ix_(among, among)], degrees, rule.confidence)
        reach = quantile * difference_errors(covariance)
    return Family([row.name for row in rows], np.asarray(scores), reach)


def _evidence(candidate, cv, rule):
    if candidate.name == MEAN and candidate.role == "control":
        return "definition"
    return "held-out" if cv else rule.whole_rows


def _loo_score(loo):
    if not loo or any(evaluation.error for evaluation in loo):
        return np.nan, np.nan
    r2, error = ratio_r2([one.distortion for one in loo], [one.squares for one in loo])
    return float(r2), error


def _mean_of_finite(values):
    values = [value for value in values if np.isfinite(value)]
    return float(np.mean(values)) if values else np.nan


def _mean_metrics(evaluations):
    names = evaluations[0].metrics
    return {
        name: _mean_of_finite(one.metrics.get(name, np.nan) for one in evaluations)
        for name in names
    }
