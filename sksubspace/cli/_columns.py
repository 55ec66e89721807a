"""From a table to numbers: labels, names and groups apart, columns checked and put in order."""

from difflib import get_close_matches

import numpy as np

from sksubspace.cli._advice import leave_out, not_numeric, or_leave_out
from sksubspace.cli._cells import is_text, text_columns
from sksubspace.cli._read import name_rows, texts_of
from sksubspace.cli._say import UsageError, quoted

# rows that a line names
_ROWS_NAMED = 10

_LARGEST_WHOLE = 2**53
_LARGEST_SINGLE = 2**24
_MOST_DIGITS = len(str(_LARGEST_WHOLE))
_LARGEST = {np.dtype(np.float64): 1e100, np.dtype(np.float32): 1e15}


def has_column(table, name):
    """Tell whether a table has a column, or values of that name beside its columns."""
    return name in table.columns or table.extra.get(name) is not None


def take_column(table, name, option):
    """Return the values of a column, or of what stands beside the columns, and leave it out."""
    if table.extra.get(name) is not None:
        values = np.asarray(table.extra[name])
    elif name in table.columns:
        values = _values_of(table, name)
        table.take([column for column in table.columns if column != name])
        table.extra[name] = values  # it may colour the rows and group them
    else:
        raise UsageError(_no_column(table, [name], option))
    if values.ndim != 1 or len(values) != len(table.frame):
        raise UsageError(
            f"{table.path}: '{name}' for {option} must hold one value for each row, and has shape "
            f"{values.shape} for {len(table.frame)} rows"
        )
    return values


def _values_of(table, name):
    """Return an array; numbers with missing ones among them are floats."""
    if table.matrix is not None:
        return table.matrix[:, table.columns.index(name)].toarray().ravel()
    column = table.frame[name]
    if is_text(column) or not column.isna().any():
        return column.to_numpy()
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def take_label(table, name):
    """Return the column of labels, numbers or else strings, and leave it out of the table.

    Missing ones are a group of their own, "missing"; among values on a scale they stay missing.
    """
    import pandas as pd

    from sksubspace.report._data import are_values

    if name is None:
        return None
    values = take_column(table, name, "--label")
    is_missing = np.asarray(pd.isna(values), dtype=bool)
    if len(pd.unique(values[~is_missing])) < 2:
        only = f"only the value '{values[~is_missing][0]}'" if (~is_missing).any() else "no values"
        raise UsageError(
            f"{table.path}: label '{name}' has {only}; at least two are needed: leave out --label, "
            "or name another column"
        )
    if is_missing.any():
        on_a_scale = are_values(values)
        become = "have no colour" if on_a_scale else 'are the group "missing"'
        table.notes.append(
            f"{table.path}: label '{name}' is missing in {is_missing.sum():,} of {len(values):,} "
            f"rows, which {become}"
        )
        if not on_a_scale:
            values = np.where(is_missing, "missing", texts_of(values.tolist()))
    return values if values.dtype.kind in "iuf" else np.array([str(value) for value in values])


def take_row_names(table, name):
    """Name the rows by a column, and leave it out of the table."""
    if name is not None:
        name_rows(table, take_column(table, name, "--id").tolist())


def take_groups(table, name):
    """Group the rows by a column, and leave it out of the table."""
    import pandas as pd

    if name is None:
        return
    values = take_column(table, name, "--groups")
    missing = np.flatnonzero(pd.isna(values))
    if len(missing):
        names = missing if table.row_names is None else np.array(table.row_names)[missing]
        more = f" and {len(missing) - _ROWS_NAMED} more" if len(missing) > _ROWS_NAMED else ""
        counted = ", counted from 0" if table.row_names is None else ""
        raise UsageError(
            f"{table.path}: group '{name}' is missing in {len(missing)} of {len(values)} rows "
            f"({', '.join(map(str, names[:_ROWS_NAMED]))}{more}{counted}); fill it in, or leave "
            "the rows out"
        )
    table.groups = np.array(texts_of(values.tolist()))


def drop_columns(table, names):
    """Leave out columns that the user named; labels, names and groups are out already."""
    known, dropped = {*table.columns}, {*names}
    unknown = [name for name in names if name not in known and name not in table.extra]
    if unknown:
        raise UsageError(_no_column(table, unknown, "--drop"))
    if known & dropped:
        table.take([name for name in table.columns if name not in dropped])


def _no_column(table, names, option):
    there = [*table.extra, *map(str, table.columns)]
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
    wanted, found = {*names}, {*table.columns}
    there = [name for name in table.columns if name in wanted or name not in also_known]
    missing = [name for name in names if name not in found]
    unknown = [name for name in there if name not in wanted]
    if missing or unknown:
        raise UsageError(_other_columns(table, missing, unknown))
    if there != [*names]:
        table.notes.append(
            f"{table.path}: the columns are in another order than in training; put right by name"
        )
    table.take(names)


