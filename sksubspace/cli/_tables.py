"""Tables from files, what can be wrong with a file, and tables to files."""

import csv
import gzip
import sys
import warnings
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sksubspace._persistence import replace_file
from sksubspace.cli._say import UsageError, quoted

_TEXT = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".npy", ".npz", ".h5ad")
_WRITABLE = (".csv", ".tsv", ".parquet", ".npy", ".npz")
_OTHER_DELIMITERS = {";": '";"', "\t": "tab", "|": '"|"', ",": '","', " ": "space"}


@dataclass
class Table:
    """What a file holds.

    Attributes
    ----------
    path : Path or None
        The file.
    frame : pandas.DataFrame of shape (n_rows, n_columns)
        Columns by name; row names, where the file has them, are not a column.
    has_names : bool
        Whether the column names come from the file.
    row_names : list of str or None
        Names of the rows.
    extra : dict of str to ndarray of shape (n_rows,)
        Values beside the columns that can serve as labels.
    image_shape : tuple of int or None
        Of each row, where the file holds images.
    notes : list of str
        What was put right.
    """

    path: Path | None
    frame: Any
    has_names: bool = True
    row_names: list | None = None
    extra: dict = field(default_factory=dict)
    image_shape: tuple | None = None
    notes: list = field(default_factory=list)


def read_table(name, options):
    """Read a file by its suffix.

    Parameters
    ----------
    name : str
        The file.
    options : argparse.Namespace
        With `delimiter`, `decimal`, `encoding` and `array`.

    Returns
    -------
    table : Table
        With at least one row.

    Raises
    ------
    UsageError
        If it cannot be read as a table.
    """
    if find_spec("pandas") is None:
        raise UsageError('tables need pandas; install it with: pip install "sksubspace[cli]"')
    path = Path(name)
    suffix = _suffix(path)
    check_file(path)
    readers = {".parquet": _read_parquet, ".npy": _read_npy, ".npz": _read_npz, ".h5ad": _read_h5ad}
    table = readers.get(suffix, _read_text)(path, options)
    repeated = table.frame.columns[table.frame.columns.duplicated()].unique()
    if len(repeated):
        raise UsageError(f"{path}: columns {quoted(repeated)} appear twice; rename one of each")
    if table.frame.shape[0] == 0:
        raise UsageError(f"{path} has column names but no rows; give it rows")
    return table


def _suffix(path):
    suffixes = "".join(path.suffixes[-2:]).lower()
    suffix = suffixes if suffixes.endswith(".gz") else path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: the kind of file must be one of {' '.join(SUFFIXES)}")
    return suffix.removesuffix(".gz")


