"""The stages of a comparison: screen, confirm, set controls beside, fit the chosen one."""

import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._comparison import (
    MEAN,
    PERMUTED,
    best,
    choose,
    dimensions,
    not_told_from_control,
    ranked,
)
from sksubspace._sklearn import BaseEstimator, CallbackSupportMixin
from sksubspace._threads import small_work
from sksubspace.model_selection._candidates import Candidate, is_pca
from sksubspace.model_selection._draw import FinalFit
from sksubspace.model_selection._evaluate import (
    ScoredData,
    collected_warnings,
    evaluate_permuted,
    evaluate_split,
    evaluate_whole,
    evaluate_whole_permuted,
    seeded_pair,
)
from sksubspace.model_selection._memory import RememberedTeacher, Store
from sksubspace.model_selection._progress import told_name
from sksubspace.model_selection._race import still_running
from sksubspace.model_selection._summary import (
    Rule,
    families,
    honest_score,
    mean_evaluations,
    relate,
    summarize_all,
)

# leave-one-out scores lie above those of rows that the teacher has not seen, by up to about this
# much more for one teacher than for another (t-SNE than PCA): one this far behind may be the best
_OPTIMISM = 0.05
# the stage that repeats scores with groups torn apart
_LOOSE = "without groups"


@dataclass(frozen=True)
class ComparisonPlan:
    """All that a comparison is made of.

    Attributes
    ----------
    data : ScoredData
        Rows.
    candidates : tuple of Candidate
        What is compared, the linear control included.
    student : MEDAL
        Whose parameters are used.

    method, controls, race, n_jobs
        See `compare_embeddings`.
    rule : Rule
        How one is chosen.
    splits : tuple of Split
        Of the cross-validation; empty for leave-one-out.
    seeds : tuple of int
        Of the teachers that embed all rows. The first is that of the final fit.
    store, whole : Store
        What is remembered of splits, and of teachers of all rows.
    final : FinalFit
        What the chosen one is fitted to.
    ungrouped : ScoredData or None
        The rows without the groups that the caller gave; None if none were given.
    loose_splits : tuple of Split
        One repeat of splits that tear these groups apart.
    """

    data: ScoredData
    candidates: tuple
    student: Any
    method: str
    rule: Rule
    controls: bool
    splits: tuple
    seeds: tuple
    store: Store
    whole: Store
    final: FinalFit
    race: bool
    n_jobs: Any
    ungrouped: Any = None
    loose_splits: tuple = ()

    @property
    def candidates_of_all_rows(self):
        """Those that are scored by leave-one-out: all, or where the others are refitted, maps."""
        if self.method != "cv":
            return self.candidates
        return tuple(one for one in self.candidates if one.is_fixed)

    @property
    def has_splits(self):
        """Whether teachers are fitted again, to some of the rows."""
        return self.method in ("cv", "auto")

    @property
    def n_stages(self):
        """Number of stages that callbacks are told of."""
        own = 1 + bool(self.candidates_of_all_rows) + self.has_splits
        return own + self.controls + (self.ungrouped is not None)


def run_comparison(plan, caller, context):
    """Compare, choose, and fit the chosen one to all rows.

    Returns the rows by rank, the score of the choice, and the fitted MEDAL.
    """
    said = set()
    cv, loo, stages = {}, {}, partial(_evaluate_stage, plan, caller, context, said)
    whole = plan.candidates_of_all_rows
    if whole:
        loo = stages(plan.rule.whole_rows, _whole_jobs(plan, whole))
    if plan.has_splits:
        refitted = [one for one in plan.candidates if not one.is_fixed]
        confirmed = refitted if plan.method == "cv" else _promising(plan, refitted, loo)
        jobs = _split_jobs(plan, confirmed)
        cv = stages("cross-validation", jobs, rule=_race_of(plan) if plan.race else None)

    rows = summarize_all(plan.candidates, cv, loo, plan.rule)
    _check_failures(rows)
    honest = honest_score(plan.candidates, cv, loo, plan.rule)
    if plan.ungrouped is not None:
        rows = _lost_to_groups(plan, rows, cv, stages)
    if plan.controls:
        controls = _add_controls(plan, best(rows).name, cv, loo, stages)
        rows += summarize_all(controls, cv, loo, plan.rule)
    rows = relate(rows, families(rows, cv, loo, plan.rule))
    _warn_of_dimensions(rows)
    if unfounded := not_told_from_control(rows):
        warnings.warn(unfounded, UserWarning, stacklevel=3)
    chosen = choose(rows, plan.rule.select, plan.rule.order)
    # whoever is not the best was not taken for its score
    score = next(honest if row is best(rows) else row.score for row in rows if row.name == chosen)
    with collected_warnings() as caught:
        fitted = _fit_chosen(plan, chosen, caller, context)
    _warn_once(caught, said)
    return ranked(rows, chosen), score, fitted


