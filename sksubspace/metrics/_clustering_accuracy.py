"""Agreement of clusters with classes under the best matching."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_consistent_length, column_or_1d


def clustering_accuracy(y_true, y_pred):
    r"""Measure the share of rows whose cluster is matched to their class.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Classes of the rows.

    y_pred : array-like of shape (n_samples,)
        Clusters of the rows, under any names.

    Returns
    -------
    accuracy : float
        From above 0 to 1; 1 where clusters and classes are the same partition.

    Raises
    ------
    ValueError
        If the lengths differ, there are no rows, or a label is missing.

    See Also
    --------
    sklearn.metrics.adjusted_rand_score : Agreement of pairs of rows, 0 for random labels.
    sklearn.metrics.normalized_mutual_info_score : Shared information; arithmetic averaging.

    Notes
    -----
    .. math::
        \mathrm{ACC} = \max_\sigma \frac{1}{n} \sum_{i=1}^n [y_i = \sigma(\hat y_i)]

    where :math:`\sigma` matches clusters to classes one to one. It is found by the Hungarian
    algorithm. Where there are more clusters than classes, or fewer, the rows of those left over
    count as wrong. The value does not change when `y_true` and `y_pred` are exchanged. It is not
    corrected for chance.

    References
    ----------
    .. [1] H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics
       Quarterly 2 (1955), https://doi.org/10.1002/nav.3800020109

    Examples
    --------
    >>> from sksubspace.metrics import clustering_accuracy
    >>> clustering_accuracy(["a", "a", "b", "b"], [1, 1, 0, 1])
    0.75
    >>> clustering_accuracy([0, 0, 0, 0], [0, 0, 1, 2])
    0.5
    """
    y_true, y_pred = _codes(y_true, "y_true"), _codes(y_pred, "y_pred")
    check_consistent_length(y_true, y_pred)
    counts = contingency_matrix(y_true, y_pred)
    matched = linear_sum_assignment(counts, maximize=True)
    return float(counts[matched].sum() / len(y_true))


def _codes(labels, name):
    """Check labels and number them from 0."""
    try:
        labels = column_or_1d(labels)
    except ValueError as error:
        raise ValueError(f"{name} must hold a label for each row: {error}") from error
    if len(labels) == 0:
        raise ValueError(f"{name} must hold a label for each row, got none.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{name} must hold a label for each row, got a value that is not finite.")
    return np.unique(labels, return_inverse=True)[1]
