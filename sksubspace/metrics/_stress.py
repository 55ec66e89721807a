"""Distances that a map keeps, whatever its scale."""

import numpy as np

from sksubspace.metrics._input import is_constant, sample_rows
from sksubspace.metrics._space import paired_spaces, row_blocks


def normalized_stress(X, Z, *, X_train=None, Z_train=None, max_samples=None, random_state=None):
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

    max_samples : int, default=None
        Number of rows to draw, whose distances to all rows are used; None uses all. Time grows
        with this number times the rows compared with; memory does not.

    random_state : int, RandomState instance or None, default=None
        The draw of `max_samples` rows.

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
    rows = sample_rows(data.n_queries, max_samples, random_state)
    if is_constant(drawn.queries, drawn.reference):
        return 1.0
    blocks = row_blocks(rows, data.n_reference)
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
