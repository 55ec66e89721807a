"""Neighbours that share the class of a row: their share, and how early they are ranked."""

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sksubspace._measures import measure
from sksubspace._parameters import check_integer
from sksubspace.metrics._input import (
    check_reference,
    check_rows,
    check_same_length,
    check_together,
)
from sksubspace.metrics._space import Space
from sksubspace.neighbors import k_nearest
from sksubspace.neighbors._input import rows_for_cosine

_METRICS = ("cosine", "euclidean")
# 2^21 distances are 16 MiB
_CHUNK_ELEMENTS = 2**21
# of all ranks: it is then faster to search for them than to sort all rows
_FEW = 0.02


@measure(is_compared=True, has_labels=True)
def neighborhood_hit(Z, y, *, n_neighbors=5, per_point=False, Z_train=None, y_train=None):
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
        Whether to return a value for each row, instead of their mean.

    Z_train : array-like of shape (n_train, n_components), default=None
        Map of the training data. Where it is given, Z are held-out rows, and their neighbours are
        searched among the training rows. None searches among the other rows.

    y_train : array-like of shape (n_train,), default=None
        Labels of the training data.

    Returns
    -------
    value : float or ndarray of shape (n_samples,)
        From 0 to 1; 1 where all neighbours have the label of the row.

    Raises
    ------
    TypeError
        If `n_neighbors` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, `y` does not hold classes,
        `n_neighbors` is out of its range, or one of `Z_train` and `y_train` is missing.

    Notes
    -----
    .. math::
        \mathrm{NH} = \frac{1}{n k} \sum_{i=1}^n \left| \{ j \in N_Z^k(i) : y_j = y_i \} \right|

    where :math:`N_Z^k(i)` are the k = `n_neighbors` nearest rows of row i in the map. Distances are
    Euclidean; ties are broken by row number.

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
    Z, y = check_rows(Z, "Z"), _checked_classes(y, "y")
    check_same_length(Z, y, "Z", "y")
    check_together(Z_train, y_train, "Z_train", "y_train")
    within = Z_train is None
    if within:
        Z_train, y_train = Z, y
    else:
        Z_train, y_train = check_reference(Z, Z_train, "Z"), _checked_classes(y_train, "y_train")
        check_same_length(Z_train, y_train, "Z_train", "y_train")
    available = len(Z_train) - within
    check_integer(n_neighbors, "n_neighbors", 1, available, "the rows to choose from")
    _, neighbors = k_nearest(Z, Z_train, n_neighbors, exclude_self=within)
    hits = (y_train[neighbors] == y[:, None]).mean(axis=1)
    return hits if per_point else float(hits.mean())


def _checked_classes(labels, name):
    try:
        labels = column_or_1d(labels)
        check_classification_targets(labels)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold a class for each row: {error}") from error
    return np.asarray(labels)


