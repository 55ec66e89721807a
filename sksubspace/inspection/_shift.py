"""A new batch against the calibration rows: distortions, and places on the map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from sksubspace._typing import ArrayLike, Axes, Bools, Figure, Matrix, Objects, SubFigure
from sksubspace.inspection._drawing.points import (
    check_column,
    check_components,
    check_places,
    component_names,
    finite_rows,
    jitter,
)
from sksubspace.inspection._drawing.style import dress_map, marker_size, prepare_panels

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D

    from sksubspace.distillation import MEDAL, ShiftResult

# blue and vermilion stay apart for the colour-blind, and both from the grey of calibration
_NEW_COLOR = "#0072B2"
_FLAG_COLOR = "#D55E00"
# of a histogram, however many rows there are
_MOST_BINS = 40
# of a sum of weights
_ROUNDING = 1e-9


class ShiftDisplay:
    """A new batch against the calibration rows: distortions on the left, the map on the right.

    Use :meth:`from_estimator` for a fitted `MEDAL`.

    Parameters
    ----------
    calibration_distortion : array-like of shape (n_calibration,)
        Distortions of the calibration rows.

    distortion : array-like of shape (n_samples,)
        Distortions of the new rows.

    calibration_embedding : array-like of shape (n_calibration, n_components)
        Map of the calibration rows.

    embedding : array-like of shape (n_samples, n_components)
        Map of the new rows.

    result : ShiftResult
        Outcome of the shift test of the new rows.

    calibration_groups : array-like of shape (n_calibration,) or None, default=None
        Numbers of the groups of the calibration rows; each counts the same for the threshold.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the distortions.

    axes_ : ndarray of shape (2,)
        Axes with the distortions, and with the map.

    figure_ : matplotlib Figure
        Figure with the axes.

    flagged_ : ndarray of shape (n_samples,)
        New rows whose own p-value is at most the level of the test.

    steps_ : list of artist
        Distribution of the calibration rows, and of the new rows.

    threshold_ : Line2D or None
        Distortion beyond which new rows are flagged; None if no row can be.

    scatters_ : list of PathCollection
        Calibration rows, new rows, and flagged rows.

    See Also
    --------
    DistortionDisplay : The map coloured by how badly new rows like these would come back.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace import MEDAL
    >>> from sksubspace.inspection import ShiftDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> medal = MEDAL(teacher="pca", random_state=0).fit(X[:300] / 16)
    >>> display = ShiftDisplay.from_estimator(medal, 1 - X[300:400] / 16)
    >>> bool(display.result.shifted)
    True
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    axes_: Objects
    figure_: Figure | SubFigure
    flagged_: Bools
    steps_: list[Any]
    threshold_: "Line2D | None"
    scatters_: "list[PathCollection]"

    def __init__(
        self,
        calibration_distortion: ArrayLike,
        distortion: ArrayLike,
        calibration_embedding: ArrayLike,
        embedding: ArrayLike,
        result: "ShiftResult",
        calibration_groups: ArrayLike | None = None,
    ) -> None:
        self.calibration_distortion = calibration_distortion
        self.distortion = distortion
        self.calibration_embedding = calibration_embedding
        self.embedding = embedding
        self.result = result
        self.calibration_groups = calibration_groups

    def plot(
        self,
        ax: ArrayLike | None = None,
        *,
        kind: Literal["hist", "ecdf"] = "hist",
        components: Sequence[int] = (0, 1),
        n_bins: int | Literal["auto"] = "auto",
    ) -> Self:
        """Draw both panels.

        Parameters
        ----------
        ax : array-like of matplotlib Axes of shape (2,), default=None
            Axes to draw on; None makes a figure.

        kind : {"hist", "ecdf"}, default="hist"
            Distributions as histograms or as cumulative shares, over the logarithm of the
            distortion.

        components : tuple of int, default=(0, 1)
            Coordinates of the map to draw.

        n_bins : int or "auto", default="auto"
            Bins of the histogram.

        Returns
        -------
        display : ShiftDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If the arrays do not fit each other or an option is none of those listed.
        """
        if kind not in ("hist", "ecdf"):
            raise ValueError(f"kind must be 'hist' or 'ecdf', got {kind!r}.")
        old, new, old_map, new_map, cut = self._checked()
        columns = check_components(components, new_map.shape[1])
        caller = f"{type(self).__name__}.plot"
        self.axes_ = prepare_panels(ax, 2, caller, ncols=2, figsize=(11, 4.8))
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.flagged_ = np.asarray(self.result.sample_p_values) <= self.result.alpha
        self._draw_distributions(old, new, cut, kind, n_bins)
        self._draw_map(old_map[:, columns], new_map[:, columns], columns)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: "MEDAL",
        X: Matrix,
        *,
        alpha: float = 0.05,
        margin: float | Literal["auto"] = "auto",
        groups: ArrayLike | None = None,
        ax: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Self:
        """Test a batch, and draw the outcome.

        Parameters
        ----------
        estimator : MEDAL
            A fitted estimator.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The batch; its rows were not in ``fit``.

        alpha : float, default=0.05
            Level of the test.

        margin : float or "auto", default="auto"
            Relative increase of the distortion that still counts as none; see
            :meth:`sksubspace.MEDAL.detect_shift`.

        groups : array-like of shape (n_samples,) or None, default=None
            Group of each row, where ``fit`` had groups; None then takes the batch for one.

        ax : array-like of matplotlib Axes of shape (2,), default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ShiftDisplay
            The picture; its `result` is the outcome of the test.
        """
        result = estimator.detect_shift(X, alpha=alpha, margin=margin, groups=groups)
        return cls(
            estimator.calibration_scores_,
            estimator.distortion(X),
            estimator.calibration_embedding_,
            estimator.transform(X),
            result,
            estimator.calibration_groups_,
        ).plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        calibration_distortion: ArrayLike,
        distortion: ArrayLike,
        calibration_embedding: ArrayLike,
        embedding: ArrayLike,
        result: "ShiftResult",
        *,
        calibration_groups: ArrayLike | None = None,
        ax: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the outcome of a test that is at hand.

        Parameters
        ----------
        calibration_distortion : array-like of shape (n_calibration,)
            Distortions of the calibration rows.

        distortion : array-like of shape (n_samples,)
            Distortions of the new rows.

        calibration_embedding : array-like of shape (n_calibration, n_components)
            Map of the calibration rows.

        embedding : array-like of shape (n_samples, n_components)
            Map of the new rows.

        result : ShiftResult
            Outcome of the test.

        calibration_groups : array-like of shape (n_calibration,) or None, default=None
            Numbers of the groups of the calibration rows; each counts the same for the threshold.

        ax : array-like of matplotlib Axes of shape (2,), default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ShiftDisplay
            The picture.
        """
        arrays = calibration_distortion, distortion, calibration_embedding, embedding
        return cls(*arrays, result, calibration_groups).plot(ax=ax, **kwargs)

    def _checked(self):
        new_map = check_places(self.embedding, "embedding")
        old_map = check_places(self.calibration_embedding, "calibration_embedding")
        if old_map.shape[1] != new_map.shape[1]:
            raise ValueError(
                f"embedding has {new_map.shape[1]} columns, but calibration_embedding has "
                f"{old_map.shape[1]}."
            )
        new = check_column(self.distortion, len(new_map), "distortion")
        check_column(self.result.sample_p_values, len(new_map), "result.sample_p_values")
        old = np.asarray(self.calibration_distortion, dtype=np.float64).ravel()
        finite, groups = np.isfinite(old), self.calibration_groups
        if not finite.any():
            raise ValueError("calibration_distortion has no finite value.")
        if groups is not None:
            groups = check_column(groups, len(old), "calibration_groups")[finite]
        cut = flag_threshold(old[finite], self.result.alpha, groups)
        return old[finite], new, old_map[finite_rows(old_map)], new_map, cut

    def _draw_distributions(self, old, new, cut, kind, n_bins):
        ax, result = self.ax_, self.result
        new = new[np.isfinite(new)]
        old, new = _positive(old, new)
        draw = _draw_steps if kind == "hist" else _draw_ecdf
        self.steps_ = draw(ax, old, new, n_bins)
        self.threshold_ = None
        if cut is not None:
            label = f"flagged beyond (p ≤ {result.alpha:g})"
            self.threshold_ = ax.axvline(cut, color=_FLAG_COLOR, linestyle="--", label=label)
        ax.set(xscale="log", xlabel="distortion, log scale\n(mean squared error per feature)")
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.2), fontsize="small", frameon=False)
        verdict = "shift found" if result.shifted else "no shift found"
        ax.set_title(
            f"{verdict} (p = {result.p_value:.2g}, level {result.alpha:g})\n"
            f"distortion{_of_groups(result)}: p = {result.p_distortion:.2g}",
            fontsize="medium",
        )

    def _draw_map(self, old, new, columns):
        ax, flagged = self.axes_[1], self.flagged_
        if len(columns) == 1:
            old, new = (np.column_stack([Z, jitter(len(Z))]) for Z in (old, new))
        size = max(marker_size(len(old), ax), 5)
        usual = {"s": size + 4, "linewidths": 0.6, "facecolors": "none", "zorder": 3}
        flags = {"s": 1.5 * size + 14, "marker": "X", "edgecolors": "black", "linewidths": 0.6}
        self.scatters_ = [
            ax.scatter(*old.T, s=size, color="0.78", linewidths=0, label="calibration rows",
                       rasterized=len(old) > 5_000),
            ax.scatter(*new[~flagged].T, edgecolors=_NEW_COLOR, label="new rows", **usual),
            ax.scatter(*new[flagged].T, color=_FLAG_COLOR, label="new, flagged", zorder=4,
                       **flags),
        ]  # fmt: skip
        dress_map(ax, component_names(columns))
        ax.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.08),
            ncols=3,
            frameon=False,
            fontsize="small",
            markerscale=1.4,
            columnspacing=1.0,
            handletextpad=0.3,
        )
        ax.set_title(
            f"{self.result.fraction_flagged:.1%} of {len(new)} rows flagged "
            f"({self.result.alpha:.0%} expected)\n"
            f"position{_of_groups(self.result)}: p = {self.result.p_embedding:.2g}",
            fontsize="medium",
        )


def _of_groups(result):
    return "" if result.n_groups is None else " of groups"


def flag_threshold(calibration, alpha, groups=None):  # (m,), (m,) -> float or None
    """Return the smallest calibration score that few enough reach for a p-value of alpha.

    Each of the groups counts as one, however many rows it has.
    """
    weights = np.ones(len(calibration))
    if groups is not None:
        _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        weights = 1 / sizes[numbers]
    may_reach = alpha * (weights.sum() + 1) - 1
    if may_reach < -_ROUNDING:
        return None
    order = np.argsort(calibration)[::-1]
    place = np.searchsorted(np.cumsum(weights[order]), may_reach + _ROUNDING, side="right")
    return float(calibration[order[min(place, len(order) - 1)]])


def _positive(old, new):
    """Lift zeros to the smallest positive distortion, so that they have a logarithm."""
    both = np.concatenate([old, new])
    positive = both[both > 0]
    floor = positive.min() if len(positive) else 1.0
    return np.maximum(old, floor), np.maximum(new, floor)


def _draw_steps(ax, old, new, n_bins):
    both = np.log10(np.concatenate([old, new]))
    if n_bins == "auto":
        n_bins = int(np.clip(2 * len(new) ** (1 / 2), 8, _MOST_BINS))
    low, high = both.min(), both.max()
    bins = np.logspace(low, high if high > low else low + 1, n_bins + 1)
    weights = [np.full(len(values), 1 / len(values)) for values in (old, new)]
    labels = _batch_labels(old, new)
    grey = ax.hist(
        old, bins, weights=weights[0], histtype="stepfilled", color="0.82", label=labels[0]
    )
    line = ax.hist(
        new, bins, weights=weights[1], histtype="step", color=_NEW_COLOR, linewidth=1.8,
        label=labels[1],
    )  # fmt: skip
    ax.set_ylabel("share of rows in a bin")
    return [grey[2][0], line[2][0]]


def _draw_ecdf(ax, old, new, n_bins):
    labels = _batch_labels(old, new)
    first = ax.ecdf(old, color="0.6", linewidth=3, label=labels[0])
    second = ax.ecdf(new, color=_NEW_COLOR, linewidth=1.6, label=labels[1])
    ax.set_ylabel("share of rows up to here")
    return [first, second]


def _batch_labels(old, new):
    return f"calibration ({len(old)} rows)", f"new ({len(new)} rows)"
