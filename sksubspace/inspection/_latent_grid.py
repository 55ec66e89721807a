"""What the decoder makes of the places of the map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.spatial import cKDTree

from sksubspace._typing import ArrayLike, Axes, Colormap, Figure, Names, SubFigure
from sksubspace.inspection._drawing.points import (
    check_components,
    check_places,
    component_names,
    finite_rows,
)
from sksubspace.inspection._drawing.profiles import as_image, check_image_shape, image_limits
from sksubspace.inspection._drawing.style import VALUE_CMAP, literal, prepare_axes

if TYPE_CHECKING:
    from matplotlib.collections import LineCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage

    from sksubspace.distillation import MEDAL

# pixels between two reconstructions
_GAP = 1
# share of the pixels beyond either end of the greys
_CLIP = 0.01
# share of a cell that a profile takes, so that profiles side by side do not touch
_FILL = 0.8
# a place is drawn if a row lies in its cell, or within the usual distance to an eighth neighbour
_NEIGHBORS = 8


class LatentGridDisplay:
    """Reconstructions from a grid of places over the map.

    Use :meth:`from_estimator` for a fitted `MEDAL`.

    Parameters
    ----------
    x : ndarray of shape (n_columns,)
        First coordinate of the centres of the cells, ascending.

    y : ndarray of shape (n_rows,)
        Their second coordinate, ascending; one value for a one-dimensional map.

    reconstructions : ndarray of shape (n_rows, n_columns, n_features)
        What the decoder makes of each centre, in input units.

    near : ndarray of shape (n_rows, n_columns), default=None
        Cells with training rows about; the others are left blank. None draws all.

    image_shape : tuple of int, default=None
        Shape of an image, (height, width) or (height, width, 3).

    feature_names : sequence of str of length n_features, default=None
        Names of the features.

    coordinate_names : tuple of str, default=("component 1", "component 2")
        Labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the grid.

    figure_ : matplotlib Figure
        Figure with the axes.

    image_ : AxesImage or None
        Mosaic of the images, or the heat map of one feature.

    lines_ : LineCollection or None
        Profiles, one for each cell with training rows about.

    colorbar_ : Colorbar or None
        Of a heat map.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace import MEDAL
    >>> from sksubspace.inspection import LatentGridDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> medal = MEDAL(teacher="pca", random_state=0).fit(X[:300] / 16)
    >>> display = LatentGridDisplay.from_estimator(medal, image_shape=(8, 8), grid=(12, 10))
    >>> display.reconstructions.shape
    (10, 12, 64)
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    image_: "AxesImage | None"
    lines_: "LineCollection | None"
    colorbar_: "Colorbar | None"

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        reconstructions: ArrayLike,
        *,
        near: ArrayLike | None = None,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        coordinate_names: Names = ("component 1", "component 2"),
    ) -> None:
        self.x = x
        self.y = y
        self.reconstructions = reconstructions
        self.near = near
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.coordinate_names = coordinate_names

    def plot(
        self,
        ax: Axes | None = None,
        *,
        feature: int | str | None = None,
        cmap: str | Colormap | None = None,
    ) -> Self:
        """Draw the grid.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        feature : int or str, default=None
            Feature to draw as a heat map. None draws images where there is an `image_shape`, else
            a small profile over all features in each cell, all on one scale.

        cmap : str or Colormap, default=None
            Colours; None takes "gray_r" for images and "cividis" for a heat map.

        Returns
        -------
        display : LatentGridDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If the arrays or the image shape do not fit each other, or there is no such feature.
        """
        x, y, values, near = self._checked()
        shape = check_image_shape(self.image_shape, values.shape[2])
        column = None if feature is None else self._column(feature, values.shape[2])
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot", figsize=(6.4, 6.0))
        self.figure_ = self.ax_.figure
        self.image_ = self.lines_ = self.colorbar_ = None
        widths = _width(x), _width(y)
        if column is not None:
            self._draw_feature(x, y, widths, values[:, :, column], near, column, cmap)
        elif shape is not None:
            self._draw_images(x, y, widths, values, near, shape, cmap or "gray_r")
        else:
            self._draw_profiles(x, y, widths, values, near)
        names = self.coordinate_names if len(y) > 1 else (self.coordinate_names[0], "")
        self.ax_.set(
            xticks=[], yticks=[], xlabel=names[0], ylabel=names[1],
            xlim=(x[0] - widths[0] / 2, x[-1] + widths[0] / 2),
            ylim=(y[0] - widths[1] / 2, y[-1] + widths[1] / 2),
        )  # fmt: skip
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: "MEDAL",
        *,
        image_shape: Sequence[int] | None = None,
        grid: Sequence[int] = (15, 15),
        components: Sequence[int] = (0, 1),
        feature_names: Names | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Decode a grid over the map of a fitted estimator, and draw it.

        Parameters
        ----------
        estimator : MEDAL
            A fitted estimator.

        image_shape : tuple of int, default=None
            Shape of an image, (height, width) or (height, width, 3).

        grid : tuple of int, default=(15, 15)
            Cells along the first and the second coordinate.

        components : tuple of int, default=(0, 1)
            Coordinates that the grid runs over; any other is kept at its median.

        feature_names : sequence of str of length n_features, default=None
            Names of the features; None takes those seen in ``fit``.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LatentGridDisplay
            The picture.

        Raises
        ------
        ValueError
            If the grid has fewer than two cells along a coordinate, or `image_shape` does not fit.
        """
        Z = check_places(estimator.embedding_, "embedding_")
        Z = Z[finite_rows(Z)]
        columns = check_components(components, Z.shape[1])
        axes = [_centres(Z[:, column], cells) for column, cells in
                zip(columns, _check_grid(grid), strict=False)]  # fmt: skip
        places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, len(columns))
        points = np.tile(np.median(Z, axis=0), (len(places), 1)).astype(Z.dtype)
        points[:, columns] = places
        decoded = np.asarray(estimator.inverse_transform(points))
        y = axes[1] if len(columns) == 2 else np.zeros(1)
        size = (len(y), len(axes[0]))
        if feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", None)
        return cls(
            axes[0],
            y,
            decoded.reshape(*size, -1),
            near=_near(places, Z[:, columns], axes).reshape(size),
            image_shape=image_shape,
            feature_names=feature_names,
            coordinate_names=tuple(component_names(columns)),
        ).plot(ax=ax, **kwargs)

    def _checked(self):
        x, y = np.asarray(self.x, dtype=np.float64), np.asarray(self.y, dtype=np.float64)
        values = np.asarray(self.reconstructions, dtype=np.float64)
        if values.ndim != 3 or values.shape[:2] != (len(y), len(x)):
            raise ValueError(
                f"reconstructions must have shape ({len(y)}, {len(x)}, n_features), got "
                f"{values.shape}."
            )
        near = np.ones(values.shape[:2], dtype=bool) if self.near is None else np.asarray(self.near)
        if near.shape != values.shape[:2] or not near.any():
            raise ValueError(f"near must have shape {values.shape[:2]} and mark at least one cell.")
        return x, y, values, near.astype(bool)

    def _column(self, feature, n_features):
        names = [] if self.feature_names is None else [str(name) for name in self.feature_names]
        if isinstance(feature, str) and feature in names:
            return names.index(feature)
        if not isinstance(feature, int | np.integer) or not 0 <= feature < n_features:
            raise ValueError(
                f"feature must be a column between 0 and {n_features - 1}, or the name of one, got "
                f"{feature!r}."
            )
        return int(feature)

    def _draw_feature(self, x, y, widths, values, near, column, cmap):
        names = self.feature_names
        label = f"feature {column}" if names is None else literal(names[column])
        self.image_ = self.ax_.imshow(
            np.where(near, values, np.nan), origin="lower", aspect="auto",
            extent=_extent(x, y, widths), cmap=cmap or VALUE_CMAP, interpolation="nearest",
        )  # fmt: skip
        self.colorbar_ = self.figure_.colorbar(self.image_, ax=self.ax_, label=label)

    def _draw_images(self, x, y, widths, values, near, shape, cmap):
        limits = image_limits(values[near], _CLIP)
        height, width = shape[0] + _GAP, shape[1] + _GAP
        depth = shape[2:]
        mosaic = np.full((len(y) * height, len(x) * width, *depth), 1.0 if depth else np.nan)
        for row, column in np.argwhere(near):
            top, left = (len(y) - 1 - row) * height, column * width
            tile = as_image(values[row, column], shape, limits)
            mosaic[top : top + shape[0], left : left + shape[1]] = tile
        self.image_ = self.ax_.imshow(
            mosaic, extent=_extent(x, y, widths), cmap=cmap, interpolation="nearest", **limits
        )
        self.ax_.set_aspect(widths[0] * height / (widths[1] * width))

    def _draw_profiles(self, x, y, widths, values, near):
        from matplotlib.collections import LineCollection

        low, high = values[near].min(), values[near].max()
        across = np.linspace(-0.5, 0.5, values.shape[2]) * _FILL * widths[0]
        up = ((values - low) / ((high - low) or 1.0) - 0.5) * _FILL * widths[1]
        lines = [
            np.column_stack([x[column] + across, y[row] + up[row, column]])
            for row, column in np.argwhere(near)
        ]
        self.lines_ = self.ax_.add_collection(LineCollection(lines, colors="black", linewidths=0.8))


def _check_grid(grid):
    grid = tuple(np.atleast_1d(grid))
    whole = all(isinstance(cells, int | np.integer) and cells >= 2 for cells in grid)
    if not whole or len(grid) != 2:
        raise ValueError(f"grid must be two whole numbers of at least 2, got {grid}.")
    return grid


def _centres(column, n_cells):  # (n,) -> (n_cells,)
    """Centres of cells that cover the coordinate from end to end."""
    low, high = column.min(), column.max()
    edges = np.linspace(low, high if high > low else low + 1, n_cells + 1)
    return (edges[:-1] + edges[1:]) / 2


def _near(places, Z, axes):  # (m, q), (n, q) -> (m,)
    """Mark centres with a training row in the circle around their cell, or as near as is usual."""
    widths = np.array([_width(axis) for axis in axes])
    tree = cKDTree(Z / widths)
    distance, _ = tree.query(places / widths)
    usual = np.median(tree.query(Z / widths, k=[min(_NEIGHBORS, len(Z))])[0])
    return distance <= max(np.sqrt(len(axes)) / 2, usual)


def _width(centres):
    return centres[1] - centres[0] if len(centres) > 1 else 1.0


def _extent(x, y, widths):
    return (
        x[0] - widths[0] / 2, x[-1] + widths[0] / 2, y[0] - widths[1] / 2, y[-1] + widths[1] / 2,
    )  # fmt: skip
