"""The stages of a comparison: screen, confirm, set controls beside, fit the chosen one."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._threads import small_work
from sksubspace.model_selection._candidates import (
    MEAN,
    PERMUTED,
    Candidate,
    is_pca,
    pca_control,
)
from sksubspace.model_selection._evaluate import (
    Data,
    collected_warnings,
    evaluate_permuted,
    evaluate_split,
    evaluate_whole,
    evaluate_whole_permuted,
)
from sksubspace.model_selection._memory import Store
from sksubspace.model_selection._progress import staged
from sksubspace.model_selection._summary import (
    best_of,
    choose,
    mean_evaluations,
    rank,
    relate,
    summarize,
)
from sksubspace.model_selection._teacher import RememberedTeacher, seeded

# leave-one-out scores lie above those of rows that the teacher has not seen, by up to about this
# much more for one teacher than for another (t-SNE than PCA): one this far behind may be the best
_OPTIMISM = 0.05


@dataclass(frozen=True)
class Plan:
    """All that a comparison is made of.

    Attributes
    ----------
    data : Data
        Rows.

    candidates : tuple of Candidate
        What is compared, the linear control included.

    student : MEDAL
        Whose parameters are used.

    method, select, confidence, controls, n_jobs
        See `compare_embeddings`.

    order : tuple of str
        Names of the candidates, simplest first.

    splits : tuple of Split
        Of the cross-validation; empty for leave-one-out.

    seeds : tuple of int
        Of the teachers that embed all rows. The first is that of the final fit.

    store, whole : Store
        What is remembered of splits, and of teachers of all rows.
    """

    data: Data
    candidates: tuple
    student: Any
    method: str
    select: str
    order: tuple
    confidence: float
    controls: bool
    splits: tuple
    seeds: tuple
    store: Store
    whole: Store
    n_jobs: Any

    @property
    def n_stages(self):
        """Number of stages that callbacks are told of."""
        return {"loo": 2, "cv": 2, "auto": 3}[self.method] + self.controls

    @property
    def test_to_train(self):
        """Test rows over training rows, as a mean over splits."""
        return float(np.mean([len(one.test) / len(one.train) for one in self.splits] or [np.nan]))


def run(plan, X, caller, context):
    """Compare, choose, and fit the chosen one.

    Parameters
    ----------
    plan : Plan
        What to do.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows as the caller gave them, for the final fit.

    caller : Comparison
        On which callbacks are set.

    context : sklearn.callback.CallbackContext
        Of the whole.

    Returns
    -------
    rows : tuple of CandidateResult
        By rank.

    best : MEDAL
        Fitted on all rows.
    """
    said = set()
    cv, loo, stages = {}, {}, partial(_evaluate, plan, caller, context, said)
    if plan.method != "cv":
        loo = stages("leave-one-out", _whole_jobs(plan))
    if plan.method != "loo":
        confirmed = _promising(plan, loo) if loo else plan.candidates
        cv = stages("cross-validation", _split_jobs(plan, confirmed))
    candidates = list(plan.candidates)
    rows = [summarize(one, cv.get(one.name, ()), loo.get(one.name, ())) for one in candidates]
    _check_failures(rows)
    if plan.controls:
        controls = _add_controls(plan, best_of(rows).name, cv, loo, stages)
        rows += [summarize(one, cv.get(one.name, ()), loo.get(one.name, ())) for one in controls]
    rows = relate(rows, cv, loo, plan.test_to_train, plan.confidence)
    chosen = choose(rows, plan.select, plan.order)
    with collected_warnings() as caught:
        best = _fit_best(plan, X, chosen, caller, context)
    _warn_once(caught, said)
    return rank(rows, chosen), best


def with_linear_control(candidates, controls, n_features):
    """Append the linear control if controls are wanted and no candidate stands for it."""
    control = pca_control(candidates, n_features) if controls else None
    return candidates if control is None else (*candidates, control)


def _whole_jobs(plan):
    return {
        one.name: [
            partial(evaluate_whole, plan.data, one.teacher, plan.student, seed, plan.whole)
            for seed in plan.seeds
        ]
        for one in plan.candidates
    }


def _split_jobs(plan, candidates):
    return {
        one.name: [
            partial(evaluate_split, plan.data, one.teacher, plan.student, split, plan.store)
            for split in plan.splits
        ]
        for one in candidates
    }


def _promising(plan, loo):
    """Candidates that may be the best after the screening, and the linear control."""
    rows = [summarize(one, (), loo[one.name]) for one in plan.candidates]
    _check_failures(rows)
    best = best_of(rows)
    least = best.score - np.nan_to_num(best.standard_error) - _OPTIMISM
    scores = {row.name: row.score for row in rows if np.isfinite(row.score)}
    kept = {name for name, score in scores.items() if score >= least}
    linear = [one.name for one in plan.candidates if is_pca(one) and one.name in scores]
    if plan.controls and linear:
        kept.add(max(linear, key=scores.get))
    return tuple(one for one in plan.candidates if one.name in kept)


def _add_controls(plan, best, cv, loo, stages):
    """Score the mean and the permuted embedding of the best, where the best was scored."""
    data, student = plan.data, plan.student
    if best in cv:
        jobs = [
            partial(evaluate_permuted, data, student, split, one.embedding)
            for split, one in zip(plan.splits, cv[best], strict=True)
        ]
        found = cv
    else:
        jobs = [
            partial(evaluate_whole_permuted, data, student, seed, one.embedding)
            for seed, one in zip(plan.seeds, loo[best], strict=True)
        ]
        found = loo
    found |= stages("controls", {PERMUTED: jobs})
    found[MEAN] = mean_evaluations(found[best])
    return [Candidate(name, name, None, role="control") for name in (MEAN, PERMUTED)]


def _evaluate(plan, caller, context, said, stage_name, jobs):
    """Run the jobs of a stage, and sort what they return by candidate."""
    n_tasks = len(next(iter(jobs.values())))
    with staged(caller, context, stage_name, list(jobs), n_tasks) as tasks:
        calls = [
            delayed(job)(task)
            for one, own_tasks in zip(jobs.values(), tasks, strict=True)
            for job, task in zip(one, own_tasks, strict=True)
        ]
        found = iter(Parallel(n_jobs=plan.n_jobs)(calls))
        results = {name: tuple(next(found) for _ in one) for name, one in jobs.items()}
    caught = [warning for one in results.values() for found in one for warning in found.warnings]
    _warn_once(caught, said)
    return results


def _warn_once(caught, said):
    """Repeat warnings that were held back, those in `said` excepted, and add them to it."""
    for warning in dict.fromkeys(caught):
        if warning not in said:
            said.add(warning)
            message, category, filename, lineno = warning
            warnings.warn_explicit(message, category, filename, lineno)


def _check_failures(rows):
    failed = [row for row in rows if row.error]
    if not failed:
        return
    reasons = "; ".join(f"{row.name}: {row.error}" for row in failed)
    if not any(row.role == "candidate" and not row.error for row in rows):
        raise ValueError(f"Every candidate failed. {reasons}")
    warnings.warn(
        f"{len(failed)} of {len(rows)} candidates failed and are ranked last. {reasons}",
        FitFailedWarning,
        stacklevel=2,
    )


def _fit_best(plan, X, chosen, caller, context):
    """Fit the chosen candidate to all rows, or take what is remembered of that fit."""
    teacher = next(one.teacher for one in plan.candidates if one.name == chosen)
    seed = plan.seeds[0]
    best = clone(plan.student).set_params(teacher=seeded(teacher, seed), random_state=seed)
    stand_in = RememberedTeacher(best.teacher, plan.whole, keep=True)
    medal = clone(best).set_params(teacher=stand_in, keep_teacher=True)
    task = context.subcontext(task_name="refit")
    with task.propagate_callback_context(medal), small_work(0):
        task.call_on_fit_task_begin(estimator=caller)
        medal.fit(X)
    task.call_on_fit_task_end(estimator=caller)
    medal.teacher_ = medal.teacher_.fitted_ if best.keep_teacher else None
    return medal.set_params(teacher=best.teacher, keep_teacher=best.keep_teacher)
