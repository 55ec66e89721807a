"""What a column of text is, and how it can be used."""

import re

from sksubspace.cli._cells import number_in
from sksubspace.cli._say import option, quoted

# columns that a line names
_MOST_NAMED = 5
# different words beside numbers that still look like marks of missing values
_MOST_MARKS = 3
# values of a column that still are groups
_MOST_CLASSES = 50
# 1,678 and its like, by the mark between thousands; perhaps with a unit at either end
_GROUPED = {
    f"thousands {mark}": re.compile(rf"[-+−]?\D?[1-9]\d{{0,2}}({mark}\d{{3}})+({rest}\d+)?\D?")
    for mark, rest in ((",", r"\."), (r"\.", ","), ("'", "[.,]"), ("’", "[.,]"), (" ", "[.,]"))
}
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ].*)?|\d{1,2}:\d\d(:\d\d)?"
)
_UNIT = re.compile(r"%$|[$€£¥₹]")
_GROUPING = re.compile(r"donor|patient|subject|plate|batch|animal|mouse|participant|site", re.I)


def not_numeric(table, names, *, training):
    """Say in one line what columns are, and what can be done.

    Parameters
    ----------
    table : Table
        What was read.
    names : list of str
        Its columns of text.
    training : bool
        Whether columns can still be chosen, as in `validate`; new rows must have those of training.

    Returns
    -------
    str
        The line.
    """
    columns = {str(name): table.frame[name].dropna() for name in names}
    first = next(iter(columns))
    words = _words(columns[first], table.marks)
    example = f" (such as '{words[0]}')" if words else ""
    head = f"{table.path}: columns {quoted(names)} are not numeric{example}; "
    mends = {}
    for name, column in columns.items():
        kind = _kind_of_text(name, column, table.marks)
        if training or kind in _IN_THE_FILE:
            mends.setdefault(kind, []).append(name)
    if training and len(names) == table.frame.shape[1] and not _IN_THE_FILE.intersection(mends):
        return head + "no column is: check --delimiter, --decimal and --header, or the file"
    said = [_mend(kind, named, columns, table) for kind, named in mends.items()]
    if not training:
        said = said or ["in training they were numbers; write them as numbers"]
    elif len(names) < table.frame.shape[1]:
        said.append(f"to leave them out: {leave_out(names)}")
    return head + "; ".join(said)


def leave_out(names):
    """Return the words that leave columns out."""
    more = " ..." if len(names) > _MOST_NAMED else ""
    return option("--drop", names[:_MOST_NAMED]) + more


def or_leave_out(table, names):
    """Return ", or leave the columns out: --drop ..." unless that leaves no data."""
    if len(names) >= table.frame.shape[1]:
        return ""
    return f", or leave the columns out: {leave_out(names)}"


# ---- kinds ---------------------------------------------------------------------------------------


def _words(column, marks):
    """Return the cells that are no numbers."""
    return [value for value in column if number_in(str(value).strip(), marks) is None]


def _kind_of_text(name, column, marks):
    words = _words(column, marks)
    texts = [str(word).strip() for word in words]
    if column.dtype.kind in "Mm" or (texts and all(map(_DATE.fullmatch, texts))):
        return "dates"
    for kind, grouped in _GROUPED.items():
        if texts and all(map(grouped.fullmatch, texts)):
            return kind
    if texts and all(number_in(text, (",", None)) is not None for text in texts):
        return "decimal"
    if any(map(_UNIT.search, texts)) and all(any(map(str.isdigit, text)) for text in texts):
        return "units"
    if len({*texts}) <= _MOST_MARKS and 2 * len(texts) <= len(column):
        return "marks"
    n_values = len({*texts})
    if n_values == 1:
        return "constant"
    if n_values == len(column):
        return "names"
    if n_values > min(_MOST_CLASSES, len(column) // 2):
        return "text"
    return "groups" if _GROUPING.search(name) else "classes"


# kinds that are mended by another reading, or in the file, also for new rows
_IN_THE_FILE = {*_GROUPED, "decimal", "marks", "units", "dates"}


def _mend(kind, names, columns, table):
    name, n_values = names[0], columns[names[0]].nunique()
    if kind in _GROUPED:
        either = "; if 1,678 is less than two: --decimal ," if table.delimiter == ";" else ""
        return f"groups of three digits are read with {option('--thousands', [kind[-1]])}" + (
            either if kind[-1] == "," else ""
        )
    match kind:
        case "dates":
            return f"{quoted(names)}: dates and times have no place on a scale of the others"
        case "decimal":
            return "read them with --decimal ,"
        case "marks":
            found = [str(word) for one in names for word in _words(columns[one], table.marks)]
            marks = [*dict.fromkeys(found)]
            return (
                f"if {quoted(marks)} ({len(found)} cells beside numbers) stands for missing "
                f"values: {option('--na-values', marks)}"
            )
        case "units":
            return f"not all cells of {quoted(names)} have the same unit; write them alike"
        case "names":
            return f"'{name}' differs in every row; for names of rows: {option('--id', [name])}"
        case "constant":
            return f"{quoted(names)}: one value alone is no feature"
        case "groups":
            return (
                f"'{name}' has {n_values} values: {option('--groups', [name])} leaves its rows "
                f"out together, {option('--label', [name])} colours by them"
            )
        case "classes":
            return (
                f"'{name}' has {n_values} values: {option('--label', [name])} colours by them, "
                f"{option('--one-hot', names[:_MOST_NAMED])} makes features of them"
            )
    return f"{quoted(names)}: text that neither repeats nor names every row is no feature"
