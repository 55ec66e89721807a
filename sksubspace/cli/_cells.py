"""Text that stands for numbers: percent, currencies, other minus signs, yes and no."""

import re

import numpy as np

from sksubspace.cli._say import is_numeral, quoted

_PAIRS = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"))
_CURRENCY = re.compile(r"[$€£¥₹₩₽₺₪฿]")
# the signs of mathematics and of typesetting, and spaces that do not break
_SIGNS = str.maketrans({"−": "-", "–": "-", "\u00a0": "", "\u202f": "", "\u2009": ""})
# whole numbers of more digits are told apart no more as floats
_MOST_DIGITS = 15
# what loggers and instruments write for want of a value
_SENTINELS = (-99, -999, -9999, -99999, -999999, 999, 9999, 99999, 999999)


def is_text(column):
    """Tell whether a column holds something else than real numbers and booleans."""
    return _is_of_text(column.dtype)


def text_columns(frame):
    """Return the numbers of the columns that hold something else; others are not looked at."""
    kinds = frame.dtypes.tolist()
    of_text = {kind for kind in {*kinds} if _is_of_text(kind)}
    return [place for place, kind in enumerate(kinds) if kind in of_text]


def _is_of_text(kind):
    from pandas.api.types import is_numeric_dtype

    return not is_numeric_dtype(kind) or kind.kind == "c"


def parse_cells(table):
    """Turn columns of text into numbers where all their cells are such, and note how."""
    found, read_as = {}, {}
    for place in text_columns(table.frame):
        name = table.frame.columns[place]
        values, how = _parsed(table.frame.iloc[:, place], table.marks)
        if values is not None:
            found[name] = values
            read_as.setdefault(how, []).append(name)
    if found:
        table.frame = table.frame.assign(**{str(name): found[name] for name in found})
    for how, names in read_as.items():
        if how:
            table.notes.append(f"{table.path}: {how} in {quoted(names)}")


def _parsed(column, marks):
    """Return the numbers and what to say of them; (None, None) unless all cells are numbers."""
    if not all(map(_is_cell, column)):
        return None, None
    column = column.map(str, na_action="ignore")
    texts = {*column.dropna()}
    if not texts or any(len(digits) > _MOST_DIGITS for digits in filter(str.isdecimal, texts)):
        return None, None
    words = {text: text.strip().translate(_SIGNS) for text in texts}
    pair = next((p for p in _PAIRS if {*map(str.casefold, words.values())} <= {*p}), None)
    if pair:
        numbers = {text: float(pair.index(word.casefold())) for text, word in words.items()}
        how = f"{pair[1]} is read as 1 and {pair[0]} as 0"
    else:
        bare, how = _without_units(words)
        numbers = {text: number_in(word, marks) for text, word in bare.items()}
    if any(value is None for value in numbers.values()):
        return None, None
    return column.map(numbers, na_action="ignore").astype(np.float64), how


def _is_cell(value):
    return isinstance(value, str | bool) or value is None or value != value


def _without_units(words):
    """Leave out a percent sign or a currency that every cell has."""
    if all(word.endswith("%") for word in words.values()):
        return {text: word[:-1].strip() for text, word in words.items()}, "12% is read as 12"
    signs = {tuple(_CURRENCY.findall(word)) for word in words.values()}
    if len(signs) == 1 and len(sign := signs.pop()) == 1:
        bare = {text: word.replace(sign[0], "").strip() for text, word in words.items()}
        return bare, f"{sign[0]}1.2 is read as 1.2"
    return words, None


def number_in(word, marks=(".", None)):
    """Return the number that a word is with these marks, or None."""
    decimal, thousands = marks
    if thousands is not None:
        word = word.replace(thousands, "")
    if decimal != ".":
        word = "none" if "." in word else word.replace(decimal, ".")
    return float(word) if is_numeral(word) and "_" not in word else None


def placeholders(table, X):
    """Find numbers that may stand for missing values: far beyond all others of their column.

    Parameters
    ----------
    table : Table
        With the names of the columns.
    X : ndarray of shape (n_rows, n_columns)
        Its numbers.

    Returns
    -------
    found : dict of str to (int, int)
        For each such column the number, such as -9999, and how often it is there.
    """
    found = {}
    for ends in (np.nanmin(X, axis=0), np.nanmax(X, axis=0)):
        for column in np.flatnonzero(np.isin(ends, _SENTINELS)):
            is_it = X[:, column] == ends[column]
            others = X[~is_it & np.isfinite(X[:, column]), column]
            if len(others) and _far(ends[column], others):
                found[str(table.frame.columns[column])] = (int(ends[column]), int(is_it.sum()))
    return found


def _far(value, others):
    """Whether a value is farther from all others than they are spread."""
    low, high = others.min(), others.max()
    return max(low - value, value - high) > max(high - low, abs(value) / 2)
