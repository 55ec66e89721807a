"""What all subspace clusterings share: subspaces of the clusters, new rows, a held-out score."""

import warnings
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from sksubspace._sklearn import Interval, StrOptions
from sksubspace.cluster._subspaces import fit_subspaces, squared_residuals

SCORED_DIM = 3


class BaseSubspaceClustering(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    """Base class: a subclass finds labels in ``fit`` and calls ``_set_subspaces``."""

    _accept_sparse = False

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "subspace_dim": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "normalize": ["boolean"],
        "random_state": ["random_state"],
    }

    def predict(self, X):
        """Give each row to the subspace that is nearest.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The cluster of each row, from 0 to ``n_clusters_ - 1``.
        """
        return self._squared_distances(self._validate_new(X)[0]).argmin(axis=1)

    def transform(self, X):
        """Distance of each row, at unit length with ``normalize``, from each cluster's subspace.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Distances, not squared; in units of X, or of unit rows with ``normalize=True``.
        """
        return np.sqrt(self._squared_distances(self._validate_new(X)[0]))

    def score(self, X, y=None):
        r"""R2 of projecting each row on the nearest subspace.

        :math:`1 - \sum_i \|x_i - \hat x_i\|^2 / \sum_i \|x_i - \bar x\|^2`, with the mean
        :math:`\bar x` of the training rows. With ``normalize=True`` a row is projected at unit
        length and scaled back, so that errors are in units of X and estimators compare. With
        ``subspace_dim="auto"`` only the three leading directions of each subspace are used:
        otherwise a poor clustering, which needs larger subspaces, would be paid for with them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            At most 1. More clusters and more dimensions score higher by themselves: compare
            methods at the same number of both.
        """
        rows, norms = self._validate_new(X)
        bases = self.cluster_bases_
        if self.subspace_dim == "auto":
            bases = [basis[:SCORED_DIM] for basis in bases]
        squared = squared_residuals(rows, self.cluster_means_, bases).min(axis=1)
        if norms is not None:
            squared = squared * np.square(norms)
        return 1.0 - float(squared.sum(dtype=np.float64) / self._total_squares(rows, norms))

    def _validate_fit(self, X):
        """Copy the training rows, at unit length with ``normalize``."""
        X = validate_data(
            self, X, accept_sparse="csr" if self._accept_sparse else False,
            dtype=[np.float64, np.float32], order="C", copy=True, ensure_min_samples=2,
        )  # fmt: skip
        n, d = X.shape
        if self.n_clusters != "auto" and n < self.n_clusters:
            raise ValueError(f"n_samples={n} should be >= n_clusters={self.n_clusters}.")
        subspace_dim = getattr(self, "subspace_dim", "auto")
        if subspace_dim != "auto" and subspace_dim >= max(d, 2):
            raise ValueError(
                f"subspace_dim={subspace_dim} must be less than the number of features, {d}: a "
                f"subspace of all dimensions holds every row."
            )
        self._row_mean = np.asarray(X.mean(axis=0, dtype=np.float64)).reshape(-1)
        return self._to_unit_rows(X, self._warn_of_zero_rows(X)) if self.normalize else X

    def _warn_of_zero_rows(self, X):  # (n, d) -> norms (n,)
        norms = row_norms(X)
        n_zero = int((norms == 0).sum())
        if n_zero == len(norms):
            raise ValueError("Every row of X is zero: there are no directions to cluster.")
        if n_zero:
            warnings.warn(
                f"{n_zero} of {len(norms)} rows are zero and have no direction; they are given to "
                "the nearest subspace.",
                stacklevel=4,
            )
        return norms

    def _to_unit_rows(self, X, norms):  # (n, d), (n,) -> (n, d), in place
        safe = np.where(norms > 0, norms, 1).astype(X.dtype)
        if sparse.issparse(X):
            X.data /= np.repeat(safe, np.diff(X.indptr))
        else:
            X /= safe[:, None]
        return X

    def _validate_new(self, X):  # -> (n, d) unit rows, (n,) norms or None
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr" if self._accept_sparse else False,
            dtype=[np.float64, np.float32], order="C", copy=self.normalize, reset=False,
        )  # fmt: skip
        if not self.normalize:
            return X, None
        norms = row_norms(X)
        return self._to_unit_rows(X, norms), norms

    def _set_subspaces(self, X, labels):
        """Fit the subspace of each cluster; rows with a negative label join the nearest."""
        found, inverse = np.unique(labels[labels >= 0], return_inverse=True)
        labels = labels.astype(np.int64)
        labels[labels >= 0] = inverse
        self.n_clusters_ = len(found)
        self.cluster_means_, self.cluster_bases_ = fit_subspaces(
            X, labels, self.n_clusters_, getattr(self, "subspace_dim", "auto")
        )
        lost = np.flatnonzero(labels < 0)
        if len(lost):
            labels[lost] = self._squared_distances(X[lost]).argmin(axis=1)
        self.labels_ = labels

    def _squared_distances(self, X):  # (n, d) unit rows -> (n, K)
        return squared_residuals(X, self.cluster_means_, self.cluster_bases_).astype(X.dtype)

    def _total_squares(self, rows, norms):
        """Sum of ||x - mean of the training rows||^2, x in units of X."""
        scale = np.ones(rows.shape[0]) if norms is None else norms.astype(np.float64)
        squares = np.square(row_norms(rows).astype(np.float64) * scale)
        cross = np.asarray(rows @ self._row_mean).reshape(-1) * scale
        total = squares.sum() - 2 * cross.sum() + len(scale) * (self._row_mean @ self._row_mean)
        return max(float(total), np.finfo(np.float64).tiny)

    @property
    def _n_features_out(self):
        return self.n_clusters_

    def __sklearn_tags__(self):
        """Keep float32, take CSR where the class does."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = self._accept_sparse
        return tags


def row_norms(X):  # (n, d) -> (n,)
    """Euclidean length of each row, in the dtype of X, computed row by row."""
    if sparse.issparse(X):
        squares = X.multiply(X).sum(axis=1)
        return np.sqrt(np.asarray(squares).reshape(-1)).astype(X.dtype)
    return np.sqrt(np.einsum("nd,nd->n", X, X, dtype=np.float64)).astype(X.dtype)
