"""What encoders and decoders share: their state, and what a student hands over."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sksubspace._pages import HasPage
from sksubspace._sklearn import BaseEstimator

__all__ = ["Part", "Setting"]


@dataclass(frozen=True)
class Setting:
    """What a student hands to the parts that ask for it by ``takes_setting = True``.

    Attributes
    ----------
    scale : FeatureScale
        Units of the rows.

    rows : ndarray of shape (m,)
        Training rows that are to be left out; all or a part.

    neighbors : tuple of ndarray of shape (m, k) or None
        Squared distances and numbers of their nearest rows of other groups: the one search.

    trainer : sksubspace._torch.trainer.Trainer or None
        How networks are trained.

    kinds : ndarray of shape (n_kinds,) or None
        One of each row and its copies; None if all rows differ. Copies count once as neighbours:
        ten of them would be one row, and its place names it.
    """

    scale: Any
    rows: np.ndarray
    neighbors: Any = None
    trainer: Any = None
    kinds: Any = None


class Part(HasPage, BaseEstimator):
    """An encoder or a decoder of this library.

    What a fit learned is in attributes without a leading underscore; those with one serve
    `left_out` alone, and no file holds them.
    """

    takes_setting = True

    def stored(self) -> dict[str, Any]:
        """Say what a file holds of the part.

        Returns
        -------
        state : dict
            Parameters and fitted attributes.
        """
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    @classmethod
    def restored(cls, **values: Any) -> Self:
        """Rebuild a fitted part.

        Parameters
        ----------
        **values : dict
            As `stored` returned them.

        Returns
        -------
        part : object
            The part.
        """
        part = cls.__new__(cls)
        part.__dict__.update(values)
        return part

    def released(self) -> Self:
        """Let go of what only `left_out` needs, such as the training rows.

        Returns
        -------
        self : object
            The same, smaller.
        """
        for name in [name for name in vars(self) if name.startswith("_")]:
            delattr(self, name)
        return self

    def __getstate__(self):
        """Leave out what only the fit needs."""
        state = super().__getstate__()
        return {k: v for k, v in state.items() if k == "_sklearn_version" or not k.startswith("_")}
