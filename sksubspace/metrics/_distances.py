"""Distances in the map beside those in the data: their stress and their correlation."""

import numpy as np

from sksubspace._measures import measure
from sksubspace._typing import ArrayLike, Matrix, Seed
from sksubspace.metrics._input import MAX_SAMPLES, check_pair, is_constant, rows_to_score
from sksubspace.metrics._space import Space, numbers_in_blocks, paired_spaces


@measure(sign=-1)
def normalized_stress(
    X: Matrix,
    Z: ArrayLike,
    *,
    X_train: Matrix | None = None,
    Z_train: ArrayLike | None = None,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Compare the distances in the map with those in the data, at the scale that fits best.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows.

    X_train : {array-like, CSR matrix} of shape (n_train, n_features), default=None
        Training data. Where it is given, X and Z are held-out rows, and the distances are those
        from held-out to training rows. None takes all pairs of rows.

    Z_train : array-like of shape (n_train, n_components), default=None
        Map of the training data.

    max_samples : int or None, default=10000
        Number of rows to draw, whose distances to all rows are used; None uses all. Time grows
        with this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` rows. None draws a seed from the operating system.

    Returns
    -------
    stress : float
        From 0, for a map that only rotates and rescales, to 1, for one that puts all rows on one
        point. It is a cosine turned into a sine, so 0 comes out as up to about 1e-7.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, all rows of the data are equal,
        `max_samples` is out of its range, or one of `X_train` and `Z_train` is missing.

    Warns
    -----
    UserWarning
        If there are more than 10,000 rows and `max_samples` is left at that.

    Notes
    -----
    With the distances :math:`d_{ij}` in the data and :math:`\delta_{ij}` in the map, the stress is

    .. math::
        \min_\alpha
        \sqrt{\frac{\sum_{ij} (d_{ij} - \alpha \delta_{ij})^2}{\sum_{ij} d_{ij}^2}}
        = \sqrt{1 - \frac{(\sum_{ij} d_{ij} \delta_{ij})^2}
        {\sum_{ij} d_{ij}^2 \, \sum_{ij} \delta_{ij}^2}},
        \qquad
        \alpha = \frac{\sum_{ij} d_{ij} \delta_{ij}}{\sum_{ij} \delta_{ij}^2}.

    Without the minimum, the number depends on the units of the map, and so does the order of two
    maps [1]_. Kruskal's stress-1 [2]_ divides by the squared distances of the map instead, and its
    minimum over the scale, without his monotone regression, is the same number.

    References
    ----------
    .. [1] K. Smelser, J. Miller and S. Kobourov, "'Normalized stress' is not normalized: How to
       interpret stress correctly", BELIV 2024, https://arxiv.org/abs/2408.07724

    .. [2] J. B. Kruskal, "Multidimensional scaling by optimizing goodness of fit to a nonmetric
       hypothesis", Psychometrika 29 (1964), https://doi.org/10.1007/BF02289565

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import normalized_stress
    >>> X = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    >>> round(normalized_stress(X, 7 * X), 6)
    0.0
    >>> round(normalized_stress(X, X[:, :1]), 3)
    0.6
    """
    data, drawn = paired_spaces(X, Z, X_train, Z_train)
    if is_constant(data.queries, data.reference):
        raise ValueError("X must have at least two different rows, got equal ones.")
    rows = rows_to_score(data.n_queries, max_samples, random_state, stacklevel=3)
    if is_constant(drawn.queries, drawn.reference):
        return 1.0
    blocks = numbers_in_blocks(rows, data.n_reference)
    products = np.concatenate([_products(data, drawn, block) for block in blocks]).sum(axis=0)
    return _least_stress(*products)


def _products(data, drawn, rows):  # -> (n_rows, 3)
    d, delta = data.distances(rows), drawn.distances(rows)
    pairs = [(d, d), (delta, delta), (d, delta)]
    return np.column_stack([np.einsum("ij,ij->i", a, b) for a, b in pairs])


def _least_stress(dd, mm, dm):
    if dd == 0 or mm == 0:
        return 1.0
    return float(np.sqrt(max(0.0, 1 - (dm / dd) * (dm / mm))))


@measure()
def distance_correlation(
    X: Matrix, Z: ArrayLike, *, max_samples: int | None = MAX_SAMPLES, random_state: Seed = 0
) -> float:
    r"""Measure how far the distances in the map depend on those in the data.

    It has no training rows to compare with: for held-out rows, give it those alone.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows.

    max_samples : int or None, default=10000
        Number of rows to draw and compare with one another; None takes all. Time grows with
        its square; memory does not.

    random_state : int, RandomState instance or None, default=0
        The draw of `max_samples` rows. None draws a seed from the operating system.

    Returns
    -------
    correlation : float
        From 0 to 1; 1 for a map that only shifts, rotates and rescales, and 0 where X or Z is
        constant.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer, or Z is sparse.

    ValueError
        If the shapes do not agree, a value is not finite, or there are fewer than 2 rows, or fewer
        than 2 to draw.

    Warns
    -----
    UserWarning
        If there are more than 10,000 rows and `max_samples` is left at that.

    Notes
    -----
    With the distances :math:`a_{kl}` in the data, and
    :math:`A_{kl} = a_{kl} - \bar a_{k\cdot} - \bar a_{\cdot l} + \bar a_{\cdot\cdot}`, and
    :math:`B_{kl}` the same for the map,

    .. math::
        \mathcal{V}^2(X, Z) = \frac{1}{n^2} \sum_{k,l=1}^n A_{kl} B_{kl}, \qquad
        \mathcal{R} = \sqrt{\frac{\mathcal{V}^2(X, Z)}
        {\sqrt{\mathcal{V}^2(X, X)\, \mathcal{V}^2(Z, Z)}}}.

    This is the V-statistic of [1]_, the root included, not the unbiased estimate that came later.
    It is biased upwards: for independent rows it is above 0, the more so the fewer rows there are
    and the more columns they have. Compare values only of the same number of rows.

    References
    ----------
    .. [1] G. J. Székely, M. L. Rizzo and N. K. Bakirov, "Measuring and testing dependence by
       correlation of distances", The Annals of Statistics 35 (2007),
       https://doi.org/10.1214/009053607000000505

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import distance_correlation
    >>> X = np.random.RandomState(0).randn(100, 2)
    >>> round(distance_correlation(X, 5 - 3 * X), 6)
    1.0
    """
    X, Z = check_pair(X, Z)
    if X.shape[0] < 2:
        raise ValueError(f"X must have at least 2 rows, got {X.shape[0]}.")
    rows = rows_to_score(X.shape[0], max_samples, random_state, stacklevel=3)
    if len(rows) < 2:
        raise ValueError(
            f"max_samples must be at least 2, or None for all rows, got {max_samples}."
        )
    X, Z = X[rows], Z[rows]
    if is_constant(X) or is_constant(Z):
        return 0.0
    covariance, data_variance, map_variance = _squared_covariances(Space(X), Space(Z))
    correlation = covariance / np.sqrt(data_variance) / np.sqrt(map_variance)
    return float(np.sqrt(np.clip(correlation, 0, 1)))


def _squared_covariances(data, drawn):
    """Distance covariance of data and map, and their distance variances."""
    n = data.n_queries
    blocks = numbers_in_blocks(np.arange(n), n)
    sums = np.concatenate([_sums_by_row(data, drawn, block) for block in blocks]) / n
    a, b = sums[:, 0], sums[:, 1]
    ab, aa, bb = sums[:, 2:].mean(axis=0)
    return (
        ab - 2 * np.mean(a * b) + a.mean() * b.mean(),
        aa - 2 * np.mean(a * a) + a.mean() ** 2,
        bb - 2 * np.mean(b * b) + b.mean() ** 2,
    )


def _sums_by_row(data, drawn, rows):  # -> (n_rows, 5)
    a, b = data.distances(rows), drawn.distances(rows)
    products = [np.einsum("ij,ij->i", p, q) for p, q in [(a, b), (a, a), (b, b)]]
    return np.column_stack([a.sum(axis=1), b.sum(axis=1), *products])
