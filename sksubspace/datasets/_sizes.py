"""Numbers of rows and dimensions, as the generators take them."""

from numbers import Real

import numpy as np

from sksubspace._parameters import check_integer


def check_noise(value):
    """Raise unless a value is a finite number that is not negative.

    Parameters
    ----------
    value : object
        What the caller gave.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"noise must be a number, got {value!r}.")
    if not 0 <= value < float("inf"):
        raise ValueError(f"noise must be finite and not negative, got {value!r}.")


def one_each(values, n, name, largest=None):
    """Turn a number, or one for each group, into a list of one for each group.

    Parameters
    ----------
    values : int or sequence of int
        What the caller gave.

    n : int
        Number of groups.

    name : str
        The parameter it was given for.

    largest : int or None, default=None
        The largest number allowed.

    Returns
    -------
    values : list of int
        One for each group.
    """
    values = [values] * n if np.ndim(values) == 0 else list(values)
    if len(values) != n:
        raise ValueError(f"{name} must be one number or {n} of them, got {len(values)}.")
    for value in values:
        check_integer(value, name, 1, largest)
    return values


def group_sizes(n_samples, n_groups):
    """Share rows among groups, as evenly as possible.

    Parameters
    ----------
    n_samples : int or sequence of int
        Number of all rows, or of the rows of each group.

    n_groups : int
        Number of groups.

    Returns
    -------
    sizes : list of int
        Rows of each group.
    """
    if np.ndim(n_samples):
        return one_each(n_samples, n_groups, "n_samples")
    check_integer(n_samples, "n_samples", n_groups)
    return [n_samples // n_groups + (k < n_samples % n_groups) for k in range(n_groups)]
