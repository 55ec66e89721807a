"""How much of the data is reconstructed from the first latent dimensions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksubspace._typing import ArrayLike, Axes, Estimator, Figure, Names, SubFigure
from sksubspace.inspection._drawing.style import CLASS_COLORS, CLASS_MARKERS, literal, prepare_axes

if TYPE_CHECKING:
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

# fitted attributes that say what each coordinate is worth, the first that is there
_RATIOS = ("explained_reconstruction_ratio_", "explained_variance_ratio_")


class LatentImportanceDisplay:
    """R2 against the number of latent dimensions, for one or several estimators.

    Use :meth:`from_estimator` for estimators with ``explained_reconstruction_ratio_`` or
    ``explained_variance_ratio_``.

    Parameters
    ----------
    ratios : dict of str to array-like of shape (n_components,)
        What each further dimension adds to R2, by the name of the estimator.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : list of Line2D
        A curve for each estimator: the sum of the first k ratios at k, and 0 at none.

    legend_ : Legend or None
        Names of the estimators, where there are several.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.inspection import LatentImportanceDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> display = LatentImportanceDisplay.from_estimator(PCA(10).fit(X))
    >>> round(float(display.lines_[0].get_ydata()[10]), 2)
    0.74
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    lines_: "list[Line2D]"
    legend_: "Legend | None"

    def __init__(self, ratios: Mapping[str, ArrayLike]) -> None:
        self.ratios = ratios

    def plot(self, ax: Axes | None = None, *, threshold: float | None = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        threshold : float, default=None
            An R2 to mark by a horizontal line.

        Returns
        -------
        display : LatentImportanceDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If there are no ratios, or some are no finite vector.
        """
        curves = {name: _curve(name, ratios) for name, ratios in self.ratios.items()}
        if not curves:
            raise ValueError("ratios must hold at least one estimator, got none.")
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot", figsize=(6.0, 4.2))
        self.figure_ = self.ax_.figure
        self.lines_ = [
            self._draw(index, name, curve) for index, (name, curve) in enumerate(curves.items())
        ]
        if threshold is not None:
            self.ax_.axhline(threshold, color="0.4", linewidth=0.8, linestyle="--")
        highest = max(1.0, *(curve.max() for curve in curves.values()))
        self.ax_.set(xlabel="number of latent dimensions", ylabel="R²")
        self.ax_.set_ylim(min(0.0, *(curve.min() for curve in curves.values())), 1.02 * highest)
        self.ax_.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
        self.legend_ = None
        if len(curves) > 1:
            self.legend_ = self.ax_.legend(loc="lower right", frameon=False)
        return self

    @classmethod
    def from_estimator(
        cls,
        *estimators: Estimator,
        names: Names | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw what the dimensions of fitted estimators are worth.

        Parameters
        ----------
        *estimators : estimator
            Fitted, with ``explained_reconstruction_ratio_`` or ``explained_variance_ratio_``.

        names : sequence of str, default=None
            A name for each; None takes their classes.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LatentImportanceDisplay
            The picture.

        Raises
        ------
        ValueError
            If there is not one name for each estimator, or two are equal.

        TypeError
            If an estimator has no such ratios.
        """
        names = check_names(estimators, names)
        return cls(dict(zip(names, map(_ratios_of, estimators), strict=True))).plot(ax=ax, **kwargs)

    def _draw(self, index, name, curve):
        (line,) = self.ax_.plot(
            np.arange(len(curve)),
            curve,
            color=CLASS_COLORS[index % len(CLASS_COLORS)],
            marker=CLASS_MARKERS[index % len(CLASS_MARKERS)],
            markersize=4,
            label=literal(name),
        )
        return line


def check_names(estimators, names):
    """Return a name for each estimator, its class and a number where there are several of one."""
    if names is None:
        classes = [type(one).__name__ for one in estimators]
        names = [
            name if classes.count(name) == 1 else f"{name} {1 + classes[:index].count(name)}"
            for index, name in enumerate(classes)
        ]
    if isinstance(names, str) or len(set(names)) != len(estimators) or len(names) > len(set(names)):
        raise ValueError(
            f"names must be {len(estimators)} different names, one for each estimator, got "
            f"{names!r}."
        )
    return list(names)


def _ratios_of(estimator):
    check_is_fitted(estimator)
    for attribute in _RATIOS:
        if getattr(estimator, attribute, None) is not None:
            return getattr(estimator, attribute)
    raise TypeError(
        f"estimator must have {' or '.join(_RATIOS)}, but {type(estimator).__name__} has neither."
    )


def _curve(name, ratios):  # (k,) -> (k + 1,)
    ratios = np.asarray(ratios, dtype=np.float64)
    if ratios.ndim != 1 or not np.isfinite(ratios).all():
        raise ValueError(f"ratios of {name!r} must be a finite vector, got {ratios}.")
    return np.concatenate([[0.0], np.cumsum(ratios)])
