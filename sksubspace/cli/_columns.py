"""From a table to numbers: labels apart, columns checked and put in order."""

import shlex
from difflib import get_close_matches

import numpy as np

from sksubspace.cli._say import UsageError, quoted

_LARGEST_WHOLE = 2**53
_MOST_DIGITS = len(str(_LARGEST_WHOLE))
_LARGEST = {np.dtype(np.float64): 1e100, np.dtype(np.float32): 1e15}


def take_label(table, name):
    """Return the column of labels, numbers or else strings, and leave it out of the table."""
    if name is None:
        return None
    if table.extra.get(name) is not None:
        values = np.asarray(table.extra[name])
    elif name in table.frame.columns:
        values = table.frame[name].to_numpy()
        table.frame = table.frame.drop(columns=name)
    else:
        raise UsageError(_no_column(table, [name], "--label"))
    return _checked_label(table.path, name, values)


def _checked_label(path, name, values):
    import pandas as pd

    if len(values) == 0 or values.ndim != 1:
        raise UsageError(f"{path}: label '{name}' must hold one value for each row")
    missing = int(pd.isna(values).sum())
    if missing:
        raise UsageError(
            f"{path}: label '{name}' is missing in {missing} of {len(values)} rows; fill it in, or "
            "leave out --label"
        )
    if len(pd.unique(values)) < 2:
        raise UsageError(
            f"{path}: label '{name}' has only the value '{values[0]}'; at least two are needed: "
            "leave out --label, or name another column"
        )
    return values if values.dtype.kind in "iuf" else np.array([str(value) for value in values])


def drop_columns(table, names):
    """Leave out columns that the user named."""
    unknown = [name for name in names if name not in table.frame.columns]
    if unknown:
        raise UsageError(_no_column(table, unknown, "--drop"))
    table.frame = table.frame.drop(columns=list(names))


def _no_column(table, names, option):
    there = [*map(str, table.frame.columns), *table.extra]
    close = get_close_matches(names[0], there, n=1)
    hint = f"is it '{close[0]}'?" if close else f"there are {quoted(there, 10)}"
    return f"{table.path} has no column {quoted(names)} for {option}; {hint}"


def match_columns(table, names, n_features, also_known=()):
    """Put the columns of new data into the order of the training data.

    Those that were beside them in training, such as the label, are left out where they are.
    """
    if not table.has_names or names is None:
        _check_count(table, names, n_features)
        return
    there = [name for name in table.frame.columns if name in names or name not in also_known]
    missing = [name for name in names if name not in there]
    unknown = [name for name in there if name not in {*names}]
    if missing or unknown:
        raise UsageError(_other_columns(table, missing, unknown))
    if there != [*names]:
        table.notes.append(
            f"{table.path}: the columns are in another order than in training; put right by name"
        )
    table.frame = table.frame[[*names]]


def _check_count(table, names, n_features):
    if table.frame.shape[1] != n_features:
        raise UsageError(
            f"{table.path} has {table.frame.shape[1]} columns where the training data had "
            f"{n_features}; give the same columns, or leave some out with --drop"
        )
    if names is not None:
        table.notes.append(
            f"{table.path} has no column names; its columns are taken in the order of training"
        )


def _other_columns(table, missing, unknown):
    text = f"{table.path} has other columns than the training data:"
    if missing:
        text += f" {quoted(missing)} missing;"
    if unknown:
        text += f" {quoted(unknown)} unknown;"
    mend = " leave out unknown ones with --drop" if not missing else " name them as in training"
    return text + mend


def to_numbers(table, *, allow_missing):
    """Check every column and return the matrix, float64, or float32 if all columns are that.

    Missing values may stay as NaN if they are allowed.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    frame = table.frame
    if frame.shape[1] == 0:
        raise UsageError(f"{table.path} has no columns left; drop fewer")
    _check_whole_numbers(table)
    text = [
        name for name, kind in frame.dtypes.items()
        if not is_numeric_dtype(kind) or kind.kind == "c"
    ]  # fmt: skip
    if text:
        raise UsageError(_not_numeric(table, text))
    narrow = all(kind == np.float32 or is_bool_dtype(kind) for kind in frame.dtypes)
    X = frame.to_numpy(dtype=np.float32 if narrow else np.float64, na_value=np.nan)
    _check_finite(table, X)
    _check_missing(table, X, allow_missing)
    return np.ascontiguousarray(X)


def _check_whole_numbers(table):
    """Whole numbers beyond 2**53 are told apart no more as floats; they are mostly identifiers."""
    huge = [
        name for name, column in table.frame.items()
        if (column.dtype.kind in "iu" and _beyond(column)) or _is_text_of_digits(column)
    ]  # fmt: skip
    if huge:
        raise UsageError(
            f"{table.path}: columns {quoted(huge)} hold whole numbers beyond 2**53, which a float "
            f"cannot tell apart; if they are identifiers, leave them out: {_drop(huge)}"
        )


def _beyond(column):
    return column.max() > _LARGEST_WHOLE or column.min() < -_LARGEST_WHOLE


def _is_text_of_digits(column):
    """Whether pandas gave up on whole numbers of more than 64 bits."""
    if column.dtype.kind != "O":
        return False
    digits = [str(value).removeprefix("-") for value in column.dropna()]
    return all(map(str.isdecimal, digits)) and any(len(text) > _MOST_DIGITS for text in digits)


def _not_numeric(table, names):
    column = table.frame[names[0]].dropna()
    words = [value for value in column if not _is_number(value)]
    example = f" (such as '{words[0]}')" if words else ""
    text = f"{table.path}: columns {quoted(names)} are not numeric{example};"
    if words and _is_number(str(words[0]).replace(",", ".")):
        return f"{text} read them with --decimal ,"
    return f"{text} leave them out: {_drop(names)}"


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _check_finite(table, X):
    infinite = np.isinf(X)
    if infinite.any():
        raise UsageError(
            f"{table.path}: infinite values ({_where(table, infinite)}); "
            f"replace them, or leave the columns out: {_drop(_columns_with(table, infinite))}"
        )
    largest = _LARGEST[X.dtype]
    huge = np.abs(X) > largest
    if huge.any():
        raise UsageError(
            f"{table.path}: values beyond {largest:g}, whose squares overflow "
            f"({_where(table, huge)}); rescale them, or leave the columns out: "
            f"{_drop(_columns_with(table, huge))}"
        )


def _check_missing(table, X, allowed):
    missing = np.isnan(X)
    if missing.all(axis=0).any():
        empty = [str(name) for name in table.frame.columns[missing.all(axis=0)]]
        raise UsageError(
            f"{table.path}: columns {quoted(empty)} have no values; leave them out: {_drop(empty)}"
        )
    if missing.any() and not allowed:
        raise UsageError(
            f"{table.path}: missing values ({_where(table, missing)}); fill "
            "them in, take medians (validate --impute median), or leave the columns out: "
            f"{_drop(_columns_with(table, missing))}"
        )


def _columns_with(table, mask):
    return [str(name) for name in table.frame.columns[mask.any(axis=0)]]


def _where(table, mask):
    names = _columns_with(table, mask)
    rows = int(mask.any(axis=1).sum())
    return f"{int(mask.sum()):,}, in {rows:,} of {len(mask):,} rows and columns {quoted(names)}"


def _drop(names):
    return shlex.join(["--drop", *map(str, names[:5])]) + (" ..." if len(names) > 5 else "")
