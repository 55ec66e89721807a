"""What the metrics accept, and which rows of it they score."""

import warnings

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.sparsefuncs import min_max_axis

from sksubspace._parameters import check_integer, isolated_random_state
from sksubspace._validation import canonical, in_order_of, refuse_containers

# beyond, sums of squared distances may not be finite, or all be zero
_LARGEST = 1e100
_SMALLEST = 1e-100
# rows that metrics score by default, each against all: above, their time is quadratic
MAX_SAMPLES = 10_000
# columns that an error names
_MOST_NAMES = 5


def check_rows(values, name, *, accept_sparse=False, allow_nan=False):
    """Check a table of numbers that can be squared: float32 where it is, else float64.

    It may be the caller's own. A sparse one where none is accepted raises a TypeError, anything
    else a ValueError that names the parameter.
    """
    refuse_containers(values, name)
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
            f"{_columns_of_text(values)}"
        ) from error
    rows = canonical(rows)
    size = _largest_size(rows, allow_nan)
    if size and not _SMALLEST <= size <= _LARGEST:
        raise ValueError(
            f"The largest absolute value in {name} must be between {_SMALLEST:g} and {_LARGEST:g}, "
            f"so that squared distances can be computed, got {size:g}."
        )
    return rows


def _columns_of_text(values):  # -> str
    """Name the columns of a data frame that hold no numbers; empty where there are none."""
    if not hasattr(values, "select_dtypes"):
        return ""
    names = [str(name) for name in values.select_dtypes(exclude=["number", "bool"]).columns]
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return f" Without numbers: {', '.join(names[:_MOST_NAMES])}{more}." if names else ""


def _largest_size(rows, allow_nan):
    if allow_nan:
        return float(np.nanmax(np.abs(rows), initial=0))
    return float(max(rows.max(), -rows.min()))


def check_pair(X, Z):  # (n, d), (n, q)
    """Check rows of data, which may be sparse, and their places in the map, in their order."""
    Z = in_order_of(X, Z, "Z")
    X, Z = check_rows(X, "X", accept_sparse=True), check_rows(Z, "Z")
    check_same_length(X, Z, "X", "Z")
    warn_of_swap(X, Z, stacklevel=5)
    return X, Z


def warn_of_swap(X, Z, *, stacklevel):  # (n, d), (n, q)
    """Say so where a map has more columns than the data it is one of."""
    if Z.shape[1] > X.shape[1]:
        warnings.warn(
            f"Z, the map, has {Z.shape[1]} columns and X, the data, {X.shape[1]}: have they been "
            "swapped? The data come first.",
            UserWarning,
            stacklevel=stacklevel,
        )


def check_reference(rows, reference, name, *, accept_sparse=False):
    """Check training rows, named after the held-out rows that are compared with them."""
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
    """Raise a ValueError unless two tables have as many rows."""
    if first.shape[0] != second.shape[0]:
        raise ValueError(
            f"{first_name} and {second_name} must have the same number of rows, "
            f"got {first.shape[0]} and {second.shape[0]}."
        )


def check_together(first, second, first_name, second_name):
    """Raise a ValueError unless both of two optional parameters are given, or none."""
    if (first is None) != (second is None):
        missing = first_name if first is None else second_name
        raise ValueError(
            f"{first_name} and {second_name} must be given together, got {missing}=None."
        )


def sample_rows(n_samples, max_samples, random_state):  # -> (m,)
    """Draw the numbers of rows to score, ascending, without replacement; None takes all.

    Without a `random_state` the seed is drawn from the operating system.
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


def rows_to_score(n_samples, max_samples, random_state, *, stacklevel):  # -> (m,)
    """Draw rows as `sample_rows` does, with a warning where nobody asked for a draw."""
    rows = sample_rows(n_samples, max_samples, random_state)
    if len(rows) < n_samples and max_samples == MAX_SAMPLES:
        warnings.warn(
            f"{len(rows):,} of {n_samples:,} rows were drawn to be scored; max_samples=None scores "
            "all of them, in time that grows with the square of their number.",
            UserWarning,
            stacklevel=stacklevel,
        )
    return rows


def is_constant(*tables):
    """Tell whether all rows of some tables are equal."""
    smallest, largest = zip(*map(_column_extremes, tables), strict=True)
    return bool((np.min(smallest, axis=0) == np.max(largest, axis=0)).all())


def _column_extremes(rows):
    if hasattr(rows, "toarray"):
        return min_max_axis(rows, axis=0)
    return rows.min(axis=0), rows.max(axis=0)
