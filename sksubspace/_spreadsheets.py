"""Tables: data frames of pandas, and text that no spreadsheet takes for formulas."""

import csv
from io import StringIO

__all__ = ["csv_of", "data_frame", "harmless", "is_numeral"]

# what a spreadsheet takes for a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def data_frame(columns, asked):
    """A data frame of columns by name, or of rows; `asked` is what the caller wanted.

    Examples
    --------
    >>> data_frame({"row": [1, 2]}, "to_frame").shape
    (2, 1)
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(f"{asked} needs pandas: pip install pandas.") from error
    return pd.DataFrame(columns)


def is_numeral(value):
    """Tell whether Python reads a value as a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def harmless(value):
    """Put an apostrophe before text that begins a formula.

    Examples
    --------
    >>> from sksubspace._spreadsheets import harmless
    >>> harmless("=1+1"), harmless("-1.5"), harmless("a-b")
    ("'=1+1", '-1.5', 'a-b')
    """
    is_formula = isinstance(value, str) and value.startswith(FORMULA) and not is_numeral(value)
    return f"'{value}" if is_formula else value


def csv_of(columns):
    """Write columns of one length, by name, as CSV; what is missing or NaN is an empty cell.

    Examples
    --------
    >>> from sksubspace._spreadsheets import csv_of
    >>> print(csv_of({"a": [1, 2], "b": ["x", None]}), end="")
    a,b
    1,x
    2,
    """
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([harmless(str(name)) for name in columns])
    for row in zip(*(map(_cell_of, column) for column in columns.values()), strict=True):
        writer.writerow(row)
    return stream.getvalue()


def _cell_of(value):
    if hasattr(value, "item"):
        value = value.item()
    return "" if value is None or value != value else harmless(value)
