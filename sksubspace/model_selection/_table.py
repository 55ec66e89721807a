"""A comparison as a table, in plain text and in HTML."""

from html import escape
from textwrap import fill, wrap

import numpy as np

_WIDTH = 100
_NARROWEST_NAME = 12
_COLUMNS = ("", "map", "R2", "± s.e.", "difference", "placed", "teacher", "notes")


def text_table(comparison):
    """Write a comparison as lines of at most 100 characters.

    Parameters
    ----------
    comparison : EmbeddingComparison
        The outcome.

    Returns
    -------
    str
        The question, the table, and how to read it.
    """
    rows = [_COLUMNS, *table_cells(comparison)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    others = sum(widths) - widths[1] + 2 * (len(widths) - 1)
    widths[1] = max(_NARROWEST_NAME, min(widths[1], _WIDTH - others))
    lines = [line for row in rows for line in _lines(row, widths)]
    rule = "-" * max(map(len, lines))
    notes = [fill(note, _WIDTH, subsequent_indent="    ") for note in reading(comparison)]
    head = fill(question(comparison), _WIDTH, subsequent_indent="    ")
    return "\n".join([head, "", lines[0], rule, *lines[1:], "", *notes])


def html_table(comparison):
    """Write a comparison as an HTML table, every value escaped.

    Parameters
    ----------
    comparison : EmbeddingComparison
        The outcome.

    Returns
    -------
    str
        A table with a caption, and paragraphs on how to read it.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("#", *_COLUMNS[1:]))
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in table_cells(comparison)
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in reading(comparison))
    return (
        f"<div><table><caption>{escape(question(comparison))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}</div>"
    )


def table_cells(comparison):
    """Format the rows.

    Parameters
    ----------
    comparison : EmbeddingComparison
        The outcome.

    Returns
    -------
    list of tuple of str
        Rank, name, score, standard error, difference, placement, seconds and notes.
    """
    screened = comparison.method == "auto"
    return [
        (
            str(row.rank),
            _tidy(row.name),
            _number(row.score),
            "" if row.evidence == "definition" else _number(row.standard_error),
            _difference(row),
            _number(row.placement_r2, 2),
            _seconds(row.teacher_seconds),
            ", ".join(_notes(row, screened)),
        )
        for row in comparison.results
    ]


def question(comparison):
    """Say in one line what was compared, and how.

    Parameters
    ----------
    comparison : EmbeddingComparison
        The outcome.

    Returns
    -------
    str
        Rows, features, folds and seed.
    """
    folds = f"{comparison.n_splits} folds x {comparison.n_repeats} repeat" + "s" * (
        comparison.n_repeats > 1
    )
    how = {
        "cv": f"held-out rows of {folds}",
        "loo": f"leave-one-out, {comparison.n_repeats} teacher seed"
        + "s" * (comparison.n_repeats > 1),
        "auto": f"leave-one-out, then held-out rows of {folds}",
    }[comparison.method]
    size = f"{comparison.n_samples:,} rows x {comparison.n_features:,} features"
    return f"Which map can be trusted? {size}; {how}; seed {comparison.random_state}"


def reading(comparison):
    """Say how the table is to be read.

    Parameters
    ----------
    comparison : EmbeddingComparison
        The outcome.

    Returns
    -------
    list of str
        Two sentences, one for what is known by leave-one-out only, one for each failure.
    """
    level = f"{100 * comparison.confidence:g} % interval"
    unseen = "rows left out" if comparison.method == "loo" else "rows it has not seen"
    chosen = {
        "one_std_err": "the simplest within one standard error of the best",
        "best": "the best",
    }[comparison.select]
    rows = comparison.results
    lines = [
        f"R2: variance of {unseen} that comes back from their place on the map (1 all, 0 none); "
        "placed: R2 of that place against the teacher's.",
        f"difference: from the best, with {level}; tie: it contains 0; chosen: {chosen}.",
    ]
    if any("loo only" in _notes(row, comparison.method == "auto") for row in rows):
        lines.append(
            "loo only: too far behind by leave-one-out to be confirmed; its R2 is not one of "
            "unseen rows."
        )
    return lines + [f"{_tidy(row.name)} failed: {row.error}" for row in rows if row.error]


def _tidy(name):
    return " ".join(name.split())


def _notes(row, screened):
    if row.error:
        return ["failed"]
    return [
        note
        for note, applies in {
            "chosen": row.selected,
            "best": row.difference == 0 and row.role == "candidate" and not row.selected,
            "tie": row.tied and row.difference != 0,
            "control": row.role == "control" and "(control)" not in row.name,
            "loo only": screened and row.evidence == "leave-one-out",
        }.items()
        if applies
    ]


def _difference(row):
    if not np.isfinite(row.difference) or (row.difference == 0 and row.tied):
        return ""
    low, high = row.difference_interval
    return f"{row.difference:+.3f} [{low:+.3f}, {high:+.3f}]"


def _number(value, digits=3):
    return f"{value:.{digits}f}" if np.isfinite(value) else ""


def _seconds(value):
    if not np.isfinite(value):
        return ""
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _lines(row, widths):
    """Lay a row out; a long name goes on below."""
    names = wrap(row[1], widths[1], subsequent_indent="  ", break_on_hyphens=False) or [""]
    padded = [
        (cell.ljust if i in (1, 4, 7) else cell.rjust)(width)
        for i, (cell, width) in enumerate(zip((row[0], names[0], *row[2:]), widths, strict=True))
    ]
    rest = [" " * (widths[0] + 2) + name for name in names[1:]]
    return [line.rstrip() for line in ("  ".join(padded), *rest)]
