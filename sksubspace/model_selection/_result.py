"""What a comparison of embeddings found, and how; as a table, as JSON and as a data frame."""

import json
import math
import re
from dataclasses import dataclass, field, fields
from html import escape
from itertools import zip_longest
from numbers import Integral, Real
from pathlib import Path
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from sksubspace._comparison import (
    CandidateResult,
    bracketed,
    continuous_share,
    explanations,
    is_only_screened,
    knows_groups,
    level,
    not_told_from_control,
    of_the_choice,
    question,
    remarks,
    rule,
    score_sign,
)
from sksubspace._spreadsheets import data_frame
from sksubspace._typing import DataFrame, Matrix, PathLike

if TYPE_CHECKING:
    from sksubspace.distillation import MEDAL
    from sksubspace.inspection import TuningCurveDisplay

# characters of a line
_WIDTH = 100
# names and remarks are wrapped below themselves where the line would be longer
_NARROWEST_NAME = 12
_WIDEST_REMARKS = 13
_COLUMNS = ("", "map", "R2", "± s.e.", "continuous", "global", "lost", "difference", "notes")
_LEFT_ALIGNED = ("map", "difference", "notes")
# wall-clock times, which no two runs share
_TIMINGS = ("teacher_seconds", "student_seconds")
# of an object without a repr of its own
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class EmbeddingComparison:
    """The outcome of `compare_embeddings`.

    Attributes
    ----------
    results : tuple of CandidateResult
        Candidates and controls, by rank.

    method : {"loo", "cv", "auto", "thin"}
        How the candidates were scored; "thin" with ``validation="thin"``, and scores are D2.

    select : {"simplest", "one_std_err", "best"}
        The rule of choice.

    order : tuple of str
        Names of the candidates, simplest first: the order in which the rule prefers them.

    confidence : float
        Level of the intervals.

    n_samples : int
        Rows of the data.

    n_features : int
        Columns of the data.

    n_splits : int
        Folds of a repeat; 0 for leave-one-out.

    n_repeats : int
        Repeats, each with folds and teacher seeds of its own.

    random_state : int
        What repeats the comparison.

    versions : dict of str to str
        Versions of Python and of the packages that the numbers depend on.

    best_name_ : str
        Name of the chosen candidate.

    best_estimator_ : MEDAL
        Fitted on all rows with the chosen teacher.

    best_score_ : float
        R2 of the chosen candidate; where it is the best, that of the best which is chosen anew
        without each fold that it is scored on, or fifth of the rows by leave-one-out, because the
        best of many is also the luckiest. NaN then for fewer than three folds.

    n_ranked : int
        Rows that the scores are of, fewer than `n_samples` with ``max_rows``.
    """

    results: tuple[CandidateResult, ...]
    method: str
    select: str
    order: tuple[str, ...]
    confidence: float
    n_samples: int
    n_features: int
    n_splits: int
    n_repeats: int
    random_state: int
    versions: dict[str, str]
    best_name_: str
    best_estimator_: "MEDAL" = field(repr=False)
    best_score_: float = np.nan
    n_ranked: int = 0

    def __str__(self) -> str:
        """Show a table of at most 100 columns, and how to read it."""
        return text_table(self)

    def _repr_html_(self):
        return html_table(self)

    def to_frame(self) -> DataFrame:
        """Return the rows as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            One row for each candidate and control, by rank. Hyperparameters are in columns
            ``param_*``, the interval in ``difference_low`` and ``difference_high``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame([_flat(row) for row in self.results], "to_frame")

    def to_json(self, path: PathLike | None = None, *, timings: bool = True) -> str:
        """Return the outcome as JSON, and write it to a file.

        Parameters
        ----------
        path : str, path or None, default=None
            File to write; None writes none.

        timings : bool, default=True
            Whether wall-clock times are in it. Without them two runs give the same bytes.

        Returns
        -------
        str
            Strict JSON: numbers that are not finite are null.
        """
        text = to_json_text(self, timings)
        if path is not None:
            Path(path).write_bytes(text.encode("utf8"))
        return text

    def plot(self, **kwargs: Any) -> "TuningCurveDisplay":
        """Draw R2 against the hyperparameters, with standard errors.

        Parameters
        ----------
        **kwargs : dict
            Passed to ``TuningCurveDisplay.from_comparison``, such as ``group`` and ``ax``.

        Returns
        -------
        sksubspace.inspection.TuningCurveDisplay
            The picture.
        """
        from sksubspace.inspection import TuningCurveDisplay

        return TuningCurveDisplay.from_comparison(self, **kwargs)

    def to_report(self, path: PathLike, *, X: Matrix, **kwargs: Any) -> Path:
        """Write one self-contained HTML page about the comparison.

        Parameters
        ----------
        path : str or path
            File to write.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows that were compared.

        **kwargs : dict
            Passed to `sksubspace.report.write_report`, such as ``y`` and ``X_new``.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        ValueError
            If the scores are of thinned counts, for which there is no report.
        """
        if self.method == "thin":
            raise ValueError(
                "The report is about rows that a map has not seen, and these scores are of counts "
                "(validation='thin'); print the comparison, or take to_frame()."
            )
        from sksubspace.report import write_report

        return write_report(self, path, X=X, **kwargs)


# ---- the table -----------------------------------------------------------------------------------


def text_table(comparison):
    """Write a comparison as lines of at most 100 characters: question, table, how to read it."""
    columns = columns_of(comparison)
    cells = _lined_up([columns, *table_cells(comparison)])
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    widths[-1] = min(widths[-1], _WIDEST_REMARKS)
    others = sum(widths) - widths[1] + 2 * (len(widths) - 1)
    widths[1] = max(_NARROWEST_NAME, min(widths[1], _WIDTH - others))
    left = [name in _LEFT_ALIGNED for name in columns]
    lines = [line for row in cells for line in _lines(row, widths, left)]
    ruler = "-" * max(map(len, lines))
    notes = [fill(note, _WIDTH, subsequent_indent="    ") for note in reading(comparison)]
    head = fill(question(comparison), _WIDTH, subsequent_indent="    ")
    return "\n".join([head, "", lines[0], ruler, *lines[1:], "", *notes])


def html_table(comparison):
    """Write a comparison as an HTML table with a caption, and notes; every value is escaped."""
    head = "".join(
        f'<th scope="col">{escape(name)}</th>' for name in ("#", *columns_of(comparison)[1:])
    )
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in table_cells(comparison)
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in reading(comparison))
    return (
        f"<div><table><caption>{escape(question(comparison))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}</div>"
    )


def columns_of(comparison):
    """Names of the columns; "lost" only where groups were given."""
    hidden = set() if knows_groups(comparison.results) else {"lost"}
    if comparison.method == "thin":
        hidden |= {"continuous", "global"}
    names = [name for name in _COLUMNS if name not in hidden]
    return tuple(score_sign(comparison) if name == "R2" else name for name in names)


def table_cells(comparison):
    """Format the rows: a tuple of texts for each, one for each column."""
    rows, columns = comparison.results, columns_of(comparison)
    return [tuple(_cells_of(row, rows)[name] for name in columns) for row in rows]


def _cells_of(row, rows):
    return {
        "": str(row.rank),
        "map": _tidy(row.name),
        "R2": bracketed(_decimals(row.score), row, rows),
        "D2": bracketed(_decimals(row.score), row, rows),
        "± s.e.": "" if row.evidence == "definition" else _decimals(row.standard_error),
        "continuous": _decimals(continuous_share(row), 2),
        "global": _decimals(row.global_share, 2),
        "lost": _decimals(row.lost_to_groups),
        "difference": _difference(row),
        "notes": ", ".join(remarks(row, rows)),
    }


def reading(comparison):
    """Say how the table is to be read, a line for each thing in it, and one for each failure."""
    unseen = "rows left out" if comparison.method == "loo" else "rows it has not seen"
    what = f"variance of {unseen} that comes back from their place on the map"
    if comparison.method == "thin":
        what = "deviance of counts it has not seen that the neighbours on the map explain"
    rows = comparison.results
    has_screened = any(is_only_screened(row, rows) for row in rows)
    return [
        f"{score_sign(comparison)}: {what} (1 all, 0 none)."
        + " In brackets: by leave-one-out, which reads higher." * has_screened,
        f"difference: from the best, with {level(comparison)}; tie: it contains 0; chosen: "
        f"{rule(comparison)}.",
        *filter(None, [not_told_from_control(rows), of_the_choice(comparison)]),
        *explanations(rows),
        *(f"{_tidy(row.name)} failed: {row.error}" for row in rows if row.error),
    ]


def _tidy(name):
    return " ".join(name.split())


def _difference(row):
    if not np.isfinite(row.difference) or (row.difference == 0 and row.tied):
        return ""
    low, high = row.difference_interval
    interval = f" [{low:+.3f}, {high:+.3f}]" if np.isfinite([low, high]).all() else ""
    return f"{row.difference:+.3f}{interval}"


def _decimals(value, digits=3):
    return f"{value:.{digits}f}" if np.isfinite(value) else ""


def _lined_up(cells):
    """Let digits stand below digits where some scores are in brackets."""
    if not any(row[2].endswith(")") for row in cells):
        return cells
    return [row if row[2].endswith(")") else (*row[:2], f"{row[2]} ", *row[3:]) for row in cells]


def _lines(row, widths, left):
    """Lay a row out; a long name, and many remarks, go on below."""
    names = wrap(row[1], widths[1], subsequent_indent=" ", break_on_hyphens=False) or [""]
    notes = wrap(row[-1], widths[-1]) or [""]
    lines = []
    for i, (name, note) in enumerate(zip_longest(names, notes, fillvalue="")):
        cells = [name if j == 1 else note if j == len(row) - 1 else "" if i else cell
                 for j, cell in enumerate(row)]  # fmt: skip
        padded = [
            (cell.ljust if to_left else cell.rjust)(width)
            for cell, width, to_left in zip(cells, widths, left, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return lines


# ---- plain values --------------------------------------------------------------------------------


def to_json_text(comparison, timings):
    """Write a comparison as strict JSON, with wall-clock times or without."""
    left_out = () if timings else _TIMINGS
    settings = {
        one.name: json_value(getattr(comparison, one.name))
        for one in fields(comparison)
        if one.name not in ("results", "best_estimator_")
    }
    settings["best_params"] = json_value(comparison.best_estimator_.get_params(deep=False))
    settings["results"] = [
        {
            one.name: json_value(getattr(row, one.name))
            for one in fields(row)
            if one.name not in left_out
        }
        for row in comparison.results
    ]
    return json.dumps(settings, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def json_value(value):
    """Turn a value into what JSON knows, the same on every run; what it does not know is described.

    Numbers that are not finite become None.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): json_value(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(entry) for entry in value]
    return _ADDRESS.sub("", " ".join(repr(value).split()))


def _flat(row):
    """One row of a data frame: every value in a column of its own."""
    flat = {
        one.name: getattr(row, one.name)
        for one in fields(row)
        if one.name not in ("params", "metrics", "difference_interval", "split_scores")
    }
    low, high = row.difference_interval
    flat |= {"difference_low": low, "difference_high": high}
    return flat | row.metrics | {f"param_{name}": value for name, value in row.params.items()}
