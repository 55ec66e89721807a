"""Text that does not overlap: greedy placement by the boxes that the renderer measures."""

import numpy as np

from sksubspace.inspection._style import halo

_RADII = (9, 14, 20, 28, 38, 50, 64, 80, 100)
_N_ANGLES = 12


def settle_layout(ax):
    """Let the figure find its layout, so that boxes measured from here on stay true."""
    figure = ax.figure
    getattr(figure, "figure", figure).draw_without_rendering()


def place_labels(ax, anchors, texts, *, colors=None, centered=False, fontsize=10, weight="bold"):
    """Write texts at or beside points of the map, without overlap.

    Parameters
    ----------
    ax : Axes
        Where to write; its limits are final.

    anchors : array of shape (n, 2)
        Points in data units.

    texts : sequence of str
        What to write, most important first.

    colors : sequence of color, default=None
        One for each text; black by default.

    centered : bool, default=False
        Whether a text may stand on its own point.

    fontsize, weight : float, str
        Of the text.

    Returns
    -------
    annotations : list of Annotation or None
        One for each text; None for a text that found no free place.
    """
    settle_layout(ax)
    colors = ["black"] * len(texts) if colors is None else colors
    inside, taken, annotations = ax.get_window_extent(), [], []
    offsets = _offsets(centered)
    for anchor, text, color in zip(anchors, texts, colors, strict=True):
        annotation = ax.annotate(
            text, anchor, (0, 0), textcoords="offset points", ha="center", va="center",
            color=color, fontsize=fontsize, weight=weight, path_effects=halo(), zorder=5,
        )  # fmt: skip
        offset = _free_offset(annotation, offsets, inside, taken)
        if offset is None:
            annotation.remove()
        annotations.append(None if offset is None else annotation)
    _draw_leaders(ax, anchors, annotations)
    return annotations


def overlaps(box, boxes):
    """Whether a box overlaps any of the others."""
    return any(box.overlaps(other) for other in boxes)


def _offsets(centered):  # -> (k, 2), in points
    angles = np.pi / 2 - 2 * np.pi * np.arange(_N_ANGLES) / _N_ANGLES
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    rings = np.vstack([radius * ring for radius in _RADII])
    return np.vstack([np.zeros((int(centered), 2)), rings])


def _free_offset(annotation, offsets, inside, taken):
    """Move a text to the first place that is inside the axes and free, and book it."""
    for offset in offsets:
        annotation.set_position(tuple(offset))
        box = annotation.get_window_extent().padded(1.5)
        within = inside.x0 <= box.x0 and box.x1 <= inside.x1
        within = within and inside.y0 <= box.y0 and box.y1 <= inside.y1
        if within and not overlaps(box, taken):
            taken.append(box)
            return offset
    return None


def _draw_leaders(ax, anchors, annotations):
    """Draw a thin line from each moved text to its point."""
    for anchor, annotation in zip(anchors, annotations, strict=True):
        if annotation is None or not np.any(annotation.get_position()):
            continue
        ax.annotate(
            "", anchor, annotation.get_position(), textcoords="offset points", zorder=4,
            arrowprops={"arrowstyle": "-", "linewidth": 0.8, "color": "0.2", "shrinkA": 3,
                        "shrinkB": 0},
        )  # fmt: skip
