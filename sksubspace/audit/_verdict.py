"""The verdict in words: questions, answers and evidence, from numbers by stated thresholds."""

from dataclasses import dataclass

import numpy as np

from sksubspace.metrics._group_scores import MISSING
from sksubspace.metrics._panel import (
    ARRANGEMENT_LEVEL,
    BETWEEN_GROUPS,
    CONTINUOUS_SHARE,
    GLOBAL_SHARE,
    TORN_ROWS,
    has_arrangement,
    has_distances,
    is_one_picture,
)

# under this R2 of rows left out a map tells as much of the data as one dealt at random
BROKEN_BELOW = 0.05
# of the 15 neighbours, four in five are of the own cluster
SEPARATE_FROM = 0.8
# of the rows of a group that are marked, from which on it is named
MANY = 0.1
# R2 of rows against the mean of their own group
INSIDE_FROM = 0.25
# Jaccard index of neighbours: half of them are shared
SAME_FROM = 1 / 3
# names of groups that a line lists
_MOST_NAMES = 6


@dataclass(frozen=True)
class Finding:
    """One line of a verdict.

    Attributes
    ----------
    question : str
        What may be read off the map.

    answer : str
        "yes", "NO", or what may.

    evidence : str
        The numbers.

    threshold : str
        From where on the answer is what it is; empty where it is a number alone.
    """

    question: str
    answer: str
    evidence: str
    threshold: str = ""


def verdict_of(panel, reliability, q):  # -> tuple of Finding
    """Answer the questions that the numbers answer."""
    broken = is_broken(panel, reliability)
    found = [
        _tells(panel, reliability, broken),
        _neighbourhoods(panel, reliability, broken),
        _arrangement(panel, broken),
    ]
    if panel.scores is not None:
        found += [
            _separate(panel, reliability, broken),
            _distances(panel, broken),
            _inside(panel.scores, broken),
        ]
    found += [_misplaced(reliability, q), _more_than_pca(panel), *_of_the_counts(panel)]
    if panel.loss is not None:
        found.append(_new_groups(panel.loss))
    if panel.stability is not None:
        found += [_seeds(panel.stability), *_others(panel.others)]
    return tuple(found)


def is_broken(panel, reliability):
    """Whether a map says nothing: neither its R2, nor any row worth the name stands by reason."""
    return panel["local"].value < BROKEN_BELOW and not _has_many_reliable(reliability)


def _has_many_reliable(reliability):
    drawn = reliability.mark != "not drawn"
    return bool(reliability.reliable[drawn].mean() >= MANY)


def _tells(panel, reliability, broken):
    local = panel["local"]
    drawn = reliability.mark != "not drawn"
    n_reliable, n_drawn = int(reliability.reliable.sum()), int(drawn.sum())
    order = "; are its rows in the order of the data?" if broken else ""
    whole = local.value >= BROKEN_BELOW and _has_many_reliable(reliability)
    return Finding(
        "does it show the data?",
        "BROKEN" if broken else "yes" if whole else "in part",
        f"R2 {short(local.value)} (permuted {short(local.permuted)}, PCA {short(local.pca)}); "
        f"{n_reliable:,} of {n_drawn:,} dots better than by chance{order}",
        f"yes from {short(BROKEN_BELOW)} and {MANY:.0%} of the dots, broken under both",
    )


def _neighbourhoods(panel, reliability, broken):
    continuous, kept = panel["continuous"].value, panel["neighbours kept"]
    evidence = f"{short(continuous)} of R2 at mean places"
    if np.isfinite(kept.value):
        evidence += f"; {short(kept.value)} of 15 neighbours kept (PCA {short(kept.pca)})"
    torn = float(reliability.torn[reliability.mark != "not drawn"].mean())
    whole = is_one_picture(continuous, torn)
    answer = "NO" if broken or np.isnan(continuous) else "yes" if whole else "torn"
    return Finding(
        "neighbourhoods",
        answer,
        f"{evidence}; {torn:.0%} torn",
        f"torn under {short(CONTINUOUS_SHARE)} or from {TORN_ROWS:.0%}",
    )


