"""Checks of what callers hand in, once for all estimators and metrics: rows, labels, targets."""

import re
from numbers import Real

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import validate_data

from sksubspace._dask import refuse_collection

__all__ = [
    "canonical",
    "check_counts",
    "check_labels",
    "check_block",
    "check_squares",
    "codes_of_both",
    "in_order_of",
    "label_codes",
    "text_of_label",
    "named_groups",
    "natural_key",
    "refuse_containers",
    "validate_rows",
    "which_target",
]

# integers of at most so many values, each on average in two rows, are classes: faces of 40 people
# are, prices, counts and years are not
_MOST_CLASSES = 50
_ROWS_PER_CLASS = 2


def validate_rows(estimator, X, y="no_validation", *, reset=True, **options):
    """Check rows, and a target, as ``validate_data`` does, and what its squares need.

    Parameters
    ----------
    estimator : estimator
        Keeps the number of features and their names with `reset`.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows. Sparse ones with repeated entries are copied, and these are added up.

    y : array-like or "no_validation", default="no_validation"
        Target, checked beside them.

    reset : bool, default=True
        Whether this is a fit, whose rows must have squares within the range of their type.

    **options : dict
        Options of ``validate_data``; numbers are of double or single precision unless told else.

    Returns
    -------
    X, or (X, y) where there is a target
        Checked.

    Raises
    ------
    TypeError
        If X is an annotated container, such as an AnnData, and not its matrix.

    ValueError
        If the rows are not finite, or squares of them overflow or vanish.
    """
    refuse_containers(X, "X")
    options = {"dtype": [np.float64, np.float32]} | options
    checked = validate_data(estimator, X, _plain_target(y), reset=reset, **options)
    alone = isinstance(y, str) and y == "no_validation"
    rows = canonical(checked if alone else checked[0])
    if reset:
        check_squares(rows)
    return rows if alone else (rows, checked[1])


def check_block(X):  # (n, d) -> (n, d)
    """Check rows without an estimator, such as those of one block: numbers, finite, with squares.

    Those of a frame are in the order of its columns.
    """
    X = check_array(X, dtype=[np.float64, np.float32])
    check_squares(X)
    return X


def _plain_target(y):
    """Nullable integers and booleans of pandas as numpy's, where none is missing, not as floats."""
    plain = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    return y if plain is None or y.isna().any() else y.to_numpy(dtype=plain)


def refuse_containers(X, name):
    """Raise a TypeError for what is no table in memory.

    Numpy would read containers of several tables cell by cell, and collections of dask, which may
    be larger than the memory, as a whole.
    """
    refuse_collection(X, name)
    if not hasattr(X, "obsm"):
        return
    kept = [f"{name}.obsm[{key!r}]" for key in X.obsm] if hasattr(X.obsm, "__iter__") else []
    offered = " or ".join([f"{name}.X", *kept[:3]])
    raise TypeError(
        f"{name} must be a table of numbers, got {type(X).__name__}, which holds several: pass one "
        f"of them, such as {offered}."
    )


def canonical(X):
    """Rows whose stored entries are one a place: of sparse ones with repeated entries a copy."""
    if hasattr(X, "sum_duplicates") and not X.has_canonical_format:
        X = X.copy()  # scipy would add up entries in place, in the caller's matrix
        X.sum_duplicates()
    return X


def check_counts(counts, name="counts"):  # (n, d) -> (n, d)
    """Check counts: whole numbers that are not negative; sparse ones stay sparse, as CSR.

    Raises
    ------
    TypeError
        If they are an annotated container, and not its matrix.

    ValueError
        If they are no table, or one is missing, infinite, negative or a fraction.
    """
    refuse_containers(counts, name)
    counts = check_array(counts, accept_sparse="csr", dtype="numeric", input_name=name)
    counts = canonical(counts if counts.dtype.kind != "b" else counts.astype(np.uint8))
    values = counts.data if hasattr(counts, "toarray") else counts
    for wrong, wanted in ((values < 0, "not negative"), (values != np.floor(values), "whole")):
        if wrong.any():
            first = int(wrong.argmax())
            row, column, value = _entry_at(counts, first)
            raise ValueError(
                f"{name} must be raw counts, which are {wanted}, got {value:g} in row {row}, "
                f"column {column} ({int(wrong.sum())} such entries)."
            )
    return counts


