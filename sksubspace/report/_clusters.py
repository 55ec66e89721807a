"""`write_clusters`: a comparison of clusterings as one page, its tables and figures beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sksubspace._clustering_words import is_doubtful, notes_of, others_with_evidence
from sksubspace._files import replace_file
from sksubspace._spreadsheets import csv_of
from sksubspace._typing import ArrayLike, Names, PathLike
from sksubspace.metrics._halves import LEAST_EVIDENCE
from sksubspace.metrics._input import check_rows
from sksubspace.metrics._label_information import LEAST_AGREEMENT
from sksubspace.report._clusters_figures import clustering_pictures
from sksubspace.report._data import quiet
from sksubspace.report._rows import N_WORST
from sksubspace.report._text import (
    block,
    count,
    fixed,
    listed,
    percent,
    plain,
    plural,
    seconds,
    signed,
)
from sksubspace.report._write import place_of_page, replace_page, template

# of tied candidates that the headline names
_MOST_TIES = 4


def write_clusters(
    comparison: Any,
    path: PathLike,
    *,
    embedding: ArrayLike | None = None,
    ids: Names | None = None,
    data_name: str | None = None,
    command: str | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write a comparison of clusterings as one self-contained HTML page, with files beside it.

    The page says whether there are clusters, which clustering was chosen and what it is tied with,
    the curve over their number, each cluster with its rival and its stability, and the rows whose
    neighbours are elsewhere. It has no script and loads nothing.

    Parameters
    ----------
    comparison : ClusteringComparison
        What `compare_clusterings` returned.

    path : str or path-like
        The file to write, in a folder that exists. Files beside it have its name and an ending
        such as ``_rows.csv``; files of these names are replaced.

    embedding : array-like of shape (n_samples, 2) or None, default=None
        Places to draw the rows at, such as a map or two principal components; None draws no map.

    ids : sequence of str or None, default=None
        Names of the rows; None counts them.

    data_name : str or None, default=None
        What was clustered, for the title.

    command : str or None, default=None
        What was run, shown with the methods.

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

    ValueError
        If `embedding` has no two columns, or it or `ids` are of another number of rows.

    Examples
    --------
    >>> from sksubspace.report import write_clusters
    >>> write_clusters(comparison, "clusters.html", embedding=Z)  # doctest: +SKIP
    PosixPath('clusters.html')
    """
    path = place_of_page(path)
    embedding, ids = _beside_rows(comparison, embedding, ids)
    with quiet():
        pictures = clustering_pictures(comparison, embedding)
        files = {f"_{name}.svg": item.source for name, item in pictures.items()}
        tables = _page_tables(comparison, ids)
        files |= {f"_{name}.csv": csv_of(columns) for name, columns in tables.items()}
        names = [f"{path.stem}{end}" for end in files]
        given = {
            "data_name": plain(data_name or "the rows"),
            "command": command and block(command),
            "data_notes": [plain(note, 2000) for note in notes],
        }
        page = _render(comparison, pictures, ids, names, given)
    for end, content in files.items():
        content = content if isinstance(content, bytes) else content.encode("utf8")
        replace_file(path.with_name(f"{path.stem}{end}"), content)
    replace_page(path, page)
    return path


def _beside_rows(comparison, embedding, ids):
    n_samples = comparison.n_samples
    if embedding is not None:
        embedding = check_rows(embedding, "embedding")
        if embedding.shape != (n_samples, 2):
            raise ValueError(f"embedding must have shape ({n_samples}, 2), got {embedding.shape}.")
    ids = np.arange(n_samples).astype(str) if ids is None else np.asarray(ids, dtype=str)
    if ids.shape != (n_samples,):
        raise ValueError(f"ids must be {n_samples} names, one for each row, got {len(ids)}.")
    return embedding, ids


def _page_tables(comparison, ids):
    """The tables of the page as columns by name."""
    chosen = comparison.labels_[comparison.best_name_]
    others = {f"by {name}": labels for name, labels in comparison.labels_.items()}
    rows = {"id": ids, "cluster": chosen, "information": comparison.row_information_}
    rows |= {"agreement": comparison.row_agreement_} | others
    candidates = ("rank", "name", "excess", "metric", "difference", "standard_error", "tied",
                  "out_of_sample", "share", "entropy", "largest", "n_clusters", "r2",
                  "accuracy", "lost_to_groups", "seconds", "error")  # fmt: skip
    of_cluster = ("cluster", "n_samples", "stability", "rival", "rival_share", "disagreeing",
                  "information", "r2")  # fmt: skip
    tables = {
        "candidates": _columns(comparison.results, candidates),
        "clusters": _columns(comparison.clusters, of_cluster),
        "rows": rows,
    }
    if len(comparison.numbers) > 1:
        of_number = ("n_clusters", "name", "excess", "out_of_sample", "evidence",
                     "deviance_explained", "deviance_error", "deviance_seen")  # fmt: skip
        tables["numbers"] = _columns(comparison.numbers, of_number)
    return tables


def _columns(records, names):
    return {name: [getattr(one, name) for one in records] for name in names}


# ---- the page ------------------------------------------------------------------------------------


