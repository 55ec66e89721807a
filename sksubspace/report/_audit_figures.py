"""The pictures of an audit: the map by group, and by mark."""

from sksubspace.inspection._drawing.style import OTHER_COLOR, literal
from sksubspace.report._figures import (
    MOST_NAMES,
    STYLE,
    WIDTH,
    figure_picture,
    legend_below,
    map_height,
    marks_picture,
    new_axes,
)
from sksubspace.report._text import plain

# of the sides of a picture with many names
_LARGER = 1.9


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

    n_groups = len(audit.reliability.group_names)
    factor = _LARGER if n_groups > MOST_NAMES else 1
    figure, ax = new_axes(factor * map_height(Z), width=factor * WIDTH)
    EmbeddingDisplay.from_predictions(
        Z, y=audit.reliability.group, y_kind="classes", max_classes=n_groups, ax=ax,
        names="map" if n_groups > MOST_NAMES else "auto",
        label_name=literal(audit.label_name), palette=_with_missing(audit.palette),
    )  # fmt: skip
    legend_below(figure, ax)
    text = f"The map, coloured by {plain(audit.label_name)}."
    return figure_picture(figure, text, text)


def _with_missing(palette):
    """Colours by name leave out rows without a label, whose group is called "missing"."""
    return {"missing": OTHER_COLOR} | dict(palette) if hasattr(palette, "items") else palette
