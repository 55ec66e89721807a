"""Rows of the data that are equal to each other."""

import numpy as np


def average_duplicates(X, Z):  # (n, d), (n, q) -> (n, q), int
    """Give equal rows of X the mean of their coordinates; count the rows whose own differed."""
    group = _groups_of_equal_rows(X)
    sizes = np.bincount(group)
    if sizes.max() == 1:
        return Z, 0
    means = np.stack([np.bincount(group, column) for column in Z.T], axis=1) / sizes[:, None]
    averaged = np.where((sizes > 1)[group, None], means[group], Z)
    conflicts = np.abs(averaged - Z).max(axis=1) > 1e-6
    return averaged, int(conflicts.sum())


def _groups_of_equal_rows(X):  # (n, d) -> (n,)
    """Number rows so that equal rows share a number."""
    keys = (_row_key(X, i) for i in range(X.shape[0]))
    numbers = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def _row_key(X, i):
    if isinstance(X, np.ndarray):
        return (X[i] + 0.0).tobytes()
    rows = slice(X.indptr[i], X.indptr[i + 1])
    stored = X.data[rows] != 0
    return X.indices[rows][stored].tobytes() + X.data[rows][stored].tobytes()
