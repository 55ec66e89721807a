"""Rows on a subspace and back."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from sksubspace._dask import TakesCollections
from sksubspace._linalg import in_blocks, place_rows, r_squared, total_squares
from sksubspace._pages import HasPage
from sksubspace._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sksubspace._typing import ArrayLike, Floats
from sksubspace._validation import validate_rows


class LinearMap(
    TakesCollections, HasPage, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Base of estimators whose `fit` finds orthonormal `components_` through a `mean_`."""

    components_: Floats
    mean_: Floats
    n_components_: int

    def transform(self, X: ArrayLike) -> Floats:
        """Place rows on the components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Coordinates.
        """
        check_is_fitted(self)
        X = validate_rows(self, X, reset=False)
        return place_rows(X, self.mean_, self.components_.T).astype(X.dtype, copy=False)

    def inverse_transform(self, Z: ArrayLike) -> Floats:
        """Give the rows of places.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Coordinates.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Points of the subspace.

        Raises
        ------
        ValueError
            If Z has not `n_components` columns.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=[np.float64, np.float32], input_name="Z")
        if Z.shape[1] != self.n_components_:
            raise ValueError(f"Z must have {self.n_components_} columns, got {Z.shape[1]}.")
        rows = in_blocks(lambda some: some @ self.components_ + self.mean_, Z)
        return rows.astype(Z.dtype, copy=False)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """R2 of the reconstruction of rows by their places.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that were not in `fit`; on training rows the score is flattering.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            ``1 - sum ||x - xhat||^2 / sum ||x - mean_||^2``: from 0, as good as the mean of the
            training rows, to 1.
        """
        check_is_fitted(self)
        X = validate_rows(self, X, reset=False).astype(np.float64, copy=False)
        places = place_rows(X, self.mean_, self.components_.T)
        total = total_squares(X, self.mean_)
        return r_squared(total_squares(X - places @ self.components_, self.mean_), total)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
