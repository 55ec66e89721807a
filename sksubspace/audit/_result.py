"""What an audit found: as words, as data frames, as JSON, as a page."""

import json
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from sksubspace._spreadsheets import data_frame
from sksubspace._typing import DataFrame, Floats, Palette, PathLike
from sksubspace.audit._dimension import dimension_in_words
from sksubspace.audit._panel import AuditPanel
from sksubspace.audit._verdict import Finding
from sksubspace.metrics import EmbeddingReliability

# characters of a line
_WIDTH = 100


@dataclass(frozen=True, eq=False)
class EmbeddingAudit:
    """What may be read off a map, and where; ``print(audit)`` gives the verdict.

    Attributes
    ----------
    verdict : tuple of Finding
        Questions with answers and evidence.

    panel : AuditPanel
        Readings of the map beside those of its controls.

    reliability : EmbeddingReliability
        A mark for each row.

    ids : tuple of str
        Names of the rows.

    embedding : ndarray of shape (n_samples, n_components)
        The map, rows that are not drawn as NaN.

    data_name : str
        The matrix that the map was audited by.

    label_name : str
        What the labels are.

    group_name : str
        What the groups are.

    n_features : int
        Columns of the data.

    settings : dict of str to object
        What the numbers depend on.

    versions : dict of str to str
        Of Python and of the packages that the numbers depend on.

    intrinsic_dimension : float
        In how many dimensions the data vary, of at most 2,000 rows (see
        :func:`sksubspace.metrics.intrinsic_dimension`, method "mle"); NaN for fewer than 16 rows
        that differ. No answer depends on it.

    palette : dict of str to color, sequence of colors or None
        Colours of the labels in the report.
    """

    verdict: tuple[Finding, ...]
    panel: AuditPanel
    reliability: EmbeddingReliability
    ids: tuple[str, ...] = field(repr=False)
    embedding: Floats = field(repr=False)
    data_name: str
    label_name: str
    group_name: str
    n_features: int
    settings: dict[str, Any]
    versions: dict[str, str]
    intrinsic_dimension: float = np.nan
    palette: Palette | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return text_of(self)

    def _repr_html_(self):
        return html_of(self)

    @property
    def is_broken(self) -> bool:
        """Whether the map says nothing of the data."""
        return self.verdict[0].answer == "BROKEN"

    @property
    def rows(self) -> DataFrame:
        """Marks of the rows, as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            `id`, `label`, `mark`, `p_value`, `tear`, `overlap` and `reliable`, in the order of X.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.row_columns, "rows")

    @property
    def by_group(self) -> DataFrame:
        """Readings and marks of the groups, as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            One row for each group, in natural order: `group`, `n_samples`, `within_r2`,
            `neighbors_kept`, `distance_rank`, the share of each mark, and `reason` for NaN. Empty
            without labels.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.group_columns, "by_group")

    @property
    def row_columns(self) -> dict[str, Any]:
        """`rows` as a dict of columns."""
        marks = self.reliability
        names = ("mark", "p_value", "tear", "overlap", "reliable")
        label = np.full(len(self.ids), None) if marks.group is None else marks.group
        return {"id": list(self.ids), "label": label} | {
            name: getattr(marks, name) for name in names
        }

    @property
    def group_columns(self) -> dict[str, Any]:
        """`by_group` as a dict of columns."""
        scores, marks = self.panel.scores, self.reliability
        if scores is None:
            return {"group": []}
        rows = {name: marks.group == name for name in scores.names}
        shares = {
            mark: np.array([(marks.mark[rows[name]] == mark).mean() for name in scores.names])
            for mark in ("ok", "misplaced", "torn", "merged")
        }
        readings = ("n_samples", "within_r2", "neighbors_kept", "distance_rank")
        return {
            "group": list(scores.names),
            **{name: getattr(scores, name) for name in readings},
            **shares,
            "reason": list(scores.reason),
        }

    def to_report(self, path: PathLike, *, palette: Palette | None = None) -> Path:
        """Write one self-contained HTML page, and each table and figure of it beside.

        Parameters
        ----------
        path : str or path
            File to write, in a folder that exists.

        palette : dict of str to color, sequence of colors or None, default=None
            Colour of each label by its name, or in the order of the names; None takes that of the
            audit, or ten that stay apart for the colour-blind.

        Returns
        -------
        pathlib.Path
            The file.
        """
        from sksubspace.report import write_audit

        audit = self if palette is None else replace(self, palette=palette)
        return write_audit(audit, path)

    def methods_text(self) -> str:
        """Say how it was done, as a paragraph for a paper with references.

        Returns
        -------
        str
            Text.
        """
        from sksubspace.audit._methods import methods_of

        return methods_of(self)

    def to_json(self, path: PathLike | None = None) -> str:
        """Return everything as JSON, and write it to a file.

        Parameters
        ----------
        path : str, path or None, default=None
            File to write; None writes none.

        Returns
        -------
        str
            Strict JSON: numbers that are not finite are null.
        """
        text = json.dumps(_as_json(self), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        if path is not None:
            Path(path).write_bytes(text.encode("utf8"))
        return text


# ---- words ---------------------------------------------------------------------------------------


def size_of(audit):
    """Say what was audited by what."""
    n_samples, n_components = audit.embedding.shape
    return (
        f"{n_samples:,} rows on a map of {n_components} dimension{'s' * (n_components > 1)}, "
        f"audited by {audit.data_name} ({audit.n_features:,} features)"
    )


def text_of(audit):
    """Write the verdict as lines of at most 100 characters."""
    return "\n".join(text for text, _ in lines_of(audit))


def lines_of(audit):
    """Lay the verdict out, lines of at most 100 characters.

    Parameters
    ----------
    audit : EmbeddingAudit
        What was found.

    Returns
    -------
    lines : list of (str, str)
        Texts of one line or more, each with its answer; first what was audited, whose answer
        is empty.
    """
    questions = max(len(one.question) for one in audit.verdict)
    answers = max(len(one.answer) for one in audit.verdict)
    lines = [("\n".join([size_of(audit), dimension_in_words(audit)]).strip() + "\n", "")]
    for one in audit.verdict:
        head = f"{one.question:<{questions}}  {one.answer:<{answers}}  "
        text = one.evidence + (f" [{one.threshold}]" if one.threshold else "")
        below = " " * len(head)
        lines.append((fill(text, _WIDTH, initial_indent=head, subsequent_indent=below), one.answer))
    return lines


def html_of(audit):
    """Write the verdict as an HTML table; every value is escaped."""
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(one.question)}</th>'
        + "".join(f"<td>{escape(x)}</td>" for x in (one.answer, one.evidence, one.threshold))
        + "</tr>"
        for one in audit.verdict
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    caption = ". ".join(filter(None, [size_of(audit), dimension_in_words(audit)]))
    return (
        f"<div><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


_COLUMNS = ("Question", "Answer", "Evidence", "Threshold")


def _as_json(audit):
    facts = (
        *("data_name", "label_name", "group_name", "n_features", "intrinsic_dimension"),
        *("settings", "versions"),
    )
    return plain_value(
        {name: getattr(audit, name) for name in facts}
        | {
            "n_samples": len(audit.ids),
            "is_broken": audit.is_broken,
            "verdict": [asdict(one) for one in audit.verdict],
            "panel": [asdict(one) for one in audit.panel.readings],
            "by_group": audit.group_columns,
            "rows": audit.row_columns,
            "embedding": audit.embedding,
        }
    )


def plain_value(value):
    """Numbers, text, lists and dicts only; numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(key): plain_value(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return plain_value(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_value(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain_value(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else repr(value)
