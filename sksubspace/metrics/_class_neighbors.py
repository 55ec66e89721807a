"""Neighbours that share the class of a row: their share, and how early they are ranked."""

from typing import Literal, overload

import numpy as np

from sksubspace._measures import measure
from sksubspace._parameters import check_choice, check_integer
from sksubspace._typing import ArrayLike, Floats, Seed
from sksubspace._validation import codes_of_both, in_order_of, label_codes
from sksubspace.metrics._input import (
    MAX_SAMPLES,
    check_reference,
    check_rows,
    check_same_length,
    check_together,
    rows_to_score,
)
from sksubspace.metrics._space import Space
from sksubspace.neighbors._input import rows_for_cosine

_METRICS = ("cosine", "euclidean")
# of coordinates of rows at unit length: copies of a row at other lengths are equally far
_COSINE_ROUNDING = 1e-15
# dimensions of a map up to which neighbours are searched by a tree
_OF_TREES = 3


@overload
def neighborhood_hit(
    Z: ArrayLike,
    y: ArrayLike,
    *,
    n_neighbors: int = ...,
    per_point: Literal[False] = ...,
    Z_train: ArrayLike | None = ...,
    y_train: ArrayLike | None = ...,
    max_samples: int | Literal["auto"] | None = ...,
    random_state: Seed = ...,
) -> float: ...


@overload
def neighborhood_hit(
    Z: ArrayLike,
    y: ArrayLike,
    *,
    n_neighbors: int = ...,
    per_point: Literal[True],
    Z_train: ArrayLike | None = ...,
    y_train: ArrayLike | None = ...,
    max_samples: int | Literal["auto"] | None = ...,
    random_state: Seed = ...,
) -> Floats: ...


@measure(is_compared=True, has_labels=True)
def neighborhood_hit(
    Z: ArrayLike,
    y: ArrayLike,
    *,
    n_neighbors: int = 5,
    per_point: bool = False,
    Z_train: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    max_samples: int | Literal["auto"] | None = "auto",
    random_state: Seed = 0,
) -> float | Floats:
    r"""Measure how many of the nearest rows in the map have the row's own label.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        Map.

    y : array-like of shape (n_samples,)
        Labels of its rows.

    n_neighbors : int, default=5
        Neighbours of a row.

    per_point : bool, default=False
        Whether to return a value for each row, NaN for those not drawn, instead of their mean.

    Z_train : array-like of shape (n_train, n_components), default=None
        Map of the training data. Where it is given, Z are held-out rows, and their neighbours are
        searched among the training rows. None searches among the other rows.

    y_train : array-like of shape (n_train,), default=None
        Labels of the training data.

    max_samples : int, None or "auto", default="auto"
        Number of rows to draw and score; their neighbours are searched among all. None scores all
        rows. "auto" is None for maps of up to three dimensions, whose neighbours a tree finds
        quickly, and 10,000 for others, for which time grows with this number times the rows.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` rows. None draws a seed from the operating system.

    Returns
    -------
    value : float or ndarray of shape (n_samples,)
        From 0 to 1; 1 where all neighbours have the label of the row.

    Raises
    ------
    TypeError
        If `n_neighbors` or `max_samples` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, `y` does not hold classes,
        `n_neighbors` is out of its range, or one of `Z_train` and `y_train` is missing.

    Warns
    -----
    UserWarning
        If there are more than 10,000 rows of more than three dimensions and `max_samples` is left
        at "auto".

    Notes
    -----
    .. math::
        \mathrm{NH} = \frac{1}{n k} \sum_{i=1}^n \left| \{ j \in N_Z^k(i) : y_j = y_i \} \right|

    where :math:`N_Z^k(i)` are the k = `n_neighbors` nearest rows of row i in the map. Distances are
    Euclidean. Of rows that are equally far the value is the mean over all orders of theirs.

    References
    ----------
    .. [1] F. V. Paulovich, L. G. Nonato, R. Minghim and H. Levkowitz, "Least square projection: A
       fast high-precision multidimensional projection technique and its application to document
       mapping", IEEE Transactions on Visualization and Computer Graphics 14 (2008),
       https://doi.org/10.1109/TVCG.2007.70443

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import neighborhood_hit
    >>> Z = np.array([[0.0], [1.0], [2.1], [3.0]])
    >>> neighborhood_hit(Z, ["a", "a", "b", "b"], n_neighbors=1)
    1.0
    >>> neighborhood_hit(Z, ["a", "b", "b", "b"], n_neighbors=1, per_point=True)
    array([0., 0., 1., 1.])
    """
    y = in_order_of(Z, y, "y", of="Z")
    y_train = in_order_of(Z_train, y_train, "y_train", of="Z_train")
    Z = check_rows(Z, "Z")
    check_together(Z_train, y_train, "Z_train", "y_train")
    y, y_train = _codes(y, y_train, "y_train")
    check_same_length(Z, y, "Z", "y")
    if Z_train is not None:
        Z_train = check_reference(Z, Z_train, "Z")
        check_same_length(Z_train, y_train, "Z_train", "y_train")
    n_candidates = len(y_train) - (Z_train is None)
    check_integer(n_neighbors, "n_neighbors", 1, n_candidates, "the rows to choose from")
    if isinstance(max_samples, str):
        check_choice(max_samples, "max_samples", ("auto",))
        max_samples = None if Z.shape[1] <= _OF_TREES else MAX_SAMPLES
    drawn = rows_to_score(len(Z), max_samples, random_state, stacklevel=3)
    hits = np.full(len(Z), np.nan)
    hits[drawn] = _expected_hits(Z, y, Z_train, y_train, n_neighbors, drawn) / n_neighbors
    return hits if per_point else float(hits[drawn].mean())


