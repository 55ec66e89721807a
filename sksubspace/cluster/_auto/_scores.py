"""How well the clusters of a candidate, taken as subspaces, fit rows that were left out."""

import time
import warnings
from dataclasses import dataclass, field
from typing import Literal, overload

import numpy as np
from sklearn.preprocessing import normalize

from sksubspace._clusterings import check_found
from sksubspace._linalg import dense, r_squared
from sksubspace._parameters import isolated_random_state
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace._threads import small_work
from sksubspace._typing import ArrayLike, Floats, Matrix, Seed
from sksubspace._validation import check_labels, in_order_of, label_codes
from sksubspace.cluster._subspaces import fit_subspaces
from sksubspace.metrics._input import check_rows, check_same_length, sample_rows
from sksubspace.metrics._neighbor_information import is_tied

__all__ = [
    "Outcome",
    "candidate_columns",
    "evaluate",
    "folds",
    "holdouts",
    "interquartile_mean",
    "squared_off_nearest",
    "paired_error",
    "score_table",
    "scored_dims",
    "subspace_r2",
]

# nobody knows the dimension of the clusters: the geometric mean over three does not hang on one
_SCORED_DIMS = (4, 8, 16)
# a subspace has at most a third as many dimensions as a cluster of mean size has rows
_ROWS_PER_DIM = 3
# share of the mean spread that is added to residuals, so that a perfect fit has a logarithm
_FLOOR = 1e-6
# left out at each end of the interquartile mean
_TRIM = 0.25
# from so many rows a cluster a subspace can spare a third of them
_MANY_PER_CLUSTER = 500
_N_FOLDS, _N_FOLDS_OF_MANY = 10, 3


@dataclass
class Outcome:
    """What became of one candidate.

    Attributes
    ----------
    estimator : estimator or None
        Fitted to all rows; None where candidates are scored without the rows left out.
    labels : ndarray of shape (n_samples,) or None
        Clusters of all rows, likewise.
    residuals : ndarray of shape (n_samples,)
        Squared distance of each row, when left out, from the nearest subspace: the geometric mean
        over dimensions and repeats, NaN for rows never left out.
    n_clusters : int
        Clusters that were found, the most of all fits.
    seconds : float
        Wall-clock time of the fits, together.
    error : str
        What went wrong, in one line.
    warnings : list of (Warning, type)
        What the fits warned of.
    """

    estimator: object = None
    labels: np.ndarray | None = None
    residuals: np.ndarray | None = None
    n_clusters: int = 0
    seconds: float = 0.0
    error: str = ""
    warnings: list = field(default_factory=list)


def folds(groups, n_clusters, n_repeats, random_state):  # (n,) -> list of (m,)
    """Cut the numbers of n rows into parts that are left out in turn, anew for each repeat.

    Ten parts, or three where there are 500 rows a cluster and a subspace can spare them. Each is
    ascending. Rows of a group, equal rows, are in one part, and count as one.
    """
    n = groups.max() + 1
    n_folds = min(_N_FOLDS if n < _MANY_PER_CLUSTER * n_clusters else _N_FOLDS_OF_MANY, n)
    return [
        np.flatnonzero(np.isin(groups, part))
        for _ in range(n_repeats)
        for part in np.array_split(random_state.permutation(n), n_folds)
    ]


def holdouts(groups, n_clusters, fraction, n_repeats, random_state):  # (n,) -> list of (m,)
    """Draw the numbers, ascending, of the share of n rows that is left out in each repeat.

    Rows of a group, equal rows, count as one. A ValueError if fewer than clusters would be left to
    fit to.
    """
    n = groups.max() + 1
    n_out = max(1, round(fraction * n))
    if n - n_out < max(n_clusters, 2):
        raise ValueError(
            f"validation_fraction={fraction} leaves {n - n_out} of n_samples={n} rows to fit to "
            f"(equal rows count as one), fewer than n_clusters={n_clusters} or than 2."
        )
    return [
        np.flatnonzero(np.isin(groups, random_state.permutation(n)[:n_out]))
        for _ in range(n_repeats)
    ]


