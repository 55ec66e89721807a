"""A fitted map: data to coordinates, coordinates to data."""

import numpy as np
from scipy import sparse
from sklearn.base import TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data


class MapMixin(TransformerMixin):
    """Placement and reconstruction by a fitted encoder and decoder."""

    def transform(self, X):
        """Place rows on the map.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; each is placed without regard to the others.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Coordinates, in the units of the embedding.
        """
        check_is_fitted(self)
        return self._place(self._validated(X))

    def inverse_transform(self, X):
        """Reconstruct data from points of the map.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points, in the units of the embedding; they need not be images of data.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, in input units.
        """
        check_is_fitted(self)
        Z = check_array(X, dtype=[np.float64, np.float32])
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {Z.shape[1]} columns, but the embedding has n_components_="
                f"{self.n_components_}."
            )
        return self._decode(Z).astype(Z.dtype, copy=False)

    def reconstruct(self, X):
        """Place rows on the map and reconstruct them from there.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Their reconstructions, in input units.
        """
        check_is_fitted(self)
        X = self._validated(X)
        return self._decode(self._place(X)).astype(X.dtype, copy=False)

    def _validated(self, X):
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C", reset=False
        )
        if sparse.issparse(X) and not self._fitted_on_sparse:
            return X.toarray()
        return X if sparse.issparse(X) or not self._fitted_on_sparse else sparse.csr_matrix(X)

    def _place(self, X):  # (n, d) -> (n, q)
        work = self._feature_scale.work(X.astype(self.embedding_.dtype, copy=False))
        placed = self._latent_scale.unscale(self._encoder(work))
        return placed.astype(X.dtype, copy=False)

    def _decode(self, Z):  # (n, q) -> (n, d)
        return self._feature_scale.unwork(self._decoder.predict(self._latent_scale.scale(Z)))