def _render(comparison, pictures, ids, files, given):
    context = {
        **given,
        "headline": _answer(comparison),
        "is_doubtful": is_doubtful(comparison),
        "size": plain(_what_was_clustered(comparison)),
        "chosen": plain(comparison.best_name_, 60),
        "candidates": [_candidate_row(row) for row in comparison.results],
        "shown": _columns_shown(comparison),
        "numbers": _number_rows(comparison),
        "has_counts": comparison.has_counts,
        "clusters": [_cluster_row(one) for one in comparison.clusters],
        "doubtful": _doubtful_rows(comparison, ids),
        "pictures": pictures,
        "notes": [plain(note, 600) for note in notes_of(comparison)],
        "methods": plain(comparison.methods_text(), 4000),
        "settings": [
            ("seed", plain(comparison.random_state)),
            ("halvings", plain(comparison.n_halvings)),
        ],
        "versions": [(plain(k), plain(v)) for k, v in comparison.versions.items()],
        "files": [plain(name) for name in files],
    }
    return template("clusters.html.jinja").render(context)


def _answer(comparison):
    chosen, ties = comparison.results[0], comparison.ties_[1:]
    if is_doubtful(comparison):
        k, others = comparison.n_clusters, others_with_evidence(comparison)
        if others and np.isfinite(comparison.evidence_):
            more = len(others) - _MOST_TIES
            names = [*others[:_MOST_TIES], *([f"{more} more"] if more > 0 else [])]
            return plain(
                f"Undecided: {chosen.name} into {k} clusters finds no more structure than one "
                f"Gaussian has, but there is more by {listed(names)} (X, out of sample).", 400,
            )  # fmt: skip
        said = (
            f"No more structure than one Gaussian has, at {k} clusters"
            if np.isfinite(comparison.evidence_)
            else "Evidence of clusters is not known"
        )
        return plain(f"{said}: the cuts below may be cuts through a single heap.", 400)
    tied = ""
    if ties:
        more = len(ties) - _MOST_TIES
        names = [*ties[:_MOST_TIES], *([f"{more} more"] if more > 0 else [])]
        tied = f" The data do not tell it from {listed(names)}."
    return plain(
        f"There are clusters. Rows and their neighbours agree most on {chosen.name} into "
        f"{comparison.n_clusters} clusters.{tied}", 400,
    )  # fmt: skip


def _what_was_clustered(comparison):
    size = f"{plural(comparison.n_samples, 'row')} of {plural(comparison.n_features, 'feature')}"
    groups = f" in {plural(comparison.n_groups, 'group')}" if comparison.n_groups else ""
    return (
        f"{size}{groups}, {plural(len(comparison.results), 'candidate')}; evidence X / √log K = "
        f"{fixed(comparison.evidence_, 2)} (one Gaussian: under {LEAST_EVIDENCE:g})."
    )


def _candidate_row(row):
    stable = [value for value in row.stability if np.isfinite(value)]
    return {
        "name": plain(row.name, 60),
        "look": "chosen" if row.selected else "control" if row.error else "",
        "tag": "chosen" if row.selected else "tied" if row.tied else "",
        "excess": fixed(row.excess),
        "difference": "" if row.selected else signed(row.difference),
        "standard_error": "" if row.selected else fixed(row.standard_error),
        "out_of_sample": fixed(row.out_of_sample),
        "share": percent(row.share, 0),
        "largest": percent(row.largest, 0),
        "n_clusters": count(row.n_clusters),
        "r2": fixed(row.r2, 2),
        "stable": fixed(min(stable), 2) if stable else fixed(np.nan),
        "lost": signed(row.lost_to_groups),
        "accuracy": fixed(row.accuracy, 2),
        "seconds": seconds(row.seconds),
        "error": plain(row.error, 300),
    }


def _columns_shown(comparison):
    return {
        "accuracy": any(np.isfinite(row.accuracy) for row in comparison.results),
        "lost": any(np.isfinite(row.lost_to_groups) for row in comparison.results),
    }


def _number_rows(comparison):
    if len(comparison.numbers) < 2:
        return []
    return [
        {
            "n_clusters": count(one.n_clusters),
            "look": "chosen" if one.n_clusters == comparison.n_clusters else "",
            "name": plain(one.name, 60),
            "excess": fixed(one.excess),
            "out_of_sample": fixed(one.out_of_sample),
            "spread": f"{fixed(min(one.halvings))} to {fixed(max(one.halvings))}",
            "evidence": fixed(one.evidence, 2),
            "unseen": fixed(one.deviance_explained, 4),
            "error": fixed(one.deviance_error, 4),
            "seen": fixed(one.deviance_seen, 4),
        }
        for one in comparison.numbers
    ]


def _cluster_row(one):
    return {
        "cluster": plain(one.cluster),
        "n_samples": count(one.n_samples),
        "stability": fixed(one.stability, 2),
        "rival": "" if one.rival < 0 else plain(one.rival),
        "rival_share": percent(one.rival_share, 0),
        "disagreeing": percent(one.disagreeing, 0),
        "information": fixed(one.information, 2),
        "r2": fixed(one.r2, 2),
    }


def _doubtful_rows(comparison, ids):
    """The rows whose neighbours are most of other clusters, those of least information first."""
    labels = comparison.labels_[comparison.best_name_]
    agreement, information = comparison.row_agreement_, comparison.row_information_
    rows = np.flatnonzero(agreement < LEAST_AGREEMENT)
    order = rows[np.lexsort((information[rows], agreement[rows]))]
    return {
        "n": count(len(rows)),
        "rows": [
            {
                "id": plain(ids[row], 60),
                "cluster": plain(labels[row]),
                "agreement": percent(agreement[row], 0),
                "information": fixed(information[row], 2),
            }
            for row in order[:N_WORST]
        ],
    }
