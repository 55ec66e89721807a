"""Drawing of scores: tuning curves, dots of single candidates, and the ranking."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sksubspace._comparison import in_order, interval_of, is_only_screened, level, tunable
from sksubspace.inspection._drawing.style import (
    CHOSEN,
    CLASS_COLORS,
    CLASS_MARKERS,
    SERIES_LINES,
    literal,
    literal_ends,
)

# of the lines of a panel; the first two are told apart by the colour-blind
_LINE_COLORS = ("#0072B2", "#D55E00", *CLASS_COLORS[2:])
# share of the range of values, or of scores, that is left free at each end
_MARGIN = 0.06
# values that span this factor are told apart only on a log scale
_LOG_FROM = 8.0
# distance of two tick labels, as a share of the axis, below which one is left out
_CLOSEST_TICKS = 0.07
# controls below the candidates by more than this share of their range stay outside of the ranking
_FAR = 0.6
# grey, so that candidates stand out
_CONTROL = "0.6"
_LONGEST_NAME = 44


@dataclass(frozen=True)
class Curve:
    """One line of a panel: candidates that differ in one number only, in ascending order."""

    label: str
    values: np.ndarray
    candidates: tuple


@dataclass(frozen=True)
class Panel:
    """A group of candidates with one numeric hyperparameter."""

    group: str
    parameter: str
    curves: tuple


def make_panels(rows):
    """Return a panel for each group with a varying number, and the candidates left over."""
    panels, singles = [], []
    for group, (members, parameter) in tunable(rows).items():
        if parameter is None:
            singles += members
        else:
            panels.append(Panel(group, parameter, make_curves(members, parameter)))
    return panels, singles


def make_curves(members, parameter):
    """Split a group into lines on which only one number varies."""
    settings = [{name: str(value) for name, value in one.params.items()} for one in members]
    names = {name: None for one in settings for name in one if name != parameter}
    varying = [name for name in names if len({one.get(name) for one in settings}) > 1]
    lines = defaultdict(list)
    for member, one in zip(members, settings, strict=True):
        label = ", ".join(f"{name}={one[name]}" for name in varying if name in one)
        lines[label].append(member)
    curves = []
    for label, line in lines.items():
        line = sorted(line, key=lambda member: member.params[parameter])
        values = np.array([member.params[parameter] for member in line], dtype=np.float64)
        curves.append(Curve(label, values, tuple(line)))
    return tuple(curves)


def reference_pca(results):
    """Return the PCA that serves as a reference line: the control, or the only PCA candidate."""
    found = [r for r in results if r.group.startswith("PCA") and np.isfinite(r.score)]
    controls = [result for result in found if result.role == "control"]
    found = controls or found
    return found[0] if len(found) == 1 else None


def suits_log(values):
    """Whether values are positive and span enough to be told apart only on a log scale."""
    return bool(values.min() > 0 and values.max() / values.min() >= _LOG_FROM)


def spread_ticks(values, log, kept=()):
    """Return the values whose labels have room side by side; those of `kept` come first."""
    values = np.unique(values)
    place = np.log(values) if log else values
    place = (place - place.min()) / (np.ptp(place) or 1.0)
    order = sorted(range(len(values)), key=lambda i: (values[i] not in kept, i))
    chosen = []
    for index in order:
        if all(abs(place[index] - place[other]) >= _CLOSEST_TICKS for other in chosen):
            chosen.append(index)
    return values[sorted(chosen)]


# ---- curves --------------------------------------------------------------------------------------


def draw_panel(ax, panel):
    """Draw the curves of a group, and return the ErrorbarContainer of each."""
    bars = []
    for index, curve in enumerate(panel.curves):
        bars += _draw_curve(ax, curve, index)
    values = np.concatenate([curve.values for curve in panel.curves])
    chosen = [
        (value, candidate.score)
        for curve in panel.curves
        for value, candidate in zip(curve.values, curve.candidates, strict=True)
        if candidate.selected
    ]
    _scale_axis(ax, values, [value for value, _ in chosen])
    title = "" if panel.group == panel.parameter else literal(panel.group)
    ax.set(xlabel=literal(panel.parameter), title=title)
    ring(ax, chosen)
    return bars


def _draw_curve(ax, curve, index):
    """Draw one line; where only some candidates were confirmed, also the screening."""
    held_out = [candidate.evidence == "held-out" for candidate in curve.candidates]
    look = {
        "color": _LINE_COLORS[index % len(_LINE_COLORS)],
        "marker": CLASS_MARKERS[index % len(CLASS_MARKERS)],
    }
    solid = look | {"linestyle": SERIES_LINES[index % len(SERIES_LINES)], "capsize": 4}
    label = literal(curve.label) or None
    bars = []
    mixed = any(held_out) and not all(held_out)
    if mixed:
        screened = [candidate.loo_score for candidate in curve.candidates]
        pale = look | {"linestyle": (0, (1, 2)), "markerfacecolor": "white"}
        ax.plot(curve.values, screened, label="screening (leave-one-out)", **pale)
    chosen = np.array(held_out) if mixed else np.full(len(held_out), True)
    scores = np.array([candidate.score for candidate in curve.candidates])
    errors = np.array([candidate.standard_error for candidate in curve.candidates])
    label = label or ("confirmed (held-out)" if mixed else None)
    errors = np.where(np.isfinite(errors), errors, 0.0)
    bars.append(
        ax.errorbar(curve.values[chosen], scores[chosen], errors[chosen], label=label, **solid)
    )
    return bars


def _scale_axis(ax, values, chosen):
    """Set the scale of x and its ticks: the values themselves."""
    log = suits_log(values)
    ax.set_xscale("log" if log else "linear")
    ticks = spread_ticks(values, log, kept=chosen)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    low, high = values.min(), values.max()
    if log:
        factor = (high / low) ** _MARGIN
        ax.set_xlim(low / factor, high * factor)
    else:
        pad = _MARGIN * (high - low)
        ax.set_xlim(low - pad, high + pad)


def draw_singles(ax, singles):
    """Draw candidates without a numeric hyperparameter as dots, side by side."""
    places = np.arange(len(singles))
    scores = [single.score for single in singles]
    errors = np.nan_to_num([single.standard_error for single in singles])
    bars = ax.errorbar(places, scores, errors, fmt="o", color="0.25", capsize=4)
    ax.set_xticks(places, [_wrap(single.name) for single in singles])
    ax.set_xlim(-0.6, len(singles) - 0.4)
    ax.set_title("without a number to tune" if len(singles) > 1 else literal(singles[0].group))
    ring(ax, [(i, single.score) for i, single in enumerate(singles) if single.selected])
    return [bars]


def _wrap(name):
    return literal(name, 24).replace(" (", "\n(")


def ring(ax, points):
    """Mark the chosen candidate."""
    if points:
        ax.scatter(*np.transpose(points), s=170, label="chosen", zorder=5, **CHOSEN)


def draw_band(ax, first, horizontal=True):
    """Shade one standard error below the best."""
    if first is None or not np.isfinite(first.standard_error):
        return None
    span = ax.axhspan if horizontal else ax.axvspan
    low = first.score - first.standard_error
    label = "one standard error\nof the best"
    return span(low, first.score, color="0.9", label=label, zorder=0)


def draw_reference(ax, pca):
    """Draw the score of PCA as a dotted line."""
    if pca is None:
        return None
    label = "PCA (chosen)" if pca.selected else "PCA"
    return ax.axhline(pca.score, color="0.3", linestyle=":", label=label)


# ---- the ranking ---------------------------------------------------------------------------------


def draw_ranking(ax, rows, first):
    """Draw a row for each candidate and control, best on top.

    A filled marker cannot be told from the best, an open one can; controls are grey squares, and
    scores of single splits small dots. `first` is the best of all, which gives the band. Returns
    the error bars in the order of the picture, None for a failed one, and artists for a legend.
    """
    ordered = in_order(rows)
    limits = score_limits(ordered)
    bars = [_draw_score(ax, height, one, limits) for height, one in enumerate(ordered)]
    ax.set_xlim(limits)
    _name_rows(ax, ordered)
    band = draw_band(ax, first, horizontal=False)
    ring(ax, [(one.score, height) for height, one in enumerate(ordered) if one.selected])
    for height, one in enumerate(ordered):
        ax.text(
            1.02, height, _score_text(one), transform=ax.get_yaxis_transform(), va="center",
            fontsize="small", family="monospace",
        )  # fmt: skip
    return bars, _handles(ordered, band, limits)


def draw_differences(ax, rows, comparison):
    """Draw the difference of each candidate from the best, with its interval."""
    ordered = [one for one in in_order(rows) if one.role == "candidate"]
    ax.axvline(0, color="0.4", linestyle=":", linewidth=1)
    for height, one in enumerate(ordered):
        low, high = interval_of(one) or (one.difference, one.difference)
        reach = [[max(0, one.difference - low)], [max(0, high - one.difference)]]
        _draw_row(ax, height, one, one.difference, reach)
    ring(ax, [(one.difference, height) for height, one in enumerate(ordered) if one.selected])
    _name_rows(ax, ordered)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel(f"difference from the best,\n{level(comparison)}")


def score_limits(rows):
    """Return the range of candidates and of near controls; controls far below are left outside."""
    alive = [one for one in rows if np.isfinite(one.score)]
    inner = [one for one in alive if one.role == "candidate" or one.group.startswith("PCA")]
    scores = np.array([one.score for one in inner or alive])
    errors = np.nan_to_num([one.standard_error for one in inner or alive])
    low, high = (scores - errors).min(), (scores + errors).max()
    near = [one.score for one in alive if one.score >= low - _FAR * (high - low)]
    low, high = min(low, *near, high), max(high, *near, low)
    pad = _MARGIN * (high - low) or 0.05
    return low - pad, high + pad


def _draw_score(ax, height, row, limits):
    if not np.isfinite(row.score):
        return None
    if row.score < limits[0]:
        color = _CONTROL if row.role == "control" else "black"
        return ax.errorbar(limits[0], height, fmt="<", color=color, markersize=8, clip_on=False)
    splits = row.split_scores
    ax.scatter(splits, [height] * len(splits), s=7, color="0.75", linewidths=0, zorder=1)
    return _draw_row(ax, height, row, row.score, np.nan_to_num(row.standard_error))


def _draw_row(ax, height, row, value, reach):
    control = row.role == "control"
    color = _CONTROL if control else "black"
    return ax.errorbar(
        value, height, xerr=reach, fmt="s" if control else "o", color=color, markersize=5,
        markerfacecolor=color if control or _is_close(row) else "white", capsize=3,
    )  # fmt: skip


def _name_rows(ax, rows):
    """Name the rows; those only screened say so, where others were scored on held-out rows."""
    screened = {True: " (leave-one-out)", False: ""}
    names = [
        literal_ends(one.name, _LONGEST_NAME) + screened[is_only_screened(one, rows)]
        for one in rows
    ]
    ax.set_yticks(np.arange(len(rows)), names)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="x", color="0.9", zorder=0)
    ax.set_axisbelow(True)


def _has_interval(row):
    return bool(np.isfinite(row.difference_interval).all())


def _is_close(row):
    """Whether a candidate cannot be told from the best; without intervals, is near enough."""
    return row.tied if _has_interval(row) else row.within_one_standard_error


def _score_text(row):
    if not np.isfinite(row.score):
        return "failed"
    known = np.isfinite(row.standard_error) and row.evidence != "definition"
    return f"{row.score:.3f}" + (f" ± {row.standard_error:.3f}" if known else "")


def _handles(ordered, band, limits):
    """Return the legend: only the kinds of rows that occur."""
    from matplotlib.lines import Line2D

    alive = [result for result in ordered if np.isfinite(result.score)]
    candidates = [result for result in alive if result.role == "candidate"]
    intervals = any(map(_has_interval, candidates))
    close = "not told apart from the best" if intervals else "within one standard error"
    dot = {"color": "black", "marker": "o", "linestyle": ""}
    kinds = [
        (any(map(_is_close, candidates)), dot, close),
        (not all(map(_is_close, candidates)), dot | {"markerfacecolor": "white"}, "worse"),
        (len(alive) > len(candidates), dot | {"color": _CONTROL, "marker": "s"}, "control"),
        (any(r.score < limits[0] for r in alive), dot | {"color": _CONTROL, "marker": "<"},
         "control off the scale"),
        (any(r.selected for r in alive),
         dot | {"markersize": 12, "markerfacecolor": "none"}, "chosen"),
    ]  # fmt: skip
    handles = [Line2D([], [], label=label, **look) for present, look, label in kinds if present]
    return handles + ([band] if band is not None else [])
