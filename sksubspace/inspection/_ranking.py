"""Drawing of a ranking: candidates by rank, with intervals."""

import numpy as np

from sksubspace.inspection._curves import draw_band, ring
from sksubspace.inspection._style import literal

_FAR = 0.6
_PAD = 0.06
_CONTROL = "0.6"


def in_order(results):
    """Return results best first; failed ones last."""
    return sorted(
        results,
        key=lambda r: (not np.isfinite(r.score), r.rank or np.inf, -np.nan_to_num(r.score)),
    )


def draw_ranking(ax, results, best):
    """Draw a row for each result, best on top, and return the ErrorbarContainer of each.

    A filled marker cannot be told from the best, an open one can; controls are grey squares.
    """
    ordered = in_order(results)
    heights = np.arange(len(ordered))
    limits = score_limits(ordered)
    bars = [_draw_row(ax, height, one, limits) for height, one in enumerate(ordered)]
    ax.set_xlim(limits)
    ax.set_yticks(heights, _row_names(ordered))
    ax.set_ylim(len(ordered) - 0.4, -0.6)
    band = draw_band(ax, best, horizontal=False)
    ring(ax, [(r.score, height) for height, r in enumerate(ordered) if r.selected])
    for height, result in enumerate(ordered):
        ax.text(
            1.02, height, _number(result), transform=ax.get_yaxis_transform(), va="center",
            fontsize="small", family="monospace",
        )  # fmt: skip
    ax.grid(axis="x", color="0.9", zorder=0)
    ax.set_axisbelow(True)
    return bars, _handles(ordered, band, limits)


def score_limits(results):
    """Return the range of candidates and of near controls; controls far below are left outside."""
    alive = [result for result in results if np.isfinite(result.score)]
    inner = [one for one in alive if one.role == "candidate" or one.group.startswith("PCA")]
    scores = np.array([one.score for one in inner or alive])
    errors = np.nan_to_num([one.standard_error for one in inner or alive])
    low, high = (scores - errors).min(), (scores + errors).max()
    near = [one.score for one in alive if one.score >= low - _FAR * (high - low)]
    low, high = min(low, *near, high), max(high, *near, low)
    pad = _PAD * (high - low) or 0.05
    return low - pad, high + pad


def _draw_row(ax, height, result, limits):
    if not np.isfinite(result.score):
        return None
    control = result.role == "control"
    color = _CONTROL if control else "black"
    fill = color if control or _is_close(result) else "white"
    if result.score < limits[0]:
        return ax.errorbar(limits[0], height, fmt="<", color=color, markersize=8, clip_on=False)
    error = result.standard_error if np.isfinite(result.standard_error) else 0.0
    return ax.errorbar(
        result.score, height, xerr=error, fmt="s" if control else "o", color=color, markersize=5,
        markerfacecolor=fill, capsize=3,
    )  # fmt: skip


def _has_interval(result):
    return bool(np.isfinite(result.difference_interval).all())


def _is_close(result):
    """Whether a candidate cannot be told from the best; without intervals, is near enough."""
    return result.tied if _has_interval(result) else result.within_one_standard_error


def _row_names(results):
    """Return the names; those only screened say so, where others were scored on held-out rows."""
    mixed = any(result.evidence == "held-out" for result in results)
    return [
        literal(result.name, 44)
        + (" (leave-one-out)" if mixed and result.evidence == "leave-one-out" else "")
        for result in results
    ]


def _number(result):
    if not np.isfinite(result.score):
        return "failed"
    known = np.isfinite(result.standard_error) and result.evidence != "definition"
    return f"{result.score:.3f}" + (f" ± {result.standard_error:.3f}" if known else "")


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
