"""Drawing of a ranking: candidates by rank, with intervals."""

import numpy as np

from sksubspace.inspection._curves import draw_band, ring
from sksubspace.inspection._style import literal

_FAR = 1.5
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
    bars = [_draw_row(ax, height, result) for height, result in enumerate(ordered)]
    ax.set_yticks(heights, [_row_name(result) for result in ordered])
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
    return bars, _handles(ordered, band)


def _draw_row(ax, height, result):
    if not np.isfinite(result.score):
        return None
    control = result.role == "control"
    color = _CONTROL if control else "black"
    fill = color if control or result.tied else "white"
    error = result.standard_error if np.isfinite(result.standard_error) else 0.0
    return ax.errorbar(
        result.score, height, xerr=error, fmt="s" if control else "o", color=color,
        markerfacecolor=fill, capsize=3,
    )  # fmt: skip


def _row_name(result):
    suffix = " (leave-one-out)" if result.evidence == "leave-one-out" else ""
    return literal(result.name, 60) + suffix


def _number(result):
    if not np.isfinite(result.score):
        return "failed"
    error = f" ± {result.standard_error:.3f}" if np.isfinite(result.standard_error) else ""
    return f"{result.score:.3f}{error}"


def _handles(ordered, band):
    """Return the legend: only the kinds of rows that occur."""
    from matplotlib.lines import Line2D

    alive = [result for result in ordered if np.isfinite(result.score)]
    candidates = [result for result in alive if result.role == "candidate"]
    dot = {"color": "black", "marker": "o", "linestyle": ""}
    kinds = [
        (any(r.tied for r in candidates), dot, "not told apart from the best"),
        (any(not r.tied for r in candidates), dot | {"markerfacecolor": "white"}, "worse"),
        (len(alive) > len(candidates), dot | {"color": _CONTROL, "marker": "s"}, "control"),
        (any(r.selected for r in alive),
         dot | {"markersize": 12, "markerfacecolor": "none"}, "chosen"),
    ]  # fmt: skip
    handles = [Line2D([], [], label=label, **look) for present, look, label in kinds if present]
    return handles + ([band] if band is not None else [])
