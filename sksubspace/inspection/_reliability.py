"""The map with a mark on each row that does not stand where it belongs, is torn apart or merged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sksubspace._typing import ArrayLike, Axes, Figure, Matrix, Seed, SubFigure
from sksubspace.inspection._drawing.labels import class_sites, place_labels
from sksubspace.inspection._drawing.points import (
    check_components,
    check_places,
    check_target,
    component_names,
    finite_rows,
    jitter,
)
from sksubspace.inspection._drawing.style import (
    dress_map,
    literal,
    outside_legend,
    point_style,
    prepare_axes,
)
from sksubspace.metrics import embedding_reliability

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection
    from matplotlib.legend import Legend
    from matplotlib.text import Annotation

    from sksubspace.metrics import EmbeddingReliability

# drawn from below to above; each has a marker of its own and is dark, middle or rimmed in grey
_LOOKS = {
    "ok": {"color": "0.78", "marker": ".", "linewidths": 0.0},
    "torn": {"color": "#2E8BC0", "marker": "^"},
    "merged": {"color": "#F0B429", "marker": "s", "edgecolors": "0.3"},
    "misplaced": {"color": "#7A0019", "marker": "X"},
}
# area of a marked row over that of an ordinary one
_SCALE = {"torn": 1.2, "merged": 1.0, "misplaced": 1.7}
# marks are to be found on a map of 50,000 points, too
_SMALLEST = 9.0
_MOST_NAMES = 40


class ReliabilityDisplay:
    """The map in grey, with the rows that `embedding_reliability` marks.

    Use :meth:`from_embedding` for data and a map, or :meth:`from_reliability` where the marks are
    known.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, n_components)
        The map. Rows with NaN are not drawn.

    reliability : EmbeddingReliability
        The marks of its rows.

    y : array-like of shape (n_samples,), default=None
        Labels, whose names are written on the map; None takes the groups of `reliability`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.

    figure_ : matplotlib Figure
        Figure with the axes.

    scatters_ : dict of str to PathCollection
        The points of each mark that there is, "ok" first.

    legend_ : Legend
        What the marks are, and how many rows have each.

    texts_ : list of Annotation
        Names of the groups on the map, where each has a clear majority.

    See Also
    --------
    sksubspace.metrics.embedding_reliability : What the marks mean.
    DistortionDisplay : The map coloured by how badly new rows like these would be mapped.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.inspection import ReliabilityDisplay
    >>> X, y = load_digits(n_class=3, return_X_y=True)
    >>> Z = PCA(n_components=2).fit_transform(X)
    >>> display = ReliabilityDisplay.from_embedding(X, Z, y=y)
    >>> [text.get_text().split(" (")[0] for text in display.legend_.get_texts()]
    ['ok', 'misplaced']
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    scatters_: "dict[str, PathCollection]"
    legend_: "Legend"
    texts_: "list[Annotation]"

    def __init__(
        self,
        embedding: ArrayLike,
        reliability: "EmbeddingReliability",
        *,
        y: ArrayLike | None = None,
    ) -> None:
        self.embedding = embedding
        self.reliability = reliability
        self.y = y

    def plot(
        self,
        ax: Axes | None = None,
        *,
        components: Sequence[int] = (0, 1),
        names: bool = True,
        **scatter_kwargs: Any,
    ) -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        components : tuple of int, default=(0, 1)
            The two coordinates to draw; or one, which is drawn against random heights.

        names : bool, default=True
            Whether the names of the groups are written on the map.

        **scatter_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : ReliabilityDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If the map has no finite row, or marks or `y` do not fit it.
        """
        Z, mark, groups, columns = self._checked(components)
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot", figsize=(7.4, 5.2))
        self.figure_ = self.ax_.figure
        style = point_style(len(Z), self.ax_)
        self.scatters_ = {}
        for name, look in _LOOKS.items():
            rows = mark == name
            if rows.any():
                size = style["s"] if name == "ok" else max(style["s"], _SMALLEST) * _SCALE[name]
                look = style | {"edgecolors": "white", "s": size} | look | scatter_kwargs
                self.scatters_[name] = self.ax_.scatter(*Z[rows].T, label=name, **look)
        dress_map(self.ax_, component_names(columns))
        if len(columns) == 1:
            self.ax_.set_ylabel("")
        self._explain(mark)
        self._name(Z, groups, names and len(columns) == 2)
        return self

    @classmethod
    def from_embedding(
        cls,
        X: Matrix,
        Z: ArrayLike,
        *,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        q: float = 0.05,
        random_state: Seed = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Mark the rows of a map and draw it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Z : array-like of shape (n_samples, n_components)
            Map of the same rows.

        y : array-like of shape (n_samples,), default=None
            Labels, whose names are written on the map.

        groups : array-like of shape (n_samples,), default=None
            What rows belong to, such as a donor: rows of a group do not vouch for each other.

        q : float, default=0.05
            Share of the rows called reliable that may be so by chance.

        random_state : int, RandomState instance or None, default=0
            Of `embedding_reliability`.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay
            The picture, with the marks in `reliability`.
        """
        found = embedding_reliability(X, Z, y=y, groups=groups, q=q, random_state=random_state)
        return cls.from_reliability(Z, found, ax=ax, **kwargs)

    @classmethod
    def from_reliability(
        cls,
        Z: ArrayLike,
        reliability: "EmbeddingReliability",
        *,
        y: ArrayLike | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a map whose marks are known.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            The map.

        reliability : EmbeddingReliability
            The marks of its rows.

        y : array-like of shape (n_samples,), default=None
            Labels, whose names are written on the map; None takes the groups of `reliability`.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay
            The picture.
        """
        return cls(Z, reliability, y=y).plot(ax=ax, **kwargs)

    def _checked(self, components):
        """Return the finite rows of the map, their marks and groups, and the columns."""
        Z = check_places(self.embedding, "embedding")
        columns = check_components(components, Z.shape[1])
        mark = np.asarray(self.reliability.mark)
        if len(mark) != len(Z):
            raise ValueError(
                f"reliability must have a mark for each of the {len(Z)} rows of the map, got "
                f"{len(mark)}."
            )
        keep = finite_rows(Z)
        y = self.reliability.group if self.y is None else self.y
        y = None if y is None else check_target(y, len(Z), "classes", _MOST_NAMES)
        Z = Z[keep][:, columns]
        if len(columns) == 1:
            Z = np.column_stack([Z, jitter(len(Z))])
        groups = None if y is None else replace(y, codes=y.codes[keep])
        return Z, mark[keep], groups, columns

    def _explain(self, mark):
        """Say in a legend what the marks are, and how many there are of each."""
        counts = {name: int((mark == name).sum()) for name in self.scatters_}
        labels = [f"{name} ({n:,}, {n / len(mark):.1%})" for name, n in counts.items()]
        scatters = list(self.scatters_.values())
        self.legend_ = outside_legend(self.ax_, scatters, labels)

    def _name(self, Z, groups, wanted):
        self.texts_ = []
        if wanted and groups is not None:
            sites = class_sites(Z, groups)
            clear = np.flatnonzero(~np.isnan(sites).any(axis=1))
            own = [Z[groups.codes == code] for code in clear]
            # the middle of a torn group is empty: its name goes to the nearest row
            nearest = [
                rows[np.square(rows - site).sum(axis=1).argmin()]
                for rows, site in zip(own, sites[clear], strict=True)
            ]
            names = [literal(groups.names[code]) for code in clear]
            self.texts_ = place_labels(self.ax_, nearest, names, centered=True)
