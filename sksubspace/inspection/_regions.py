"""Regions of the map where distortion is high: local means, and their outline."""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from sksubspace.inspection._style import halo

_CELLS = 160
_MARGIN = 0.04
_REACH = 4.0
_BLUR = 1.0


def local_means(places, Z, values, n_neighbors):  # (m, q), (n, q), (n,) -> (m,)
    """Average values over the rows of Z that are nearest to each place."""
    _, near = cKDTree(Z).query(places, k=np.arange(1, min(n_neighbors, len(Z)) + 1))
    return values[near].mean(axis=1)


def draw_regions(ax, Z, values, n_neighbors, threshold):
    """Outline where the local mean reaches the threshold.

    Parameters
    ----------
    ax : Axes
        Axes with the map.

    Z : ndarray of shape (n_samples, 1) or (n_samples, 2)
        The map.

    values : ndarray of shape (n_samples,)
        What is averaged.

    n_neighbors : int
        Over how many rows.

    threshold : float
        What is outlined.

    Returns
    -------
    artist : ContourSet or list of Polygon
        A black line with a white rim; grey spans for a one-dimensional map.
    """
    axes = [_axis(column) for column in Z.T]
    grid = np.stack(np.meshgrid(*axes), axis=-1)
    field = _local_field(grid.reshape(-1, Z.shape[1]), Z, values, n_neighbors)
    if Z.shape[1] == 1:
        starts, ends = _spans(axes[0], field >= threshold)
        return [
            ax.axvspan(*span, color="0.88", zorder=0) for span in zip(starts, ends, strict=True)
        ]
    field = gaussian_filter(field.reshape(grid.shape[:2]), _BLUR)
    contour = ax.contour(*axes, field, levels=[threshold], colors="black", linewidths=1.3)
    contour.set_path_effects(halo())
    return contour


def _axis(column):
    low, high = column.min(), column.max()
    margin = _MARGIN * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, _CELLS)


def _local_field(places, Z, values, n_neighbors):
    """Local means on a grid; the smallest value where there are no rows about."""
    spacing = np.median(cKDTree(Z).query(Z, k=[min(n_neighbors, len(Z))])[0])
    nearest = cKDTree(Z).query(places, k=[1])[0][:, 0]
    field = np.full(len(places), values.min())
    about = nearest <= max(spacing, _REACH * _cell(places)) if spacing > 0 else nearest >= 0
    field[about] = local_means(places[about], Z, values, n_neighbors)
    return field


def _cell(places):
    """Half the diagonal of a cell, over the reach: the least distance that fills the outline."""
    return np.ptp(places, axis=0).max() / _CELLS / _REACH


def _spans(axis, above):
    """Return where runs of True begin and end."""
    edges = np.diff(np.concatenate([[False], above, [False]]).astype(int))
    return axis[np.flatnonzero(edges == 1)], axis[np.flatnonzero(edges == -1) - 1]
