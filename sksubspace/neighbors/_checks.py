"""What the search for neighbours accepts."""

import numbers

import numpy as np
from sklearn.utils import check_array

_LARGEST = 1e100  # beyond, sums of squares may not be finite


def check_table(X):
    """Check a table of numbers that can be squared.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        What the caller gave.

    Returns
    -------
    {ndarray, CSR matrix} of shape (n_samples, n_features)
        As float32 where it is float32, else as float64; perhaps the caller's own.
    """
    X = check_array(
        X,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        ensure_min_samples=2,
        input_name="X",
    )
    if hasattr(X, "toarray") and not X.has_canonical_format:
        X = X.copy()  # scipy would add up entries in place, in the caller's matrix
        X.sum_duplicates()
    largest = float(max(X.max(), -X.min()))
    if largest > _LARGEST:
        raise ValueError(
            f"The largest absolute value in X must be at most {_LARGEST:g}, so that squared "
            f"distances can be computed, got {largest:g}."
        )
    return X


def check_count(value, name, largest=None, reason=""):
    """Raise unless a value is a whole number from 1 to a largest one.

    Parameters
    ----------
    value : object
        What the caller gave.

    name : str
        The parameter it was given for.

    largest : int or None, default=None
        The largest allowed; None for no limit.

    reason : str, default=""
        What the largest one is, to end the phrase "at most 5, ...".
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if value < 1 or (largest is not None and value > largest):
        upper = "" if largest is None else f" and at most {largest}, {reason}"
        raise ValueError(f"{name} must be at least 1{upper}, got {value}.")


def check_choice(value, name, choices):
    """Raise a ValueError unless a value is one of some words.

    Parameters
    ----------
    value : object
        What the caller gave.

    name : str
        The parameter it was given for.

    choices : sequence of str
        The words.
    """
    if not isinstance(value, str) or value not in choices:
        offered = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {offered}, got {value!r}.")


def check_queries(queries, n_samples):
    """Check row numbers.

    Parameters
    ----------
    queries : array-like of shape (n_queries,) or None
        What the caller gave; None for all rows.

    n_samples : int
        Rows there are.

    Returns
    -------
    ndarray of shape (n_queries,)
        Row numbers, at least one.
    """
    if queries is None:
        return np.arange(n_samples)
    queries = np.asarray(queries)
    if queries.size and queries.dtype.kind not in "iu":
        raise TypeError(f"queries must hold integers, row numbers of X, got {queries.dtype}.")
    if queries.ndim != 1 or not queries.size:
        raise ValueError(
            "queries must be a sequence of at least one row number of X, "
            f"got an array of shape {queries.shape}."
        )
    if queries.min() < 0 or queries.max() >= n_samples:
        raise ValueError(
            f"queries must be at least 0 and at most {n_samples - 1}, the last row of X, "
            f"got values from {queries.min()} to {queries.max()}."
        )
    return queries.astype(np.intp)
