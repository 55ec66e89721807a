"""Maps as arrays, and what they are coloured by: validation, coordinates, counts on a grid."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.utils import check_array

from sksubspace._validation import natural_key, text_of_label
from sksubspace.inspection._drawing.style import CLASS_COLORS

# whole numbers with more different values than this are read as values, not as codes of classes
_MOST_CODES = 20


def check_places(Z, name="Z"):  # (n, q) or (n,) -> (n, q)
    """Validate a map; rows may be NaN, a single coordinate may be flat."""
    if np.ndim(Z) == 1:
        Z = np.reshape(Z, (-1, 1))
    Z = check_array(Z, dtype=[np.float64, np.float32], ensure_all_finite=False, input_name=name)
    if np.isinf(Z).any():
        raise ValueError(f"{name} has infinite values.")
    if np.isnan(Z).any(axis=1).all():
        raise ValueError(f"{name} has no row without NaN.")
    return Z


def check_column(values, n_samples, name):  # -> (n,)
    """Validate numbers that go with the rows of a map; NaN is allowed."""
    values = np.asarray(values)
    if values.ndim != 1 or len(values) != n_samples:
        raise ValueError(
            f"{name} must have shape ({n_samples},), one value for each row of the map, got shape "
            f"{values.shape}."
        )
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers: {error}") from error
    if np.isinf(values).any():
        raise ValueError(f"{name} has infinite values.")
    return values


def check_components(components, n_components):
    """Return the coordinates to draw, as a tuple of one or two columns."""
    if n_components == 1 and tuple(components) == (0, 1):
        return (0,)
    components = tuple(components)
    valid = 1 <= len(components) <= 2 and len(set(components)) == len(components)
    valid = valid and all(
        isinstance(column, Integral) and 0 <= column < n_components for column in components
    )
    if not valid:
        raise ValueError(
            f"components must be one or two different columns between 0 and {n_components - 1}, "
            f"got {components}."
        )
    return components


def component_names(components):
    """Return the labels of the axes, counted from 1."""
    return [f"component {column + 1}" for column in components]


def finite_rows(*columns):  # (n,) or (n, q) each -> (n,)
    """Mark the rows without NaN in any of the arrays."""
    return np.all(
        [np.isfinite(np.reshape(column, (len(column), -1))).all(axis=1) for column in columns],
        axis=0,
    )


def jitter(n_samples, width=0.7):  # -> (n,)
    """Return fixed heights that keep the points of a one-dimensional map apart."""
    return np.random.RandomState(0).uniform(-width / 2, width / 2, n_samples)


def bin_edges(Z, n_bins):  # (n, 2) -> (n_bins + 1,), (n_bins + 1,)
    """Cut the extent of the points into equal cells."""
    low, high = Z.min(axis=0), Z.max(axis=0)
    high = np.where(high > low, high, low + 1)
    return tuple(np.linspace(low[axis], high[axis], n_bins + 1) for axis in range(2))


def cell_sums(Z, weights, edges):  # (n, 2), (n,) or None -> (n_bins, n_bins)
    """Sum weights over cells, with rows of the result along the second coordinate."""
    return np.histogram2d(Z[:, 0], Z[:, 1], bins=edges, weights=weights)[0].T


def cell_means(Z, values, edges):  # (n, 2), (n,) -> (n_bins, n_bins)
    """Average values over cells; NaN where there are no points."""
    counts = cell_sums(Z, None, edges)
    return np.divide(
        cell_sums(Z, values, edges), counts, out=np.full(counts.shape, np.nan), where=counts > 0
    )


def extent(edges):
    """Return left, right, bottom and top for `imshow`."""
    return edges[0][0], edges[0][-1], edges[1][0], edges[1][-1]


# ---- colours -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Classes:
    """Labels as codes; -1 stands for missing labels and for classes that got no name."""

    names: tuple
    codes: np.ndarray
    other_name: str
    colors: tuple


def check_target(y, n_samples, kind="auto", max_classes=20, palette=None):
    """Return values as a float array, classes as `Classes`, or None for no y.

    Integers count as classes up to twenty different ones; fractions are values. A `palette` maps
    names of classes to colours, or has a colour for each name, in the order of names.
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
    return _as_classes(y, max_classes, palette)


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


def _as_classes(y, max_classes, palette):
    texts = np.array([text_of_label(label) for label in y.tolist()], dtype=object)
    known = np.array([text is not None for text in texts], dtype=bool)
    names, counts = np.unique(texts[known].astype(str), return_counts=True)
    shown = np.sort(np.argsort(-counts, kind="stable")[:max_classes])
    shown = sorted(names[shown], key=natural_key)
    code_of = {name: code for code, name in enumerate(shown)}
    codes = np.array([code_of.get(text, -1) for text in texts], dtype=np.intp)
    n_left = len(names) - len(shown)
    other = f"other ({n_left} classes)" if n_left else "missing"
    shown = tuple(map(str, shown))
    return Classes(shown, codes, other, _colors_of(shown, names, palette))


def _colors_of(shown, names, palette):
    """The colour of each class that is shown; `names` are those of all classes."""
    if palette is None:
        return tuple(CLASS_COLORS[code % len(CLASS_COLORS)] for code in range(len(shown)))
    if not hasattr(palette, "items"):
        if isinstance(palette, str) or len(palette) < len(names):
            raise ValueError(
                f"palette must be a dict, or have a colour for each of {len(names)} classes, got "
                f"{palette!r}."
            )
        palette = dict(zip(sorted(names, key=natural_key), palette, strict=False))
    palette = {text_of_label(name): color for name, color in palette.items()}
    absent = [name for name in shown if name not in palette]
    if absent:
        raise ValueError(f"palette must have a colour for each class, but has none for {absent}.")
    return tuple(_as_color(palette[name]) for name in shown)


def _as_color(color):
    from matplotlib.colors import is_color_like, to_hex

    if not is_color_like(color):
        raise ValueError(f"palette must hold colours that matplotlib knows, got {color!r}.")
    return to_hex(color)