def retrieval_map(X, y, *, X_index=None, y_index=None, metric="cosine", k=None, chunk_size=None):
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

    Returns
    -------
    score : float
        From 0 to 1, higher is better; 1 if the rows of the query's class come first for every
        query. About the share of the query's class among all rows for a random order.

    Raises
    ------
    TypeError
        If `k` or `chunk_size` is not an integer, or `X` is sparse.

    ValueError
        If `X` is not a table of finite numbers or `y` does not hold a class for each of its rows,
        if one of `X_index` and `y_index` is missing or does not fit, if `metric` is neither of the
        two or a number out of its range, or if no query has a row of its class to find.

    See Also
    --------
    neighborhood_hit : Share of the nearest rows that have the query's class.

    Notes
    -----
    With the other rows ranked by distance, equally far ones by row number, and :math:`r_i(j)`
    being 1 if the row at rank j has the class of query i and 0 if not,

    .. math::
        \mathrm{AP}_i = \frac{1}{\min(k, R_i)} \sum_{j=1}^{k} r_i(j)\,
        \frac{1}{j} \sum_{l=1}^{j} r_i(l)

    where :math:`R_i` is the number of rows of the query's class, and k that of all rows for the
    full ranking. The score is the mean over the queries with :math:`R_i > 0`.

    References
    ----------
    .. [1] C. D. Manning, P. Raghavan and H. Schuetze, "Introduction to Information Retrieval",
       chapter 8, Cambridge University Press (2008), https://nlp.stanford.edu/IR-book/

    Examples
    --------
    >>> from sksubspace.metrics import retrieval_map
    >>> X = [[2.0, 0.0], [2.0, 0.1], [0.5, 2.0], [0.0, 1.0]]
    >>> retrieval_map(X, ["a", "a", "b", "b"])
    1.0
    >>> round(retrieval_map(X, ["a", "b", "b", "b"]), 3)
    0.861
    """
    queries, y = check_rows(X, "X"), _checked_classes(y, "y")
    check_same_length(queries, y, "X", "y")
    check_together(X_index, y_index, "X_index", "y_index")
    if metric not in _METRICS:
        raise ValueError(f"metric must be 'cosine' or 'euclidean', got {metric!r}.")
    within = X_index is None
    index, y_index = (queries, y) if within else _check_index(X_index, y_index, queries)
    available = len(index) - within
    if not available:
        raise ValueError("X must have at least 2 rows, or X_index and y_index be given, got 1.")
    if k is not None:
        check_integer(k, "k", 1, available, "the rows to rank")
    chunk_size = _check_chunk_size(chunk_size, len(index))
    codes, index_codes = _numbers_of_classes(y, y_index)
    n_relevant = np.bincount(index_codes, minlength=codes.max() + 1)[codes] - within
    if not n_relevant.any():
        raise ValueError("y must have at least one class that a row to rank has too, got none.")
    if metric == "cosine":
        queries, index = _both_for_cosine(queries, index, within)
    ranked = _rankings(queries, None if within else index, k, chunk_size)
    scores = [
        _average_precision(index_codes[order] == codes[rows, None], n_relevant[rows])
        for rows, order in ranked
    ]
    return float(np.concatenate(scores)[n_relevant > 0].mean())


def _check_index(X_index, y_index, queries):
    X_index, y_index = check_rows(X_index, "X_index"), _checked_classes(y_index, "y_index")
    check_same_length(X_index, y_index, "X_index", "y_index")
    if X_index.shape[1] != queries.shape[1]:
        raise ValueError(
            f"X_index must have the {queries.shape[1]} columns of X, got {X_index.shape[1]}."
        )
    return X_index, y_index


def _check_chunk_size(chunk_size, n_index):
    if chunk_size is None:
        return max(1, _CHUNK_ELEMENTS // n_index)
    check_integer(chunk_size, "chunk_size", 1)
    return chunk_size


def _numbers_of_classes(y, y_index):  # (m,), (n,) -> (m,), (n,)
    """Whole numbers for the classes."""
    _, codes = np.unique(np.concatenate([y, y_index]), return_inverse=True)
    return codes[: len(y)], codes[len(y) :]


def _both_for_cosine(queries, index, within):
    if within:
        rows = rows_for_cosine(queries.astype(np.float64))
        return rows, rows
    both = rows_for_cosine(np.concatenate([queries, index]).astype(np.float64))
    return both[: len(queries)], both[len(queries) :]


def _rankings(queries, index, k, chunk_size):
    """Yield row numbers of some queries, and the rows that are ranked for them, in order."""
    space = Space(queries, index)
    few = k is not None and k <= _FEW * space.n_candidates
    for start in range(0, len(queries), chunk_size):
        rows = np.arange(start, min(start + chunk_size, len(queries)))
        if few:
            own = rows if space.within else False
            yield rows, k_nearest(queries[rows], space.reference, k, exclude_self=own)[1]
        else:
            yield rows, space.order(rows)[:, :k]


def _average_precision(relevant, n_relevant):  # (m, k), (m,) -> (m,)
    """Sum of the precisions at the ranks of relevant rows, by the most there can be."""
    ranks = np.arange(1, relevant.shape[1] + 1)
    precision = np.cumsum(relevant, axis=1) / ranks
    most = np.minimum(relevant.shape[1], n_relevant)
    return np.where(relevant, precision, 0).sum(axis=1) / np.maximum(most, 1)