def check_file(path):
    """Raise a UsageError unless there is a file with something in it that may be read."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it")
    if not path.exists():
        there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        close = get_close_matches(path.name, there, n=1)
        hint = f"; is it {path.with_name(close[0])}?" if close else "; check the name and folder"
        raise UsageError(f"{path} does not exist{hint}")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except PermissionError:
        raise UsageError(f"{path} may not be read; change its permissions: chmod u+r") from None
    if empty:
        raise UsageError(f"{path} is empty; write it again")


# ---- text ----------------------------------------------------------------------------------------


def _read_text(path, options):
    import pandas as pd

    delimiter = options.delimiter or _TEXT[_suffix(path)]
    try:
        header, *second = _first_records(path, options.encoding, delimiter)
        _check_delimiter(path, header, *second, delimiter=delimiter)
        has_names = not _is_data(header)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path, sep=delimiter, decimal=options.decimal, encoding=options.encoding,
                header=0 if has_names else None, index_col=False, low_memory=False,
                names=header if has_names and len({*header}) == len(header) else None,
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
    return _text_table(path, frame, header, has_names)


def _text_table(path, frame, header, has_names):
    if not has_names:
        frame.columns = [f"x{column}" for column in range(frame.shape[1])]
        note = f"{path}: the first line holds numbers and is taken as data, not as column names"
        return Table(path, frame, has_names=False, notes=[note])
    if len({*header}) < len(header):
        frame.columns = header
    return _with_row_names(_without_empty_column(Table(path, frame)))


def _without_empty_column(table):
    """Leave out a last column without name and values: each line ended with a delimiter."""
    if table.frame.columns[-1] == "" and table.frame.iloc[:, -1].isna().all():
        table.frame = table.frame.iloc[:, :-1]
        table.notes.append(f"{table.path}: the last column has no name and no values: left out")
    return table


def _first_records(path, encoding, delimiter):
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding=encoding, newline="") as file:
        lines = (line for line in file if line.strip())
        records = list(islice(csv.reader(lines, delimiter=delimiter), 2))
    if not records:
        raise UsageError(f"{path} holds only empty lines; write the table again")
    return [[name.strip() for name in record] for record in records]


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


def _is_data(header):
    """Whether a first line holds numbers other than the positions 0, 1, ... or 1, 2, ..."""
    try:
        numbers = [float(name) for name in header]
    except ValueError:
        return False
    first = numbers[0]
    return not (len(numbers) > 1 and first in (0, 1) and numbers == _count_from(first, numbers))


def _count_from(first, values):
    return list(range(int(first), int(first) + len(values)))


def _with_row_names(table):
    """Take a first column without a name as row names, if it counts the rows or is text."""
    name = table.frame.columns[0] if table.frame.shape[1] > 1 else None
    if name is None or not (name == "" or str(name).startswith("Unnamed: ")):
        return table
    values = table.frame[name].tolist()
    counts = values in (_count_from(0, values), _count_from(1, values))
    if counts or all(isinstance(value, str) for value in values):
        table.frame = table.frame.drop(columns=name)
        table.row_names = [str(value) for value in values]
        what = "counts the rows" if counts else "holds text"
        table.notes.append(f"{table.path}: the first column has no name and {what}: row names")
    return table


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


# ---- binary --------------------------------------------------------------------------------------


def _read_parquet(path, options):
    import pandas as pd

    if find_spec("pyarrow") is None:
        raise UsageError('.parquet needs pyarrow; install it with: pip install "sksubspace[cli]"')
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except Exception as error:  # pyarrow has a dozen kinds
        raise UsageError(f"{path} is not a whole Parquet file ({error}); write it again") from error
    counts = isinstance(frame.index, pd.RangeIndex)
    row_names = None if counts else [str(name) for name in frame.index]
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    return _with_row_names(Table(path, frame, row_names=row_names))


def _read_npy(path, options):
    return _array_table(path, _load_numpy(path), "")


def _read_npz(path, options):
    with _load_numpy(path) as archive:
        name = options.array
        if name is None and len(archive.files) == 1:
            name = archive.files[0]
        if name not in archive.files:
            which = "several arrays" if name is None else f"no array '{name}'"
            raise UsageError(
                f"{path} has {which}: {quoted(archive.files, 20)}; choose with --array NAME"
            )
        table = _array_table(path, _member(path, archive, name), f" (array '{name}')")
        others = [other for other in archive.files if other != name]
        label = getattr(options, "label", None)
        if label in others:
            table.extra[label] = np.atleast_1d(_member(path, archive, label).squeeze())
        table.extra.update({other: None for other in others if other != label})
    return table


def _load_numpy(path):
    try:
        loaded = np.load(path, allow_pickle=False)
    except Exception as error:  # zipfile, EOFError, ValueError, ...
        raise UsageError(_not_numpy(path, error)) from error
    if isinstance(loaded, np.ndarray) == (path.suffix.lower() == ".npz"):
        raise UsageError(f"{path} is not what its suffix says; rename it, or write it again")
    return loaded


def _member(path, archive, name):
    try:
        return archive[name]
    except Exception as error:
        raise UsageError(_not_numpy(path, error)) from error


def _not_numpy(path, error):
    if str(error).startswith("Object arrays"):
        return (
            f"{path} holds Python objects, which are not read because they can run code; save "
            "numbers: numpy.save(file, X.astype(float))"
        )
    reason = "" if "allow_pickle" in str(error) else f" ({error})"
    return f"{path} is not a whole NumPy file{reason}; write it again with numpy.save"


def _array_table(path, array, which):
    import pandas as pd

    if array.dtype.names:
        return Table(path, pd.DataFrame.from_records(array))
    if array.ndim < 2:
        raise UsageError(
            f"{path}{which} has shape {array.shape}; rows and columns are needed: reshape it"
        )
    table = Table(path, None, has_names=False)
    if array.ndim > 2:
        table.image_shape = array.shape[1:] if array.ndim == 3 else None
        table.notes.append(f"{path}{which} has shape {array.shape}: each entry is made one row")
        array = array.reshape(len(array), -1)
    table.frame = pd.DataFrame(array, columns=[f"x{column}" for column in range(array.shape[1])])
    return table


def _read_h5ad(path, options):
    import pandas as pd

    try:
        import anndata
    except ImportError as error:
        raise UsageError(".h5ad needs anndata; install it with: pip install anndata") from error
    try:
        data = anndata.read_h5ad(path)
    except Exception as error:  # h5py and anndata have many kinds
        raise UsageError(f"{path} is not a whole .h5ad file ({error}); write it again") from error
    X = data.X.toarray() if hasattr(data.X, "toarray") else np.asarray(data.X)
    frame = pd.DataFrame(X, columns=[str(name) for name in data.var_names])
    extra = {str(name): data.obs[name].to_numpy() for name in data.obs.columns}
    return Table(path, frame, row_names=[str(name) for name in data.obs_names], extra=extra)


# ---- to files ------------------------------------------------------------------------------------


def check_output(name):
    """Raise a UsageError, before anything is computed, if a table cannot be written there."""
    if name is None:
        return
    path = Path(name)
    if path.suffix.lower() not in _WRITABLE:
        raise UsageError(f"--output {path}: the kind must be one of {' '.join(_WRITABLE)}")
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise UsageError(f"--output {path} {what}; name a file in a folder that is there")


def write_table(name, columns, row_names=None):
    """Write columns to a file by its suffix, or as CSV to standard output if it has no name.

    Row names are a first column "row", but not in .npy.
    """
    import pandas as pd

    path = None if name is None else Path(name)
    suffix = ".csv" if path is None else path.suffix.lower()
    if suffix == ".npy":
        replace_file(path, _numpy_bytes(np.save, np.column_stack(list(columns.values()))))
        return
    rows = {} if row_names is None else {"row": np.array(row_names)}
    if suffix == ".npz":
        replace_file(path, _numpy_bytes(np.savez, **rows, **columns))
        return
    frame = pd.DataFrame({**rows, **columns})
    if suffix == ".parquet":
        replace_file(path, frame.to_parquet(None, index=False))
        return
    text = frame.to_csv(index=False, sep="\t" if suffix == ".tsv" else ",", lineterminator="\n")
    if path is None:
        sys.stdout.write(text)
    else:
        replace_file(path, text.encode("utf-8"))


def _numpy_bytes(save, *arrays, **named):
    buffer = BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()
