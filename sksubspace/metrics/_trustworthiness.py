"""Neighbours that a map invents, and neighbours that it loses."""

import numpy as np

from sksubspace.metrics._input import check_count, check_per_point, sample_rows
from sksubspace.metrics._space import paired_spaces, row_blocks


def trustworthiness(
    X,
    Z,
    *,
    n_neighbors=5,
    per_point=False,
    X_train=None,
    Z_train=None,
    max_samples=None,
    random_state=None,
):
    r"""Measure how far the neighbours in the map are neighbours in the data.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows.

    n_neighbors : int, default=5
        Neighbours of a row, at most half of the rows that it is compared with.

    per_point : bool, default=False
        Whether to return a value for each row, instead of their mean.

    X_train : {array-like, CSR matrix} of shape (n_train, n_features), default=None
        Training data. Where it is given, X and Z are held-out rows, and their neighbours are
        searched among the training rows in both spaces. None searches among the other rows.

    Z_train : array-like of shape (n_train, n_components), default=None
        Map of the training data.

    max_samples : int, default=None
        Number of rows to draw and score, against all rows; None scores all. Time grows with
        this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=None
        The draw of `max_samples` rows.

    Returns
    -------
    value : float or ndarray of shape (n_samples,)
        From 0 to 1; 1 where each neighbour in the map is one in the data.

    Raises
    ------
    TypeError
        If `n_neighbors` or `max_samples` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, a number is out of its range, one of
        `X_train` and `Z_train` is missing, or `max_samples` is set with ``per_point=True``.

    See Also
    --------
    continuity : The neighbours in the data that the map loses.

    Notes
    -----
    .. math::
        T_i = 1 - \frac{2}{k (2m - 3k + 1)} \sum_{j \in N_Z^k(i)} \max(0, r_X(i, j) - k), \qquad
        T = \frac 1n \sum_i T_i

    for :math:`k` = `n_neighbors`; :math:`N_Z^k(i)` are the k nearest rows of row i in the map,
    :math:`r_X(i, j)` is the rank of row j among those nearest to i in the data, from 1, and
    :math:`m` is the number of rows compared with: n - 1, or those of `X_train`. The factor makes
    0 the value of the worst map. Distances are Euclidean; ties are broken by row number.

    References
    ----------
    .. [1] J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection methods: an
       experimental study", ICANN 2001, https://doi.org/10.1007/3-540-44668-0_68

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import trustworthiness
    >>> X = np.array([[0.0], [1.0], [3.0], [7.0], [15.0]])
    >>> trustworthiness(X, 10 - X, n_neighbors=2)
    1.0
    >>> trustworthiness(X, X[[3, 1, 2, 0, 4]], n_neighbors=1, per_point=True).round(2)
    array([0.67, 0.33, 1.  , 0.67, 0.  ])
    """
    data, drawn = paired_spaces(X, Z, X_train, Z_train)
    return _kept(data, drawn, n_neighbors, per_point, max_samples, random_state)


def continuity(
    X,
    Z,
    *,
    n_neighbors=5,
    per_point=False,
    X_train=None,
    Z_train=None,
    max_samples=None,
    random_state=None,
):
    r"""Measure how far the neighbours in the data are neighbours in the map.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows.

    n_neighbors : int, default=5
        Neighbours of a row, at most half of the rows that it is compared with.

    per_point : bool, default=False
        Whether to return a value for each row, instead of their mean.

    X_train : {array-like, CSR matrix} of shape (n_train, n_features), default=None
        Training data. Where it is given, X and Z are held-out rows, and their neighbours are
        searched among the training rows in both spaces. None searches among the other rows.

    Z_train : array-like of shape (n_train, n_components), default=None
        Map of the training data.

    max_samples : int, default=None
        Number of rows to draw and score, against all rows; None scores all. Time grows with
        this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=None
        The draw of `max_samples` rows.

    Returns
    -------
    value : float or ndarray of shape (n_samples,)
        From 0 to 1; 1 where each neighbour in the data is one in the map.

    Raises
    ------
    TypeError
        If `n_neighbors` or `max_samples` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, a number is out of its range, one of
        `X_train` and `Z_train` is missing, or `max_samples` is set with ``per_point=True``.

    See Also
    --------
    trustworthiness : The neighbours in the map that are none in the data.

    Notes
    -----
    .. math::
        C_i = 1 - \frac{2}{k (2m - 3k + 1)} \sum_{j \in N_X^k(i)} \max(0, r_Z(i, j) - k), \qquad
        C = \frac 1n \sum_i C_i,

    which is the trustworthiness with the data and the map exchanged.

    References
    ----------
    .. [1] J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection methods: an
       experimental study", ICANN 2001, https://doi.org/10.1007/3-540-44668-0_68

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import continuity, trustworthiness
    >>> X = np.array([[0.0], [1.0], [3.0], [7.0], [15.0]])
    >>> Z = np.array([[0.0], [1.0], [3.0], [0.5], [15.0]])
    >>> round(trustworthiness(X, Z, n_neighbors=1), 3), round(continuity(X, Z, n_neighbors=1), 3)
    (0.533, 0.6)
    """
    data, drawn = paired_spaces(X, Z, X_train, Z_train)
    return _kept(drawn, data, n_neighbors, per_point, max_samples, random_state)


def _kept(judge, near, n_neighbors, per_point, max_samples, random_state):
    """One less the scaled excess ranks, in one space, of the neighbours in the other."""
    k, m = n_neighbors, near.n_candidates
    check_count(k, "n_neighbors", m // 2, f"half of the {m} rows to choose from")
    check_per_point(per_point, max_samples)
    rows = sample_rows(near.n_queries, max_samples, random_state)
    blocks = row_blocks(rows, near.n_reference)
    excess = np.concatenate([_excess_ranks(judge, near, block, k) for block in blocks])
    values = 1 - 2 * excess / (k * (2 * m - 3 * k + 1))
    return values if per_point else float(values.mean())


def _excess_ranks(judge, near, rows, n_neighbors):
    ranks = np.empty((len(rows), near.n_reference), dtype=np.intp)
    places = np.arange(1, near.n_candidates + 1)
    np.put_along_axis(ranks, judge.order(rows), places[None], axis=1)
    neighbors = near.order(rows)[:, :n_neighbors]
    excess = np.take_along_axis(ranks, neighbors, axis=1) - n_neighbors
    return np.maximum(excess, 0).sum(axis=1)
