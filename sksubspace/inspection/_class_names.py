"""Names of classes: on the map where they are right and fit, else in a legend."""

import numpy as np

from sksubspace.inspection._labels import place_labels
from sksubspace.inspection._style import CLASS_COLORS, literal, outside_legend
from sksubspace.neighbors import k_nearest

_NEIGHBORS = 15
_CLEAR = 0.6
_MOST_REFERENCE = 5_000
_LONGEST = 28


def name_classes(ax, Z, classes, scatters, where, title, glyphs):
    """Write the names of classes, and return the texts and the legend.

    Parameters
    ----------
    ax : Axes
        Holds the points.

    Z : ndarray of shape (n_samples, 2)
        The points.

    classes : Classes
        Their classes.

    scatters : list of PathCollection
        Handles of the legend; empty for a histogram.

    where : {"auto", "map", "legend"}
        Where to write.

    title : str or None
        What the classes are.

    glyphs : bool
        Whether the names are the markers, so that one without a place is no loss.

    Returns
    -------
    texts : list of Annotation
        Names on the map.

    legend : Legend or None
        Names beside it.
    """
    if where != "legend":
        sites = class_sites(Z, classes)
        usable = where == "map" or glyphs or not np.isnan(sites).any()
        texts = _write(ax, Z, classes, sites, where, glyphs) if usable else None
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


def _write(ax, Z, classes, sites, where, glyphs):
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

    return [Patch(color=CLASS_COLORS[code % 10]) for code in range(len(classes.names))]
