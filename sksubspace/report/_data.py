"""What the caller handed over, checked, and what the page says of it."""

import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.sparsefuncs import mean_variance_axis

from sksubspace._validation import refuse_containers
from sksubspace.report._text import count, percent, plain, plural, significant

# whole numbers with more values are values on a scale
_MOST_CLASSES = 30
# classes that the summary names
_CLASSES_LISTED = 12
_MANY_FEATURES = 10
# of the mean variance: scaled columns differ by rounding
_EQUAL = 1e-3


@dataclass(frozen=True)
class Batch:
    """Rows, and what they are called.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The caller's memory wherever its type allows; never written to.
    row_names : tuple of str or None
        Index labels, where the index is more than a count.
    columns : tuple of str or None
        Column names of a data frame.
    """

    X: Any
    row_names: tuple | None
    columns: tuple | None

    @property
    def n_samples(self):
        """Number of rows."""
        return self.X.shape[0]

    def rows(self, indices):  # (k,) -> (k, d)
        """Return rows as a dense array."""
        rows = self.X[indices]
        return rows.toarray() if sparse.issparse(rows) else rows

    def name(self, row):
        """Return the index label of a row, or its number."""
        return str(int(row)) if self.row_names is None else self.row_names[row]


@dataclass(frozen=True)
class ReportData:
    """All that the page is about, besides the comparison.

    Attributes
    ----------
    train, new : Batch
        The rows compared on, and the second batch or None.
    feature_names : tuple of str
        One for each column.
    labels : ndarray of shape (n_samples,) or None
        One for each row.
    label_name, data_name, new_name : str
        What they are called on the page.
    image_shape : tuple of int or None
        Shape in which a row is drawn as a picture.

    units : str or None
        What the numbers are; None for the input's units.

    groups_new : array-like of shape (n_new,) or None
        Groups of the second batch.
    """

    train: Batch
    new: Batch | None
    feature_names: tuple
    labels: np.ndarray | None
    label_name: str
    data_name: str
    new_name: str
    image_shape: tuple | None
    units: str | None = None
    groups_new: Any = None


def read_batch(X, name):
    """Check a matrix of rows, and read the names it carries."""
    refuse_containers(X, name)
    columns = getattr(X, "columns", None)
    index = getattr(X, "index", None)
    array = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], input_name=name)
    return Batch(
        X=array,
        row_names=_index_names(index, array.shape[0]),
        columns=None if columns is None else tuple(plain(column) for column in columns),
    )


def _index_names(index, n_samples):
    if index is None or callable(index) or len(index) != n_samples:
        return None
    if all(label == row for row, label in enumerate(index)):
        return None
    return tuple(plain(label) for label in index)


def check_batch(batch, name, result):
    """Raise unless a batch has the columns that the chosen map was fitted on."""
    if batch.X.shape[1] != result.n_features:
        raise ValueError(
            f"{name} has {batch.X.shape[1]} columns, but the comparison was made on "
            f"{result.n_features}."
        )
    fitted = getattr(result.best_estimator_, "feature_names_in_", None)
    if batch.columns is None or fitted is None:
        return
    for here, there in zip(batch.columns, map(plain, fitted), strict=True):
        if here != there:
            raise ValueError(
                f"{name} must have the columns of the comparison in their order: it has {here!r} "
                f"where {there!r} was."
            )


def read_feature_names(names, batch, medal):
    """Take the names from the caller, the data frame or the map, or count x0, x1, ..."""
    n_features = batch.X.shape[1]
    if names is None:
        names = batch.columns
    if names is None:
        names = getattr(medal, "feature_names_in_", None)
    if names is None:
        names = [f"x{column}" for column in range(n_features)]
    names = tuple(plain(name) for name in names)
    if len(names) != n_features:
        raise ValueError(f"feature_names has {len(names)} names for {n_features} columns.")
    return names


def read_labels(y, n_samples):
    """Check that there is one label for each row."""
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (n_samples,):
        raise ValueError(f"y must have one label for each of {n_samples} rows, got {labels.shape}.")
    return labels


def read_image_shape(image_shape, n_features):
    """Check the shape of a picture, or guess a square for "auto"."""
    if image_shape is None:
        return None
    if isinstance(image_shape, str):
        if image_shape != "auto":
            raise ValueError(f"image_shape must be a tuple, 'auto' or None, got {image_shape!r}.")
        side = math.isqrt(n_features)
        return (side, side) if side > 1 and side * side == n_features else None
    shape = tuple(int(length) for length in image_shape)
    drawable = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
    if not drawable or math.prod(shape) != n_features:
        raise ValueError(
            "image_shape must be (height, width) or (height, width, 3 or 4) with a product of "
            f"{n_features}, the number of columns; got {image_shape!r}."
        )
    return shape


