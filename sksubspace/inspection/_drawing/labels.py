"""Text that does not overlap, by the boxes that the renderer measures; names of classes."""

import numpy as np

from sksubspace.inspection._drawing.style import halo, literal, outside_legend
from sksubspace.neighbors import k_nearest

# where a text may stand, in points from its own: on rings, the nearest first
_RADII = (9, 14, 20, 28, 38, 50, 64, 80, 100)
_N_ANGLES = 12
# a name stands where its class has 60 % of the 15 points nearest to the place
_NEIGHBORS = 15
_CLEAR = 0.6
# points that are searched for these, as an even share of all
_MOST_REFERENCE = 5_000
# letters of a name in a legend
_LONGEST = 28


def settle_layout(ax):
    """Let the figure find its layout, so that boxes measured from here on stay true."""
    figure = ax.figure
    getattr(figure, "figure", figure).draw_without_rendering()


def place_labels(ax, anchors, texts, *, centered=False, all_or_none=False, fontsize=10):
    """Write texts, most important first, at or beside points (n, 2) of the map, without overlap.

    The limits of the axes are final. With `centered` a text may stand on its own point. Returns the
    annotations that found a free place; with `all_or_none` nothing is written, and None returned,
    if there is no room for one of them.
    """
    settle_layout(ax)
    inside, taken, annotations = ax.get_window_extent(), [], []
    offsets = _label_offsets(centered)
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


def _label_offsets(centered):  # -> (k, 2), in points
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


# ---- names of classes ----------------------------------------------------------------------------


def name_classes(ax, Z, classes, scatters, where, title, glyphs):
    """Write the names of classes on the map where they are clear, or in a legend.

    Returns the texts on the map, and the legend or None. `scatters` are handles of the legend,
    empty for a histogram; with `glyphs` the names are the markers, so that one without a place is
    no loss.
    """
    if where != "legend":
        sites = class_sites(Z, classes)
        usable = where == "map" or glyphs or not np.isnan(sites).any()
        texts = _write_names(ax, Z, classes, sites, where, glyphs) if usable else None
        if texts is not None:
            left_over = (classes.codes < 0).any() and scatters
            return texts, outside_legend(
                ax, scatters[:1], [classes.other_name]
            ) if left_over else None
    handles = scatters or _patches(classes)
    labels = [literal(name, _LONGEST) for name in classes.names]
    labels = [classes.other_name] * (len(handles) - len(labels)) + labels
    return [], outside_legend(ax, handles, labels, title, ncols=1 + (len(handles) > 24))


def class_sites(Z, classes):  # -> (n_classes, 2)
    """Return where each class is in a clear majority: at its median, or its densest point.

    NaN stands for a class that has no such place.
    """
    step = -(-len(Z) // _MOST_REFERENCE)
    reference, codes = Z[::step], classes.codes[::step]
    sites = np.full((len(classes.names), 2), np.nan)
    for code in range(len(classes.names)):
        own = Z[classes.codes == code]
        if len(own):
            places = np.vstack([np.median(own, axis=0), _densest(own)])
            good = _shares(places, reference, codes, code) >= _CLEAR
            sites[code] = places[good.argmax()] if good.any() else np.nan
    return sites


def _densest(points):  # (n, 2) -> (2,)
    """Return the point that has its neighbours nearest."""
    points = points[:: -(-len(points) // _MOST_REFERENCE)]
    if len(points) == 1:
        return points[0]
    squared, _ = k_nearest(points, points, min(_NEIGHBORS, len(points) - 1), exclude_self=True)
    return points[squared[:, -1].argmin()]


def _shares(places, Z, codes, code):  # (m, 2), (n, 2), (n,) -> (m,)
    """Return the share of a class among the points nearest to each place."""
    n_neighbors = int(np.clip((codes == code).sum(), 1, _NEIGHBORS))
    _, near = k_nearest(places, Z, n_neighbors)
    return (codes[near] == code).mean(axis=1)


def _write_names(ax, Z, classes, sites, where, glyphs):
    """Write the names at their sites; None if they must all fit and one does not."""
    names, clear = np.array(list(map(literal, classes.names))), ~np.isnan(sites).any(axis=1)
    if where == "map":
        for code in np.flatnonzero(~clear):
            own = Z[classes.codes == code]
            sites[code] = np.median(own if len(own) else Z, axis=0)
        clear[:] = True
    all_or_none = where == "auto" and not glyphs
    return place_labels(
        ax, sites[clear], names[clear], centered=True, all_or_none=all_or_none, fontsize=13
    )


def _patches(classes):
    """Return coloured squares for the legend of a histogram."""
    from matplotlib.patches import Patch

    return [Patch(color=color) for color in classes.colors]
