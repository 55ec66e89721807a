"""Ranks of neighbours in the data and in the map: those kept, invented and lost."""

from operator import itemgetter
from typing import Literal, overload

import numpy as np

from sksubspace._docs import fill_parameters
from sksubspace._measures import measure
from sksubspace._parameters import check_integer
from sksubspace._typing import ArrayLike, Floats, Matrix, Seed
from sksubspace.metrics._input import MAX_SAMPLES, rows_to_score
from sksubspace.metrics._space import numbers_in_blocks, paired_spaces
from sksubspace.metrics._ties import expected_excess, first_common


@overload
def trustworthiness(
    X: Matrix,
    Z: ArrayLike,
    *,
    n_neighbors: int = ...,
    per_point: Literal[False] = ...,
    X_train: Matrix | None = ...,
    Z_train: ArrayLike | None = ...,
    max_samples: int | None = ...,
    random_state: Seed = ...,
) -> float: ...


@overload
def trustworthiness(
    X: Matrix,
    Z: ArrayLike,
    *,
    n_neighbors: int = ...,
    per_point: Literal[True],
    X_train: Matrix | None = ...,
    Z_train: ArrayLike | None = ...,
    max_samples: int | None = ...,
    random_state: Seed = ...,
) -> Floats: ...


@measure(is_compared=True)
@fill_parameters
def trustworthiness(
    X: Matrix,
    Z: ArrayLike,
    *,
    n_neighbors: int = 5,
    per_point: bool = False,
    X_train: Matrix | None = None,
    Z_train: ArrayLike | None = None,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> float | Floats:
    r"""Measure how far the neighbours in the map are neighbours in the data.

    Parameters
    ----------
    {data_and_map}

    n_neighbors : int, default=5
        Neighbours of a row, at most half of the rows that it is compared with.

    per_point : bool, default=False
        Whether to return a value for each row, instead of their mean; NaN for rows that were not
        drawn to be scored.

    {training_pair}

    max_samples : int or None, default=10000
        Number of rows to draw and score, against all rows; None scores all. Time grows with
        this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` rows. None draws a seed from the operating system.

    Returns
    -------
    value : float or ndarray of shape (n_samples,)
        From 0 to 1; 1 where each neighbour in the map is one in the data.

    Raises
    ------
    {rank_errors}

    Warns
    -----
    UserWarning
        If there are more than 10,000 rows and `max_samples` is left at that.

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
    0 the value of the worst map. Distances are Euclidean. Of rows that are equally far, in either
    space, the value is the mean over all orders of theirs; the two orders are independent, but for
    rows that are equally far with one another in both.

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
    return _one_less_excess(data, drawn, n_neighbors, per_point, max_samples, random_state)


@overload
def continuity(
    X: Matrix,
    Z: ArrayLike,
    *,
    n_neighbors: int = ...,
    per_point: Literal[False] = ...,
    X_train: Matrix | None = ...,
    Z_train: ArrayLike | None = ...,
    max_samples: int | None = ...,
    random_state: Seed = ...,
) -> float: ...


@overload
def continuity(
    X: Matrix,
    Z: ArrayLike,
    *,
    n_neighbors: int = ...,
    per_point: Literal[True],
    X_train: Matrix | None = ...,
    Z_train: ArrayLike | None = ...,
    max_samples: int | None = ...,
    random_state: Seed = ...,
) -> Floats: ...


@measure(is_compared=True)
@fill_parameters
def continuity(
    X: Matrix,
    Z: ArrayLike,
    *,
    n_neighbors: int = 5,
    per_point: bool = False,
    X_train: Matrix | None = None,
    Z_train: ArrayLike | None = None,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> float | Floats:
    r"""Measure how far the neighbours in the data are neighbours in the map.

    Parameters
    ----------
    {data_and_map}

    n_neighbors : int, default=5
        Neighbours of a row, at most half of the rows that it is compared with.

    per_point : bool, default=False
        Whether to return a value for each row, instead of their mean; NaN for rows that were not
        drawn to be scored.

    {training_pair}

    max_samples : int or None, default=10000
        Number of rows to draw and score, against all rows; None scores all. Time grows with
        this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` rows. None draws a seed from the operating system.

    Returns
    -------
    value : float or ndarray of shape (n_samples,)
        From 0 to 1; 1 where each neighbour in the data is one in the map.

    Raises
    ------
    {rank_errors}

    Warns
    -----
    UserWarning
        If there are more than 10,000 rows and `max_samples` is left at that.

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
    (0.567, 0.6)
    """
    data, drawn = paired_spaces(X, Z, X_train, Z_train)
    return _one_less_excess(drawn, data, n_neighbors, per_point, max_samples, random_state)


def _one_less_excess(judge, near, n_neighbors, per_point, max_samples, random_state):
    """One less the scaled excess ranks, in one space, of the neighbours in the other."""
    k, m = n_neighbors, near.n_candidates
    check_integer(k, "n_neighbors", 1, m // 2, f"half of the {m} rows to choose from")
    rows = rows_to_score(near.n_queries, max_samples, random_state, stacklevel=4)
    blocks = numbers_in_blocks(rows, near.n_reference)
    excess = np.concatenate([expected_excess(judge, near, block, k) for block in blocks])
    values = np.full(near.n_queries, np.nan)
    values[rows] = 1 - 2 * excess / (k * (2 * m - 3 * k + 1))
    return values if per_point else float(values[rows].mean())


# a scorer reads the curve at `k_max`
@measure(defaults={"k_max": 10}, value=itemgetter(-1))
@fill_parameters
def q_nx(
    X: Matrix,
    Z: ArrayLike,
    *,
    k_max: int | None = None,
    X_train: Matrix | None = None,
    Z_train: ArrayLike | None = None,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> Floats:
    r"""Compute the share of neighbours that data and map have in common, for every size.

    Parameters
    ----------
    {data_and_map}

    k_max : int, default=None
        The largest neighbourhood; None for all the rows compared with.

    {training_pair}

    max_samples : int or None, default=10000
        Number of rows to draw and score, against all rows; None scores all. Time grows with
        this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` rows. None draws a seed from the operating system.

    Returns
    -------
    shares : ndarray of shape (k_max,)
        Q_NX(k) for k = 1, ..., k_max, from 0 to 1. A random map has k / m, a perfect one 1.

    Raises
    ------
    TypeError
        If `k_max` or `max_samples` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, a number is out of its range, or one of
        `X_train` and `Z_train` is missing.

    Warns
    -----
    UserWarning
        If there are more than 10,000 rows and `max_samples` is left at that.

    See Also
    --------
    auc_q_nx : The curve in one number.

    Notes
    -----
    .. math::
        Q_{NX}(k) = \frac{1}{n k} \sum_{i=1}^n \left| N_X^k(i) \cap N_Z^k(i) \right|

    where :math:`N_X^k(i)` and :math:`N_Z^k(i)` are the k nearest rows of row i in the data and in
    the map, out of m: n - 1, or the rows of `X_train`. It is the sum of the upper left k by k block
    of the co-ranking matrix [1]_, over n k. Distances are Euclidean. Of rows that are equally far,
    in either space, the value is the mean over all orders of theirs; the two orders are
    independent, but for rows that are equally far with one another in both.

    References
    ----------
    .. [1] J. A. Lee and M. Verleysen, "Quality assessment of dimensionality reduction: Rank-based
       criteria", Neurocomputing 72 (2009), https://doi.org/10.1016/j.neucom.2008.12.017

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import q_nx
    >>> X = np.array([[0.0], [1.0], [3.0], [7.0], [15.0]])
    >>> Z = np.array([[0.0], [1.0], [3.0], [0.5], [15.0]])
    >>> q_nx(X, Z)
    array([0.2, 0.5, 1. , 1. ])
    """
    data, drawn = paired_spaces(X, Z, X_train, Z_train)
    if k_max is None:
        k_max = data.n_candidates
    check_integer(k_max, "k_max", 1, data.n_candidates, "the rows to choose from")
    return _overlap(data, drawn, k_max, max_samples, random_state)


@measure()
@fill_parameters
def auc_q_nx(
    X: Matrix,
    Z: ArrayLike,
    *,
    X_train: Matrix | None = None,
    Z_train: ArrayLike | None = None,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Average the share of common neighbours over all sizes, small ones weighing most.

    The curve Q_NX is first rescaled to R_NX, which is 0 for a random map, and its area is then
    taken with the size of the neighbourhood on a logarithmic axis.

    Parameters
    ----------
    {data_and_map}

    {training_pair}

    max_samples : int or None, default=10000
        Number of rows to draw and score, against all rows; None scores all. Time grows with
        this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` rows. None draws a seed from the operating system.

    Returns
    -------
    area : float
        1 for a perfect map, about 0 for a random one, below 0 for a worse one.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, a number is out of its range, one of
        `X_train` and `Z_train` is missing, or there are fewer than 2 rows to choose from.

    Warns
    -----
    UserWarning
        If there are more than 10,000 rows and `max_samples` is left at that.

    See Also
    --------
    q_nx : The curve.

    Notes
    -----
    .. math::
        R_{NX}(k) = \frac{m\, Q_{NX}(k) - k}{m - k}, \qquad
        \mathrm{AUC} = \frac{\sum_{k=1}^{m-1} R_{NX}(k) / k}{\sum_{k=1}^{m-1} 1 / k}

    for m rows compared with: n - 1, or those of `X_train`. It is the area under
    :math:`R_{NX}` against :math:`\ln k` of [1]_.

    References
    ----------
    .. [1] J. A. Lee, D. H. Peluffo-Ordóñez and M. Verleysen, "Multi-scale similarities in
       stochastic neighbour embedding: Reducing dimensionality while preserving both local and
       global structure", Neurocomputing 169 (2015), https://doi.org/10.1016/j.neucom.2014.12.095

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import auc_q_nx
    >>> X = np.random.RandomState(0).randn(100, 2)
    >>> auc_q_nx(X, -3 * X)
    1.0
    """
    data, drawn = paired_spaces(X, Z, X_train, Z_train)
    m = data.n_candidates
    if m < 2:
        name = "X" if data.within else "X_train"
        raise ValueError(
            f"{name} must have at least {2 + data.within} rows, got {data.n_reference}."
        )
    k = np.arange(1, m)
    shares = _overlap(data, drawn, m - 1, max_samples, random_state)
    rescaled = (m * shares - k) / (m - k)
    return float(np.average(rescaled, weights=1 / k))


def _overlap(data, drawn, k_max, max_samples, random_state):
    rows = rows_to_score(data.n_queries, max_samples, random_state, stacklevel=4)
    blocks = numbers_in_blocks(rows, data.n_reference)
    common = sum(first_common(data, drawn, block, k_max) for block in blocks)
    return np.cumsum(common) / (len(rows) * np.arange(1, k_max + 1))
