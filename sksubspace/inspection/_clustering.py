"""Clusterings side by side, numbers of clusters, and the rows whose cluster is doubtful."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from sksubspace._typing import ArrayLike, Axes, Figure, SubFigure
from sksubspace.inspection._drawing.points import (
    check_components,
    check_places,
    component_names,
    finite_rows,
    jitter,
)
from sksubspace.inspection._drawing.style import (
    CLASS_COLORS,
    CLASS_MARKERS,
    dress_map,
    literal,
    outside_legend,
    point_style,
    prepare_axes,
)
from sksubspace.metrics._halves import LEAST_EVIDENCE
from sksubspace.metrics._label_information import LEAST_AGREEMENT

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend

_KINDS = ("auto", "candidates", "numbers", "map")
# in the pictures of scores; told apart by the colour-blind, and by their markers
_WITHIN, _ACROSS, _NULL = "#0072B2", "#D55E00", "0.6"
_DOUBTFUL = {"color": "black", "marker": "x", "linewidths": 1.0}
_MOST_NAMED = 20


class ClusteringDisplay:
    """Candidates of a comparison by their information, numbers of clusters, or a map of the rows.

    Use :meth:`from_comparison` for what `compare_clusterings` returns.

    Parameters
    ----------
    comparison : ClusteringComparison
        What `compare_clusterings` returned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    errorbars_ : list of ErrorbarContainer
        E and X of candidates, or X of numbers of clusters; empty for a map.

    scatters_ : list of PathCollection
        Rows of each cluster of the map, those that are doubtful last; empty else.

    legend_ : Legend
        What is what.

    See Also
    --------
    TuningCurveDisplay : The same for embeddings.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.cluster import AgglomerativeClustering, KMeans
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace.inspection import ClusteringDisplay
    >>> from sksubspace.model_selection import compare_clusterings
    >>> X, _ = load_iris(return_X_y=True)
    >>> candidates = {"k-means": KMeans(n_init=3), "Ward": AgglomerativeClustering()}
    >>> result = compare_clusterings(X, candidates, n_clusters=3)
    >>> display = ClusteringDisplay.from_comparison(result)
    >>> [text.get_text() for text in display.ax_.get_yticklabels()] != []
    True
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    errorbars_: "list[ErrorbarContainer]"
    scatters_: "list[PathCollection]"
    legend_: "Legend"

    def __init__(self, comparison: Any) -> None:
        self.comparison = comparison

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: Literal["auto", "candidates", "numbers", "map"] = "auto",
        embedding: ArrayLike | None = None,
        components: Sequence[int] = (0, 1),
    ) -> Self:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        kind : {"auto", "candidates", "numbers", "map"}, default="auto"
            "candidates" draws E of each with the standard error of its difference from the best,
            and X with its range over halvings. "numbers" draws X against the number of clusters,
            and with counts the deviance explained. "map" draws the rows on a map, by cluster, with
            a cross on those of whose neighbours less than half are in it. "auto" is "map" where an
            `embedding` is given, else "numbers" where there are several, else "candidates".

        embedding : array-like of shape (n_samples, n_components), default=None
            Map of the rows that were clustered, for "map".

        components : tuple of int, default=(0, 1)
            The two coordinates of the map to draw; or one, against random heights.

        Returns
        -------
        display : ClusteringDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If `kind` is none of those listed, or a map is wanted without an embedding that has a
            row for each that was clustered.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {_KINDS}, got {kind!r}.")
        if kind == "auto":
            several = len(self.comparison.numbers) > 1
            kind = "map" if embedding is not None else "numbers" if several else "candidates"
        self.errorbars_, self.scatters_ = [], []
        caller = f"{type(self).__name__}.plot"
        if kind == "map":
            self._plot_map(ax, caller, embedding, components)
        elif kind == "numbers":
            self._plot_numbers(prepare_axes(ax, caller, figsize=(6.4, 4.0)))
        else:
            height = 1.6 + 0.3 * len(self.comparison.results)
            self._plot_candidates(prepare_axes(ax, caller, figsize=(7.2, height)))
        self.figure_ = self.ax_.figure
        return self

    @classmethod
    def from_comparison(cls, comparison: Any, *, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the outcome of a comparison.

        Parameters
        ----------
        comparison : ClusteringComparison
            What `compare_clusterings` returned.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ClusteringDisplay
            The picture.
        """
        return cls(comparison).plot(ax=ax, **kwargs)

    def _plot_candidates(self, ax):
        self.ax_, rows = ax, self.comparison.results
        known = [row for row in rows if np.isfinite(row.excess)]
        at = np.arange(len(known))
        excess = np.array([row.excess for row in known])
        errors = [row.standard_error for row in known]
        self.errorbars_.append(
            ax.errorbar(excess, at, xerr=errors, fmt="o", color=_WITHIN, capsize=2)
        )
        self._across(at, known, along="x")
        names = [f"{literal(row.name)}{' (tie)' if row.tied and row.rank > 1 else ''}"
                 for row in known]  # fmt: skip
        ax.set(yticks=at, yticklabels=names, xlabel="information beyond a Gaussian (root nats)")
        ax.axvline(0, color=_NULL, linewidth=0.8)
        ax.invert_yaxis()
        labels = ["all rows, E ± s.e. of the difference", "between halves, X and range"]
        self._explain(labels[: len(self.errorbars_)])

    def _plot_numbers(self, ax):
        self.ax_, numbers = ax, self.comparison.numbers
        k = np.array([one.n_clusters for one in numbers])
        self._across(k, numbers, along="y")
        ax.plot(k, LEAST_EVIDENCE * np.sqrt(np.log(k)), color=_NULL, linestyle="--")
        ax.set(xlabel="number of clusters", ylabel="between halves, X (root nats)")
        ax.locator_params(axis="x", integer=True)
        labels = ["X and range over halvings"]
        if self.comparison.has_counts:
            other = ax.twinx()
            unseen = [one.deviance_explained for one in numbers]
            errors = [one.deviance_error for one in numbers]
            self.errorbars_.append(
                other.errorbar(k, unseen, yerr=errors, fmt="s-", color=_WITHIN, capsize=2)
            )
            other.set_ylabel("deviance explained of unseen counts, D²")
            labels.append("D² ± s.e. of the difference")
        self._explain(labels, loc="upper left", bbox_to_anchor=(0.0, 1.16), ncols=2)

    def _across(self, at, rows, along):
        """X of candidates or numbers, with its range over halvings."""
        kept = [i for i, row in enumerate(rows) if np.isfinite(row.out_of_sample)]
        if not kept:
            return
        mean = np.array([rows[i].out_of_sample for i in kept])
        low, high = (np.array([end(rows[i].halvings) for i in kept]) for end in (min, max))
        reach = np.maximum([mean - low, high - mean], 0)
        style = {"color": _ACROSS, "capsize": 2, "markerfacecolor": "white"}
        if along == "x":
            drawn = self.ax_.errorbar(mean, at[kept] + 0.2, xerr=reach, fmt="s", **style)
        else:
            drawn = self.ax_.errorbar(at[kept], mean, yerr=reach, fmt="o-", **style)
        self.errorbars_.append(drawn)

    def _plot_map(self, ax, caller, embedding, components):
        comparison = self.comparison
        if embedding is None:
            raise ValueError("kind='map' needs an embedding of the rows, got embedding=None.")
        Z = check_places(embedding, "embedding")
        columns = check_components(components, Z.shape[1])
        labels = comparison.labels_[comparison.best_name_]
        if len(Z) != len(labels):
            raise ValueError(
                f"embedding must have a row for each of the {len(labels)} that were clustered, got "
                f"{len(Z)}."
            )
        keep = finite_rows(Z)
        Z, labels = Z[keep][:, columns], labels[keep]
        if len(columns) == 1:
            Z = np.column_stack([Z, jitter(len(Z))])
        self.ax_ = prepare_axes(ax, caller, figsize=(7.2, 5.2))
        style = point_style(len(Z), self.ax_)
        for k in np.unique(labels):
            look = {"color": CLASS_COLORS[k % len(CLASS_COLORS)],
                    "marker": CLASS_MARKERS[k % len(CLASS_MARKERS)]}  # fmt: skip
            self.scatters_.append(self.ax_.scatter(*Z[labels == k].T, **style, **look))
        doubtful = comparison.row_agreement_[keep] < LEAST_AGREEMENT
        self.scatters_.append(self.ax_.scatter(*Z[doubtful].T, **style | _DOUBTFUL))
        dress_map(self.ax_, component_names(columns))
        names = [f"{k} ({n:,})" for k, n in enumerate(np.bincount(labels)) if n][:_MOST_NAMED]
        handles = [*self.scatters_[: len(names)], self.scatters_[-1]]
        said = [*names, f"doubtful ({doubtful.mean():.1%})"]
        self.legend_ = outside_legend(self.ax_, handles, said, title=comparison.best_name_)

    def _explain(self, labels, **kwargs):
        options = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.01), "ncols": 2} | kwargs
        self.legend_ = self.ax_.legend(
            self.errorbars_, labels, frameon=False, fontsize="small", **options
        )
