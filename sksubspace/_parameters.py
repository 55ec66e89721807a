"""Parameters that several estimators take, as checked values. No torch."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["check_choice", "check_integer", "check_widths", "isolated_random_state"]


def check_widths(hidden_layer_sizes, *, at_least_one=False, name="hidden_layer_sizes"):
    """Turn `hidden_layer_sizes`, or another parameter of this kind, into a tuple of int.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Positive whole numbers; bools, strings and numbers with a fraction are none.
    at_least_one : bool, default=False
        Whether a network without hidden layers is refused.
    name : str, default="hidden_layer_sizes"
        What the parameter is called.

    Raises
    ------
    ValueError
        If it is something else.
    """
    widths = list(hidden_layer_sizes)
    whole = all(
        isinstance(width, Integral) and not isinstance(width, bool | np.bool_) and width > 0
        for width in widths
    )
    if not whole or (at_least_one and not widths):
        kind = "a sequence of at least one" if at_least_one else "a sequence of"
        raise ValueError(f"{name} must be {kind} positive int, got {hidden_layer_sizes!r}.")
    return tuple(int(width) for width in widths)


def isolated_random_state(random_state):
    """Turn the `random_state` of an estimator into a generator that is not numpy's global one.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None draws a seed from the operating system; an instance is used as it is.

    Returns
    -------
    numpy.random.RandomState
        A source of randomness.
    """
    if random_state is None:
        return np.random.RandomState(np.random.MT19937(np.random.SeedSequence()))
    return check_random_state(random_state)


def check_integer(value, name, smallest=None, largest=None, reason=""):
    """Raise unless a value is a whole number, in a range where one is named.

    Parameters
    ----------
    value : object
        What the caller gave; a bool is no whole number.
    name : str
        The parameter it was given for.
    smallest : int or None, default=None
        The smallest allowed; None for no limit.
    largest : int or None, default=None
        The largest allowed; None for no limit.
    reason : str, default=""
        What the largest one is, to end the phrase "at most 5, ...".

    Raises
    ------
    TypeError
        If it is no whole number.

    ValueError
        If it is out of range.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if (smallest is not None and value < smallest) or (largest is not None and value > largest):
        upper = "" if largest is None else f" and at most {largest}"
        because = f", {reason}" if reason else ""
        raise ValueError(f"{name} must be at least {smallest}{upper}{because}, got {value}.")


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
