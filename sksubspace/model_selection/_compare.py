"""Which method, and which hyperparameters, give a map that can be trusted."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array, column_or_1d

from sksubspace._student import check_groups
from sksubspace._student._groups import groups_of_copies, groups_of_equal_rows, warn_of_copies
from sksubspace._typing import ArrayLike, Candidates, Matrix, Memory, PathLike, Planned, Seed
from sksubspace._validation import check_counts, in_order_of, refuse_containers, which_target
from sksubspace.distillation import MEDAL
from sksubspace.model_selection._candidates import order_of_simplicity, parse_candidates
from sksubspace.model_selection._cost import Work
from sksubspace.model_selection._draw import (
    candidates_of_draw,
    check_max_rows,
    drawn,
    drawn_maps,
    final_fit,
    shared_neighbors,
)
from sksubspace.model_selection._evaluate import METRICS, ScoredData
from sksubspace.model_selection._memory import open_store, shaping_versions, store_of_whole_fits
from sksubspace.model_selection._progress import check_verbose, watching
from sksubspace.model_selection._result import EmbeddingComparison
from sksubspace.model_selection._run import (
    Comparison,
    ComparisonPlan,
    run_comparison,
)
from sksubspace.model_selection._splits import loose_splits, make_splits, mean_sizes
from sksubspace.model_selection._summary import Rule

_METHODS = ("auto", "loo", "cv")
_VALIDATIONS = ("rows", "thin")
_RULES = ("simplest", "one_std_err", "best")


def compare_embeddings(
    X: Matrix,
    candidates: Candidates = ("pca", "tsne", "umap"),
    *,
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    validation: Literal["rows", "thin"] = "rows",
    method: Literal["auto", "loo", "cv"] = "auto",
    cv: Any = 5,
    n_repeats: int = 1,
    race: bool = True,
    max_rows: int | None = None,
    select: Literal["simplest", "one_std_err", "best"] = "simplest",
    order: Sequence[str] | None = None,
    controls: bool = True,
    metrics: Sequence[str] | Literal["auto"] = "auto",
    student: Planned | None = None,
    confidence: float = 0.95,
    memory: PathLike | Memory | None = None,
    n_jobs: int | None = None,
    callbacks: Sequence[Any] = (),
    verbose: bool | Literal["auto"] = "auto",
    random_state: Seed = 0,
) -> EmbeddingComparison:
    r"""Score the maps that several methods draw by how well unseen rows come back from them.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, in the units in which errors are to count.

    candidates : dict, list or tuple, default=("pca", "tsne", "umap")
        Teachers: estimators with ``fit_transform``, or "pca", "tsne", "umap", "isomap" or
        "spectral" for one with its defaults; or a pair of such a teacher and a dict of lists of
        its parameters, which is multiplied out. A dict gives them names; otherwise they are named
        by their class. List simple ones first. A map that exists already, an array or data frame
        with a row for each of X, stands beside them by its leave-one-out score, whatever `method`.

    y : array-like of shape (n_samples,) or None, default=None
        Labels, for the neighborhood hit and for a `cv` that stratifies. No teacher sees them.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; rows of a group are left out together, by the student
        and by the folds, and new groups are what the scores speak of. None takes equal rows and
        near copies for groups; ``np.arange(n_samples)`` none at all.

    validation : {"rows", "thin"}, default="rows"
        What a map has not seen. "rows" leaves rows out, by `method`. "thin" is for X of raw counts,
        sparse or dense: :func:`thin_counts` cuts them in two, `n_repeats` times; teachers draw all
        rows from ``log1p(train / totals * median(totals))`` of one half, with the row totals of
        that half, and :func:`sksubspace.metrics.deviance_explained` of the other half is the score,
        D2. `student`, `cv` and `metrics` have no part in it; the chosen map is then drawn of both
        halves together, after the same formula.

    method : {"auto", "loo", "cv"}, default="auto"
        "loo" embeds all rows once and scores them by leave-one-out, `embedding_score`. "cv" embeds
        the training rows of each split and scores the others, which neither teacher nor student
        has seen. "auto" screens with "loo" and confirms with "cv" those that may be the best; where
        the student has no leave-one-out form, such as networks, it is "cv".

    cv : int, splitter or iterable, default=5
        Number of folds of whole groups, shuffled anew in each repeat; or a scikit-learn splitter,
        or pairs of training and test row numbers, which serve every repeat; training rows whose
        group is tested are then left out.

    n_repeats : int, default=1
        Repeats, with teacher seeds of their own.

    race : bool, default=True
        Whether a candidate is spared the splits that are left as soon as its squared errors are
        larger than those of the leader on the rows of the splits so far, by a one-sided test at .05
        that counts a row, or a group, once; where `select` prefers simple ones, a candidate simpler
        than the leader only if .05 of R2 lie between them, beyond chance. It is then "dropped":
        ranked by its difference on these splits, never chosen, without an interval. PCA always runs
        to the end.

    max_rows : int or None, default=None
        Rows to rank on, at least 50, drawn at random; the chosen candidate is then fitted to all.
        Settings stay as they are, so that few rows are a disadvantage for large neighbourhoods;
        those too large for a training set are named in a warning and left out. None takes all rows.

    select : {"simplest", "one_std_err", "best"}, default="simplest"
        The simplest candidate that is tied with the best, which is the one that the table calls so;
        the simplest within one standard error of the best; or the best. A map that is torn (see
        `CandidateResult`) is left out as soon as one that is not is tied with the best.

    order : sequence of str or None, default=None
        Names of candidates, or of grids for all of their settings, simplest first. None takes the
        order of `candidates`; of a grid first the larger `n_neighbors`, `perplexity` and
        `min_dist`.

    controls : bool, default=True
        Whether to score the mean of the rows, a PCA where there is none among the candidates, and
        the best embedding dealt to the rows at random.

    metrics : {"auto"} or tuple of str, default="auto"
        Further measures of held-out rows against training rows: "trustworthiness", "continuity"
        and "neighborhood_hit". "auto" takes the first two, and the third where y holds classes.
        At most 1,000 test and 20,000 training rows of a split are drawn for them.

    student : MEDAL or None, default=None
        Whose parameters other than `teacher` and `random_state` are used; None for ``MEDAL()``.

    confidence : float, default=0.95
        Level of the intervals of the differences, of all of them at once.

    memory : str, path, joblib.Memory or None, default=None
        Folder in which embeddings and finished evaluations are kept, so that a comparison that
        was stopped goes on, and another student needs no teacher to be fitted again. The files
        hold numbers and text only and run nothing when they are read; a fitted teacher that skops
        cannot store as data is fitted once more if a later process wants `teacher_`. A full disk is
        warned of once; other faults of the machine end the comparison.

    n_jobs : int or None, default=None
        Evaluations that run at the same time, by joblib.

    callbacks : sequence of callback, default=()
        Callbacks of scikit-learn, such as `ProgressBar`; they are told of the stages, candidates,
        splits and epochs.

    verbose : {"auto", True, False}, default="auto"
        Whether two lines on a terminal, or in a notebook that has ipywidgets, say what is done and
        how long it may still take; they go when it ends. "auto" shows them, without `callbacks`,
        for what takes more than 20 seconds, if rich is installed; True from the start. Where
        output goes to a file or a pipe nothing is ever written.

    random_state : int, RandomState instance or None, default=0
        Seeds folds, teachers that have no seed of their own, and students. None draws a number,
        which the result holds.

    Returns
    -------
    result : EmbeddingComparison
        Rows by rank, and the chosen candidate fitted on all rows. ``print(result)`` shows a table.

    Raises
    ------
    MemoryError
        If a teacher that is quadratic in memory cannot be fitted; before any is.

    TypeError, ValueError
        If a parameter is not of its kind, or every candidate failed.

    Warns
    -----
    FitFailedWarning
        If some candidates failed; they are ranked last, with the reason.

    UserWarning
        If more than 1 % of the rows are copies of others and no groups are given, candidates draw
        maps of several dimensions, the best is tied with a control, or `max_rows` leaves too few
        rows for some of them.

    See Also
    --------
    sksubspace.MEDAL : What is fitted to each teacher.
    one_standard_error : The rule of choice for a grid search.

    Notes
    -----
    On split j with seed s the score of a teacher is
    ``MEDAL(teacher, random_state=s).fit(X[train]).score(X[test])``, and s is the same for all
    candidates. With K folds, repeated or not, the difference of two candidates, with mean
    :math:`\bar d` and standard deviation s between folds, has the interval [1]_

    .. math:: \bar d \pm q \, s \sqrt{1/K + n_{test}/n_{train}} ,

    and the standard error of a score is its own s times this root: repeats test the same rows
    again, and all splits share training rows.

    UMAP and openTSNE begin with a search for neighbours: all of their settings and folds share one,
    which is exact, where it is Euclidean. A UMAP that is chosen with ``keep_teacher=True`` of the
    student is fitted with its own search, without which it could not place new rows.

    By leave-one-out rows are compared instead of splits: R2 is a ratio of two sums over rows, and
    its standard error is that of such a ratio [2]_; with several seeds their variance is added. In
    either case q is the quantile of the largest of all such differences [3]_, because the best is
    only known from the same scores. ``best_score_`` of the result is that of the best where it is
    chosen anew without each fold that it is scored on.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52
       (2003), https://doi.org/10.1023/A:1024068626366
    .. [2] W. G. Cochran, "Sampling techniques", third edition, Wiley, 1977, chapter 6.
    .. [3] T. Hothorn, F. Bretz and P. Westfall, "Simultaneous inference in general parametric
       models", Biometrical Journal 50 (2008), https://doi.org/10.1002/bimj.200810425

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.model_selection import compare_embeddings
    >>> X, _ = load_digits(return_X_y=True)
    >>> candidates = {"PCA": (PCA(), {"n_components": [1, 2, 3]})}
    >>> result = compare_embeddings(X[:200], candidates, method="cv", cv=3, select="best")
    >>> result.best_name_
    'PCA (n_components=3)'
    >>> [round(row.score, 1) for row in result.results[:3]]
    [0.6, 0.4, 0.2]
    """
    _check_choices(
        method=(method, _METHODS), select=(select, _RULES), validation=(validation, _VALIDATIONS),
    )  # fmt: skip
    _check_numbers(n_repeats, confidence, controls=controls, race=race)
    _check_callbacks(callbacks)
    check_verbose(verbose)
    student, seed = _checked_student(student), drawn_seed(random_state)
    refuse_containers(X, "X")
    y, groups = in_order_of(X, y, "y"), in_order_of(X, groups, "groups")
    parsed = parse_candidates(candidates, X)
    method = _possible_method(method, student, parsed, validation)
    store = open_store(memory, shaping_versions())
    everything = _checked_data(X, y, metrics, store, has_counts=method == "thin")
    n_samples = everything.X.shape[0]
    check_max_rows(max_rows, n_samples, cv)
    named, groups = groups, None if groups is None else check_groups(groups, n_samples)
    bare, rows = drawn(everything, max_rows, seed)
    bare = replace(bare, table=shared_neighbors(bare, parsed, method, cv))
    data = _with_groups(bare, groups, method, rows)
    splits = () if method in ("loo", "thin") else make_splits(data, cv, n_repeats, seed)
    compared = candidates_of_draw(parsed, controls, data, splits, n_samples)
    seeds = tuple((seed + i) % 2**32 for i in range(1 if splits else n_repeats))
    n_whole = 0 if method == "cv" else len(seeds)
    work = Work(compared, len(rows), n_samples, n_whole, len(splits))
    work.check_memory(n_jobs)
    order = order_of_simplicity(parsed, order)
    with store_of_whole_fits(store, method) as whole:
        plan = ComparisonPlan(
            data=data,
            candidates=drawn_maps(compared, rows, n_samples),
            student=student,
            method=method,
            rule=_rule(select, order, confidence, splits, n_repeats, method),
            controls=bool(controls),
            race=bool(race),
            splits=splits,
            seeds=seeds,
            store=store,
            whole=whole,
            final=final_fit(X, named, compared, everything, bare.table),
            n_jobs=n_jobs,
            **_beside_groups(data, bare, splits, n_repeats, seed),
        )
        compare = partial(run_comparison, plan)
        watch = watching(verbose, plan, work, joblib.effective_n_jobs(n_jobs), callbacks)
        found = Comparison().set_callbacks(*callbacks, *watch).fit(compare, plan.n_stages)
    return _summed_up(plan, *found, n_samples=n_samples, random_state=seed)


def _beside_groups(data, bare, splits, n_repeats, seed):
    """The same rows and folds as if no groups were given: what "lost to groups" is counted from."""
    if not data.given:
        return {"ungrouped": None, "loose_splits": ()}
    return {
        "ungrouped": replace(bare, groups=np.arange(bare.X.shape[0])),
        "loose_splits": loose_splits(bare, splits, n_repeats, seed),
    }


def _summed_up(plan, rows, score, best, *, n_samples, random_state):
    return EmbeddingComparison(
        results=rows,
        method=plan.method,
        select=plan.rule.select,
        order=plan.rule.order,
        confidence=plan.rule.confidence,
        n_samples=n_samples,
        n_ranked=plan.data.X.shape[0],
        n_features=plan.data.X.shape[1],
        n_splits=len(plan.splits) // plan.rule.n_repeats,
        n_repeats=plan.rule.n_repeats,
        random_state=random_state,
        versions=shaping_versions(),
        best_name_=next(row.name for row in rows if row.selected),
        best_score_=score,
        best_estimator_=best,
    )


def _check_choices(**choices):
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")


def _check_numbers(n_repeats, confidence, **switches):
    if not isinstance(n_repeats, Integral) or isinstance(n_repeats, bool) or n_repeats < 1:
        raise ValueError(f"n_repeats must be a whole number of at least 1, got {n_repeats!r}.")
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise ValueError(f"confidence must be a number between 0 and 1, got {confidence!r}.")
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be True or False, got {value!r}.")


def _check_callbacks(callbacks):
    if not isinstance(callbacks, list | tuple):
        raise TypeError(f"callbacks must be a sequence of callbacks, got {callbacks!r}.")


def _checked_student(student):
    if student is None:
        return MEDAL()
    if not isinstance(student, MEDAL):
        raise TypeError(f"student must be an unfitted MEDAL or None, got {student!r}.")
    return clone(student).set_params(teacher=None, random_state=None)


def _possible_method(method, student, candidates, validation):
    """Refuse "loo" for a student that has no such score, and let "auto" go without it.

    Where nothing can be refitted there is nothing else.
    """
    plan = student.student_plan()
    fixed = [one.name for one in candidates if one.is_fixed]
    if validation == "thin":
        if method != "auto":
            raise ValueError(f"method must be 'auto' with validation='thin', got {method!r}.")
        if fixed:
            raise ValueError(
                f"validation='thin' needs teachers that draw a map from half of the counts; the "
                f"candidate {fixed[0]!r} is a map that has seen them all."
            )
        return "thin"
    if plan.has_left_out:
        return "loo" if len(fixed) == len(candidates) else method
    if fixed:
        raise ValueError(
            f"The candidate {fixed[0]!r} is a map, which is scored by leave-one-out, and a student "
            f"of {plan} has no such form."
        )
    if method == "loo":
        raise ValueError(
            f"method='loo' needs a student with a leave-one-out form, not {plan}; use method='cv'."
        )
    return "cv"


def drawn_seed(random_state):
    """A number that repeats a comparison; an error names `random_state` and what came."""
    if isinstance(random_state, Integral) and not isinstance(random_state, bool):
        if not 0 <= random_state < 2**32:
            raise ValueError(f"random_state must be from 0 to 2**32 - 1, got {random_state}.")
        return int(random_state)
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    raise TypeError(f"random_state must be an int, a RandomState or None, got {random_state!r}.")


def _checked_data(X, y, metrics, store, *, has_counts):
    refuse_containers(X, "X")
    X = check_counts(X, "X") if has_counts else check_array(
        X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C", ensure_min_samples=4,
        input_name="X",
    )  # fmt: skip
    if y is not None:
        y = column_or_1d(y)
        if len(y) != X.shape[0]:
            raise ValueError(f"y must have the {X.shape[0]} rows of X, got {len(y)}.")
    digest = joblib.hash((X, y)) if store.folder else None
    return ScoredData(X, y, _checked_metrics(metrics, y), digest, has_counts=has_counts)


def _checked_metrics(metrics, y):
    if isinstance(metrics, str) and metrics == "auto":
        has_classes = y is not None and which_target(y) == "classes"
        return tuple(name for name, one in METRICS.items() if has_classes or not one.has_labels)
    names = () if metrics is None else metrics
    if isinstance(names, str) or not set(names) <= set(METRICS):
        raise ValueError(
            f"metrics must be 'auto' or a tuple out of {tuple(METRICS)}, got {metrics!r}."
        )
    for name in names if y is None else ():
        if METRICS[name].has_labels:
            raise ValueError(f"metrics has {name!r}, which needs y, got y=None.")
    return tuple(names)


def _with_groups(data, groups, method, rows):
    """The groups of the caller; or, for folds, those of rows that are copies of others."""
    given = groups is not None
    if given:
        groups = check_groups(groups[rows], len(rows))
    elif data.has_counts:
        groups = groups_of_equal_rows(data.X)
    elif method != "loo":
        table = data.table
        nearest = None if table is None else (table.squared, table.indices)
        groups, n_copies = groups_of_copies(data.X, nearest)
        warn_of_copies(n_copies, len(groups), stacklevel=4)
        if not n_copies:
            groups = None
    if groups is None:
        return data
    return replace(data, groups=groups, given=given)


def _rule(select, order, confidence, splits, n_repeats, method):
    whole_rows = "thinned" if method == "thin" else "leave-one-out"
    sizes = mean_sizes(splits)
    return Rule(select, order, float(confidence), *sizes, int(n_repeats), whole_rows)
