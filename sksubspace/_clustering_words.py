"""A comparison of clusterings as tables and in words."""

from html import escape
from textwrap import fill

import numpy as np

from sksubspace.metrics._halves import LEAST_EVIDENCE

# characters of a line, and of a name
_WIDTH, _WIDEST_NAME = 100, 20
# names that a sentence lists
_MOST_NAMES = 4


def text_page(comparison):
    """Lines of about 100 characters: question, tables, how to read them."""
    parts = [_question(comparison), "", *_aligned(_candidate_table(comparison)), ""]
    if len(comparison.numbers) > 1:
        parts += [*_aligned(_number_table(comparison)), ""]
    parts += [f"Clusters of {comparison.best_name_}", *_aligned(_cluster_table(comparison)), ""]
    parts += [fill(note, _WIDTH, subsequent_indent="    ") for note in notes_of(comparison)]
    return "\n".join(parts)


def html_page(comparison):
    """HTML tables with captions, and notes; every value is escaped."""
    tables = [_html_table(_question(comparison), _candidate_table(comparison))]
    if len(comparison.numbers) > 1:
        tables.append(_html_table("Numbers of clusters", _number_table(comparison)))
    name = f"Clusters of {comparison.best_name_}"
    tables.append(_html_table(name, _cluster_table(comparison)))
    notes = "".join(f"<p>{escape(note)}</p>" for note in notes_of(comparison))
    return f"<div>{''.join(tables)}{notes}</div>"


def is_doubtful(comparison):
    """Whether there is no more structure than one Gaussian has, or it is not known."""
    return not comparison.evidence_ >= LEAST_EVIDENCE


def others_with_evidence(comparison):  # -> list of str
    """Candidates besides the chosen one that find more than one Gaussian has, most first."""
    least = LEAST_EVIDENCE * np.sqrt(np.log(comparison.n_clusters))
    found = [row for row in comparison.results[1:] if row.out_of_sample >= least]
    return [row.name for row in sorted(found, key=lambda row: -row.out_of_sample)]


def doubt(comparison):  # -> str
    """Say of a doubtful comparison what speaks against clusters, and whether anything for them."""
    k, found = comparison.n_clusters, f"X / sqrt(log K) = {comparison.evidence_:.2f}"
    found += f", under {LEAST_EVIDENCE:g}"
    others = others_with_evidence(comparison)
    if others:
        more = f" and {len(others) - _MOST_NAMES} more" if len(others) > _MOST_NAMES else ""
        return (
            f"Undecided at K = {k}: {comparison.best_name_}, the chosen one, finds no more "
            f"structure than one Gaussian has ({found}), but there is more by "
            f"{', '.join(others[:_MOST_NAMES])}{more} (see X)."
        )
    alone = " No other K was tried." if len(comparison.numbers) == 1 else ""
    return (
        f"There is no more structure than one Gaussian has at K = {k} ({found}): K = 1 is an "
        f"answer.{alone}"
    )


# ---- tables --------------------------------------------------------------------------------------


def _candidate_table(comparison):  # -> list of tuple of str, the first of names
    rows = comparison.results
    columns = ("", "clustering", "E", "difference", "X", "share", "H", "largest", "K",
               "R2", "stable", "lost", "y", "s", "notes")  # fmt: skip
    hidden = {
        "lost": all(np.isnan(row.lost_to_groups) for row in rows),
        "y": all(np.isnan(row.accuracy) for row in rows),
    }
    kept = [name for name in columns if not hidden.get(name)]
    cells = [_cells(row) for row in rows]
    return [tuple(kept), *(tuple(one[name] for name in kept) for one in cells)]


def _cells(row):
    stable = f"{np.nanmin(row.stability):.2f}" if np.isfinite(row.stability).any() else ""
    difference = f"{row.difference:+.3f} ± {row.standard_error:.3f}" if row.difference else ""
    notes = "failed" if row.error else "chosen" if row.selected else "tie" if row.tied else ""
    return {
        "": str(row.rank),
        "clustering": " ".join(row.name.split())[:_WIDEST_NAME],
        "E": _decimal(row.excess),
        "difference": "" if row.error else difference,
        "X": _decimal(row.out_of_sample),
        "share": _decimal(row.share, 2),
        "H": _decimal(row.entropy, 2),
        "largest": _decimal(row.largest, 2),
        "K": str(row.n_clusters or ""),
        "R2": _decimal(row.r2, 2),
        "stable": stable,
        "lost": _decimal(row.lost_to_groups),
        "y": _decimal(row.accuracy),
        "s": _decimal(row.seconds, 1),
        "notes": notes,
    }


def _number_table(comparison):
    columns = ["K", "E", "X", "least", "most", "evidence", "clustering"]
    if comparison.has_counts:
        columns[5:5] = ["D2", "± s.e.", "D2 seen"]
    body = [
        {
            "K": str(row.n_clusters),
            "clustering": row.name,
            "E": _decimal(row.excess),
            "X": _decimal(row.out_of_sample),
            "least": _decimal(min(row.halvings, default=np.nan)),
            "most": _decimal(max(row.halvings, default=np.nan)),
            "evidence": _decimal(row.evidence, 2),
            "D2": _decimal(row.deviance_explained, 4),
            "± s.e.": _decimal(row.deviance_error, 4),
            "D2 seen": _decimal(row.deviance_seen, 4),
        }
        for row in comparison.numbers
    ]
    return [tuple(columns), *(tuple(one[name] for name in columns) for one in body)]


