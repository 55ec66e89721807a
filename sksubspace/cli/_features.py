"""Which columns are features: what only names or counts rows is not, categories become numbers."""

import re

import numpy as np

from sksubspace.cli._cells import is_text, text_columns
from sksubspace.cli._read import name_rows, texts_of
from sksubspace.cli._say import UsageError, option, quoted

# by name: id, row, index, cell_id, PassengerId, customerID
_NAMES = re.compile(r"(?i:id|row|rows|rowid|index|idx)|.*(?i:[_ .-]id)|.*[a-z](Id|ID)")
# so many rows in order by chance are unheard of, and few may be
_MANY_ROWS = 10
_MOST_CATEGORIES = 200


def leave_out_identifiers(table, keep=()):
    """Leave out columns that only name or count the rows, and say so.

    Such a column counts up by one from row to row, whatever its name; or it is called so (``id``,
    ``row``, ``index``, ``*_id``) and has another value in every row. The first of these names the
    rows, if nothing else does. Other columns that rise from row to row are noted, no more.

    Parameters
    ----------
    table : Table
        Changed.
    keep : sequence of str
        Columns that stay.

    Returns
    -------
    left_out : list of str
        The columns.
    naming : str or None
        The one of them that now names the rows.

    Raises
    ------
    UsageError
        If a column of `keep` is not there.
    """
    frame = table.frame
    absent = [name for name in keep if name not in table.columns]
    if absent:
        raise UsageError(f"{table.path} has no column {quoted(absent)} for --keep")
    # the matrices of a file of cells hold features only
    if not table.has_names or table.source is not None or len(frame) < _MANY_ROWS:
        return [], None
    left_out, naming = [], None
    for name in _suspects(frame):
        why = None if name in keep else _what_it_does(str(name), frame[name])
        if why is None:
            continue
        if why == "rises from row to row":
            drop = option("--drop", [name])
            table.notes.append(f"{table.path}: column '{name}' {why}; if it is no feature: {drop}")
            continue
        left_out.append(name)
        as_names = ""
        if table.row_names is None and _NAMES.fullmatch(str(name)):
            name_rows(table, frame[name].tolist())
            naming = str(name)
            as_names = " and names the rows"
        back = option("--keep", [name])
        table.notes.append(
            f"{table.path}: column '{name}' {why}: it is left out{as_names}; {back} makes it a "
            "feature"
        )
    if left_out:
        table.frame = frame.drop(columns=left_out)
    return [str(name) for name in left_out], naming


def _suspects(frame):
    """Return the columns that their name or their first rows make suspicious, in order."""
    numbers = np.array([kind.kind != "b" for kind in frame.dtypes], dtype=bool)
    numbers[text_columns(frame)] = False
    # `head`, `loc` and `drop` copy column after column, which takes longer than to read the file
    head = frame.iloc[:_MANY_ROWS]
    head = head if numbers.all() else head.loc[:, numbers]
    falls = np.diff(head.to_numpy(dtype=np.float64, na_value=np.nan), axis=0) <= 0
    rising = {*head.columns[~falls.any(axis=0)]}
    return [name for name in frame.columns if name in rising or _NAMES.fullmatch(str(name))]


def _what_it_does(name, column):
    """Say what makes a column an identifier, or None."""
    there = column.dropna()
    if 2 * len(there) <= len(column) or column.dtype == bool or not there.is_unique:
        return None
    steps, is_whole = np.zeros(1), True
    if not is_text(column):
        values = there.to_numpy(dtype=np.float64)
        steps, is_whole = np.diff(values), bool((values == values.round()).all())
    if is_whole and (steps == 1).all():
        return "counts the rows"
    if _NAMES.fullmatch(name) and (is_whole or (steps > 0).all()):
        return "has another value in every row"
    return "rises from row to row" if (steps > 0).all() else None


# ---- categories ----------------------------------------------------------------------------------


def expand_categories(table, wanted):
    """Make a column of 0 and 1 for each category of some columns.

    Parameters
    ----------
    table : Table
        Changed.
    wanted : dict of str to (list of str or None)
        The columns, and the categories of the training rows; None to take those that are there.

    Returns
    -------
    categories : dict of str to list of str
        Those of each column; missing values are the category "missing".
    """
    import pandas as pd

    found, frame = {}, table.frame
    absent = [name for name in wanted if name not in frame.columns]
    if absent:
        raise UsageError(
            f"{table.path} has no column {quoted(absent)} for --one-hot to make features of"
        )
    for name, categories in wanted.items():
        values = np.array([text or "missing" for text in texts_of(frame[name].tolist())])
        there = sorted({*values.tolist()})
        if categories is None:
            _check_categories(table, name, there)
        found[name] = categories or there
        unknown = sorted({*there} - {*found[name]})
        if unknown:
            table.notes.append(
                f"{table.path}: column '{name}' has categories that training had not "
                f"({quoted(unknown)}): none of its columns is 1 there"
            )
        columns = {f"{name}={one}": (values == one).astype(float) for one in found[name]}
        place = frame.columns.get_loc(name)
        parts = [frame.iloc[:, :place], pd.DataFrame(columns, index=frame.index)]
        frame = pd.concat([*parts, frame.iloc[:, place + 1 :]], axis=1)
    table.frame = frame
    return found


def _check_categories(table, name, there):
    if len(there) > min(_MOST_CATEGORIES, len(table.frame) / 2):
        raise UsageError(
            f"{table.path}: column '{name}' has {len(there)} different values in "
            f"{len(table.frame)} rows, too many for --one-hot; name another, or leave it out"
        )
    if len(there) < 2:
        raise UsageError(
            f"{table.path}: column '{name}' has only the value '{there[0]}'; leave it out of "
            "--one-hot"
        )
