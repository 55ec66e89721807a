"""Tables from text: which marks it uses, whether it has a header, and what can be wrong."""

import csv
import gzip
import re
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from itertools import islice

from sksubspace.cli._header import has_header
from sksubspace.cli._output import plain_name
from sksubspace.cli._say import UsageError, is_numeral
from sksubspace.cli._tables import Table

_OTHER_DELIMITERS = {";": '";"', "\t": "tab", "|": '"|"', ",": '","', " ": "space"}
# lines that are looked at before all are read
_LOOKED_AT = 30
_COMMA = re.compile(r"[-+−]?\d*,\d+([eE][-+]?\d+)?")
# 1,678 could also be one thousand
_MAYBE_THOUSANDS = re.compile(r"[-+−]?[1-9]\d{0,2}(,\d{3})+")
_POINT = re.compile(r"[-+−]?\d*\.\d+([eE][-+]?\d+)?")
_POINT_GROUPS = re.compile(r"[-+−]?[1-9]\d{0,2}(\.\d{3})+,\d+")


@dataclass(frozen=True)
class _Form:
    """How a text is to be read.

    Attributes
    ----------
    delimiter, decimal : str
        Marks between columns and in numbers.
    thousands : str or None
        Mark between groups of digits.
    names : list of str or None
        Of the columns; None without a header.
    notes : tuple of str
        What was taken that the user did not say.
    """

    delimiter: str
    decimal: str
    thousands: str | None
    names: list | None
    notes: tuple


def read_text(path, options):
    """Read a .csv or .tsv file, perhaps compressed."""
    return _read(path, options, _opener(path, options.encoding))


def read_sheet(path, options):
    """Read the first sheet of an .xlsx file, as if it had been saved as CSV."""
    import pandas as pd

    if find_spec("openpyxl") is None:
        raise UsageError(f"{path}: .xlsx needs openpyxl; save as CSV, or: pip install openpyxl")
    try:
        cells = pd.read_excel(path, header=None, dtype=object, engine="openpyxl")
    except Exception as error:  # of zipfile, of openpyxl, of its XML
        raise UsageError(f"{path} is not a whole .xlsx file ({error}); save as CSV") from error
    text = cells.to_csv(index=False, header=False)
    return _read(path, options, lambda: StringIO(text, newline=""))


def _opener(path, encoding):
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    return lambda: opener(path, "rt", encoding=encoding, newline="")


def _read(path, options, open_text):
    import pandas as pd

    try:
        form = _form_of(path, options, open_text)
        with warnings.catch_warnings(), open_text() as file:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            unique = form.names is not None and len({*form.names}) == len(form.names)
            frame = pd.read_csv(
                file, sep=form.delimiter, decimal=form.decimal, thousands=form.thousands,
                header=None if form.names is None else 0, names=form.names if unique else None,
                index_col=False, low_memory=False, comment=options.comment,
                na_values=options.na_values or None, **_to_the_last_digit(pd),
            )  # fmt: skip
    except (UnicodeError, LookupError) as error:
        raise UsageError(_encoding_problem(path, error)) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, csv.Error, ValueError) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ")
        raise UsageError(
            f"{path}: rows of different length ({reason}); mend the file, or name what separates "
            "its columns with --delimiter"
        ) from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise UsageError(f"{path} is not a whole gzip file ({error}); write it again") from error
    return _table(path, frame, form)


def _to_the_last_digit(pd):
    """How pandas reads numbers as they were written; from 3.1 on it knows no other way."""
    is_older = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
    return {"float_precision": "round_trip"} if is_older else {}


def _table(path, frame, form):
    read_with = {"delimiter": form.delimiter, "marks": (form.decimal, form.thousands)}
    notes = list(form.notes)
    if form.names is None:
        frame.columns = [f"x{column}" for column in range(frame.shape[1])]
        return Table(path, frame, has_names=False, notes=notes, **read_with)
    frame.columns = [plain_name(name) for name in form.names]
    if form.names[-1] == "" and frame.iloc[:, -1].isna().all():
        frame = frame.iloc[:, :-1]
        notes.append(f"{path}: the last column has no name and no values: left out")
    return Table(path, frame, notes=notes, **read_with)


# ---- how it is to be read ------------------------------------------------------------------------


def _form_of(path, options, open_text):
    lines, hashed = _first_lines(path, options.comment, open_text)
    usual = "\t" if ".tsv" in path.suffixes[-2:] else ","
    delimiter = options.delimiter or _guessed_delimiter(lines, usual)
    records = _records(lines, delimiter)
    if hashed and not (hashed == 1 and len({len(record) for record in records[:2]}) == 1):
        many = f"its first {hashed} lines begin" if hashed > 1 else "its first line begins"
        raise UsageError(f"{path}: {many} with #; leave such lines out with --comment '#'")
    _check_delimiter(path, *records[:2], delimiter=delimiter)
    _check_thousands(path, records, options.thousands)
    decimal, thousands = _marks(records, delimiter, options)
    notes = []
    if delimiter != (options.delimiter or usual) or decimal != (options.decimal or "."):
        comma = " and , as decimal mark" if decimal == "," else ""
        notes.append(f"{path} is read with {delimiter} between columns{comma}")
    wanted = {"yes": True, "no": False, "auto": None}[options.header]
    header, note = has_header(records, decimal, wanted)
    names = _with_rows(records) if header else None
    notes += [f"{path}: {note}"] if note else []
    return _Form(delimiter, decimal, thousands, names, tuple(notes))


