"""Which clustering, of how many clusters, and whether there are clusters at all."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import joblib
import numpy as np

from sksubspace._clustering_words import doubt
from sksubspace._clusterings import named_candidates, tell_failures, worth_telling
from sksubspace._parameters import check_integer
from sksubspace._typing import ArrayLike, Candidates, Matrix, Memory, PathLike, Seed
from sksubspace._validation import check_labels, check_squares, in_order_of
from sksubspace.cluster import AutoClustering, default_clusterings, subspace_r2
from sksubspace.metrics import clustering_accuracy
from sksubspace.metrics._halves import LEAST_EVIDENCE, Halves
from sksubspace.metrics._input import check_rows, check_same_length
from sksubspace.metrics._label_information import LEAST_AGREEMENT
from sksubspace.metrics._neighbor_field import NeighborField
from sksubspace.metrics._neighbor_information import best_first, information_of, is_tied
from sksubspace.model_selection._clustering_plan import ClusteringPlan, n_fits_of
from sksubspace.model_selection._clustering_result import (
    ClusteringComparison,
    ClusteringResult,
    ClusterNumber,
    ClusterResult,
)
from sksubspace.model_selection._compare import drawn_seed
from sksubspace.model_selection._counted_clusters import CountedClusters, checked_beside
from sksubspace.model_selection._halvings import found_again
from sksubspace.model_selection._memory import open_store, shaping_versions
from sksubspace.model_selection._progress import check_verbose
from sksubspace.model_selection._steps import StepLines


def compare_clusterings(
    X: Matrix,
    candidates: Candidates = "default",
    *,
    n_clusters: int | Sequence[int],
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    counts: Matrix | None = None,
    n_halvings: int = 2,
    random_state: Seed = 0,
    n_jobs: int | None = None,
    memory: PathLike | Memory | None = None,
    verbose: bool | Literal["auto"] = "auto",
) -> ClusteringComparison:
    r"""Set clusterings beside each other, without labels, and say if there are clusters at all.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.

    candidates : "default", dict of str to estimator or list, default="default"
        Clusterings with ``fit_predict``, or pipelines that end in one; a list holds them, named by
        their class, or pairs (name, clustering). "default" tries
        :func:`sksubspace.cluster.default_clusterings`.

    n_clusters : int or sequence of int
        Number of clusters, from 2 to a quarter of the rows; given to every parameter `n_clusters`
        of the candidates, and to the components of mixtures of Gaussians. Of several each is tried.

    y : array-like of shape (n_samples,) or None, default=None
        Known classes, which are shown beside the candidates. No fit and no choice sees them.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; at least four. Rows of a group are no neighbours of
        each other, and in one half.

    counts : {array-like, sparse matrix} of shape (n_samples, n_counted) or None, default=None
        Raw counts of the same rows, by which the number of clusters is judged: they are cut in two
        by :func:`thin_counts`, `n_halvings` times.

    n_halvings : int, default=2
        How often rows are cut into two random halves, each with its own fits.

    random_state : int, RandomState instance or None, default=0
        Seeds candidates that have no seed of their own, and draws halves and the Gaussian. None
        draws a number, which the result holds.

    n_jobs : int or None, default=None
        Fits that run at the same time, by joblib, each on one thread. Results do not depend on it.

    memory : str, path, joblib.Memory or None, default=None
        Folder in which the labels of finished fits are kept, so that a comparison that was stopped
        goes on. The files hold numbers and text only.

    verbose : {"auto", True, False}, default="auto"
        Whether two lines on a terminal, or in a notebook that has ipywidgets, say what is done and
        for how long; they go when it ends. "auto" shows them after 20 seconds, if rich is
        installed; True from the start. Where output goes to a file or a pipe nothing is written.

    Returns
    -------
    result : ClusteringComparison
        Candidates by rank, the clusters of the chosen one, and that one fitted to all rows.
        ``print(result)`` shows tables.

    Raises
    ------
    TypeError
        If `candidates` has something in it that is no clustering, or a number is not whole.

    ValueError
        If every candidate fails; X is not a table of finite numbers of at least four rows that
        differ; a number of clusters or of halvings is out of its range; `y`, `groups` or `counts`
        do not fit the rows, there are fewer than four groups, or counts are not whole.

    Warns
    -----
    FitFailedWarning
        If candidates failed, or found more clusters than asked for or only one; they are ranked
        last, with the reason. Of "default" a number of clusters that a candidate found by itself is
        no reason to warn.

    UserWarning
        If there is no more structure than one Gaussian has.

    See Also
    --------
    sksubspace.cluster.AutoClustering : The choice as an estimator.
    sksubspace.metrics.neighbor_information : E, of any labels.
    out_of_sample_information : X, of any clustering.

    Notes
    -----
    Candidates are ranked by E, which describes the labels that are kept and is not held out; X,
    beside it, is, and is the number to report. All within one standard error of the best are tied,
    and shown: the first is taken, but the data do not tell them apart.

    Of several numbers of clusters the candidate with the highest E is taken at each, and its X
    makes a curve. The candidates are shown at its highest point, which is a hint and no estimate.
    With counts it is one: at each number that candidate is fitted to 50 principal components of
    ``log1p(train / totals * median(totals))``, and the share of the deviance of the other half that
    the clusters' mean rates of the first explain,

    .. math:: D^2 = 1 - \frac{\sum_i dev(x_i, s_i \mu_{c(i)})}{\sum_i dev(x_i, s_i \mu_0)},

    is that of counts that are independent of the clustering. It turns where further clusters are of
    noise; the smallest number within one standard error of the best, of the difference over rows,
    is taken.

    Examples
    --------
    >>> from sklearn.cluster import AgglomerativeClustering, KMeans
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace.model_selection import compare_clusterings
    >>> X, _ = load_iris(return_X_y=True)
    >>> candidates = {"k-means": KMeans(n_init=3), "Ward": AgglomerativeClustering()}
    >>> result = compare_clusterings(X, candidates, n_clusters=3)
    >>> len(result.results), result.predict(X[:2]).shape
    (2, (2,))
    """
    y, groups = in_order_of(X, y, "y"), in_order_of(X, groups, "groups")
    counts = in_order_of(X, counts, "counts")
    given, X = X, check_rows(X, "X", accept_sparse=True)
    check_squares(X)
    numbers = _checked_numbers(n_clusters, X.shape[0])
    check_integer(n_halvings, "n_halvings", 1)
    check_verbose(verbose)
    if y is not None:
        y = check_labels(y, "y")
        check_same_length(X, y, "X", "y")
    counts = checked_beside(counts, X)
    by_default = isinstance(candidates, str) and candidates == "default"
    candidates = default_clusterings(X) if by_default else named_candidates(candidates)
    seed = drawn_seed(random_state)
    store = open_store(memory, shaping_versions())
    field = NeighborField(X, groups=groups, random_state=seed)
    n_fits = n_fits_of(len(numbers), len(candidates), n_halvings, counts is not None)
    plan = ClusteringPlan(
        given=given,
        X=X,
        candidates=candidates,
        by_default=by_default,
        y=y,
        groups=groups,
        field=field,
        loose=None if groups is None else NeighborField(X, random_state=seed),
        halvings=[Halves(field, number) for number in range(n_halvings)],
        counts=None if counts is None else CountedClusters(counts, n_halvings, seed),
        seed=seed,
        n_jobs=n_jobs,
        store=store,
        digest=joblib.hash(X) if store.folder else None,
        steps=StepLines("comparing", n_fits, verbose, are_alike=True),
    )
    with plan.steps:
        return _compared(plan, numbers)


def _compared(plan, numbers):  # -> ClusteringComparison
    whole = {k: _fitted_to_all(plan, k) for k in numbers}
    curve, again = [], {}
    for k, (estimators, _, found) in whole.items():
        first = next(iter(found))
        again[k] = plan.again({first: estimators[first]}, k)
        curve.append(_cluster_number(plan, k, first, found[first], again[k][first]))
        if plan.counts is not None:
            plan.steps.begin(f"{first}: {k} clusters of halves of the counts")
            curve[-1] = plan.counts.scored(curve[-1], estimators[first], plan.n_jobs)
    if plan.counts is not None:
        curve = plan.counts.with_errors(curve)
    k = _number_to_show(curve, plan.counts is not None)
    estimators, fits, found = whole[k]
    rest = {name: estimators[name] for name in list(found)[1:]}
    again = again[k] | plan.again(rest, k)
    rows = _results(plan, k, fits, found, again)
    errors = [row.error for row in rows]
    tell_failures([row.name for row in rows], worth_telling(errors, plan.by_default), stacklevel=3)
    return _whole_comparison(plan, rows, curve, k, *whole[k])


def _fitted_to_all(plan, n_clusters):
    """Fit all candidates to all rows: estimators, outcomes, and information by name, best first."""
    estimators = plan.prepared(n_clusters)
    fits = {name: one[0] for name, one in plan.fits(estimators, n_clusters, [None]).items()}
    found = {
        name: information_of(plan.field, one.labels, n_clusters)
        for name, one in fits.items()
        if not one.error
    }
    if not found:
        tell_failures(list(fits), [one.error for one in fits.values()], stacklevel=4)
    return estimators, fits, best_first(found)


def _cluster_number(plan, n_clusters, name, information, fits):  # -> ClusterNumber
    halvings = plan.excess(fits, n_clusters)
    mean = float(np.mean(halvings))
    evidence = mean / float(np.sqrt(np.log(n_clusters)))
    return ClusterNumber(n_clusters, name, information.excess, mean, halvings, evidence)


def _number_to_show(curve, has_counts):  # -> int
    """The number of clusters that is shown: by counts an estimate, else a hint."""
    if has_counts:
        # NaN where a half of the counts could not be clustered; `with_errors` refuses all of these
        best = np.nanmax([one.deviance_explained for one in curve])
        return next(
            one.n_clusters
            for one in curve
            if one.deviance_explained >= best - np.nan_to_num(one.deviance_error)
        )
    known = [one for one in curve if np.isfinite(one.out_of_sample)] or curve
    return max(known, key=lambda one: np.nan_to_num(one.out_of_sample)).n_clusters


def _results(plan, n_clusters, fits, found, again):  # -> list of ClusteringResult
    first = next(iter(found.values()))
    rows = [
        _candidate_result(plan, n_clusters, name, fits[name], information, first, again[name])
        for name, information in found.items()
    ]
    rows[0] = replace(rows[0], selected=True)
    rows += [
        ClusteringResult(name, n_clusters=one.n_clusters, error=one.error)
        for name, one in fits.items()
        if one.error
    ]
    return [replace(row, rank=place) for place, row in enumerate(rows, start=1)]


def _candidate_result(
    plan, n_clusters, name, fit, information, first, again
):  # -> ClusteringResult
    codes = _labels_of_all(plan, fit.labels)
    difference = information.excess - first.excess
    error = plan.field.difference_error(information, first)
    halvings = plan.excess(again, n_clusters)
    lost = np.nan
    if plan.loose is not None:
        lost = information_of(plan.loose, fit.labels, n_clusters).excess - information.excess
    return ClusteringResult(
        name=name,
        excess=information.excess,
        metric=information.metric,
        difference=difference,
        standard_error=error,
        tied=is_tied(difference, error),
        out_of_sample=float(np.mean(halvings)),
        halvings=halvings,
        share=information.share,
        entropy=information.entropy,
        largest=float(np.bincount(codes).max() / len(codes)),
        n_clusters=fit.n_clusters,
        r2=subspace_r2(plan.X, codes, random_state=plan.seed),
        stability=_stability(plan, codes, again),
        accuracy=np.nan if plan.y is None else clustering_accuracy(plan.y, codes),
        lost_to_groups=lost,
        seconds=fit.seconds,
    )


def _labels_of_all(plan, labels):  # (n_samples,) -> (n_samples,)
    return plan.field.codes(labels)[plan.field.kind_of]


def _stability(plan, codes, again):  # -> tuple of float
    parts = [part for halves in plan.halvings for part in halves.parts]
    pairs = [pair for pair in zip(parts, again, strict=True) if not pair[1].error]
    found = [found_again(codes, part, one.labels) for part, one in pairs]
    if not found:
        return (np.nan,) * (int(codes.max()) + 1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        return tuple(map(float, np.nanmean(found, axis=0)))


def _whole_comparison(plan, rows, curve, n_clusters, estimators, fits, found):
    name = rows[0].name
    plan.steps.begin(f"{name}: {n_clusters} clusters, the chosen one")
    chosen = AutoClustering(
        n_clusters, [(name, estimators[name])], n_halvings=0, random_state=plan.seed
    ).fit(plan.given, groups=plan.groups)
    evidence = next(one.evidence for one in curve if one.n_clusters == n_clusters)
    comparison = ClusteringComparison(
        results=tuple(rows),
        n_clusters=n_clusters,
        numbers=tuple(curve),
        clusters=_clusters(plan, chosen.labels_, found[name], rows[0].stability),
        evidence_=evidence,
        best_name_=name,
        best_estimator_=chosen,
        labels_={one: _labels_of_all(plan, fits[one].labels) for one in found},
        row_information_=found[name].row_information,
        row_agreement_=found[name].row_agreement,
        n_samples=plan.X.shape[0],
        n_features=plan.X.shape[1],
        n_halvings=len(plan.halvings),
        n_groups=len(np.unique(plan.groups)) if plan.field.has_groups else 0,
        has_counts=plan.counts is not None,
        random_state=plan.seed,
        versions=shaping_versions(),
    )
    if evidence < LEAST_EVIDENCE:
        warnings.warn(
            f"{doubt(comparison)} The clusters may be cuts through a single heap.",
            UserWarning,
            stacklevel=4,
        )
    return comparison


def _clusters(plan, labels, information, stability):  # -> tuple of ClusterResult
    _, by_row = subspace_r2(plan.X, labels, per_row=True, random_state=plan.seed)
    return tuple(
        _cluster(k, labels == k, information, stability[k], by_row)
        for k in range(len(information.pairs))
    )


def _cluster(k, members, information, stability, r2):  # -> ClusterResult
    beside = information.pairs[k] / max(information.pairs[k].sum(), np.finfo(float).tiny)
    others = np.where(np.arange(len(beside)) == k, 0, beside)
    known = members & np.isfinite(information.row_agreement)
    return ClusterResult(
        cluster=k,
        n_samples=int(members.sum()),
        stability=float(stability),
        rival=int(others.argmax()) if others.max() > 0 else -1,
        rival_share=float(others.max()),
        disagreeing=_mean_or_nan(information.row_agreement[known] < LEAST_AGREEMENT),
        information=_mean_or_nan(information.row_information[known]),
        r2=_mean_or_nan(r2[members & np.isfinite(r2)]),
    )


def _mean_or_nan(values):
    return float(np.mean(values)) if len(values) else np.nan


def _checked_numbers(n_clusters, n_samples):  # -> list of int, ascending
    numbers = n_clusters if isinstance(n_clusters, Iterable) else [n_clusters]
    numbers = list(numbers) if not isinstance(n_clusters, str) else [n_clusters]
    if not numbers:
        raise ValueError("n_clusters must be a number or several, got none.")
    for one in numbers:
        check_integer(
            one, "n_clusters", 2, n_samples // 4, f"a quarter of the {n_samples} rows of X"
        )
    return sorted({int(one) for one in numbers})
