"""What the metrics accept, and which rows of it they score."""

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.sparsefuncs import min_max_axis

from sksubspace._parameters import check_integer, isolated_random_state

# beyond, sums of squared distances may not be finite, or all be zero
_LARGEST = 1e100
_SMALLEST = 1e-100


def check_rows(values, name, *, accept_sparse=False, allow_nan=False):
    """Check a table of numbers.

    Parameters
    ----------
    values : {array-like, CSR matrix} of shape (n_samples, n_features)
        What the caller gave.

    name : str
        The parameter it was given for.

    accept_sparse : bool, default=False
        Whether it may be sparse.

    allow_nan : bool, default=False
        Whether values may be missing.

    Returns
    -------
    {ndarray, CSR matrix} of shape (n_samples, n_features)
        As float32 where it is float32, else as float64; perhaps the caller's own.

    Raises
    ------
    TypeError
        If it is sparse and must not be.

    ValueError
        If it is not a table of finite numbers, or they are too large or small to be squared.
    """
    accepted = "csr" if accept_sparse else False
    try:
        rows = check_array(
            values,
            accept_sparse=accepted,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan" if allow_nan else True,
            input_name=name,
        )
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        numbers_wanted = "numbers that are not infinite" if allow_nan else "finite numbers"
        raise kind(
            f"{name} must be a table of {numbers_wanted} of shape (n_samples, n_features): {error}"
        ) from error
    if hasattr(rows, "toarray") and not rows.has_canonical_format:
        rows = rows.copy()  # scipy would add up entries in place, in the caller's matrix
        rows.sum_duplicates()
    size = _largest_size(rows, allow_nan)
    if size and not _SMALLEST <= size <= _LARGEST:
        raise ValueError(
            f"The largest absolute value in {name} must be between {_SMALLEST:g} and {_LARGEST:g}, "
            f"so that squared distances can be computed, got {size:g}."
        )
    return rows


def _largest_size(rows, allow_nan):
    if allow_nan:
        return float(np.nanmax(np.abs(rows), initial=0))
    return float(max(rows.max(), -rows.min()))


def check_pair(X, Z):
    """Check rows of data and their places in the map.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map.

    Returns
    -------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Data as floats.

    Z : ndarray of shape (n_samples, n_components)
        Map as floats.
    """
    X, Z = check_rows(X, "X", accept_sparse=True), check_rows(Z, "Z")
    check_same_length(X, Z, "X", "Z")
    return X, Z


def check_reference(rows, reference, name, *, accept_sparse=False):
    """Check the training rows that held-out rows are compared with.

    Parameters
    ----------
    rows : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The held-out rows, checked.

    reference : {array-like, CSR matrix} of shape (n_train, n_features)
        What the caller gave.

    name : str
        The parameter of the held-out rows.

    accept_sparse : bool, default=False
        Whether it may be sparse.

    Returns
    -------
    {ndarray, CSR matrix} of shape (n_train, n_features)
        As floats, sparse where `rows` is.
    """
    reference = check_rows(reference, f"{name}_train", accept_sparse=accept_sparse)
    if reference.shape[1] != rows.shape[1]:
        raise ValueError(
            f"{name}_train must have the {rows.shape[1]} columns of {name}, "
            f"got {reference.shape[1]}."
        )
    if hasattr(reference, "toarray") != hasattr(rows, "toarray"):
        raise ValueError(
            f"{name} and {name}_train must be both dense or both sparse, "
            f"got {type(rows).__name__} and {type(reference).__name__}."
        )
    return reference


def check_same_length(first, second, first_name, second_name):
    """Raise a ValueError unless two tables have as many rows.

    Parameters
    ----------
    first, second : {ndarray, CSR matrix} of shape (n_samples, ...)
        Checked tables.

    first_name, second_name : str
        The parameters they were given for.
    """
    if first.shape[0] != second.shape[0]:
        raise ValueError(
            f"{first_name} and {second_name} must have the same number of rows, "
            f"got {first.shape[0]} and {second.shape[0]}."
        )


def check_together(first, second, first_name, second_name):
    """Raise a ValueError unless both of two optional parameters are given, or none.

    Parameters
    ----------
    first, second : object
        The values; None for one that is not given.

    first_name, second_name : str
        The parameters.
    """
    if (first is None) != (second is None):
        missing = first_name if first is None else second_name
        raise ValueError(
            f"{first_name} and {second_name} must be given together, got {missing}=None."
        )


def label_numbers(labels, name):
    """Check labels and number them from 0.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        What the caller gave.

    name : str
        The parameter it was given for.

    Returns
    -------
    ndarray of shape (n_samples,)
        Whole numbers, one for each label.
    """
    try:
        labels = column_or_1d(labels)
    except ValueError as error:
        raise ValueError(f"{name} must hold a label for each row: {error}") from error
    if len(labels) == 0:
        raise ValueError(f"{name} must hold a label for each row, got none.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{name} must hold a label for each row, got a value that is not finite.")
    return np.unique(labels, return_inverse=True)[1]


def sample_rows(n_samples, max_samples, random_state):
    """Draw the rows to score, in ascending order.

    Parameters
    ----------
    n_samples : int
        Rows there are.

    max_samples : int or None
        Rows to draw, without replacement; None or a larger number for all of them.

    random_state : int, RandomState instance or None
        None draws a seed from the operating system.

    Returns
    -------
    ndarray of shape (n_drawn,)
        Row numbers.
    """
    if max_samples is not None:
        check_integer(max_samples, "max_samples")
        if max_samples < 1:
            raise ValueError(
                f"max_samples must be at least 1, or None for all rows, got {max_samples}."
            )
    if max_samples is None or max_samples >= n_samples:
        return np.arange(n_samples)
    rng = isolated_random_state(random_state)
    return np.sort(rng.choice(n_samples, max_samples, replace=False))


def check_per_point(per_point, max_samples):
    """Raise a ValueError where a value for each row is wanted of a subsample.

    Parameters
    ----------
    per_point : bool
        Whether a value for each row is wanted.

    max_samples : int or None
        Rows to draw.
    """
    if per_point and max_samples is not None:
        raise ValueError(
            f"max_samples must be None with per_point=True, which scores every row, "
            f"got {max_samples!r}."
        )


def is_constant(*tables):
    """Tell whether all rows of some tables are equal.

    Parameters
    ----------
    *tables : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Checked rows.

    Returns
    -------
    bool
        Whether no column varies.
    """
    smallest, largest = zip(*map(_column_extremes, tables), strict=True)
    return bool((np.min(smallest, axis=0) == np.max(largest, axis=0)).all())


def _column_extremes(rows):
    if hasattr(rows, "toarray"):
        return min_max_axis(rows, axis=0)
    return rows.min(axis=0), rows.max(axis=0)
