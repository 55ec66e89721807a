"""The pictures of an audit: the map by group, and by mark."""

from sksubspace.inspection._drawing.style import literal
from sksubspace.report._figures import (
    STYLE,
    figure_picture,
    legend_below,
    map_height,
    marks_picture,
    new_axes,
)
from sksubspace.report._text import plain

# groups beyond this many are named on the map: a legend would be longer than it
_MOST_IN_LEGEND = 12


def audit_pictures(audit):
    """Draw an audited map by group, where there are any, and by mark; pictures by name."""
    from matplotlib import rc_context

    Z = audit.embedding[:, :2]
    pictures = {}
    with rc_context(STYLE):
        if audit.reliability.group is not None:
            pictures["map"] = _by_group(audit, Z)
        pictures["marks"] = marks_picture(Z, audit.reliability)
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
