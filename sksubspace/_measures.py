"""What searches and comparisons have to know of a measure of maps, told where it is defined."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["Measure", "measure", "measures"]

_MEASURES: dict[str, "Measure"] = {}
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Measure:
    """A function of `sksubspace.metrics`, and how it is read.

    Parameters
    ----------
    function : callable
        ``function(X, Z, **params)``, or ``function(Z, y, **params)`` with labels.
    is_compared : bool, default=False
        Whether comparisons and their reports show it. It then takes ``n_neighbors``, ``Z_train``
        and ``X_train`` (or ``y_train``).
    has_labels : bool, default=False
        Whether it looks at labels instead of the data.
    sign : {1, -1}, default=1
        -1 if smaller is better.
    defaults : dict, default={}
        Parameters of a scorer that the caller may override.
    value : callable, default=float
        The number that is taken of what the function returns.
    """

    function: Callable
    is_compared: bool = False
    has_labels: bool = False
    sign: int = 1
    defaults: dict = field(default_factory=dict)
    value: Callable = float

    def score(self, X, Z, y, **params):
        """Score a map; higher is better."""
        found = self.function(*((Z, y) if self.has_labels else (X, Z)), **self.defaults | params)
        return self.sign * float(self.value(found))

    def held_out(self, new, training, n_neighbors):  # (X, Z, y) each -> float
        """Score held-out rows, whose neighbours are searched among the training rows."""
        X_train, Z_train, y_train = training
        other = {"y_train": y_train} if self.has_labels else {"X_train": X_train}
        return self.score(*new, n_neighbors=n_neighbors, Z_train=Z_train, **other)


def measure(**how: Any) -> Callable[[_Function], _Function]:
    """Describe a measure of maps by the fields of `Measure`; a decorator that changes nothing."""

    def described(function: _Function) -> _Function:
        _MEASURES[function.__name__] = Measure(function, **how)
        return function

    return described


def measures(names):  # -> dict of str to Measure
    """Pick the measures of maps out of a page of names, such as `__all__`, in its order."""
    return {name: _MEASURES[name] for name in names if name in _MEASURES}
