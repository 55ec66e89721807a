"""The map, coloured by class or value."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from sksubspace._typing import ArrayLike, Axes, Colormap, Figure, Matrix, Palette, SubFigure
from sksubspace.inspection._drawing.labels import name_classes
from sksubspace.inspection._drawing.points import (
    Classes,
    bin_edges,
    cell_means,
    cell_sums,
    check_components,
    check_places,
    check_target,
    component_names,
    extent,
    finite_rows,
    jitter,
)
from sksubspace.inspection._drawing.style import (
    CLASS_MARKERS,
    MOST_POINTS,
    OTHER_COLOR,
    VALUE_CMAP,
    dress_map,
    literal,
    point_style,
    prepare_axes,
)

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage
    from matplotlib.legend import Legend
    from matplotlib.text import Annotation

    from sksubspace.distillation import MEDAL

# opacity of a cell with a single row, which must still be seen
_FAINTEST = 0.35
# up to this many rows, names of one letter are the markers themselves
_MOST_GLYPHS = 5_000
# a digit needs more room than a dot to be read
_GLYPH_SCALE = 1.6


class EmbeddingDisplay:
    """The map, coloured by class or value.

    Use :meth:`from_estimator` for a fitted `MEDAL`, or :meth:`from_predictions` for any map.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, n_components)
        The map. Rows with NaN are not drawn.

    y : array-like of shape (n_samples,), default=None
        Labels or values to colour by.

    label_name : str, default=None
        What `y` is, for the colour bar or the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.

    figure_ : matplotlib Figure
        Figure with the axes.

    scatters_ : list of PathCollection
        Points: one for each class, "other" first; a single one without classes; empty for a
        histogram.

    image_ : AxesImage or None
        The histogram, where there are too many points to draw.

    colorbar_ : Colorbar or None
        For values, and for the density of a histogram without classes.

    legend_ : Legend or None
        Names of the classes, where they do not stand on the map.

    texts_ : list of Annotation
        Names of the classes on the map.

    See Also
    --------
    ReliabilityDisplay : The map with the rows that do not stand where they belong.
    DistortionDisplay : The map coloured by how badly new rows like these would come back.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.inspection import EmbeddingDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> Z = PCA(n_components=2).fit_transform(X)
    >>> display = EmbeddingDisplay.from_predictions(Z, y=y, label_name="digit")
    >>> len(display.scatters_)
    10
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    scatters_: "list[PathCollection]"
    image_: "AxesImage | None"
    colorbar_: "Colorbar | None"
    legend_: "Legend | None"
    texts_: "list[Annotation]"

    def __init__(
        self, embedding: ArrayLike, *, y: ArrayLike | None = None, label_name: str | None = None
    ) -> None:
        self.embedding = embedding
        self.y = y
        self.label_name = label_name

    def plot(
        self,
        ax: Axes | None = None,
        *,
        components: Sequence[int] = (0, 1),
        kind: Literal["auto", "scatter", "hist"] = "auto",
        y_kind: Literal["auto", "classes", "values"] = "auto",
        names: Literal["auto", "map", "legend"] | None = "auto",
        max_classes: int = 20,
        n_bins: int = 200,
        cmap: str | Colormap = VALUE_CMAP,
        palette: Palette | None = None,
        **scatter_kwargs: Any,
    ) -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        components : tuple of int, default=(0, 1)
            The two coordinates to draw; or one, which is drawn against random heights, or against
            the classes.

        kind : {"auto", "scatter", "hist"}, default="auto"
            Points, or a histogram of them; "auto" takes the histogram above 50,000 points. Its
            cells show the number of points in grey, their mean value, or the colour of the class
            with most points, paler where there are few.

        y_kind : {"auto", "classes", "values"}, default="auto"
            What `y` holds. "auto" takes fractions, and integers of more than twenty different
            values, as values; all else as classes.

        names : {"auto", "map", "legend"} or None, default="auto"
            Where the names of classes stand; "auto" writes each at the middle of its class, if
            there is room and the class is in a clear majority there, else all into a legend. Names
            of one character are their own markers, up to 5,000 points, and need no legend.

        max_classes : int, default=20
            The largest classes, which are named and coloured; the others are drawn in grey.

        n_bins : int, default=200
            Cells of the histogram, each way.

        cmap : str or Colormap, default="cividis"
            Colours of values.

        palette : dict, sequence of colors or None, default=None
            Colour of each class by its name, or in the order of the names; None takes ten that
            stay apart for the colour-blind.

        **scatter_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : EmbeddingDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If the map has no finite row, `y` does not fit it, or an option is none of those listed.
        """
        Z, columns, target = self._checked(components, kind, y_kind, names, max_classes, palette)
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot")
        self.figure_ = self.ax_.figure
        self.scatters_, self.texts_, self._glyphs = [], [], False
        self.image_ = self.colorbar_ = self.legend_ = None
        Z = _two_columns(Z, target)
        if kind == "hist" or (kind == "auto" and len(Z) > MOST_POINTS):
            self._draw_cells(Z, target, n_bins, cmap)
        else:
            self._draw_points(Z, target, cmap, scatter_kwargs)
        dress_map(self.ax_, component_names(columns))
        if isinstance(target, Classes):
            self._name(Z, target, names, one_dimensional=len(columns) == 1)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: "MEDAL",
        X: Matrix | None = None,
        *,
        y: ArrayLike | None = None,
        label_name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the map of a fitted estimator.

        Parameters
        ----------
        estimator : MEDAL
            A fitted estimator, with `embedding_` and `transform`.

        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Rows to place; None takes the training rows.

        y : array-like of shape (n_samples,), default=None
            Labels or values of these rows.

        label_name : str, default=None
            What `y` is; None takes the name of a pandas Series.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : EmbeddingDisplay
            The picture.
        """
        Z = estimator.embedding_ if X is None else estimator.transform(X)
        return cls.from_predictions(Z, y=y, label_name=label_name, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        Z: ArrayLike,
        *,
        y: ArrayLike | None = None,
        label_name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a map that is at hand.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            The map.

        y : array-like of shape (n_samples,), default=None
            Labels or values of its rows.

        label_name : str, default=None
            What `y` is; None takes the name of a pandas Series.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : EmbeddingDisplay
            The picture.
        """
        if label_name is None and isinstance(getattr(y, "name", None), str):
            label_name = y.name
        return cls(Z, y=y, label_name=label_name).plot(ax=ax, **kwargs)

    def _checked(self, components, kind, y_kind, names, max_classes, palette):
        """Return the finite rows of the chosen coordinates, and what they are coloured by."""
        for value, allowed, name in (
            (kind, ("auto", "scatter", "hist"), "kind"),
            (names, ("auto", "map", "legend", None), "names"),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")
        Z = check_places(self.embedding, "embedding")
        columns = check_components(components, Z.shape[1])
        target = check_target(self.y, len(Z), y_kind, max_classes, palette)
        keep = finite_rows(Z)
        return Z[keep][:, columns], columns, _rows_of(target, keep)

    def _draw_points(self, Z, target, cmap, scatter_kwargs):
        style = point_style(len(Z), self.ax_) | scatter_kwargs
        if isinstance(target, Classes):
            self._draw_classes(Z, target, style)
        elif target is None:
            self.scatters_ = [self.ax_.scatter(*Z.T, **{"color": "0.35"} | style)]
        else:
            self._draw_values(Z, target, cmap, style)

    def _draw_values(self, Z, values, cmap, style):
        unknown = np.isnan(values)
        if unknown.any():
            grey = self.ax_.scatter(*Z[unknown].T, color=OTHER_COLOR, label="missing", **style)
            self.scatters_.append(grey)
        known = ~unknown
        points = self.ax_.scatter(*Z[known].T, c=values[known], cmap=cmap, **style)
        self.scatters_.append(points)
        self.colorbar_ = self.figure_.colorbar(
            points, ax=self.ax_, label=literal(self.label_name or "")
        )

    def _draw_classes(self, Z, classes, style):
        glyphs = _are_glyphs(classes) and len(Z) <= _MOST_GLYPHS and "marker" not in style
        self._glyphs = glyphs
        if glyphs:
            style = style | {"s": style["s"] * _GLYPH_SCALE}
        if (classes.codes < 0).any():
            left = {"color": OTHER_COLOR, "marker": "."} | style
            points = Z[classes.codes < 0]
            self.scatters_ = [self.ax_.scatter(*points.T, label=classes.other_name, **left)]
        for code, name in enumerate(classes.names):
            look = {
                "color": classes.colors[code],
                "marker": f"${name}$" if glyphs else class_marker(code),
                "label": literal(name),
            }
            points = Z[classes.codes == code]
            self.scatters_.append(self.ax_.scatter(*points.T, **look | style))

    def _draw_cells(self, Z, target, n_bins, cmap):
        edges = bin_edges(Z, n_bins)
        counts = cell_sums(Z, None, edges)
        options = {"origin": "lower", "extent": extent(edges), "interpolation": "nearest"}
        options |= {"aspect": "auto"}
        if isinstance(target, Classes):
            picture = _majority_colors(Z, target, edges, counts)
            self.image_ = self.ax_.imshow(picture, **options)
            return
        if target is None:
            from matplotlib.colors import LogNorm

            picture, label = np.where(counts > 0, counts, np.nan), "points in a cell (log scale)"
            top = max(counts.max(), 2)
            options |= {"cmap": _greys(), "norm": LogNorm(vmin=1, vmax=top)}
        else:
            known = ~np.isnan(target)
            picture, label = (
                cell_means(Z[known], target[known], edges),
                literal(self.label_name or ""),
            )
            options |= {"cmap": cmap}
        self.image_ = self.ax_.imshow(picture, **options)
        self.colorbar_ = self.figure_.colorbar(self.image_, ax=self.ax_, label=label)

    def _name(self, Z, classes, names, one_dimensional):
        if one_dimensional:
            rows = range(len(classes.names))
            self.ax_.set_yticks(rows, list(map(literal, classes.names)))
            self.ax_.set_ylabel(literal(self.label_name or ""))
        elif names is not None:
            self.texts_, self.legend_ = name_classes(
                self.ax_, Z, classes, self.scatters_, names, self.label_name, self._glyphs
            )


def _are_glyphs(classes):
    """Whether names are single characters, which can be drawn in place of markers."""
    return all(len(name) == 1 and name.isascii() and name.isalnum() for name in classes.names)


def class_marker(code):
    """Return a marker such that no two of the first hundred classes share it and the colour."""
    return CLASS_MARKERS[(code + 3 * (code // 10)) % 10]


def _rows_of(target, keep):
    if isinstance(target, Classes):
        return replace(target, codes=target.codes[keep])
    return None if target is None else target[keep]


def _two_columns(Z, target):  # (n, 1) or (n, 2) -> (n, 2)
    """Give a one-dimensional map heights: a row for each class, and jitter."""
    if Z.shape[1] == 2:
        return Z
    rows = target.codes if isinstance(target, Classes) else 0
    return np.column_stack([Z[:, 0], rows + jitter(len(Z))])


def _greys():
    """Return greys that begin where they can still be told from white paper."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["gray_r"](np.linspace(0.25, 1, 256)))


def _majority_colors(Z, classes, edges, counts):  # -> (n_bins, n_bins, 4)
    """Colour each cell as its largest class, paler where it holds few points."""
    from matplotlib.colors import to_rgb

    codes = [*range(len(classes.names)), -1]
    by_class = np.stack([cell_sums(Z[classes.codes == code], None, edges) for code in codes])
    colors = np.array([to_rgb(color) for color in (*classes.colors, OTHER_COLOR)])
    colors = colors[by_class.argmax(axis=0)]
    strength = np.log1p(counts) / np.log1p(counts.max())
    alpha = np.where(counts > 0, _FAINTEST + (1 - _FAINTEST) * strength, 0.0)
    return np.dstack([colors, alpha])