def _entry_at(X, number):  # -> row, column, value
    """The stored entry of a number, counted along the rows."""
    if hasattr(X, "toarray"):
        row = int(np.searchsorted(X.indptr, number, side="right")) - 1
        return row, int(X.indices[number]), float(X.data[number])
    row, column = divmod(number, X.shape[1])
    return row, column, float(X[row, column])


def check_squares(X):  # (n, d)
    """Raise a ValueError where squares of centred rows overflow or vanish in the dtype of X."""
    limits = np.finfo(X.dtype)
    low, high = _column_ends(X)
    span, size = float((high - low).max()), float(max(-low.min(), high.max()))
    # products of Python's floats overflow without a warning
    largest = max(span * span * X.shape[0], size * size) * X.shape[1]
    if not largest < float(limits.max) or (0 < span and span * span <= float(limits.tiny)):
        raise ValueError(
            f"X has features with a range of {span:.3g} and values of up to {size:.3g}, whose "
            f"squares are out of the range of {X.dtype}. Rescale X."
        )


def _column_ends(X):  # (n, d) -> (d,), (d,) float64
    """Smallest and largest value of each column, 0 where all of it is missing."""
    if hasattr(X, "toarray"):
        return [end.toarray().ravel().astype(np.float64) for end in (X.min(axis=0), X.max(axis=0))]
    ends = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
    return [np.nan_to_num(end.astype(np.float64)) for end in ends]


def in_order_of(rows, values, name, of="X"):
    """Bring what a caller gives for each row into the order of the rows, where both name them.

    Parameters
    ----------
    rows : object
        Data; a data frame of pandas names its rows by its index.

    values : object
        Goes with them; a frame or a series too may name the rows.

    name : str
        The parameter they were given for.

    of : str, default="X"
        That of the rows.

    Returns
    -------
    values : object
        The same where one of the two has no names, or only counts its rows; else by name.

    Raises
    ------
    ValueError
        If the names are others, repeated, or mere numbers that the rows have in another order.

    Examples
    --------
    >>> import pandas as pd
    >>> from sksubspace._validation import in_order_of
    >>> X = pd.DataFrame({"a": [1, 2]}, index=["p", "q"])
    >>> in_order_of(X, pd.Series([20, 10], index=["q", "p"]), "y").tolist()
    [10, 20]
    """
    here, there = _names_of_rows(rows), _names_of_rows(values)
    if here is None or there is None or len(here) != len(there) or here.equals(there):
        return values
    counts = np.arange(len(here))
    counted = [np.array_equal(one, counts) for one in (here, there)]
    repeated = not (here.is_unique and there.is_unique)
    places = np.array([-1]) if repeated else there.get_indexer(here)
    if any(counted) and places.min() < 0:
        return values
    if any(counted):  # by place or by number? An answer would be a guess
        counting, named = (of, name) if counted[0] else (name, of)
        raise ValueError(
            f"{counting} counts its rows and {named} has the same numbers in another order: give "
            f"both the same index, or {name} as an array in the order of {of}."
        )
    if repeated:
        raise ValueError(
            f"{name} and {of} name their rows in another order, some twice; give arrays, or "
            "names that differ."
        )
    if places.min() < 0:
        missing = here.tolist()[int(places.argmin())]
        raise ValueError(
            f"{name} has no row named {missing!r}, which {of} has: name the same rows in both, or "
            "give arrays."
        )
    return values.iloc[places]


def _names_of_rows(values):
    index = getattr(values, "index", None)
    return index if hasattr(index, "get_indexer") else None


def check_labels(labels, name):  # (n,) -> (n,)
    """Check labels: text, numbers, booleans or categories, of one kind, none of them missing.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Labels.

    name : str
        The parameter they were given for.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        Of a type that can be sorted.

    Raises
    ------
    ValueError
        If there are none, one is missing or a fraction, or their kinds are mixed.
    """
    expected = f"{name} must hold a label for each row"
    try:
        values = column_or_1d(np.asarray(labels))
    except ValueError as error:
        raise ValueError(f"{expected}: {error}") from error
    if len(values) == 0:
        raise ValueError(f"{expected}, got none.")
    missing = _missing(values)
    if missing.any():
        raise ValueError(
            f"{expected}, got {int(missing.sum())} of {len(values)} that are missing or not "
            f"finite, the first in row {int(missing.argmax())}."
        )
    if values.dtype == object:
        if len({_kind(value) for value in values}) > 1:
            kinds = ", ".join(sorted({type(value).__name__ for value in values}))
            raise ValueError(f"{expected}, all of one kind, got a mixture of {kinds}.")
        values = np.array(values.tolist())
    if values.dtype.kind == "f" and (values != np.trunc(values)).any():
        raise ValueError(f"{expected}, got numbers with a fraction, such as {_fraction(values)}.")
    return values