def _codes(y, y_other, name):  # -> (m,), (n,)
    """Number the classes of the rows, and of those that they are compared with."""
    if y_other is None:
        return (label_codes(y, "y"),) * 2
    return codes_of_both(y, y_other, "y", name)


def _counts(same):  # (m, c) -> (m, c + 1)
    """Rows, such as those of a class, among the first 0, 1, 2, ... places."""
    counts = np.zeros((len(same), same.shape[1] + 1), dtype=np.int64)
    np.cumsum(same, axis=1, out=counts[:, 1:])
    return counts


def _expected_hits(Z, y, Z_train, y_train, k, drawn):  # (m,) drawn rows -> (m,)
    """Rows of the class of each drawn row among its k nearest, the mean over all orders of ties.

    Places are ranked and not rows, of which any number may be at one: all that counts is how many
    of each class are there. A row is not its own neighbour.
    """
    within, n_classes = Z_train is None, int(max(y.max(), y_train.max())) + 1
    places, at = np.unique(Z, axis=0, return_inverse=True)
    known, there = (places, at) if within else np.unique(Z_train, axis=0, return_inverse=True)
    n_there, of_class = np.bincount(there.ravel()), _ClassesAt(there.ravel(), y_train, n_classes)
    kinds, kind = np.unique((at.ravel() * n_classes + y)[drawn], return_inverse=True)
    at, y = np.divmod(kinds, n_classes)  # rows of one class at one place are alike
    hits = np.empty(len(kinds))
    enough = min(k + within, len(known))
    for chosen, ranked in Space(places, known).rankings(np.unique(at), enough):
        itself = within & (ranked.order == chosen[:, None])
        first, last, ends = _group_of(n_there[ranked.order] - itself, ranked, k)
        mine = np.flatnonzero(np.isin(at, chosen))
        block = np.searchsorted(chosen, at[mine])
        cut = slice(last.max())
        same = of_class.numbers(ranked.order[block, cut], y[mine]) - itself[block, cut]
        counts, pairs = _counts(same), np.arange(len(mine))
        sure = counts[pairs, first[block]]
        possible = counts[pairs, last[block]] - sure
        before, after = ends[block, first[block]], ends[block, last[block]]
        hits[mine] = sure + (k - before) / (after - before) * possible
    return hits[kind.ravel()]