def summarise(data):
    """List what is worth knowing of the data, as pairs of a term and its description."""
    X = data.train.X
    facts = [
        ("Rows", count(X.shape[0])),
        ("Features", _features(data)),
        ("Values", _values(X) + (f" ({data.units})" if data.units else "")),
        ("Variance", _variance(X, data.feature_names)),
    ]
    if data.labels is not None:
        facts.append(("Labels", f"{data.label_name}: {_label_facts(data.labels)}"))
    if data.new is not None:
        facts.append(("Second batch", f"{data.new_name}, {plural(data.new.n_samples, 'row')}"))
    return facts


def _features(data):
    names = data.feature_names
    if data.image_shape:
        return f"{count(len(names))}, drawn as pictures of {' × '.join(map(str, data.image_shape))}"
    shown = ", ".join(names[:_MANY_FEATURES]) + (", …" if len(names) > _MANY_FEATURES else "")
    return f"{count(len(names))}: {shown}"


def _values(X):
    kind = f"{X.dtype.name}, from {significant(X.min())} to {significant(X.max())}"
    if sparse.issparse(X):
        return f"sparse, {percent(X.nnz / math.prod(X.shape))} stored; {kind}"
    return kind


def _variance(X, names):
    variance = _feature_variance(X)
    total = variance.sum()
    if not total > 0:
        return "none: all rows are equal"
    top = int(np.argmax(variance))
    share = percent(variance[top] / total)
    mean = significant(total / len(variance))
    if np.ptp(variance) < _EQUAL * total / len(variance):
        return f"{mean} in every feature"
    return f"{mean} per feature on average; the largest part, {share} of all, is {names[top]}"


def _feature_variance(X):  # (n, d) -> (d,)
    if sparse.issparse(X):
        return np.asarray(mean_variance_axis(X, axis=0)[1], dtype=np.float64)
    return np.var(X, axis=0, dtype=np.float64)


def is_missing(labels):  # (n,) -> (n,) of bool
    """Tell which labels are None or NaN."""
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind == "O":
        return np.array([_is_unknown(value) for value in labels.tolist()], dtype=bool)
    return np.zeros(len(labels), dtype=bool)


def _is_unknown(value):
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(value != value)


def drawable_labels(labels):
    """Return labels as a picture takes them: numbers, or names of classes."""
    if labels is None or are_values(labels):
        return labels
    missing = is_missing(labels)
    if labels.dtype.kind in "iu":
        return labels
    if labels.dtype.kind == "f" and not missing.any():
        return labels.astype(np.int64)
    return np.array([label_text(value) for value in labels.tolist()])


def label_text(value):
    """Name a label in a table or a legend."""
    if _is_unknown(value):
        return "missing"
    whole = isinstance(value, float) and value.is_integer()
    return plain(int(value) if whole else value, 60)


def are_values(labels):
    """Tell whether labels are values on a scale, not classes."""
    present = labels[~is_missing(labels)]
    if labels.dtype.kind not in "iuf" or len(present) == 0:
        return False
    whole = labels.dtype.kind != "f" or bool(np.all(present == np.round(present)))
    return not whole or len(np.unique(present)) > _MOST_CLASSES


def _label_facts(labels):
    missing = is_missing(labels)
    without = f"; {count(missing.sum())} missing" if missing.any() else ""
    present = labels[~missing]
    if len(present) == 0:
        return "all missing"
    if are_values(labels):
        return f"from {significant(present.min())} to {significant(present.max())}{without}"
    names, sizes = _classes(present)
    order = np.argsort(-sizes, kind="stable") if len(names) > _CLASSES_LISTED else range(len(names))
    shown = ", ".join(f"{names[i]} ({count(sizes[i])})" for i in order[:_CLASSES_LISTED])
    more = ", …" if len(names) > _CLASSES_LISTED else ""
    return f"{plural(len(names), 'class', 'classes')}: {shown}{more}{without}"


def _classes(present):  # (n,) -> list of str, (k,)
    if present.dtype.kind in "iuf":
        values, sizes = np.unique(present, return_counts=True)
        return [label_text(value) for value in values.tolist()], sizes
    names, sizes = np.unique([label_text(v) for v in present.tolist()], return_counts=True)
    return names.tolist(), sizes


@contextmanager
def quiet():
    """Silence scikit-learn on arrays without names, and matplotlib on letters it cannot draw."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
