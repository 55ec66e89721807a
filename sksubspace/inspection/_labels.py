"""Text that does not overlap: greedy placement by the boxes that the renderer measures."""

import numpy as np

from sksubspace.inspection._style import halo

_RADII = (9, 14, 20, 28, 38, 50, 64, 80, 100)
_N_ANGLES = 12


def settle_layout(ax):
    """Let the figure find its layout, so that boxes measured from here on stay true."""
    figure = ax.figure
    getattr(figure, "figure", figure).draw_without_rendering()


def place_labels(ax, anchors, texts, *, centered=False, all_or_none=False, fontsize=10):
    """Write texts at or beside points of the map, without overlap.

    Parameters
    ----------
    ax : Axes
        Where to write; its limits are final.

    anchors : array of shape (n, 2)
        Points in data units.

    texts : sequence of str
        What to write, most important first.

    centered : bool, default=False
        Whether a text may stand on its own point.

    all_or_none : bool, default=False
        Whether to write nothing, if there is no room for one of them.

    fontsize : float, default=10
        In points.

    Returns
    -------
    annotations : list of Annotation
        Those that found a free place; None if not all of them did, with `all_or_none`.
    """
    settle_layout(ax)
    inside, taken, annotations = ax.get_window_extent(), [], []
    offsets = _offsets(centered)
    for anchor, text in zip(anchors, texts, strict=True):
        annotation = ax.annotate(
            text, anchor, (0, 0), textcoords="offset points", ha="center", va="center",
            fontsize=fontsize, weight="bold", path_effects=halo(), zorder=5,
        )  # fmt: skip
        if _free_offset(annotation, offsets, inside, taken) is not None:
            annotations.append(annotation)
            continue
        annotation.remove()
        if all_or_none:
            for written in annotations:
                written.remove()
            return None
    _draw_leaders(ax, annotations)
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
    at_anchor = annotation.get_window_extent().padded(1.5)
    pixels = annotation.figure.dpi / 72
    for offset in offsets:
        box = at_anchor.translated(*(pixels * offset))
        within = inside.x0 <= box.x0 and box.x1 <= inside.x1
        within = within and inside.y0 <= box.y0 and box.y1 <= inside.y1
        if within and not overlaps(box, taken):
            annotation.set_position(tuple(offset))
            taken.append(box)
            return offset
    return None


def _draw_leaders(ax, annotations):
    """Draw a thin line from each moved text to its point."""
    look = {"arrowstyle": "-", "linewidth": 0.8, "color": "0.2", "shrinkA": 3, "shrinkB": 0}
    for annotation in annotations:
        offset = annotation.get_position()
        if np.any(offset):
            ax.annotate(
                "", annotation.xy, offset, textcoords="offset points", zorder=4, arrowprops=look
            )


def ticks_overlap(ax):
    """Whether labels of x ticks touch each other."""
    boxes = [text.get_window_extent().padded(2) for text in ax.get_xticklabels()]
    return any(overlaps(box, boxes[:index]) for index, box in enumerate(boxes))


def drop_overlapping_ticks(ax, kept=()):
    """Leave out labels of x ticks that would touch; those of `kept` stay, where they can."""
    ticks, labels = ax.get_xticks(), [text.get_text() for text in ax.get_xticklabels()]
    boxes = [text.get_window_extent().padded(2) for text in ax.get_xticklabels()]
    taken = []
    for index in sorted(range(len(ticks)), key=lambda i: (ticks[i] not in kept, i)):
        if overlaps(boxes[index], taken):
            labels[index] = ""
        else:
            taken.append(boxes[index])
    ax.set_xticks(ticks, labels)
