"""What a table is, and what every file must be."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sksubspace.cli._say import UsageError


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
    groups : ndarray of shape (n_rows,) or None
        Rows of one group leave together.
    extra : dict of str to ndarray of shape (n_rows,)
        Values beside the columns that can serve as labels, names or groups.
    image_shape : tuple of int or None
        Of each row, where the file holds images.
    delimiter : str or None
        What separates the columns of text.
    marks : tuple of (str, str or None)
        The decimal mark of text, and that between thousands.
    notes : list of str
        What was put right.
    source : str or None
        Which of the matrices of the file it is.
    matrix : CSR matrix of shape (n_rows, n_columns) or None
        A sparse table, which stays sparse; `frame` then has its rows and no columns.
    matrix_names : list of str
        The columns of `matrix`.
    """

    path: Path | None
    frame: Any
    has_names: bool = True
    row_names: list | None = None
    groups: Any = None
    extra: dict = field(default_factory=dict)
    image_shape: tuple | None = None
    delimiter: str | None = None
    marks: tuple = (".", None)
    notes: list = field(default_factory=list)
    source: str | None = None
    matrix: Any = None
    matrix_names: list = field(default_factory=list)

    @property
    def columns(self):
        """Names of the columns of numbers."""
        return [*self.frame.columns] if self.matrix is None else self.matrix_names

    def take(self, names):
        """Keep these columns, in this order."""
        if self.matrix is None:
            self.frame = self.frame[[*names]]
            return
        if [*names] == self.matrix_names:
            return
        place = {name: column for column, name in enumerate(self.matrix_names)}
        self.matrix = self.matrix[:, [place[name] for name in names]]
        self.matrix_names = [*names]


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