def _arrangement(panel, broken):
    share = panel["global share"]
    fine = has_arrangement(share.value, panel.p_value) and not broken
    return Finding(
        "where islands lie",
        "yes" if fine else "NO",
        f"global share {short(share.value)} (islands dealt {short(share.dealt)}; p "
        f"{panel.p_value:.3f})",
        f"yes from {short(GLOBAL_SHARE)} and p to {short(ARRANGEMENT_LEVEL)}",
    )


def _separate(panel, reliability, broken):
    own, marks = panel.own_group, reliability
    merged = {name: _share_among(marks.merged, marks.group == name) for name in own}
    apart = [name for name in own if min(own[name]) >= SEPARATE_FROM and merged[name] < MANY]
    others = [name for name in own if name not in apart]
    sizes = [float((marks.group == name).sum()) for name in own]
    means = np.average([*own.values()], axis=0, weights=sizes) if own else (np.nan, np.nan)
    several = "yes" if not others else "in part" if apart else "NO"
    return Finding(
        "clusters are separate",
        "unknown" if len(own) < 2 else "NO" if broken else several,
        f"{short(means[0])} of neighbours on the map are of the own cluster, {short(means[1])} in "
        f"the data{f'; not {named_in_words(others)}' if others else ''}",
        f"yes from {short(SEPARATE_FROM)} in both, under {MANY:.0%} merged",
    )


def _distances(panel, broken):
    between = panel["between groups"]
    scores = panel.scores
    known = np.isfinite(scores.distance_rank)
    low = [
        name
        for name, value, is_known in zip(scores.names, scores.distance_rank, known, strict=True)
        if is_known and not has_distances(value)
    ]
    if np.isnan(between.value):
        n_named = sum(name != MISSING for name in scores.names)
        return Finding(
            "distances between clusters", "unknown",
            f"{n_named} group{'s' * (n_named != 1)}: three are needed",
        )  # fmt: skip
    fine = has_distances(between.value) and not broken
    where = f"; not from {named_in_words(low)}" if low and fine else ""
    return Finding(
        "distances between clusters",
        "yes" if fine and not low else "in part" if fine else "NO",
        f"Spearman {short(between.value)} with the data (islands dealt {short(between.dealt)})"
        f"{where}",
        f"yes from {short(BETWEEN_GROUPS)}",
    )


def _inside(scores, broken):
    values = dict(zip(scores.names, scores.within_r2, strict=True))
    known = {name: r2 for name, r2 in values.items() if np.isfinite(r2) and name != MISSING}
    good = sorted((n for n in known if known[n] >= INSIDE_FROM), key=known.get, reverse=True)
    bad = sorted((n for n in known if known[n] < INSIDE_FROM), key=known.get, reverse=True)
    answer = "yes" if good and not bad else "in part" if good else "NO" if known else "unknown"
    parts = []
    if good:
        parts.append(_with_values(good, known))
    if bad:
        parts.append(f"not {_with_values(bad, known)}")
    return Finding(
        "structure inside clusters", "NO" if broken else answer,
        "R2 within: " + "; ".join(parts) if parts else "no group has rows to compare",
        f"yes from {short(INSIDE_FROM)}",
    )  # fmt: skip


def _misplaced(reliability, q):
    drawn = reliability.mark != "not drawn"
    n_drawn = int(drawn.sum())
    counts = {mark: int((reliability.mark == mark).sum()) for mark in ("misplaced", "torn")}
    n_merged = int((reliability.mark == "merged").sum())
    where = ""
    if reliability.group is not None and counts["misplaced"]:
        rows = reliability.group[reliability.mark == "misplaced"]
        names, sizes = np.unique(rows, return_counts=True)
        first = np.argsort(-sizes, kind="stable")[:2]
        where = f"; {int(sizes[first].sum()):,} of them in {named_in_words(names[first])}"
    return Finding(
        "dots misplaced",
        f"{counts['misplaced']:,} of {n_drawn:,}",
        f"no better there than at chance places{where}; false-discovery rate of the others "
        f"{q:.0%}; torn {counts['torn']:,}, merged {n_merged:,}",
    )


