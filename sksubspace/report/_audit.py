"""`write_audit`: what may be read off a map, as one page, its tables and figures beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sksubspace._comparison import HELP
from sksubspace._files import replace_file
from sksubspace._spreadsheets import csv_of
from sksubspace._typing import PathLike
from sksubspace.inspection._drawing.labels import class_sites
from sksubspace.inspection._drawing.points import check_target
from sksubspace.report._audit_figures import audit_pictures
from sksubspace.report._data import quiet
from sksubspace.report._dots import MARK_COLORS, dots_shown, dots_svg
from sksubspace.report._rows import N_WORST, rows_by_mark
from sksubspace.report._text import block, count, fixed, p_value, percent, plain, plural, signed
from sksubspace.report._write import place_of_page, replace_page, template

_MARKS = ("misplaced", "torn", "merged")
_MEANINGS = {
    "ok": "stands better than at a chance place, near its neighbours",
    "misplaced": "suits its place no better than places drawn at random",
    "torn": "its neighbours in the data stand far apart on the map",
    "merged": "its neighbours on the map are far apart in the data",
}
_CONTROLS = {
    "permuted": "Permuted",
    "pca": "PCA",
    "dealt": "Islands dealt",
    "surrogate": "Gaussian data",
}


def write_audit(
    audit: Any,
    path: PathLike,
    *,
    command: str | None = None,
    comparison: str | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write an audit as one self-contained HTML page, its tables and figures as files beside it.

    The page holds the verdict, the readings beside their controls, the map with its marks, a map
    whose dots say who they are when they are pointed at, the readings by group, the worst rows,
    and a methods paragraph. It has no script and loads nothing.

    Parameters
    ----------
    audit : EmbeddingAudit
        What `audit_embedding` returned.

    path : str or path-like
        The file to write, in a folder that exists. Files beside it have its name and an ending
        such as ``_rows.csv`` or ``_marks.svg``; files of these names are replaced.

    command : str or None, default=None
        What was run, shown with the methods.

    comparison : str or None, default=None
        Name of a page beside it that compares this map with others, to link to.

    notes : sequence of str, default=()
        What is to be known of the data, such as what was filled in, shown with the methods.

    Returns
    -------
    path : Path
        The file written.

    Raises
    ------
    FileNotFoundError
        If the folder of ``path`` does not exist.

    ImportError
        If Jinja2 or matplotlib is not installed; ``pip install "sksubspace[cli]"`` brings both.

    Examples
    --------
    >>> from sksubspace.report import write_audit
    >>> write_audit(audit, "audit.html")  # doctest: +SKIP
    PosixPath('audit.html')
    """
    path = place_of_page(path)
    with quiet():
        pictures = audit_pictures(audit)
        files = {f"_{name}.svg": item.source for name, item in pictures.items()}
        files |= {f"_{name}.csv": csv_of(columns) for name, columns in _tables(audit).items()}
        names = [f"{path.stem}{end}" for end in files]
        given = {
            "command": command and block(command),
            "comparison": comparison,
            "data_notes": [plain(note, 2000) for note in notes],
        }
        page = render_audit(audit, pictures, names, given)
    for end, content in files.items():
        content = content if isinstance(content, bytes) else content.encode("utf8")
        replace_file(path.with_name(f"{path.stem}{end}"), content)
    replace_page(path, page)
    return path


def _tables(audit):
    """The tables of the page as columns by name."""
    readings = audit.panel.readings
    panel = {"reading": [one.name for one in readings], "map": [one.value for one in readings]}
    panel |= {
        "low": [one.interval[0] for one in readings],
        "high": [one.interval[1] for one in readings],
    }
    panel |= {name: [getattr(one, name) for one in readings] for name in _CONTROLS}
    verdict = {
        name: [getattr(one, name) for one in audit.verdict]
        for name in ("question", "answer", "evidence", "threshold")
    }
    tables = {"verdict": verdict, "panel": panel, "rows": audit.row_columns}
    if audit.panel.scores is not None:
        tables["groups"] = audit.group_columns
    return tables


# ---- the page ------------------------------------------------------------------------------------


def render_audit(audit, pictures, files, given):
    """Return the page; `files` are the names of those beside it, `given` what the caller says."""
    context = {
        "data_name": plain(audit.data_name),
        "label_name": plain(audit.label_name, 60),
        "size": plain(_size_in_words(audit), 400),
        "headline": _headline(audit),
        "verdict": [
            {
                "question": plain(one.question),
                "answer": plain(one.answer),
                "kind": _look_of(one.answer),
                "evidence": plain(one.evidence, 600),
                "threshold": plain(one.threshold),
            }
            for one in audit.verdict
        ],
        "panel": [_panel_row(one) for one in audit.panel.readings],
        "controls": _controls_shown(audit),
        "marks": _legend(audit),
        "pictures": list(pictures.values()),
        "dots": _dots(audit),
        "groups": _group_rows(audit),
        "worst": _worst(audit),
        "help": _help(audit),
        **_methods(audit),
        "settings": [
            (plain(k).replace("_", " "), plain(v, 300)) for k, v in audit.settings.items()
        ],
        "versions": [(plain(k), plain(v)) for k, v in audit.versions.items()],
        "files": [plain(name) for name in files],
        **given,
    }
    return template("audit.html.jinja").render(context)


def _size_in_words(audit):
    n_samples, n_components = audit.embedding.shape
    size = (
        f"{plural(n_samples, 'row')} on a map of {plural(n_components, 'dimension')}, held against "
        f"{audit.data_name} ({plural(audit.n_features, 'feature')})."
    )
    if not np.isfinite(audit.intrinsic_dimension):
        return size
    return (
        f"{size} The data vary in about {audit.intrinsic_dimension:.1f} dimensions, by their "
        "neighbours; it is a fact and chooses nothing."
    )