def _group_of(sizes, ranked, k):  # (m, c) -> (m,), (m,), (m, c + 1)
    """Equally far places, from the first to the last, that hold the k-th row; and rows up to each.

    `sizes` says how many rows are at each place.
    """
    ends, rows = _counts(sizes), np.arange(len(sizes))
    place = (ends[:, 1:] < k).sum(axis=1)
    return ranked.first[rows, place], ranked.last[rows, place], ends


class _ClassesAt:
    """How many rows of each class are at each place, of which most hold few classes."""

    def __init__(self, at, y, n_classes):  # (n,), (n,)
        self.n_classes = n_classes
        self.kinds, self.counts = np.unique(at * n_classes + y, return_counts=True)

    def numbers(self, places, y):  # (m, c), (m,) -> (m, c)
        wanted = places * self.n_classes + y[:, None]
        found = np.minimum(np.searchsorted(self.kinds, wanted), len(self.kinds) - 1)
        return np.where(self.kinds[found] == wanted, self.counts[found], 0)


def retrieval_map(
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_index: ArrayLike | None = None,
    y_index: ArrayLike | None = None,
    metric: Literal["cosine", "euclidean"] = "cosine",
    k: int | None = None,
    chunk_size: int | None = None,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Mean average precision (mAP) of finding the rows of a query's class by distance.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Queries.

    y : array-like of shape (n_samples,)
        Class of each query.

    X_index : array-like of shape (n_index, n_features), default=None
        Rows to rank. None ranks the other rows of `X`, at least one.

    y_index : array-like of shape (n_index,), default=None
        Class of each row to rank.

    metric : {"cosine", "euclidean"}, default="cosine"
        Distance between rows. A row of zeros is at cosine distance 1 from all others, and 0 from
        other rows of zeros.

    k : int, default=None
        Ranks that count; None for the full ranking.

    chunk_size : int, default=None
        Queries ranked at the same time, which take memory for ``chunk_size * n_index`` distances.
        None for about two million distances. It does not change the result.

    max_samples : int or None, default=10000
        Number of queries to draw; None takes all. Time grows with this number times the rows to
        rank.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` queries. None draws a seed from the operating system.

    Returns
    -------
    score : float
        From 0 to 1, higher is better; 1 if the rows of the query's class come first for every
        query. About the share of the query's class among all rows for a random order.

    Raises
    ------
    TypeError
        If `k`, `chunk_size` or `max_samples` is not an integer, or `X` is sparse.

    ValueError
        If `X` is not a table of finite numbers or `y` does not hold a class for each of its rows,
        if one of `X_index` and `y_index` is missing or does not fit, if `metric` is neither of the
        two or a number out of its range, or if no query has a row of its class to find.

    Warns
    -----
    UserWarning
        If there are more than 10,000 queries and `max_samples` is left at that.

    See Also
    --------
    neighborhood_hit : Share of the nearest rows that have the query's class.

    Notes
    -----
    With the other rows ranked by distance, and :math:`r_i(j)` being 1 if the row at rank j has the
    class of query i and 0 if not,

    .. math::
        \mathrm{AP}_i = \frac{1}{\min(k, R_i)} \sum_{j=1}^{k} r_i(j)\,
        \frac{1}{j} \sum_{l=1}^{j} r_i(l)

    where :math:`R_i` is the number of rows of the query's class, and k that of all rows for the
    full ranking. The score is the mean over the queries with :math:`R_i > 0`. Of rows that are
    equally far it is the mean over all orders of theirs, so that it does not depend on the order of
    the rows [2]_.

    References
    ----------
    .. [1] C. D. Manning, P. Raghavan and H. Schuetze, "Introduction to Information Retrieval",
       chapter 8, Cambridge University Press (2008), https://nlp.stanford.edu/IR-book/

    .. [2] F. McSherry and M. Najork, "Computing information retrieval performance measures
       efficiently in the presence of tied scores", ECIR 2008,
       https://doi.org/10.1007/978-3-540-78646-7_38

    Examples
    --------
    >>> from sksubspace.metrics import retrieval_map
    >>> X = [[2.0, 0.0], [2.0, 0.1], [0.5, 2.0], [0.0, 1.0]]
    >>> retrieval_map(X, ["a", "a", "b", "b"])
    1.0
    >>> round(retrieval_map(X, ["a", "b", "b", "b"]), 3)
    0.861
    """
    y = in_order_of(X, y, "y")
    y_index = in_order_of(X_index, y_index, "y_index", of="X_index")
    queries = check_rows(X, "X")
    check_together(X_index, y_index, "X_index", "y_index")
    y, y_index = _codes(y, y_index, "y_index")
    check_same_length(queries, y, "X", "y")
    if metric not in _METRICS:
        raise ValueError(f"metric must be 'cosine' or 'euclidean', got {metric!r}.")
    index = None if X_index is None else _check_index(X_index, y_index, queries)
    if metric == "cosine":
        queries, index = _both_for_cosine(queries, index)
    space = Space(queries, index, rounding=_COSINE_ROUNDING if metric == "cosine" else 0.0)
    if not space.n_candidates:
        raise ValueError("X must have at least 2 rows, or X_index and y_index be given, got 1.")
    if k is not None:
        check_integer(k, "k", 1, space.n_candidates, "the rows to rank")
    if chunk_size is not None:
        check_integer(chunk_size, "chunk_size", 1)
    drawn = rows_to_score(len(queries), max_samples, random_state, stacklevel=3)
    n_relevant = np.bincount(y_index, minlength=y.max() + 1)[y] - space.within
    if not n_relevant[drawn].any():
        raise ValueError("y must have at least one class that a row to rank has too, got none.")
    k = k or space.n_candidates
    scores = np.full(len(queries), np.nan)
    for rows, ranked in space.rankings(drawn, k, chunk_size):
        same = y_index[ranked.order] == y[rows, None]
        scores[rows] = _average_precision(same, ranked, k, n_relevant[rows])
    return float(scores[drawn][n_relevant[drawn] > 0].mean())


def _check_index(X_index, y_index, queries):
    X_index = check_rows(X_index, "X_index")
    check_same_length(X_index, y_index, "X_index", "y_index")
    if X_index.shape[1] != queries.shape[1]:
        raise ValueError(
            f"X_index must have the {queries.shape[1]} columns of X, got {X_index.shape[1]}."
        )
    return X_index


def _both_for_cosine(queries, index):
    if index is None:
        return rows_for_cosine(queries.astype(np.float64)), None
    both = rows_for_cosine(np.concatenate([queries, index]).astype(np.float64))
    return both[: len(queries)], both[len(queries) :]


def _average_precision(same, ranked, k, n_relevant):  # (m, c), (m,) -> (m,)
    r"""Sum of the precisions at the ranks of relevant rows, by the most there can be.

    The mean over all orders of equally far rows: at the t-th place of a group of L rows, R of them
    relevant, which S relevant ones come before, a row is relevant with chance R / L, and then has
    :math:`S + 1 + (t - 1)(R - 1) / (L - 1)` relevant ones up to itself.
    """
    counts, places = _counts(same), np.arange(k)
    first, last = ranked.first[:, :k], ranked.last[:, :k]
    before = np.take_along_axis(counts, first, axis=1)
    relevant = np.take_along_axis(counts, last, axis=1) - before
    among = (places - first) * (relevant - 1) / np.maximum(last - first - 1, 1)
    gained = relevant / (last - first) * (before + 1 + among) / (places + 1)
    most = np.minimum(k, n_relevant)
    return gained.sum(axis=1) / np.maximum(most, 1)
