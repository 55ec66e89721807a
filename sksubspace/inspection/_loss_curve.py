"""Losses by epoch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksubspace._typing import ArrayLike, Axes, Estimator, Figure, Names, SubFigure
from sksubspace.inspection._drawing.style import CLASS_COLORS, literal, prepare_axes
from sksubspace.inspection._latent_importance import check_names

if TYPE_CHECKING:
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D


class LossCurveDisplay:
    """Training and validation losses by epoch, for one or several estimators.

    Use :meth:`from_estimator` for fitted estimators with ``loss_curve_``.

    Parameters
    ----------
    losses : dict of str to array-like of shape (n_epochs,)
        Training losses, by the name of the estimator.

    validation_losses : dict of str to array-like of shape (n_epochs,), default=None
        Validation losses of those estimators that have them.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : list of Line2D
        A solid curve for each estimator: its training losses.

    validation_lines_ : list of Line2D or None
        A dashed curve of the same colour for each; None where there are no validation losses.

    legend_ : Legend or None
        What the curves are, where there are several.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace.autoencoder import SparseAutoencoder
    >>> from sksubspace.inspection import LossCurveDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> model = SparseAutoencoder(32, k=4, max_iter=5, random_state=0).fit(X)
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> len(display.lines_[0].get_ydata())
    5
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    lines_: "list[Line2D]"
    validation_lines_: "list[Line2D] | None"
    legend_: "Legend | None"

    def __init__(
        self,
        losses: Mapping[str, ArrayLike],
        *,
        validation_losses: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self.losses = losses
        self.validation_losses = validation_losses

    def plot(
        self, ax: Axes | None = None, *, scale: Literal["auto", "linear", "log"] = "auto"
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        scale : {"auto", "linear", "log"}, default="auto"
            Scale of the losses; "auto" is logarithmic where all are positive and the largest is
            more than ten times the smallest.

        Returns
        -------
        display : LossCurveDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If there is no curve, one is empty, a validation curve belongs to no training curve, or
            `scale` is none of those listed.
        """
        if scale not in ("auto", "linear", "log"):
            raise ValueError(f"scale must be 'auto', 'linear' or 'log', got {scale!r}.")
        losses, validation = self._checked()
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot", figsize=(6.0, 4.2))
        self.figure_ = self.ax_.figure
        self.lines_, self.validation_lines_ = [], []
        for index, (name, curve) in enumerate(losses.items()):
            color, label = CLASS_COLORS[index % len(CLASS_COLORS)], literal(name)
            held = validation.get(name)
            trained = f"{label}, training" if held is not None else label
            self.lines_.append(self._draw(curve, color, "-", trained))
            self.validation_lines_.append(
                None if held is None else self._draw(held, color, "--", f"{label}, validation")
            )
        self.ax_.set(xlabel="epoch", ylabel="loss")
        self.ax_.set_yscale(_scale_of_losses([*losses.values(), *validation.values()], scale))
        self.ax_.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
        several = len(losses) + len(validation) > 1
        self.legend_ = self.ax_.legend(frameon=False) if several else None
        return self

    @classmethod
    def from_estimator(
        cls,
        *estimators: Estimator,
        names: Names | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the losses of fitted estimators.

        Parameters
        ----------
        *estimators : estimator
            Fitted, with ``loss_curve_`` and, if they have them, ``validation_loss_curve_``.

        names : sequence of str, default=None
            A name for each; None takes their classes.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LossCurveDisplay
            The picture.

        Raises
        ------
        ValueError
            If there is not one name for each estimator, two are equal, or a curve is empty.

        TypeError
            If an estimator has no ``loss_curve_``.
        """
        losses, validation = {}, {}
        for name, one in zip(check_names(estimators, names), estimators, strict=True):
            check_is_fitted(one)
            if not hasattr(one, "loss_curve_"):
                raise TypeError(
                    f"estimator must have loss_curve_, but {type(one).__name__} has none."
                )
            losses[name] = one.loss_curve_
            if getattr(one, "validation_loss_curve_", None) is not None:
                validation[name] = one.validation_loss_curve_
        return cls(losses, validation_losses=validation).plot(ax=ax, **kwargs)

    def _checked(self):
        losses = {name: _check_curve(name, curve) for name, curve in self.losses.items()}
        given = self.validation_losses or {}
        validation = {name: _check_curve(name, curve) for name, curve in given.items()}
        if not losses:
            raise ValueError("losses must hold at least one curve, got none.")
        if not validation.keys() <= losses.keys():
            raise ValueError(
                f"validation_losses must be of {sorted(losses)}, got {sorted(validation)}."
            )
        return losses, validation

    def _draw(self, curve, color, style, label):
        epochs = np.arange(1, len(curve) + 1)
        marker = "o" if len(curve) == 1 else None
        (line,) = self.ax_.plot(
            epochs, curve, color=color, linestyle=style, marker=marker, label=label
        )
        return line


def _check_curve(name, curve):  # (n_epochs,)
    curve = np.asarray(curve, dtype=np.float64)
    if curve.ndim != 1 or not curve.size:
        raise ValueError(
            f"the loss curve of {name!r} must have one loss for each epoch, got {curve}."
        )
    return curve


def _scale_of_losses(curves, scale):
    if scale != "auto":
        return scale
    values = np.concatenate(curves)
    return "log" if 0 < values.min() < values.max() / 10 else "linear"