def _headline(audit):
    if audit.is_broken:
        return "The map is broken: it tells no more of the data than places dealt at random."
    said = {answer: [] for answer in ("yes", "in part", "torn", "NO")}
    for one in audit.verdict[1:]:
        said.get(one.answer, []).append(one.question)
    words = {"yes": "Yes", "in part": "In part", "torn": "Torn", "NO": "No"}
    parts = [f"{words[answer]}: {'; '.join(names)}." for answer, names in said.items() if names]
    marked = sum(int((audit.reliability.mark == name).sum()) for name in _MARKS)
    parts.append(f"{count(marked)} of {plural(len(audit.ids), 'dot')} deserve a look.")
    return plain(" ".join(parts), 400)


def _look_of(answer):
    return {"yes": "good", "NO": "bad", "BROKEN": "bad"}.get(answer, "")


def _panel_row(one):
    show = signed if one.name in ("beyond linear", "lost to groups") else fixed
    interval = ""
    if np.isfinite(one.interval).all():
        interval = f"{signed(one.interval[0])} to {signed(one.interval[1])}"
    return {
        "name": plain(one.name),
        "value": show(one.value),
        "interval": interval,
        "meaning": plain(one.meaning, 300),
        "controls": {name: show(getattr(one, name)) for name in _CONTROLS},
    }


def _controls_shown(audit):
    return [
        (name, title)
        for name, title in _CONTROLS.items()
        if any(np.isfinite(getattr(one, name)) for one in audit.panel.readings)
    ]


def _legend(audit):
    marks = audit.reliability.mark
    return [
        {
            "name": name,
            "color": color,
            "count": count((marks == name).sum()),
            "meaning": _MEANINGS[name],
        }
        for name, color in MARK_COLORS.items()
    ]


def _dots(audit):
    """The map whose dots have tips, and what is said beneath it."""
    marks = audit.reliability
    rows = dots_shown(marks.mark)
    Z = audit.embedding[:, :2]
    Z = np.column_stack([Z, np.zeros(len(Z))]) if Z.shape[1] == 1 else Z
    labels = None if marks.group is None else marks.group
    tips = [_tip(audit, row) for row in rows]
    svg = dots_svg(
        Z[rows], marks.mark[rows], tips, sites=_sites(Z[rows], labels, rows),
        title=f"The map with a mark for each of {len(rows)} dots",
    )  # fmt: skip
    n_drawn = int((marks.mark != "not drawn").sum())
    shown = f"All {count(n_drawn)} dots."
    if len(rows) < n_drawn:
        shown = (
            f"{count(len(rows))} of {count(n_drawn)} dots: those with a mark first, others drawn."
        )
    tip = f"Point at a dot for its name, {plain(audit.label_name)}, mark and p-value."
    return {"svg": svg, "caption": f"{shown} {tip}"}


def _tip(audit, row):
    marks = audit.reliability
    label = "" if marks.group is None else f" · {audit.label_name} {marks.group[row]}"
    return plain(
        f"{audit.ids[row]}{label} · {marks.mark[row]} · p {p_value(marks.p_value[row])}", 200
    )


def _sites(Z, labels, rows):
    """Names of the groups at the middle of their rows."""
    if labels is None:
        return []
    classes = check_target(labels[rows], len(rows), "classes", len(set(labels)))
    sites = class_sites(Z, classes)
    found = []
    for code, name in enumerate(classes.names):
        own = Z[classes.codes == code]
        place = sites[code] if np.isfinite(sites[code]).all() else np.median(own, axis=0)
        found.append((plain(name, 24), tuple(place)))
    return found


def _group_rows(audit):
    columns = audit.group_columns
    if audit.panel.scores is None:
        return []
    return [
        {
            "group": plain(columns["group"][k], 60),
            "n_samples": count(columns["n_samples"][k]),
            **{
                name: fixed(columns[name][k], 2)
                for name in ("within_r2", "neighbors_kept", "distance_rank")
            },
            **{name: percent(columns[name][k], 0) for name in _MARKS},
            "reason": plain(columns["reason"][k]),
        }
        for k in range(len(columns["group"]))
    ]


def _worst(audit):
    """The rows that deserve a look first: misplaced by p-value, then torn, then merged by size."""
    marks = audit.reliability
    order = [row for row in rows_by_mark(marks) if marks.mark[row] != "ok"]
    return [
        {
            "id": plain(audit.ids[row], 60),
            "label": "" if marks.group is None else plain(marks.group[row], 60),
            "mark": marks.mark[row],
            "p_value": p_value(marks.p_value[row]),
            "tear": fixed(marks.tear[row], 1),
            "overlap": fixed(marks.overlap[row], 2),
        }
        for row in order[:N_WORST]
    ]


def _methods(audit):
    *parts, references = audit.methods_text().split("\n\n")
    return {
        "methods": [plain(part, 4000) for part in parts],
        "references": [plain(line.removeprefix("- "), 400) for line in references.split("\n")[1:]],
    }


def _help(audit):
    deals = audit.settings["islands_dealt"]
    return [
        "A mark says “look here”, not “wrong”: a row that the data put between two groups is "
        "marked although nobody erred. And no mark is no licence: a row without stands better than "
        "at a chance place.",
        "Whole islands that change places raise no mark; the distances between groups, and the "
        "global share, are what sees them.",
        f"Continuous: {HELP['continuous']}.",
        "Permuted is the same map dealt to the rows at random. Islands dealt is the map whose "
        f"{audit.panel.n_islands} islands change places ({deals}): a number that it "
        "keeps says nothing of their arrangement.",
        "Scores are of rows left out of a map that was drawn with all rows in view, and a few "
        "hundredths too high.",
    ]
