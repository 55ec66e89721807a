"""Rows through a fitted map and back, and what a fit leaves behind."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from sksubspace._linalg import in_blocks
from sksubspace.manifold._nonlinear import encode

_FIRST_USEFUL = 4


class MapMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Map rows linearly, or by an encoder of their principal scores; reconstruct them linearly."""

    def transform(self, X):
        """Map rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their outputs, the most important first.
        """
        check_is_fitted(self)
        return self._outputs(self._validated(X, reset=False)).astype(self._dtype, copy=False)

    def inverse_transform(self, Z):
        """Reconstruct rows by the linear regression of rows on outputs; nothing is trained for it.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Outputs.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        Raises
        ------
        ValueError
            If Z has another number of columns.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=[np.float64, np.float32], order="C")
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"Z must have n_components_={self.n_components_} columns, got {Z.shape[1]}."
            )
        rows = in_blocks(lambda z: z @ self._decoding, Z) + self.mean_
        return rows.astype(self._dtype, copy=False)

    def _record(self, learned, dtype):
        self._pair_sums = None
        self._dtype = np.dtype(dtype).name
        self._encoder = learned.encoder
        self._directions = _as(learned.directions, dtype)
        self._decoding = learned.decoding.astype(dtype)
        self.mean_ = learned.mean.astype(dtype)
        self.components_ = _as(learned.components, dtype)
        self.explained_variance_ = learned.explained_variance.astype(dtype)
        self.neighbor_correlation_ = learned.correlation.astype(dtype)
        self.n_components_ = len(learned.explained_variance)
        self.loss_curve_ = learned.loss_curve
        self.n_iter_ = max(1, len(learned.loss_curve))
        if self.n_components_ < self.n_components:
            warnings.warn(
                f"n_components={self.n_components} is more than the {self.n_components_} "
                "directions in which the training rows vary, and vary like their neighbours; there "
                "are as many outputs.",
                UserWarning,
                stacklevel=3,
            )

    def _validated(self, X, *, reset, ensure_min_samples=1):
        X = validate_data(
            self, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32],
            ensure_min_samples=2 if reset else ensure_min_samples,
        )  # fmt: skip
        if reset and self.n_components < _FIRST_USEFUL:
            warnings.warn(
                f"n_components={self.n_components} is too few to be looked at or searched: the "
                "outputs of TLDR form a ring in the plane. Use it from 4 components on.",
                UserWarning,
                stacklevel=3,
            )
        return X

    def _outputs(self, X):  # (n, d) -> (n, q)
        if self._encoder is None:
            return _project(X, self.mean_, self.components_.T)
        scores = _project(X, self.mean_, self._directions)
        return in_blocks(lambda rows: encode(self._encoder, rows), scores)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _project(X, mean, directions):  # (n, d), (d,), (d, q) -> (n, q)
    if sparse.issparse(X):
        return X @ directions - mean @ directions
    return in_blocks(lambda rows: np.subtract(rows, mean, order="C") @ directions, X)


def _as(array, dtype):
    return None if array is None else array.astype(dtype)
