"""Parameters that several estimators take, as checked values. No torch."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["check_choice", "check_integer", "check_widths", "isolated_random_state"]


def check_widths(hidden_layer_sizes, *, at_least_one=False, name="hidden_layer_sizes"):
    """Turn `hidden_layer_sizes`, or the parameter `name` of this kind, into a tuple of int.

    A ValueError unless they are positive whole numbers, which bools, strings and numbers with a
    fraction are not, or if there are none where there has to be `at_least_one`.
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


def isolated_random_state(random_state):  # -> RandomState
    """Turn the `random_state` of an estimator into a generator that is not numpy's global one.

    None draws a seed from the operating system; an instance is used as it is.
    """
    if random_state is None:
        return np.random.RandomState(np.random.MT19937(np.random.SeedSequence()))
    return check_random_state(random_state)


def check_integer(value, name, smallest=None, largest=None, reason=""):
    """Raise unless the value of the parameter `name` is a whole number, which a bool is not.

    A TypeError if it is none, a ValueError if it is outside the range, where one is given; `reason`
    says what the largest one is, to end the phrase "at most 5, ...".
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if (smallest is not None and value < smallest) or (largest is not None and value > largest):
        upper = "" if largest is None else f" and at most {largest}"
        because = f", {reason}" if reason else ""
        raise ValueError(f"{name} must be at least {smallest}{upper}{because}, got {value}.")


def check_choice(value, name, choices):
    """Raise a ValueError unless the value of the parameter `name` is one of some words."""
    if not isinstance(value, str) or value not in choices:
        offered = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {offered}, got {value!r}.")