def _more_than_pca(panel):
    gain = panel["beyond linear"]
    low, high = gain.interval
    answer = "yes" if low > 0 else "NO" if high < 0 else "not clear"
    control = "" if np.isnan(gain.surrogate) else f"; on Gaussian data {with_sign(gain.surrogate)}"
    return Finding(
        "more than PCA shows",
        answer,
        f"R2 {with_sign(gain.value)} [{with_sign(low)}, {with_sign(high)}]{control}",
        "yes: interval above 0",
    )


def _of_the_counts(panel):
    """By halves of the counts where there is a teacher to draw a map of one half alone."""
    whole, halves = panel["counts"], panel["halves of the counts"]
    is_honest = np.isfinite(halves.value)
    reading = halves if is_honest else whole
    if np.isnan(reading.value):
        return
    yield Finding(
        "more than PCA of the counts",
        "yes" if reading.value > reading.pca else "NO",
        f"deviance explained {short(reading.value)} (permuted {short(reading.permuted)}, PCA "
        f"{short(reading.pca)})"
        + (f"; the map as drawn, of all counts {short(whole.value)}" if is_honest else ""),
        "of one half of the counts, by a map of the other"
        if is_honest
        else "optimistic where the map was drawn from these counts; give the teacher",
    )


def _new_groups(loss):
    held = loss.lost <= 0.5 * max(loss.row_r2, 0)
    return Finding(
        "new groups",
        "yes" if held and loss.r2 > BROKEN_BELOW else "NO",
        f"R2 {short(loss.r2)} without the group, {short(loss.row_r2)} without the row alone; "
        f"{loss.n_groups:,} groups",
        "yes if half is kept",
    )


def _seeds(stability):
    has_seeds = np.isfinite(stability.seeds).any()
    kept = stability.seeds if has_seeds else stability.subsamples
    mean = float(np.nanmean(kept))
    what = "seeds" if has_seeds else "parts of the rows"
    evidence = f"{short(mean)} of neighbours shared by two of {stability.n_maps} {what}"
    if stability.group is not None:
        means = {
            name: float(np.nanmean(kept[rows]))
            for name in stability.names
            if np.isfinite(kept[rows := stability.group == name]).any()
        }
        lowest = min(means, key=means.get)
        evidence += f" ({lowest} {short(means[lowest])})"
        low, high = stability.between
        if np.isfinite(low):
            evidence += f"; distances between clusters agree {short(low)} to {short(high)}"
    answer = "yes" if mean >= SAME_FROM else "NO"
    return Finding("the same on another seed", answer, evidence, f"yes from {short(SAME_FROM)}")


def _others(others):
    if not others:
        return
    better = [name for name, _, (low, _) in others if low > 0]
    evidence = "; ".join(
        f"{name} {with_sign(gain)} [{with_sign(low)}, {with_sign(high)}]"
        for name, gain, (low, high) in others
    )
    answer = f"try {better[0]}" if better else "no clear gain"
    yield Finding("another setting?", answer, f"R2 {evidence}", "a gain above 0")


# ---- words ---------------------------------------------------------------------------------------


def short(value):
    """Two decimals without the zero before the point; a dash for NaN."""
    if not np.isfinite(value):
        return "-"
    text = f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
    return text.removeprefix("-") if float(text) == 0 else text


def with_sign(value):
    """Three decimals with a sign."""
    return "-" if not np.isfinite(value) else f"{value:+.3f}".replace("0.", ".", 1)


def named_in_words(names):
    """Join names as in a sentence, the first few of them."""
    names = [str(name) for name in names]
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _with_values(names, values):
    shown = ", ".join(short(values[name]) for name in names[:_MOST_NAMES])
    return f"{named_in_words(names)} ({shown})"


def _share_among(flags, rows):
    return float(flags[rows].mean()) if rows.any() else 0.0
