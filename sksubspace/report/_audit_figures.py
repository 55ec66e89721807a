"""The pictures of an audit: the map by group, and by mark."""

import numpy as np

from sksubspace.inspection._drawing.style import dress_map, literal, point_style
from sksubspace.report._dots import MARK_COLORS
from sksubspace.report._figures import STYLE, figure_picture, legend_below, map_height, new_axes
from sksubspace.report._text import count, plain

# groups beyond this many are named on the map: a legend would be longer than it
_MOST_IN_LEGEND = 12
_MARKERS = {"ok": "o", "misplaced": "x", "torn": "^", "merged": "s"}


def audit_pictures(audit):
    """Draw an audited map by group, where there are any, and by mark; pictures by name."""
    from matplotlib import rc_context

    Z = audit.embedding[:, :2]
    pictures = {}
    with rc_context(STYLE):
        if audit.reliability.group is not None:
            pictures["map"] = _by_group(audit, Z)
        pictures["marks"] = _by_mark(audit, Z)
    return pictures


def _by_group(audit, Z):
    from sksubspace.inspection import EmbeddingDisplay

    figure, ax = new_axes(map_height(Z))
    n_groups = len(audit.reliability.group_names)
    EmbeddingDisplay.from_predictions(
        Z, y=audit.reliability.group, y_kind="classes", max_classes=n_groups, ax=ax,
        names="map" if n_groups > _MOST_IN_LEGEND else "auto",
        label_name=literal(audit.label_name),
    )  # fmt: skip
    legend_below(figure, ax)
    text = f"The map, coloured by {plain(audit.label_name)}."
    return figure_picture(figure, text, text)


def _by_mark(audit, Z):
    figure, ax = new_axes(map_height(Z))
    marks = audit.reliability.mark
    drawn = Z if Z.shape[1] == 2 else np.column_stack([Z, np.zeros(len(Z))])
    handles = []
    for name, marker in _MARKERS.items():
        rows = marks == name
        style = point_style(len(Z), ax)
        bold = {} if name == "ok" else {"s": 2.5 * style.pop("s"), "zorder": 3}
        handles.append(
            ax.scatter(
                *drawn[rows].T, marker=marker, label=f"{name} ({count(rows.sum())})",
                **{**style, **bold, "linewidths": 1.2 if name == "misplaced" else 0.3},
                **({"color": MARK_COLORS[name]}),
            )
        )  # fmt: skip
    dress_map(ax, ["component 1", "component 2"])
    ax.legend(handles=handles)
    legend_below(figure, ax)
    text = "The map with its marks; rows without one are grey."
    return figure_picture(figure, text, text)