def _whole_jobs(plan, candidates):
    return {
        one.name: [
            partial(evaluate_whole, plan.data, one.teacher, plan.student, seed, plan.whole)
            for seed in plan.seeds
        ]
        for one in candidates
    }


def _split_jobs(plan, candidates):
    return {
        one.name: [
            partial(evaluate_split, plan.data, one.teacher, plan.student, split, plan.store)
            for split in plan.splits
        ]
        for one in candidates
    }


def _lost_to_groups(plan, rows, cv, stages):
    """Add to each row what its score would be more if groups were torn apart.

    Of one that was dropped on the splits that it ran, of which there are as many loose ones.
    """
    loose = replace(plan, data=plan.ungrouped, splits=plan.loose_splits)
    if not cv:
        summed = summarize_all(
            plan.candidates, {}, stages(_LOOSE, _whole_jobs(loose, plan.candidates)), plan.rule
        )
        torn = {
            row.name: row.score - scored.score for scored, row in zip(rows, summed, strict=True)
        }
        return [replace(row, lost_to_groups=torn[row.name]) for row in rows]
    n_run = {row.name: row.dropped_after or len(plan.splits) for row in rows if row.name in cv}
    alive = [one for one in plan.candidates if one.name in n_run]
    jobs = {name: one[: n_run[name]] for name, one in _split_jobs(loose, alive).items()}
    scores = {
        name: np.mean([one.score for one in found if one is not None])
        for name, found in stages(_LOOSE, jobs).items()
    }

    def lost(row):
        own = np.mean(row.split_scores[: len(jobs[row.name])]) if row.dropped_after else row.score
        return scores[row.name] - own

    return [replace(row, lost_to_groups=lost(row)) if row.name in jobs else row for row in rows]


def _warn_of_dimensions(rows):
    """R2 rises with the dimension of the map, whatever the method."""
    found = dimensions(rows)
    if len(found) > 1:
        warnings.warn(
            f"The candidates draw maps of {', '.join(map(str, found))} dimensions: R2 rises with "
            "the dimension by itself, so that it compares methods only within one dimension.",
            UserWarning,
            stacklevel=4,
        )


def _promising(plan, candidates, loo):
    """Candidates that may be the best after the screening, and the linear control."""
    rows = summarize_all(candidates, {}, loo, plan.rule)
    _check_failures(rows)
    first = best(rows)
    least = first.score - np.nan_to_num(first.standard_error) - _OPTIMISM
    scores = {row.name: row.score for row in rows if np.isfinite(row.score)}
    kept = {name for name, score in scores.items() if score >= least}
    linear = [one.name for one in candidates if is_pca(one) and one.name in scores]
    if plan.controls and linear:
        kept.add(max(linear, key=scores.get))
    return tuple(one for one in candidates if one.name in kept)


def _add_controls(plan, name, cv, loo, stages):
    """Score the mean and the permuted embedding of the best, where the best was scored."""
    data, student = plan.data, plan.student
    if name in cv:
        jobs = [
            partial(evaluate_permuted, data, student, split, one.embedding)
            for split, one in zip(plan.splits, cv[name], strict=True)
        ]
        found = cv
    else:
        jobs = [
            partial(evaluate_whole_permuted, data, student, seed, one.embedding)
            for seed, one in zip(plan.seeds, loo[name], strict=True)
        ]
        found = loo
    found |= stages("controls", {PERMUTED: jobs})
    found[MEAN] = mean_evaluations(found[name])
    return [Candidate(one, one, None, role="control") for one in (MEAN, PERMUTED)]


def _evaluate_stage(plan, caller, context, said, stage_name, jobs, rule=None):
    """Run the jobs of a stage, and sort what they return by candidate.

    With a rule, one job of each after the other: ``rule(found, running)`` says who goes on, and
    whether that is decided for all that is left. The others have None for what they were spared.
    """
    n_tasks = max(map(len, jobs.values()))
    found, running, decided = {name: [] for name in jobs}, list(jobs), rule is None
    with staged(caller, context, stage_name, list(jobs), n_tasks) as tasks:
        first = 0
        while first < n_tasks:
            after = n_tasks if decided else first + 1
            wanted = [
                (name, i) for name in running for i in range(first, len(jobs[name])) if i < after
            ]
            calls = [delayed(jobs[name][i])(tasks[name][i]) for name, i in wanted]
            for (name, _), result in zip(wanted, Parallel(plan.n_jobs)(calls), strict=True):
                found[name].append(result)
            first = after
            if not decided:
                running, decided = rule(found, running)
        for name, own in tasks.items():
            for task in own[len(found[name]) :]:
                task.skip()
    caught = [warning for one in found.values() for each in one for warning in each.warnings]
    _warn_once(caught, said)
    return {name: (*one, *[None] * (n_tasks - len(one))) for name, one in found.items()}


