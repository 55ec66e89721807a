"""Drawing of tuning curves."""

import numpy as np

from sksubspace.inspection._candidates import spread_ticks, suits_log
from sksubspace.inspection._style import CHOSEN, CLASS_COLORS, CLASS_MARKERS, SERIES_LINES, literal

_LINE_COLORS = ("#0072B2", "#D55E00", *CLASS_COLORS[2:])
_MARGIN = 0.06


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
    _scale(ax, values, [value for value, _ in chosen])
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


def _scale(ax, values, chosen):
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


def draw_band(ax, best, horizontal=True):
    """Shade what is within one standard error of the best."""
    if best is None or not np.isfinite(best.standard_error):
        return None
    span = ax.axhspan if horizontal else ax.axvspan
    low = best.score - best.standard_error
    label = "within one standard error\nof the best"
    return span(low, best.score, color="0.9", label=label, zorder=0)


def draw_reference(ax, pca):
    """Draw the score of PCA as a dotted line."""
    if pca is None:
        return None
    label = "PCA (chosen)" if pca.selected else "PCA"
    return ax.axhline(pca.score, color="0.3", linestyle=":", label=label)
