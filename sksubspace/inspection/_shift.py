"""A new batch against the calibration rows: distortions, and places on the map."""

import numpy as np

from sksubspace.inspection._drawing.points import (
    check_column,
    check_components,
    check_places,
    component_names,
    finite_rows,
    jitter,
)
from sksubspace.inspection._drawing.style import dress_map, marker_size, prepare_panels

# blue and vermilion stay apart for the colour-blind, and both from the grey of calibration
_NEW_COLOR = "#0072B2"
_FLAG_COLOR = "#D55E00"
# of a histogram, however many rows there are
_MOST_BINS = 40


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

    def __init__(
        self, calibration_distortion, distortion, calibration_embedding, embedding, result
    ):
        self.calibration_distortion = calibration_distortion
        self.distortion = distortion
        self.calibration_embedding = calibration_embedding
        self.embedding = embedding
        self.result = result

    def plot(self, ax=None, *, kind="hist", components=(0, 1), n_bins="auto"):
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
        old, new, old_map, new_map = self._checked()
        columns = check_components(components, new_map.shape[1])
        caller = f"{type(self).__name__}.plot"
        self.axes_ = prepare_panels(ax, 2, caller, ncols=2, figsize=(11, 4.8))
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.flagged_ = np.asarray(self.result.sample_p_values) <= self.result.alpha
        self._draw_distributions(old, new, kind, n_bins)
        self._draw_map(old_map[:, columns], new_map[:, columns], columns)
        return self

    @classmethod
    def from_estimator(cls, estimator, X, *, alpha=0.05, margin="auto", ax=None, **kwargs):
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

        ax : array-like of matplotlib Axes of shape (2,), default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ShiftDisplay
            The picture; its `result` is the outcome of the test.
        """
        result = estimator.detect_shift(X, alpha=alpha, margin=margin)
        return cls(
            estimator.calibration_scores_,
            estimator.distortion(X),
            estimator.calibration_embedding_,
            estimator.transform(X),
            result,
        ).plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        calibration_distortion,
        distortion,
        calibration_embedding,
        embedding,
        result,
        *,
        ax=None,
        **kwargs,
    ):
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

        ax : array-like of matplotlib Axes of shape (2,), default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ShiftDisplay
            The picture.
        """
        display = cls(calibration_distortion, distortion, calibration_embedding, embedding, result)
        return display.plot(ax=ax, **kwargs)

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
        old = old[np.isfinite(old)]
        if len(old) == 0:
            raise ValueError("calibration_distortion has no finite value.")
        return old, new, old_map[finite_rows(old_map)], new_map

    def _draw_distributions(self, old, new, kind, n_bins):
        ax, result = self.ax_, self.result
        new = new[np.isfinite(new)]
        old, new = _positive(old, new)
        draw = _draw_steps if kind == "hist" else _draw_ecdf
        self.steps_ = draw(ax, old, new, n_bins)
        self.threshold_ = None
        cut = flag_threshold(old, result.alpha)
        if cut is not None:
            label = f"flagged beyond (p ≤ {result.alpha:g})"
            self.threshold_ = ax.axvline(cut, color=_FLAG_COLOR, linestyle="--", label=label)
        ax.set(xscale="log", xlabel="distortion, log scale\n(mean squared error per feature)")
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.2), fontsize="small", frameon=False)
        verdict = "shift found" if result.shifted else "no shift found"
        ax.set_title(
            f"{verdict} (p = {result.p_value:.2g}, level {result.alpha:g})\n"
            f"distortion: p = {result.p_distortion:.2g}",
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
            f"({self.result.alpha:.0%} expected)\nposition: p = {self.result.p_embedding:.2g}",
            fontsize="medium",
        )


def flag_threshold(calibration, alpha):  # (m,) -> float or None
    """Return the smallest calibration score that few enough reach for a p-value of alpha."""
    rank = int(np.floor(alpha * (len(calibration) + 1) + 1e-9)) - 1
    if rank < 0:
        return None
    ordered = np.sort(calibration)[::-1]
    return float(ordered[min(rank, len(ordered) - 1)])


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