def _first_lines(path, comment, open_text):
    """Return the first lines that hold something, without comments, and how many begin with #.

    A # before the only header, as numpy.savetxt writes it, is left out.
    """
    with open_text() as file:
        found = (line for line in file if line.strip())
        if comment:
            found = (_without_comment(line, comment) for line in found)
            found = (line for line in found if line.strip())
        lines = list(islice(found, _LOOKED_AT))
    if not lines:
        raise UsageError(f"{path} holds only empty lines; write the table again")
    hashed = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if hashed:
        lines[0] = lines[0].lstrip("# ")
    return lines, hashed


def _without_comment(line, comment):
    return line if '"' in line.partition(comment)[0] else line.partition(comment)[0]


def _records(lines, delimiter):
    """Return the cells of whole records; the last one may have been cut within quotes."""
    records = [[cell.strip() for cell in one] for one in csv.reader(lines, delimiter=delimiter)]
    return records[:-1] if len(lines) == _LOOKED_AT and len(records) > 1 else records


def _guessed_delimiter(lines, usual):
    """Take the semicolon where it is as often in every line, as in files of half the world.

    Where the usual mark is so too, all must be numbers between semicolons, as in 1,5;2,5.
    """
    records = _records(lines, ";")
    if not _is_table(records):
        return usual
    numbers = all(_COMMA.fullmatch(cell) or is_numeral(cell) for cell in records[-1])
    return ";" if numbers or not _is_table(_records(lines, usual)) else usual


def _is_table(records):
    return len({*map(len, records)}) == 1 and len(records[0]) > 1


def _check_delimiter(path, *records, delimiter):
    """Look for another mark that is as often in the first line as in the second."""
    if any(len(record) != 1 for record in records):
        return
    counts = {mark: {record[0].count(mark) for record in records} for mark in _OTHER_DELIMITERS}
    found = {mark: max(count) for mark, count in counts.items() if len(count) == 1}
    mark = max(found, key=found.get, default=delimiter)
    if mark != delimiter and found[mark]:
        raise UsageError(
            f"{path} has one column; its columns seem to be separated otherwise: try --delimiter "
            f"{_OTHER_DELIMITERS[mark]}"
        )


def _check_thousands(path, records, mark):
    """With --thousands , pandas would read 1,5 as 15."""
    cells = [cell for record in records for cell in record] if mark == "," else []
    for cell in cells:
        if _COMMA.fullmatch(cell) and not _MAYBE_THOUSANDS.fullmatch(cell):
            raise UsageError(
                f"{path}: '{cell}' has no groups of three digits for --thousands ,; if its comma "
                "is the decimal mark: --decimal ,"
            )


def _marks(records, delimiter, options):
    """Return the decimal and the thousands mark.

    Where commas do not separate columns, numbers such as 1,5 and none such as 1.5 tell that the
    comma is the decimal mark; 1,678 alone tells nothing.
    """
    cells = [cell for record in records[1:] for cell in record]
    decimal, thousands = options.decimal, options.thousands
    if decimal is None:
        decimal = "."
        if delimiter != "," and thousands != "," and not any(map(_POINT.fullmatch, cells)):
            commas = filter(_COMMA.fullmatch, cells)
            clear = any(not _MAYBE_THOUSANDS.fullmatch(cell) for cell in commas)
            decimal = "," if clear or any(map(_POINT_GROUPS.fullmatch, cells)) else "."
    if decimal == "," and thousands is None and any(map(_POINT_GROUPS.fullmatch, cells)):
        thousands = "."
    return decimal, thousands


def _with_rows(records):
    """Return the names of the header; R writes none for the names of the rows."""
    header, rows = records[0], records[1:]
    one_more = rows and all(len(row) == len(header) + 1 and row[-1] != "" for row in rows)
    if one_more and len({row[0] for row in rows}) == len(rows) > 1:
        return ["", *header]
    return header


def _encoding_problem(path, error):
    if isinstance(error, UnicodeDecodeError):
        with path.open("rb") as file:
            start = file.read(2)
        other = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        return (
            f"{path} is not {error.encoding.upper()} (byte 0x{error.object[error.start]:02x}); "
            f"name its encoding, perhaps --encoding {other}"
        )
    return f"{path}: {error}; name its encoding with --encoding, such as latin-1 or utf-16"
