"""Groups of rows, such as sources or sites, each taken about its own mean."""

import numpy as np
from scipy import sparse

from sksubspace._validation import check_labels

__all__ = ["centred_by", "means_of_groups"]


def means_of_groups(X, center_by):  # (n, d), (n,) -> (g,), (g, d)
    """The groups in order and the mean of the rows of each."""
    labels = _labels(X, center_by)
    groups, codes = np.unique(labels, return_inverse=True)
    means = [np.mean(X[codes == k], axis=0, dtype=np.float64) for k in range(len(groups))]
    return groups, np.array(means)


def centred_by(X, center_by, groups, means, centre):  # (n, d), (n,), (g,), (g, d), (d,) -> (n, d)
    """Move each group from its mean to the common centre.

    A group of `groups` has the mean that `fit` saw; any other that of the rows given here.
    """
    labels = _labels(X, center_by)
    moved = np.array(X, copy=True)
    for group in np.unique(labels):
        members = labels == group
        known = np.flatnonzero(groups == group)
        mean = means[known[0]] if len(known) else X[members].mean(axis=0, dtype=np.float64)
        moved[members] = X[members] - mean + centre
    return moved


def _labels(X, center_by):
    if sparse.issparse(X):
        raise TypeError("center_by needs dense rows, for the means of groups would fill X.")
    labels = check_labels(center_by, "center_by")
    if len(labels) != len(X):
        raise ValueError(
            f"center_by must have a group for each of the {len(X)} rows, got {len(labels)}."
        )
    return labels