def label_codes(labels, name):  # (n,) -> (n,)
    """Check labels and number them from 0, in the order of their values."""
    return np.unique(check_labels(labels, name), return_inverse=True)[1]


def codes_of_both(first, second, first_name, second_name):  # (n,), (m,) -> (n,), (m,)
    """Check two sets of labels and number them together, from 0."""
    first, second = check_labels(first, first_name), check_labels(second, second_name)
    if (first.dtype.kind in "US") != (second.dtype.kind in "US"):
        raise ValueError(
            f"{second_name} must hold labels of the kind of {first_name}, {first.dtype}, got "
            f"{second.dtype}."
        )
    codes = np.unique(np.concatenate([first, second]), return_inverse=True)[1]
    return codes[: len(first)], codes[len(first) :]


def named_groups(labels, n_samples, name):  # -> (n,) of str, tuple of str
    """Check labels to sum up by, of which some may be missing: they are the group "missing".

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Labels, or a column of categories, of which those without a row are no group.

    n_samples : int
        How many there must be.

    name : str
        The parameter they were given for.

    Returns
    -------
    group : ndarray of shape (n_samples,) of str
        Name of the group of each row.

    names : tuple of str
        In natural order, "missing" last.

    Raises
    ------
    ValueError
        If there is not one for each row, all are missing, or they are no labels.
    """
    values = np.asarray(labels)
    if values.shape != (n_samples,):
        raise ValueError(
            f"{name} must hold a label for each of the {n_samples} rows, got shape {values.shape}."
        )
    missing = _missing(values)
    group = np.full(n_samples, "missing", dtype=object)
    known = check_labels(values[~missing], name)
    group[~missing] = [text_of_label(label) for label in known.tolist()]
    names = sorted(set(group[~missing]) - {"missing"}, key=natural_key)
    return group.astype(str), (*names, *(["missing"] if "missing" in group else []))


def text_of_label(label):  # -> str or None
    """Return a label as text; None where it is missing."""
    if label is None or type(label).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(label, Real) and label != label:
        return None
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label)


def natural_key(name):
    """Sort numbers within names by their size."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _fraction(values):
    return float(values[values != np.trunc(values)][0])


def _missing(values):  # (n,) -> (n,) of bool
    if values.dtype.kind in "fc":
        return ~np.isfinite(values)
    if values.dtype != object:
        return np.zeros(len(values), dtype=bool)
    # None, NaN and pandas.NA: the last is not comparable, not even with itself
    return np.array([_is_missing(value) for value in values])


def _is_missing(value):
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and not np.isfinite(value)


def _kind(value):
    if isinstance(value, str | bytes):
        return "text"
    return "number" if isinstance(value, int | float | np.number | np.bool_) else type(value)


def which_target(y, target_type="auto"):
    """Tell whether a target holds classes or numbers.

    One column of strings, booleans or categories is of classes, and so is one of integers with at
    most 50 different values, each on average in two rows or more. Other integers are numbers, and
    floats are.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        The target as it was given: a column of a data frame still knows its type.

    target_type : {"auto", "classes", "numbers"}, default="auto"
        What the caller says it is, if anything.

    Returns
    -------
    target_type : {"classes", "numbers"}
        What it is taken for.
    """
    if target_type != "auto":
        return target_type
    if hasattr(y, "toarray"):
        y = y.toarray()
    if str(getattr(y, "dtype", "")) == "category":
        return "classes"
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not len(values):
        return "numbers"
    if values.dtype == object:
        values = _plain(values)
    if values.dtype.kind not in "iu":
        return "numbers" if values.dtype.kind == "f" else "classes"
    n_values = len(np.unique(values))
    few = n_values <= _MOST_CLASSES and _ROWS_PER_CLASS * n_values <= len(values)
    return "classes" if few or n_values <= 2 else "numbers"


def _plain(values):  # (n,) of objects -> (n,)
    """Objects that are all integers, or all numbers, as these."""
    if any(isinstance(value, str | bytes | bool | np.bool_) for value in values):
        return values.astype(str)
    if all(isinstance(value, int | np.integer) for value in values):
        return values.astype(np.int64)
    return np.zeros(len(values))