def _cluster_table(comparison):
    head = ("cluster", "rows", "stable", "rival", "neighbours there", "doubtful", "nats", "R2")
    body = [
        (str(one.cluster), f"{one.n_samples:,}", _decimal(one.stability, 2),
         "" if one.rival < 0 else str(one.rival), _decimal(one.rival_share, 2),
         _decimal(one.disagreeing, 2), _decimal(one.information, 2), _decimal(one.r2, 2))
        for one in comparison.clusters
    ]  # fmt: skip
    return [head, *body]


def _decimal(value, digits=3):
    return f"{value:.{digits}f}" if np.isfinite(value) else ""


def _aligned(table, left=("clustering", "notes")):
    """Columns of text, one under the other."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    sides = [str.ljust if name in left else str.rjust for name in table[0]]
    lines = [
        "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True))
        for row in table
    ]
    return [lines[0].rstrip(), "-" * max(map(len, lines)), *(line.rstrip() for line in lines[1:])]


def _html_table(caption, table):
    head, *body = table
    columns = "".join(f'<th scope="col">{escape(name or "#")}</th>' for name in head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


# ---- words ---------------------------------------------------------------------------------------


def _question(comparison):
    size = f"{comparison.n_samples:,} rows x {comparison.n_features:,} features"
    groups = f" in {comparison.n_groups:,} groups" if comparison.n_groups else ""
    return (
        f"Which clustering? {size}{groups}; K = {comparison.n_clusters}; {comparison.n_halvings} "
        f"halvings; seed {comparison.random_state}"
    )


def notes_of(comparison):
    """Say what there is evidence of, how the table is read, and what failed."""
    ties = comparison.ties_[1:]
    notes = [
        _verdict(comparison),
        "E: what labels say of those of neighbours beyond a Gaussian of the same covariance, fitted"
        " to all rows; difference: from the best, with its standard error.",
        f"Within one standard error of the best: {', '.join(ties) or 'none'}.",
        "X: the same between fits to halves of the rows, none of which has seen the other: the "
        "number to report. share: E over what can be reached. H: entropy of the labels. R2: of "
        "rows left out of the clusters' subspaces. stable: of the least stable cluster, its "
        "Jaccard index with a fit to a half.",
        "doubtful: share of the rows of whose neighbours less than half are in the cluster; nats: "
        "mean information of its rows.",
        _new_rows(comparison),
    ]
    if len(comparison.numbers) > 1:
        notes.insert(1, _of_the_number(comparison))
    if any(np.isfinite(row.accuracy) for row in comparison.results):
        notes.append("y: rows with the label of y under the best matching; shown, not used.")
    if comparison.n_groups:
        notes.append("lost: what E would be more if rows of a group could be neighbours.")
    return [*notes, *(f"{row.name} failed: {row.error}" for row in comparison.results if row.error)]


def _verdict(comparison):
    if np.isnan(comparison.evidence_):
        return "Evidence of clusters is not known: a half of the rows could not be clustered."
    if is_doubtful(comparison):
        return doubt(comparison)
    found = f"X / sqrt(log K) = {comparison.evidence_:.2f}"
    return f"There is more structure than one Gaussian has ({found}, from .1 on)."


def _of_the_number(comparison):
    k, numbers = comparison.n_clusters, comparison.numbers
    at_the_end = " It is the largest that was tried: try more." * (k == numbers[-1].n_clusters)
    if comparison.has_counts:
        return (
            f"K = {k} is the smallest number whose clusters explain counts that they have not seen "
            f"(D2) within one standard error of the best: an estimate.{at_the_end}"
        )
    return (
        f"The table is of K = {k}, where X is highest: a hint. X is often highest elsewhere than "
        f"at the number of kinds; look at the curve and its spread.{at_the_end}"
    )


def _new_rows(comparison):
    if comparison.best_estimator_.predicts_by_ == "estimator":
        return f"New rows: `predict` of {comparison.best_name_}."
    return f"New rows: {comparison.best_name_} has no `predict`; they get the nearest row's label."


def methods(comparison):
    """Say what was done, for the methods section of a paper."""
    chosen, versions = comparison.results[0], comparison.versions
    names = ", ".join(row.name for row in comparison.results)
    groups = (
        f" Rows of one of {comparison.n_groups:,} groups were no neighbours, and in one half."
        if comparison.n_groups
        else ""
    )
    number = f"{comparison.n_clusters} clusters were asked for."
    if len(comparison.numbers) > 1:
        tried = ", ".join(str(one.n_clusters) for one in comparison.numbers)
        number = f"Numbers of clusters: {tried}. {_of_the_number(comparison)}"
    return (
        f"{comparison.n_samples:,} rows of {comparison.n_features:,} features were clustered "
        f"without labels by {len(comparison.results)} methods ({names}). {number} Each clustering "
        "was scored by the mutual information between the label of a row and those of its ten "
        "nearest rows, over the root of the entropy of the labels, less that of a Gaussian of the "
        "same mean and covariance cut by k-means (E), in the better of two metrics: principal "
        f"components, and whitened ones of unit rows.{groups} {comparison.best_name_} had the "
        f"highest E, {chosen.excess:.3f}; {_tied_others(comparison)} within one "
        f"standard error of the difference. Between fits to random halves, {comparison.n_halvings} "
        f"times, the same information was X = {chosen.out_of_sample:.3f}. {_verdict(comparison)} "
        f"sksubspace {versions.get('sksubspace', '')}, scikit-learn "
        f"{versions.get('scikit-learn', '')}, seed {comparison.random_state}."
    )


def _tied_others(comparison):
    n_others = len(comparison.ties_) - 1
    return "1 other was" if n_others == 1 else f"{n_others} others were"