def scored_dims(subspace_dim, n, n_features, n_clusters):  # -> tuple of int
    """Dimensions of the subspaces that candidates are scored with, less than the features.

    "auto" takes 4, 8 and 16, at most one for three rows of a cluster of mean size.
    """
    if subspace_dim != "auto":
        return (min(subspace_dim, n_features - 1),)
    most = max(2, n // (_ROWS_PER_DIM * n_clusters))
    return tuple(min(dim, most, n_features - 1) for dim in _SCORED_DIMS)


def evaluate(estimators, X, left_out, dims, n_clusters, *, whole):  # -> Outcome
    """Fit a candidate, and measure how far rows lie from subspaces that were fitted without them.

    With `whole` the one estimator is fitted once, to all rows X (n, d), and only the subspaces, of
    dimensions `dims`, are fitted without the rows left out; else there is an estimator for each set
    of `left_out`. More clusters than `n_clusters` make a candidate fail: its residuals would not
    compare. A failure is told in the outcome and not raised.
    """
    outcome = Outcome()
    with small_work(0), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if whole:
                outcome.estimator = estimators[0]
                outcome.labels = _found_labels(outcome, estimators[0], X, n_clusters)
            labelled = _training(outcome, estimators, X, left_out, n_clusters)
            outcome.residuals = _mean_residuals(X, labelled, dims)
        except Exception as error:  # whatever a candidate raises is its own failure
            outcome.error = " ".join(f"{type(error).__name__}: {error}".split())
    outcome.warnings = [(one.message, one.category) for one in caught]
    return outcome


def squared_off_nearest(X, labels, X_new, dims):  # -> (n_new, n_dims)
    """Squared distance of new rows from the nearest of the subspaces of the clusters of X.

    Labels are any numbers, negative for rows of no cluster; a dimension is less in a cluster of too
    few rows. In squared units of X.
    """
    found, numbers = np.unique(labels[labels >= 0], return_inverse=True)
    members = np.flatnonzero(labels >= 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*too few members")
        means, bases = fit_subspaces(X[members], numbers, len(found), max(dims))
    nearest = np.full((len(X_new), len(dims)), np.inf)
    for mean, basis in zip(means, bases, strict=True):
        np.minimum(nearest, _residuals(X_new - mean, basis, dims), out=nearest)
    return nearest


def _residuals(centred, basis, dims):  # (n, d), (r, d) -> (n, n_dims)
    squared = np.einsum("nd,nd->n", centred, centred, dtype=np.float64)
    explained = np.cumsum(np.square(centred @ basis.T, dtype=np.float64), axis=1)
    explained = np.hstack([np.zeros((len(centred), 1)), explained])
    kept = np.minimum(dims, len(basis))
    return np.maximum(squared[:, None] - explained[:, kept], 0)


def interquartile_mean(values):  # (..., n) -> (...)
    """Mean of the middle half: a quarter of the values is left out at each end."""
    n_trimmed = int(_TRIM * values.shape[-1])
    ordered = np.sort(values, axis=-1)
    return ordered[..., n_trimmed : values.shape[-1] - n_trimmed].mean(axis=-1)


def paired_error(values, others, groups):  # (n,), (n,), (n,) -> float
    r"""Standard error of the difference of two interquartile means over the same rows.

    From the influence u of each row, which is its value cut to the quartiles, as for trimmed means
    by Tukey and McLaughlin, 1963. Rows of a group g, equal rows, vary together:

    .. math:: \sqrt{\sum_g \Bigl(\sum_{i \in g} (u_i - \bar u)\Bigr)^2} \, / \, (n / 2) .
    """
    influence = _winsorized(values) - _winsorized(others)
    together = np.bincount(groups, influence - influence.mean())
    return float(np.sqrt(np.square(together).sum()) / ((1 - 2 * _TRIM) * len(values)))


def _winsorized(values):
    n_trimmed = int(_TRIM * len(values))
    ordered = np.sort(values)
    return np.clip(values, ordered[n_trimmed], ordered[len(values) - n_trimmed - 1])


def _training(outcome, estimators, X, left_out, n_clusters):
    """Yield what is left out each time, what is not, and the clusters of the latter."""
    for number, rows in enumerate(left_out):
        others = np.setdiff1d(np.arange(len(X)), rows, assume_unique=True)
        if outcome.labels is not None:
            yield rows, others, outcome.labels[others]
        else:
            yield rows, others, _found_labels(outcome, estimators[number], X[others], n_clusters)


def _mean_residuals(X, labelled, dims):
    floor = _FLOOR * np.square(X - X.mean(axis=0), dtype=np.float64).sum(axis=1).mean()
    total, count = np.zeros(len(X)), np.zeros(len(X))
    for rows, others, labels in labelled:
        squared = squared_off_nearest(X[others], labels, X[rows], dims)
        total[rows] += np.log(squared + floor).mean(axis=1)
        count[rows] += 1
    mean = np.divide(total, count, out=np.full(len(X), np.nan), where=count > 0)
    return np.exp(mean)


def _found_labels(outcome, estimator, X, n_clusters):
    start = time.perf_counter()
    labels = np.asarray(estimator.fit_predict(X))
    outcome.seconds += time.perf_counter() - start
    n_found = len(np.unique(labels[labels >= 0]))
    outcome.n_clusters = max(outcome.n_clusters, n_found)
    check_found(n_found, n_clusters)
    return labels


def score_table(outcomes, spread, groups):  # -> dict of str to (n_candidates,)
    """Sort candidates, outcomes by name, by their score, and compare each with the best.

    `spread` (n,) is the squared distance of each row from the mean of all, `groups` (n,) numbers
    equal rows. The columns are those that `AutoSubspaceClustering` describes; of equal candidates
    the first listed comes first.
    """
    names = list(outcomes)
    scores = np.array([_candidate_score(outcomes[name], spread) for name in names])
    order = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")
    ordered = [outcomes[names[index]] for index in order]
    errors = np.array([_difference_error(one, ordered[0], spread, groups) for one in ordered])
    return candidate_columns([names[index] for index in order], outcomes, scores[order], errors)


def candidate_columns(names, outcomes, scores, errors):  # -> dict of str to (n_candidates,)
    """Columns of candidates, best first, by their scores and the errors of the differences."""
    ordered, difference = [outcomes[name] for name in names], scores - scores[0]
    return {
        "name": np.array(names),
        "rank": np.arange(1, len(names) + 1),
        "score": scores,
        "difference": difference,
        "standard_error": errors,
        "tied": is_tied(difference, errors),
        "fit_time": np.array([one.seconds for one in ordered]),
        "n_clusters": np.array([one.n_clusters for one in ordered]),
        "error": np.array([one.error for one in ordered]),
    }


def _candidate_score(outcome, spread):
    if outcome.error:
        return np.nan
    seen = ~np.isnan(outcome.residuals)
    return r_squared(interquartile_mean(outcome.residuals[seen]), interquartile_mean(spread[seen]))


def _difference_error(outcome, best, spread, groups):
    if outcome.error:
        return np.nan
    seen = ~np.isnan(outcome.residuals)
    total = interquartile_mean(spread[seen])
    error = paired_error(outcome.residuals[seen], best.residuals[seen], groups[seen])
    return error / total if total > 0 else 0.0  # as the scores, which are then all the same


@overload
def subspace_r2(
    X: Matrix,
    labels: ArrayLike,
    *,
    per_row: Literal[False] = ...,
    max_samples: int | None = ...,
    random_state: Seed = ...,
) -> float: ...


@overload
def subspace_r2(
    X: Matrix,
    labels: ArrayLike,
    *,
    per_row: Literal[True],
    max_samples: int | None = ...,
    random_state: Seed = ...,
) -> tuple[float, Floats]: ...


def subspace_r2(
    X: Matrix,
    labels: ArrayLike,
    *,
    per_row: bool = False,
    max_samples: int | None = 2_000,
    random_state: Seed = 0,
) -> float | tuple[float, Floats]:
    r"""Score clusters, taken as subspaces, by rows that the subspaces are fitted without.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows; they are scaled to unit length.

    labels : array-like of shape (n_samples,)
        Clusters of the rows; negative for rows of none.

    per_row : bool, default=False
        Whether the R2 of each row is returned too.

    max_samples : int or None, default=2000
        Number of rows to draw; None takes all.

    random_state : int, RandomState instance or None, default=0
        Draws rows, and what is left out.

    Returns
    -------
    r2 : float
        At most 1; the criterion "r2" of `AutoSubspaceClustering`.

    by_row : ndarray of shape (n_samples,)
        With `per_row`, one less the squared distance of the row from the nearest subspace over that
        from the mean of all rows. NaN for rows that were not drawn.

    Raises
    ------
    ValueError
        If X is not a table of finite numbers, or the number of labels is another one.

    See Also
    --------
    AutoSubspaceClustering : Says how subspaces are fitted, and of which dimensions.
    sksubspace.metrics.neighbor_information : What labels say of those of neighbours.

    Examples
    --------
    >>> from sksubspace.cluster import subspace_r2
    >>> from sksubspace.datasets import make_union_of_subspaces
    >>> X, y = make_union_of_subspaces(
    ...     300, n_features=20, n_subspaces=3, subspace_dim=4, noise=0.02, random_state=0
    ... )
    >>> bool(subspace_r2(X, y) > subspace_r2(X, y[::-1]))
    True
    """
    labels = in_order_of(X, labels, "labels")
    X, labels = check_rows(X, "X", accept_sparse=True), check_labels(labels, "labels")
    check_same_length(X, labels, "X", "labels")
    rng = isolated_random_state(random_state)
    rows = sample_rows(X.shape[0], max_samples, rng)
    units = dense(normalize(X[rows]))
    labels = labels[rows] if labels.dtype.kind == "i" else label_codes(labels[rows], "labels")
    n_clusters = len(np.unique(labels[labels >= 0]))
    groups = groups_of_equal_rows(units)
    groups = groups if groups.any() else np.arange(len(rows))
    parts = folds(groups, n_clusters, 1, rng)
    dims = scored_dims("auto", groups.max() + 1, units.shape[1], n_clusters)
    every = np.arange(len(rows))
    labelled = (
        (part, others, labels[others])
        for part in parts
        for others in [np.setdiff1d(every, part, assume_unique=True)]
    )
    with small_work(0):
        residuals = _mean_residuals(units, labelled, dims)
    spread = np.square(units - units.mean(axis=0)).sum(axis=1)
    score = r_squared(interquartile_mean(residuals), interquartile_mean(spread))
    if not per_row:
        return score
    by_row = np.full(X.shape[0], np.nan)
    by_row[rows] = 1 - np.divide(residuals, spread, out=np.ones(len(rows)), where=spread > 0)
    return score, by_row
