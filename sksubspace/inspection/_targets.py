"""What a map is coloured by: nothing, values, or classes."""

import re
from dataclasses import dataclass
from numbers import Real

import numpy as np

_MOST_CODES = 20


@dataclass(frozen=True)
class Classes:
    """Labels as codes; -1 stands for missing labels and for classes that got no name."""

    names: tuple
    codes: np.ndarray
    other_name: str


def check_target(y, n_samples, kind="auto", max_classes=20):
    """Return values as a float array, classes as `Classes`, or None for no y.

    Integers count as classes up to twenty different ones; fractions are values.
    """
    if kind not in ("auto", "classes", "values"):
        raise ValueError(f"y_kind must be 'auto', 'classes' or 'values', got {kind!r}.")
    if y is None:
        return None
    y = np.asarray(y)
    if y.ndim != 1 or len(y) != n_samples:
        raise ValueError(f"y must have shape ({n_samples},), one label a row, got {y.shape}.")
    if kind == "values" or (kind == "auto" and _holds_values(y)):
        return _as_values(y)
    return _as_classes(y, max_classes)


def _holds_values(y):
    if y.dtype.kind not in "iuf":
        return False
    known = y[np.isfinite(y)]
    return len(np.unique(known)) > _MOST_CODES or bool((known != np.round(known)).any())


def _as_values(y):
    try:
        values = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must hold numbers to be drawn as values: {error}") from error
    return np.where(np.isfinite(values), values, np.nan)


def _as_classes(y, max_classes):
    texts = np.array([_text(label) for label in y.tolist()], dtype=object)
    known = np.array([text is not None for text in texts], dtype=bool)
    names, counts = np.unique(texts[known].astype(str), return_counts=True)
    shown = np.sort(np.argsort(-counts, kind="stable")[:max_classes])
    shown = sorted(names[shown], key=_natural)
    code_of = {name: code for code, name in enumerate(shown)}
    codes = np.array([code_of.get(text, -1) for text in texts], dtype=np.intp)
    n_left = len(names) - len(shown)
    other = f"other ({n_left} classes)" if n_left else "missing"
    return Classes(tuple(map(str, shown)), codes, other)


def _text(label):
    """Return a label as text; None where it is missing."""
    if label is None or type(label).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(label, Real) and label != label:
        return None
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label)


def _natural(name):
    """Sort numbers within names by their size."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
