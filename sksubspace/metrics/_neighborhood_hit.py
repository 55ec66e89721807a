"""Neighbours in a map that share a label."""

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sksubspace.metrics._input import (
    check_count,
    check_reference,
    check_rows,
    check_same_length,
    check_together,
)
from sksubspace.neighbors import k_nearest


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
    Z, y = check_rows(Z, "Z"), _check_labels(y, "y")
    check_same_length(Z, y, "Z", "y")
    check_together(Z_train, y_train, "Z_train", "y_train")
    within = Z_train is None
    if within:
        Z_train, y_train = Z, y
    else:
        Z_train, y_train = check_reference(Z, Z_train, "Z"), _check_labels(y_train, "y_train")
        check_same_length(Z_train, y_train, "Z_train", "y_train")
    available = len(Z_train) - within
    check_count(n_neighbors, "n_neighbors", available, "the rows to choose from")
    _, neighbors = k_nearest(Z, Z_train, n_neighbors, exclude_self=within)
    hits = (y_train[neighbors] == y[:, None]).mean(axis=1)
    return hits if per_point else float(hits.mean())


def _check_labels(labels, name):
    try:
        labels = column_or_1d(labels)
        check_classification_targets(labels)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold a class for each row: {error}") from error
    return np.asarray(labels)
