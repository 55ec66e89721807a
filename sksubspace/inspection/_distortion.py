"""The map, coloured by how badly new rows like these would be mapped and brought back."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy.spatial import cKDTree

from sksubspace._typing import (
    ArrayLike,
    Axes,
    Bools,
    Colormap,
    Figure,
    Ints,
    Matrix,
    Names,
    Objects,
    SubFigure,
)
from sksubspace.inspection._drawing.labels import place_labels
from sksubspace.inspection._drawing.points import (
    bin_edges,
    cell_means,
    check_column,
    check_components,
    check_places,
    component_names,
    extent,
    finite_rows,
)
from sksubspace.inspection._drawing.profiles import draw_pairs
from sksubspace.inspection._drawing.regions import draw_regions, local_means
from sksubspace.inspection._drawing.style import (
    DISTORTION_CMAP,
    MOST_POINTS,
    dress_map,
    point_style,
    prepare_axes,
)

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.contour import ContourSet
    from matplotlib.image import AxesImage
    from matplotlib.patches import Rectangle
    from matplotlib.text import Annotation

    from sksubspace.distillation import MEDAL

# quantile of the distortions that has the last colour: one wild row would leave all others pale
_CLIP = 0.99
# rows in a local mean, within these bounds a five-hundredth of all: fewer are noise, more blur
_NEIGHBORS = (15, 50)
_PLAIN = "distortion (mean squared error per feature,\ninput units squared)"
_LEFT_OUT = (
    "distortion of a new row like this one\n(mean squared error per feature, input units squared)"
)
_RELATIVE = "relative distortion (1 is usual for the place)"


class DistortionDisplay:
    """The map, coloured by how badly a new row like each would come back from it.

    The distortion of a training row is that of its twin, placed by the other rows: it says where
    the map has no room for what it shows, not whether a row itself is drawn where it belongs. For
    that see :class:`ReliabilityDisplay`. The worst regions are outlined.

    Use :meth:`from_estimator` for a fitted `MEDAL`, or :meth:`from_predictions` for any map whose
    distortion is known.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, n_components)
        The map. Rows with NaN are not drawn.

    distortion : array-like of shape (n_samples,)
        Distortion of each row; those with NaN are not drawn.

    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        The rows themselves, for :meth:`plot_reconstructions`.

    decode : callable, default=None
        Maps points of the map to reconstructions, for :meth:`plot_reconstructions`.

    distortion_name : str, default=None
        Label of the colour bar; None says mean squared error per feature.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.

    figure_ : matplotlib Figure
        Figure with the axes.

    scatter_ : PathCollection or None
        The points, worst last; None for a histogram.

    image_ : AxesImage or None
        Mean distortion of cells, where there are too many points to draw.

    colorbar_ : Colorbar
        Colours beyond the 99th percentile are clipped.

    contour_ : ContourSet, list of Rectangle or None
        Outline of the worst regions; spans for a one-dimensional map.

    in_worst_region_ : ndarray of shape (n_samples,)
        Rows whose neighbourhood on the map is among the worst 5 %.

    worst_ : ndarray of shape (n_worst,)
        The worst rows, worst first; their numbers on the map count from 1.

    texts_ : list of Annotation
        These numbers.

    See Also
    --------
    ReliabilityDisplay : The map with the rows that do not stand where they belong.
    EmbeddingDisplay : The map coloured by class or value.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace import MEDAL
    >>> from sksubspace.inspection import DistortionDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> medal = MEDAL(teacher="pca", random_state=0).fit(X[:300] / 16)
    >>> display = DistortionDisplay.from_estimator(medal, n_worst=3)
    >>> [text.get_text() for text in display.texts_]
    ['1', '2', '3']
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    scatter_: "PathCollection | None"
    image_: "AxesImage | None"
    colorbar_: "Colorbar"
    contour_: "ContourSet | list[Rectangle] | None"
    in_worst_region_: Bools
    worst_: Ints
    texts_: "list[Annotation]"

    def __init__(self, embedding: ArrayLike, distortion: ArrayLike, *, X: Matrix | None = None,
            decode: Callable[[Any], Any] | None = None,
            distortion_name: str | None = None) -> None:  # fmt: skip
        self.embedding = embedding
        self.distortion = distortion
        self.X = X
        self.decode = decode
        self.distortion_name = distortion_name

    def plot(self, ax: Axes | None = None, *, components: Sequence[int] = (0, 1),
            kind: Literal["auto", "scatter", "hist"] = "auto", n_worst: int = 0,
            outline: bool = True, n_neighbors: int | Literal["auto"] = "auto", n_bins: int = 150,
            cmap: str | Colormap = DISTORTION_CMAP, **scatter_kwargs: Any) -> Self:  # fmt: skip
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        components : tuple of int, default=(0, 1)
            The two coordinates to draw; or one, against which the distortion is drawn.

        kind : {"auto", "scatter", "hist"}, default="auto"
            Points, or the mean distortion of cells; "auto" takes cells above 50,000 points.

        n_worst : int, default=0
            How many of the worst rows are numbered on the map.

        outline : bool, default=True
            Whether to outline the worst regions: places where the mean distortion of the
            `n_neighbors` nearest rows is as large as that of the worst 5 % of rows.

        n_neighbors : int or "auto", default="auto"
            Rows over which the distortion is averaged for the outline; "auto" takes a
            five-hundredth of all rows, at least 15 and at most 50.

        n_bins : int, default=150
            Cells of the histogram, each way.

        cmap : str or Colormap, default="cividis_r"
            Colours; dark is bad.

        **scatter_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : DistortionDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If map and distortion do not fit each other, or an option is none of those listed.
        """
        if kind not in ("auto", "scatter", "hist"):
            raise ValueError(f"kind must be 'auto', 'scatter' or 'hist', got {kind!r}.")
        Z, distortion, rows, columns = self._checked(components)
        self._check_n_worst(n_worst, len(rows))
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot")
        self.figure_ = self.ax_.figure
        self.scatter_ = self.image_ = self.contour_ = None
        points = np.column_stack([Z, distortion]) if len(columns) == 1 else Z
        if kind == "hist" or (kind == "auto" and len(Z) > MOST_POINTS):
            self._draw_cells(points, distortion, n_bins, cmap)
        else:
            self._draw_points(points, distortion, cmap, scatter_kwargs)
        self._dress(columns)
        self._find_regions(Z, distortion, rows, n_neighbors, outline)
        worst = np.argsort(-distortion, kind="stable")[:n_worst]
        self.worst_ = rows[worst]
        self._number(points[worst])
        return self

    def plot_reconstructions(self, rows: ArrayLike | None = None, *, X: Matrix | None = None,
            image_shape: Sequence[int] | None = None, feature_names: Names | None = None,
            figure: Figure | SubFigure | None = None) -> Objects:  # fmt: skip
        """Draw rows beside what the map gives back for them.

        Parameters
        ----------
        rows : array-like of int of shape (n_rows,), default=None
            Positions of the rows; None takes those numbered on the map, or the ten worst.

        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            The rows of the map; None takes those that the display was made with.

        image_shape : tuple of int, default=None
            Shape of an image, (height, width) or (height, width, 3). Without it rows are drawn as
            profiles over their features.

        feature_names : sequence of str, default=None
            Names of the features, written where there are few.

        figure : matplotlib Figure or SubFigure, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        axes : ndarray of shape (2, n_rows) or (n_rows,)
            Images: originals above reconstructions. Profiles: both in one panel for each row.

        Raises
        ------
        ValueError
            If the originals or the decoder are missing, or a row is out of range.
        """
        _, distortion, kept, _ = self._checked((0,))
        numbered = rows is None
        if numbered:
            rows = getattr(self, "worst_", ())
            rows = rows if len(rows) else kept[np.argsort(-distortion, kind="stable")[:10]]
        rows = _check_rows(rows, len(self.embedding))
        X = self.X if X is None else X
        if X is None or self.decode is None:
            missing = "X, the rows of the map" if X is None else "decode, see from_estimator"
            raise ValueError(f"plot_reconstructions needs {missing}.")
        originals = _dense_rows(X, rows, len(self.embedding))
        returned = np.asarray(self.decode(check_places(self.embedding, "embedding")[rows]))
        distortion = np.asarray(self.distortion, dtype=np.float64)[rows]
        numbers = [f"{number}: " if numbered else "" for number in range(1, len(rows) + 1)]
        titles = [
            f"{number}row {row}\n{value:.3g}"
            for number, row, value in zip(numbers, rows, distortion, strict=True)
        ]
        caller = f"{type(self).__name__}.plot_reconstructions"
        return draw_pairs(originals, returned, titles, image_shape, feature_names, figure, caller)

    @classmethod
    def from_estimator(cls, estimator: "MEDAL", X: Matrix | None = None, *, relative: bool = False,
            ax: Axes | None = None, **kwargs: Any) -> Self:  # fmt: skip
        """Draw the map of a fitted estimator.

        Parameters
        ----------
        estimator : MEDAL
            A fitted estimator.

        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Rows that were not in ``fit``. None takes the training rows, with their leave-one-out
            distortion.

        relative : bool, default=False
            Whether to divide by what is usual at the place; needs X.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : DistortionDisplay
            The picture.

        Raises
        ------
        ValueError
            If X is None and there is no leave-one-out distortion, or it should be relative.
        """
        if X is None:
            if relative:
                raise ValueError("relative=True needs X, rows that were not in fit.")
            Z, distortion = estimator.embedding_, estimator.loo_distortion_
            if distortion is None:
                raise ValueError(
                    "The estimator has no leave-one-out distortion, because its encoder or decoder "
                    "is a network; give X, rows that were not in fit."
                )
        else:
            Z, distortion = estimator.transform(X), estimator.distortion(X, relative=relative)
        name = _RELATIVE if relative else _LEFT_OUT if X is None else None
        display = cls(Z, distortion, X=X, decode=estimator.inverse_transform, distortion_name=name)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(cls, Z: ArrayLike, distortion: ArrayLike, *, X: Matrix | None = None,
            decode: Callable[[Any], Any] | None = None, distortion_name: str | None = None,
            ax: Axes | None = None, **kwargs: Any) -> Self:  # fmt: skip
        """Draw a map whose distortion is known.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            The map.

        distortion : array-like of shape (n_samples,)
            Distortion of its rows.

        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            The rows themselves.

        decode : callable, default=None
            Maps points of the map to reconstructions.

        distortion_name : str, default=None
            Label of the colour bar.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : DistortionDisplay
            The picture.
        """
        display = cls(Z, distortion, X=X, decode=decode, distortion_name=distortion_name)
        return display.plot(ax=ax, **kwargs)

    def _checked(self, components):
        """Return the finite rows of the map, their distortion and positions, and the columns."""
        Z = check_places(self.embedding, "embedding")
        columns = check_components(components, Z.shape[1])
        distortion = check_column(self.distortion, len(Z), "distortion")
        rows = np.flatnonzero(finite_rows(Z, distortion))
        if len(rows) == 0:
            raise ValueError("No row has both a place on the map and a distortion.")
        return Z[rows][:, columns], distortion[rows], rows, columns

    def _check_n_worst(self, n_worst, n_rows):
        if not isinstance(n_worst, int | np.integer) or not 0 <= n_worst <= n_rows:
            raise ValueError(f"n_worst must be between 0 and {n_rows} rows, got {n_worst!r}.")

    def _draw_points(self, points, distortion, cmap, scatter_kwargs):
        order = np.argsort(distortion, kind="stable")
        options = {"cmap": cmap, **_limits(distortion), **point_style(len(points), self.ax_)}
        self.scatter_ = self.ax_.scatter(
            *points[order].T, c=distortion[order], **options | scatter_kwargs
        )
        self._color_bar(self.scatter_)

    def _draw_cells(self, points, distortion, n_bins, cmap):
        edges = bin_edges(points, n_bins)
        means = cell_means(points, distortion, edges)
        self.image_ = self.ax_.imshow(
            means, cmap=cmap, origin="lower", extent=extent(edges), aspect="auto",
            interpolation="nearest", **_limits(means[np.isfinite(means)]),
        )  # fmt: skip
        self._color_bar(self.image_)

    def _color_bar(self, artist):
        self.colorbar_ = self.figure_.colorbar(
            artist, ax=self.ax_, label=self.distortion_name or _PLAIN, extend="max"
        )

    def _dress(self, columns):
        dress_map(self.ax_, component_names(columns))
        if len(columns) == 1:
            self.ax_.set_ylabel((self.distortion_name or "distortion").split(" (")[0])
            self.ax_.yaxis.set_major_locator(_auto_locator())

    def _find_regions(self, Z, distortion, rows, n_neighbors, outline):
        if n_neighbors == "auto":
            n_neighbors = int(np.clip(len(Z) // 500, *_NEIGHBORS))
        tree = cKDTree(Z)
        means = local_means(Z, tree, distortion, n_neighbors)
        threshold = np.quantile(means, 0.95)
        self.in_worst_region_ = np.zeros(len(self.embedding), dtype=bool)
        self.in_worst_region_[rows] = means >= threshold
        if outline and means.max() > means.min():
            self.contour_ = draw_regions(self.ax_, tree, distortion, n_neighbors, threshold)

    def _number(self, points):
        self.texts_ = []
        if len(points):
            numbers = [str(number) for number in range(1, len(points) + 1)]
            self.texts_ = place_labels(self.ax_, points, numbers, fontsize=9)


def _limits(distortion):
    low, high = distortion.min(), np.quantile(distortion, _CLIP)
    return {"vmin": low, "vmax": high if high > low else low + 1}


def _auto_locator():
    from matplotlib.ticker import AutoLocator

    return AutoLocator()


def _check_rows(rows, n_samples):
    rows = np.atleast_1d(np.asarray(rows))
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) == 0:
        raise ValueError(f"rows must be positions of at least one row, got {rows!r}.")
    if rows.min() < 0 or rows.max() >= n_samples:
        raise ValueError(f"rows must be between 0 and {n_samples - 1}, got {rows}.")
    return rows


def _dense_rows(X, rows, n_samples):  # -> (m, d)
    """Take rows of an array, a data frame or a sparse matrix."""
    from scipy import sparse

    X = X.tocsr() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
    if X.shape[0] != n_samples:
        raise ValueError(f"X has {X.shape[0]} rows, but the map has {n_samples}.")
    return X[rows].toarray() if sparse.issparse(X) else X[rows]
