"""What must be said without a word."""

import warnings
from contextlib import contextmanager


@contextmanager
def without_warnings():
    """Turn each warning inside into an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