def _race_of(plan):
    """A rule that lets run who may yet be chosen, and PCA, which all are set beside."""
    groups = plan.data.groups
    groups = np.arange(plan.data.X.shape[0]) if groups is None else groups
    kept = {one.name for one in plan.candidates if is_pca(one)}
    rivals = {one.name for one in plan.candidates if one.role == "candidate"}
    place = {name: i for i, name in enumerate(plan.rule.order)}

    def simpler(name, leader):
        in_order = name in place and leader in place and place[name] < place[leader]
        return in_order and plan.rule.select != "best"

    def rule(found, running):
        failed = {name for name in running if any(one.error for one in found[name])}
        # a control is behind or before nobody
        racing = [name for name in running if name in rivals]
        racing = still_running(found, racing, plan.splits, groups, simpler)
        going_on = {*racing, *kept} - failed
        return [name for name in running if name in going_on], len(racing) <= 1

    return rule


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


def _fit_chosen(plan, chosen, caller, context):
    """Fit the chosen candidate to all rows, or take what is remembered of that fit."""
    final = plan.final
    candidate = next(one for one in final.candidates if one.name == chosen)
    teacher, medal = seeded_pair(candidate.teacher, plan.student, plan.seeds[0])
    given = {} if final.groups is None else {"groups": final.groups}
    if candidate.is_fixed:
        medal.set_params(teacher="precomputed")
        given["embedding"] = teacher.places
    else:
        # a teacher that is kept does its own search, without which it could not place new rows
        near = None if plan.student.keep_teacher else final.near(teacher)
        stand_in = RememberedTeacher(teacher, plan.whole, keep=True, near=near)
        medal.set_params(teacher=stand_in, keep_teacher=True)
    task = context.subcontext(task_name="refit")
    with task.propagate_callback_context(medal), small_work(0):
        task.call_on_fit_task_begin(estimator=caller)
        medal.fit(final.X, **given)
    task.call_on_fit_task_end(estimator=caller)
    if candidate.is_fixed:
        return medal
    keep_teacher = plan.student.keep_teacher
    medal.teacher_ = medal.teacher_.fitted_ if keep_teacher else None
    return medal.set_params(teacher=teacher, keep_teacher=keep_teacher)


# ---- what callbacks see --------------------------------------------------------------------------


class Comparison(CallbackSupportMixin, BaseEstimator):
    """What callbacks are set on: the task "compare", its stages, their candidates and splits."""

    @with_callbacks
    def fit(self, run, n_stages):
        """Call `run` with this and the context of the whole, and return its result."""
        context = self._init_callback_context(task_name="compare", max_subtasks=n_stages)
        context.call_on_fit_task_begin(estimator=self)
        result = run(self, context)
        context.call_on_fit_task_end(estimator=self)
        return result


class Task:
    """One evaluation; MEDAL's own stages are below it while it is fitted.

    Parameters
    ----------
    caller : Comparison
        Whose task it is.
    context : sklearn.callback.CallbackContext
        The context of the task, a leaf.
    """

    def __init__(self, caller, context):
        self.caller = caller
        self.context = context
        self.begun = False

    @contextmanager
    def around(self, estimator=None):
        """Report the work inside, and hand the callbacks on to an estimator that is fitted in it.

        Parameters
        ----------
        estimator : estimator or None, default=None
            Unfitted.

        Yields
        ------
        None
            Within, `estimator` is to be fitted.
        """
        self.begun = True
        handed_on = (
            nullcontext()
            if estimator is None
            else self.context.propagate_callback_context(estimator)
        )
        try:
            with handed_on:
                self.context.call_on_fit_task_begin(estimator=self.caller)
                yield
        finally:
            self.context.call_on_fit_task_end(estimator=self.caller)

    def skip(self):
        """Report the task as done if nothing had to be done for it."""
        if not self.begun:
            with self.around():
                pass


@contextmanager
def staged(caller, context, stage_name, names, n_tasks):
    """Report a stage: every candidate in it, each with as many tasks.

    Yields the list of the tasks of each candidate, by name, made ahead because contexts cannot be
    made while others are pickled for the workers.
    """
    stage = context.subcontext(task_name=stage_name, max_subtasks=len(names))
    stage.call_on_fit_task_begin(estimator=caller)
    parents = [
        stage.subcontext(task_name=told_name(name), max_subtasks=n_tasks).call_on_fit_task_begin(
            estimator=caller
        )
        for name in names
    ]
    yield {
        name: [Task(caller, parent.subcontext(task_name="split")) for _ in range(n_tasks)]
        for name, parent in zip(names, parents, strict=True)
    }
    for parent in [*parents, stage]:
        parent.call_on_fit_task_end(estimator=caller)