def _check_count(table, names, n_features):
    if len(table.columns) != n_features:
        raise UsageError(
            f"{table.path} has {len(table.columns)} columns where the training data had "
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


def to_numbers(table, *, allow_missing, training=False):
    """Check every column and return the matrix, float64, or float32 if all columns are that.

    Missing values may stay as NaN if they are allowed. While `training` columns can be chosen.
    """
    from pandas.api.types import is_bool_dtype

    frame = table.frame
    if not table.columns:
        raise UsageError(f"{table.path} has no columns left; drop fewer, or --keep some")
    if table.matrix is not None:
        return _stored_numbers(table)
    _check_whole_numbers(table)
    text = [*frame.columns[text_columns(frame)]]
    if text:
        raise UsageError(not_numeric(table, text, training=training))
    narrow = all(kind == np.float32 or is_bool_dtype(kind) for kind in {*frame.dtypes})
    X = frame.to_numpy(dtype=np.float32 if narrow else np.float64, na_value=np.nan)
    _check_finite(table, X)
    _check_missing(table, X, allow_missing, training)
    return np.ascontiguousarray(X)


def _stored_numbers(table):  # -> CSR matrix of shape (n, d)
    """Check what a sparse table stores; whole numbers that fit become of single precision."""
    X = table.matrix
    bad = ~(np.abs(X.data) <= _LARGEST[np.dtype(np.float32)])
    if bad.any():
        first = int(bad.argmax())
        row = int(np.searchsorted(X.indptr, first, side="right")) - 1
        raise UsageError(
            f"{table.path}: {int(bad.sum()):,} entries of {table.source} are missing, infinite or "
            f"too large, the first in row '{table.row_names[row]}', column "
            f"'{table.columns[X.indices[first]]}'; fill them in"
        )
    whole = X.dtype.kind in "iub" and (X.nnz == 0 or np.abs(X.data).max() <= _LARGEST_SINGLE)
    kind = np.float32 if whole or X.dtype == np.float32 else np.float64
    if X.dtype == kind:
        return X
    # the places of the entries are shared: they are as large as the entries
    return type(X)((X.data.astype(kind), X.indices, X.indptr), shape=X.shape)


def _check_whole_numbers(table):
    """Whole numbers beyond 2**53 are told apart no more as floats; they are mostly identifiers."""
    columns, kinds = table.frame.columns, [kind.kind for kind in table.frame.dtypes]
    huge = [
        columns[place]
        for place, kind in enumerate(kinds)
        if kind in "iuO" and _is_beyond(table.frame.iloc[:, place], kind)
    ]
    if huge:
        raise UsageError(
            f"{table.path}: columns {quoted(huge)} hold whole numbers beyond 2**53, which a float "
            f"cannot tell apart; if they are identifiers, leave them out: {leave_out(huge)}"
        )


def _is_beyond(column, kind):
    """Whether whole numbers are; pandas reads those of more than 64 bits as text."""
    if kind != "O":
        return column.max() > _LARGEST_WHOLE or column.min() < -_LARGEST_WHOLE
    digits = [str(value).removeprefix("-") for value in column.dropna()]
    return all(map(str.isdecimal, digits)) and any(len(text) > _MOST_DIGITS for text in digits)


def _check_finite(table, X):
    infinite = np.isinf(X)
    if infinite.any():
        raise UsageError(
            f"{table.path}: infinite values ({_where(table, infinite)}); "
            f"replace them{or_leave_out(table, _columns_with(table, infinite))}"
        )
    largest = _LARGEST[X.dtype]
    huge = np.abs(X) > largest
    if huge.any():
        raise UsageError(
            f"{table.path}: values beyond {largest:g}, whose squares overflow "
            f"({_where(table, huge)}); rescale them"
            f"{or_leave_out(table, _columns_with(table, huge))}"
        )


def _check_missing(table, X, allowed, training):
    missing = np.isnan(X)
    if missing.all(axis=0).any():
        empty = [str(name) for name in table.frame.columns[missing.all(axis=0)]]
        mend = f"leave them out: {leave_out(empty)}"
        if len(empty) == len(table.frame.columns):
            mend = "check --delimiter and --na-values, or the file"
        raise UsageError(f"{table.path}: columns {quoted(empty)} have no values; {mend}")
    if missing.any() and not allowed:
        others = or_leave_out(table, _columns_with(table, missing))
        mend = f"take medians (--impute median){others}"
        if not training:
            mend = "or make the model with --impute median, which then fills those of new rows too"
        raise UsageError(
            f"{table.path}: missing values ({_where(table, missing)}); fill them in, {mend}"
        )


def _columns_with(table, mask):
    return [str(name) for name in table.frame.columns[mask.any(axis=0)]]


def _where(table, mask):
    names = _columns_with(table, mask)
    rows = int(mask.any(axis=1).sum())
    return f"{int(mask.sum()):,}, in {rows:,} of {len(mask):,} rows and columns {quoted(names)}"
