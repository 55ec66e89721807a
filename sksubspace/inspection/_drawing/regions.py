"""Regions of the map where distortion is high: local means, and their outline."""

import numpy as np
from scipy.ndimage import gaussian_filter, label

from sksubspace.inspection._drawing.style import halo

# cells of the grid along each axis, and the margin around the map as a share of it
_CELLS = 320
_MARGIN = 0.04
# cells from the nearest row within which a place belongs to the map
_REACH = 4.0
# cells by which the outline is smoothed
_BLUR = 2.0
# a region of fewer rows is about those rows, not about a place
_FEWEST_ROWS = 5
# rows whose usual distance to their neighbours is measured
_MOST_SAMPLED = 2_000


def local_means(places, tree, values, n_neighbors):  # (m, q), tree of (n, q), (n,) -> (m,)
    """Average values over the rows of the tree that are nearest to each place."""
    _, near = tree.query(places, k=np.arange(1, min(n_neighbors, tree.n) + 1))
    return values[np.sort(near, axis=1)].mean(axis=1)


def draw_regions(ax, tree, values, n_neighbors, threshold):
    """Outline where the local mean over the rows of the tree reaches the threshold.

    Returns a black line with a white rim; grey spans for a map of one coordinate; None where the
    local mean is high about a few single rows only.
    """
    Z = tree.data
    axes = [_axis(column) for column in Z.T]
    grid = np.stack(np.meshgrid(*axes), axis=-1)
    field = _local_field(grid.reshape(-1, Z.shape[1]), tree, values, n_neighbors)
    if Z.shape[1] == 1:
        starts, ends = _spans(axes[0], field >= threshold)
        return [
            ax.axvspan(*span, color="0.88", zorder=0) for span in zip(starts, ends, strict=True)
        ]
    field = gaussian_filter(field.reshape(grid.shape[:2]), _BLUR)
    field = _without_specks(field, axes, Z, threshold)
    if not (field >= threshold).any():
        return None
    contour = ax.contour(*axes, field, levels=[threshold], colors="black", linewidths=1.3)
    contour.set_path_effects(halo())
    return contour


def _without_specks(field, axes, Z, threshold):
    """Level the field where it is high, or low amid high, about a few single rows only."""
    cells = tuple(
        np.rint((column - axis[0]) / (axis[1] - axis[0])).astype(int)
        for axis, column in zip(axes, Z.T, strict=True)
    )[::-1]
    low, high = field.min(), field.max()
    field = np.where(_specks(field >= threshold, cells), low, field)
    below = field < threshold
    return np.where(_specks(below, cells) & ~_outside(below), high, field)


def _specks(mask, cells):
    """Mark the connected parts of a mask that hold few rows."""
    parts, n_parts = label(mask)
    counts = np.bincount(parts[cells], minlength=n_parts + 1)
    return mask & (counts < _FEWEST_ROWS)[parts]


def _outside(mask):
    """Mark the part of a mask that holds the margin of the grid."""
    parts, _ = label(mask)
    return parts == parts[0, 0]


def _axis(column):
    low, high = column.min(), column.max()
    margin = _MARGIN * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, _CELLS)


def _local_field(places, tree, values, n_neighbors):
    """Local means on a grid; the smallest value where there are no rows about."""
    sample = tree.data[:: -(-tree.n // _MOST_SAMPLED)]
    spacing = np.median(tree.query(sample, k=[min(n_neighbors, tree.n)])[0])
    nearest = tree.query(places)[0]
    field = np.full(len(places), values.min())
    about = nearest <= max(spacing, _REACH * _cell(places)) if spacing > 0 else nearest >= 0
    field[about] = local_means(places[about], tree, values, n_neighbors)
    return field


def _cell(places):
    """Half the diagonal of a cell, over the reach: the least distance that fills the outline."""
    return np.ptp(places, axis=0).max() / _CELLS / _REACH


def _spans(axis, above):
    """Return where runs of True begin and end."""
    edges = np.diff(np.concatenate([[False], above, [False]]).astype(int))
    return axis[np.flatnonzero(edges == 1)], axis[np.flatnonzero(edges == -1) - 1]
