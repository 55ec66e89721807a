"""The only module of the package that imports private names of scikit-learn.

What stands here may change in a minor release of scikit-learn; it is then repaired in this file and
nowhere else.
"""

from sklearn.base import _fit_context
from sklearn.callback._callback_context import get_context_path
from sklearn.callback._transport import can_reuse_listener, close_listener, open_listener, send
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "can_reuse_listener",
    "close_listener",
    "get_context_path",
    "has_callbacks",
    "open_listener",
    "send",
]


def has_callbacks(context):  # -> bool
    """Whether a callback would be told about the tasks of a context; not for None."""
    return context is not None and bool(context._callbacks)
