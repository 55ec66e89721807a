"""The atoms of a dictionary, or the components of a projection, as images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksubspace._typing import ArrayLike, Axes, Colormap, Estimator, Figure, SubFigure
from sksubspace.inspection._drawing.profiles import check_image_shape
from sksubspace.inspection._drawing.style import prepare_axes

if TYPE_CHECKING:
    from matplotlib.image import AxesImage

# pixels between two atoms
_GAP = 1
# zero, the middle of each scale, is a middle grey
_GREY_CMAP = "gray"


class AtomsDisplay:
    """Atoms side by side, each on its own scale with zero in the middle.

    Use :meth:`from_estimator` for a fitted estimator with ``components_``.

    Parameters
    ----------
    atoms : ndarray of shape (n_atoms, n_features)
        What to draw, row by row.

    image_shape : tuple of int
        Shape of an image, (height, width) or (height, width, 3).

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the grid.

    figure_ : matplotlib Figure
        Figure with the axes.

    image_ : AxesImage
        Mosaic of the atoms, with values from -1 to 1, or from 0 to 1 in colour.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.inspection import AtomsDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> display = AtomsDisplay.from_estimator(PCA(6).fit(X), image_shape=(8, 8), n_columns=3)
    >>> display.image_.get_array().shape
    (17, 26)
    >>> plt.close(display.figure_)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    image_: "AxesImage"

    def __init__(self, atoms: ArrayLike, *, image_shape: Sequence[int]) -> None:
        self.atoms = atoms
        self.image_shape = image_shape

    def plot(
        self,
        ax: Axes | None = None,
        *,
        n_columns: int | None = None,
        cmap: str | Colormap | None = None,
    ) -> Self:
        """Draw the grid.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        n_columns : int, default=None
            Atoms in a row; None makes the grid about square.

        cmap : str or Colormap, default=None
            Colours of images without colours of their own; None takes "gray".

        Returns
        -------
        display : AtomsDisplay
            The object, with the artists as attributes.

        Raises
        ------
        ValueError
            If there are no atoms, the image shape does not fit them, or `n_columns` is not
            positive.
        """
        atoms = np.asarray(self.atoms, dtype=np.float64)
        if atoms.ndim != 2 or not atoms.size or not np.isfinite(atoms).all():
            raise ValueError(
                f"atoms must be finite, of shape (n_atoms, n_features), got {atoms.shape}."
            )
        shape = check_image_shape(self.image_shape, atoms.shape[1])
        if shape is None:
            raise ValueError("image_shape must be (height, width) or (height, width, 3), got None.")
        n_columns = _check_columns(n_columns, atoms, shape)
        self.ax_ = prepare_axes(ax, f"{type(self).__name__}.plot", figsize=(6.4, 6.0))
        self.figure_ = self.ax_.figure
        mosaic = _mosaic(_unit_range(atoms), shape, n_columns)
        if mosaic.ndim == 3:
            mosaic = np.where(np.isnan(mosaic), 1.0, (mosaic + 1) / 2)
        self.image_ = self.ax_.imshow(
            mosaic, cmap=cmap or _GREY_CMAP, interpolation="nearest", vmin=-1, vmax=1
        )
        self.ax_.set_axis_off()
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        *,
        image_shape: Sequence[int],
        order: ArrayLike | None = None,
        n_atoms: int | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the components of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``components_`` of shape (n_components, n_features).

        image_shape : tuple of int
            Shape of an image, (height, width) or (height, width, 3).

        order : array-like of shape (n_components,), default=None
            Atoms with the largest values come first, as with ``order=estimator.usage_``. None keeps
            the order of the components.

        n_atoms : int, default=None
            How many to draw, from the first on; None draws all.

        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : AtomsDisplay
            The picture.

        Raises
        ------
        ValueError
            If the image shape or the length of `order` does not fit the components.

        TypeError
            If the estimator has no ``components_``.
        """
        check_is_fitted(estimator)
        atoms = getattr(estimator, "components_", None)
        if atoms is None:
            raise TypeError(
                f"estimator must have components_, but {type(estimator).__name__} has none."
            )
        if order is not None:
            order = np.asarray(order)
            if order.shape != (len(atoms),):
                raise ValueError(f"order must have shape ({len(atoms)},), got {order.shape}.")
            atoms = atoms[np.argsort(-order, kind="stable")]
        return cls(atoms[:n_atoms], image_shape=image_shape).plot(ax=ax, **kwargs)


def _check_columns(n_columns, atoms, shape):
    if n_columns is None:
        return int(np.clip(np.ceil(np.sqrt(len(atoms) * shape[0] / shape[1])), 1, len(atoms)))
    if not isinstance(n_columns, int | np.integer) or n_columns < 1:
        raise ValueError(f"n_columns must be a whole number of at least 1, got {n_columns!r}.")
    return min(int(n_columns), len(atoms))


def _unit_range(atoms):  # (m, d) -> (m, d)
    """Each atom divided by its largest absolute value; zeros stay."""
    largest = np.abs(atoms).max(axis=1, keepdims=True)
    return atoms / np.where(largest > 0, largest, 1.0)


def _mosaic(atoms, shape, n_columns):
    """Images row by row, with NaN between them."""
    n_rows = -(-len(atoms) // n_columns)
    height, width = shape[0] + _GAP, shape[1] + _GAP
    mosaic = np.full((n_rows * height - _GAP, n_columns * width - _GAP, *shape[2:]), np.nan)
    for index, atom in enumerate(atoms):
        top, left = index // n_columns * height, index % n_columns * width
        mosaic[top : top + shape[0], left : left + shape[1]] = atom.reshape(shape)
    return mosaic
