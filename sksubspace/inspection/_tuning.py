"""Scores of candidates: against a hyperparameter, or by rank."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from sksubspace._comparison import CandidateResult, best, is_number
from sksubspace._comparison import score_name as _score_name
from sksubspace._typing import ArrayLike, Axes, Figure, Objects, SubFigure
from sksubspace.inspection._drawing.labels import (
    drop_overlapping_ticks,
    settle_layout,
    ticks_overlap,
)
from sksubspace.inspection._drawing.scores import (
    draw_band,
    draw_panel,
    draw_ranking,
    draw_reference,
    draw_singles,
    make_panels,
    reference_pca,
)
from sksubspace.inspection._drawing.style import outside_legend, prepare_axes, prepare_panels

if TYPE_CHECKING:
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

# panels side by side, before a new row begins
_PANELS_IN_A_ROW = 4
_KINDS = ("auto", "curves", "ranking")


class TuningCurveDisplay:
    """Scores of candidates with their standard errors, and which one was chosen.

    Use :meth:`from_comparison` for what `compare_embeddings` returns, and :meth:`from_cv_results`
    for a `GridSearchCV`.

    Parameters
    ----------
    results : sequence of CandidateResult
        Candidates and controls.

    group : str, default=None
        Group of candidates to draw, such as "UMAP"; None draws all. Controls and the band of the
        best stay.

    score_name : str, default="held-out R²"
        Label of the scores.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.

    axes_ : ndarray of shape (n_panels,)
        All panels.

    figure_ : matplotlib Figure
        Figure with the panels.

    errorbars_ : list of ErrorbarContainer
        Curves, in the order of the panels; rows of a ranking, None for a failed one.

    bands_ : list of Rectangle
        What is within one standard error of the best, in each panel.

    references_ : list of Line2D
        The score of PCA, in each panel of curves.

    legend_ : Legend or None
        Beside the last panel, or above the ranking.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sksubspace.inspection import TuningCurveDisplay
    >>> cv_results = {
    ...     "params": [{"map__n_neighbors": k} for k in (5, 15, 50)],
    ...     "split0_test_score": [0.50, 0.63, 0.64],
    ...     "split1_test_score": [0.52, 0.65, 0.68],
    ... }
    >>> display = TuningCurveDisplay.from_cv_results(cv_results, "map__n_neighbors")
    >>> display.ax_.get_xscale()
    'log'
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    axes_: Objects
    figure_: Figure | SubFigure
    errorbars_: "list[ErrorbarContainer]"
    bands_: "list[Rectangle]"
    references_: "list[Line2D]"
    legend_: "Legend | None"

    def __init__(
        self,
        results: Sequence[CandidateResult],
        *,
        group: str | None = None,
        score_name: str = "held-out R²",
    ) -> None:
        self.results = results
        self.group = group
        self.score_name = score_name

    def plot(
        self,
        ax: Axes | ArrayLike | None = None,
        *,
        kind: Literal["auto", "curves", "ranking"] = "auto",
    ) -> Self:
        """Draw curves or a ranking.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes of shape (n_panels,), default=None
            Axes to draw on: one for each panel of curves, or one for a ranking. None makes a
            figure.

        kind : {"auto", "curves", "ranking"}, default="auto"
            "curves" draws a panel for each group of candidates in which a number varies, on one
            scale of scores, and a last panel for the candidates in which none does. "ranking" draws
            all candidates and controls by rank. "auto" takes curves, if there is one to draw.

        Returns
        -------
        display : TuningCurveDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If there is no candidate to draw, or no such group, `kind` is none of those listed, or
            `ax` has another number of panels.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {_KINDS}, got {kind!r}.")
        drawn = self._drawn()
        panels, singles = make_panels(drawn)
        self.bands_, self.references_, self.legend_ = [], [], None
        if kind == "ranking" or (kind == "auto" and not panels):
            self._plot_ranking(ax, drawn)
        else:
            self._plot_curves(ax, panels, singles)
        return self

    @classmethod
    def from_comparison(
        cls,
        result: Any,
        *,
        group: str | None = None,
        ax: Axes | ArrayLike | None = None,
        score_name: str = "auto",
        **kwargs: Any,
    ) -> Self:
        """Draw the outcome of a comparison.

        Parameters
        ----------
        result : EmbeddingComparison
            What `compare_embeddings` returned.

        group : str, default=None
            Group of candidates to draw, such as "UMAP"; None draws all. Controls and the band of
            the best stay.

        ax : matplotlib Axes or array-like of Axes of shape (n_panels,), default=None
            Axes to draw on; None makes a figure.

        score_name : str, default="auto"
            Label of the scores; "auto" says where they come from.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : TuningCurveDisplay
            The picture.

        Raises
        ------
        ValueError
            If there is no such group.
        """
        name = _score_name(result.results) if score_name == "auto" else score_name
        return cls(result.results, group=group, score_name=name).plot(ax=ax, **kwargs)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        param_name: str,
        *,
        metric: str = "score",
        best_index: int | None = None,
        ax: Axes | ArrayLike | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the outcome of a grid search.

        Parameters
        ----------
        cv_results : dict of str to array-like of shape (n_candidates,)
            The ``cv_results_`` of a search.

        param_name : str
            Numeric hyperparameter on the axis, as in "params". Candidates without it are drawn in
            a panel of their own.

        metric : str, default="score"
            Which score, where the search has several.

        best_index : int, default=None
            The candidate that the search chose, which gets the ring; None takes the best mean.

        ax : matplotlib Axes or array-like of Axes of shape (n_panels,), default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : TuningCurveDisplay
            The picture.

        Raises
        ------
        ValueError
            If no candidate has a number for `param_name`, or there are no splits with that score.
        """
        results = results_of_search(cv_results, param_name, metric, best_index)
        return cls(results, score_name=f"held-out {metric}").plot(ax=ax, **kwargs)

    def _drawn(self):
        """Return the controls, and the candidates of the group."""
        groups = sorted({one.group for one in self.results if one.role == "candidate"})
        if not groups:
            raise ValueError("results must hold at least one candidate, got none.")
        if self.group is None:
            return self.results
        if self.group not in groups:
            raise ValueError(f"group must be one of {groups}, got {self.group!r}.")
        return [one for one in self.results if one.role == "control" or one.group == self.group]

    def _plot_ranking(self, ax, drawn):
        n_rows = len(drawn)
        longest = max(len(result.name) for result in drawn)
        size = (5.6 + 0.08 * min(longest, 50), 1.5 + 0.34 * n_rows)
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot", figsize=size)
        self.axes_, self.figure_ = np.array([self.ax_], dtype=object), self.ax_.figure
        self.errorbars_, handles = draw_ranking(self.ax_, drawn, best(self.results))
        self.bands_ = [one for one in handles if not hasattr(one, "get_marker")]
        self.ax_.set_xlabel(f"{self.score_name}, mean ± standard error")
        self.legend_ = self.ax_.legend(
            handles=handles, loc="lower right", bbox_to_anchor=(1, 1.01), ncols=3, frameon=False,
            fontsize="small", borderaxespad=0.0,
        )  # fmt: skip

    def _plot_curves(self, ax, panels, singles):
        first, pca = best(self.results), reference_pca(self.results)
        singles = _worth_a_panel(singles, pca, panels)
        n_panels = len(panels) + bool(singles)
        if n_panels == 0:
            raise ValueError("There is nothing to draw: no candidate has a score.")
        n_columns = min(n_panels, _PANELS_IN_A_ROW)
        n_rows = -(-n_panels // n_columns)
        self.axes_ = prepare_panels(
            ax, n_panels, f"{type(self).__name__}.plot", nrows=n_rows, ncols=n_columns, sharey=True,
            figsize=(3.6 * n_columns + 2.4, 3.6 * n_rows),
            width_ratios=_width_ratios(panels, singles, n_columns),
        )  # fmt: skip
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.errorbars_ = []
        for one, panel in zip(self.axes_, panels, strict=False):
            self.errorbars_ += draw_panel(one, panel)
        if singles:
            self.errorbars_ += draw_singles(self.axes_[-1], singles)
        self.bands_ = [band for one in self.axes_ if (band := draw_band(one, first))]
        self.references_ = [line for one in self.axes_ if (line := draw_reference(one, pca))]
        for one in self.axes_[::n_columns]:
            one.set_ylabel(f"{self.score_name},\nmean ± standard error")
        handles = _unique_handles(self.axes_)
        if handles:
            last = self.axes_[n_columns - 1]
            self.legend_ = outside_legend(last, list(handles.values()), list(handles))
        self._tidy_ticks(len(panels))

    def _tidy_ticks(self, n_curves):
        """Leave out tick labels that would touch, once all that takes room is there."""
        settle_layout(self.ax_)
        chosen = {value for one in self.results if one.selected for value in one.params.values()}
        for index, one in enumerate(self.axes_):
            if index < n_curves:
                drop_overlapping_ticks(one, [value for value in chosen if is_number(value)])
            elif ticks_overlap(one):
                one.tick_params(axis="x", labelrotation=90)


def _worth_a_panel(singles, pca, panels):
    """Leave out a panel that would show nothing but the PCA, which is a line in the others."""
    alive = [single for single in singles if np.isfinite(single.score)]
    if panels and all(single is pca for single in alive):
        return []
    return alive


def _width_ratios(panels, singles, n_columns):
    """Give the panel of dots only the width that it needs, where there is one row of panels."""
    if singles and len(panels) + 1 == n_columns:
        return [1.0] * len(panels) + [min(1.0, 0.2 + 0.2 * len(singles))]
    return [1.0] * n_columns


def _unique_handles(axes):
    found = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return found


def results_of_search(cv_results, param_name, metric, best_index):
    """Turn the results of a grid search into candidates."""
    params = list(cv_results["params"])
    have = [is_number(one.get(param_name)) for one in params]
    if not any(have):
        known = sorted({name for one in params for name in one})
        raise ValueError(
            f"param_name must be a numeric hyperparameter of the search, one of {known}, got "
            f"{param_name!r}."
        )
    pattern = re.compile(rf"split\d+_test_{re.escape(metric)}")
    splits = [values for name, values in cv_results.items() if pattern.fullmatch(name)]
    if not splits:
        raise ValueError(f"cv_results has no split with a {metric!r}.")
    scores = np.column_stack(splits).astype(np.float64)
    means, errors = scores.mean(axis=1), _standard_errors(scores)
    first = int(np.nanargmax(means))
    return tuple(
        CandidateResult(
            name=_name_of_params(one),
            group=param_name.split("__")[-1] if numeric else "others",
            params={name.split("__")[-1]: value for name, value in one.items()},
            score=means[index],
            standard_error=errors[index],
            split_scores=tuple(scores[index]),
            within_one_standard_error=bool(means[index] >= means[first] - errors[first]),
            selected=index == (first if best_index is None else best_index),
        )
        for index, (one, numeric) in enumerate(zip(params, have, strict=True))
    )


def _standard_errors(scores):  # (n_candidates, n_splits) -> (n_candidates,)
    n_splits = scores.shape[1]
    if n_splits == 1:
        return np.full(len(scores), np.nan)
    return scores.std(axis=1, ddof=1) / np.sqrt(n_splits)


def _name_of_params(params):
    return ", ".join(f"{name.split('__')[-1]}={value}" for name, value in params.items())
