"""What is common to `fit` and `partial_fit` of Stein subspaces: input, solvers, the projection."""

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sksubspace._linalg import fixed_signs, in_blocks
from sksubspace._sklearn import _check_sample_weight
from sksubspace.decomposition._score._models import FittedScore
from sksubspace.decomposition._stein._solvers import by_both, by_first_moment, by_second_moments


class BaseStein(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base class: a subclass computes moments and calls ``_set_components``."""

    def transform(self, X):
        """Project rows on the directions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            ``(X - mean_) @ components_.T``, in units of X.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr" if self._takes_sparse() else False,
            dtype=[np.float64, np.float32], reset=False,
        )  # fmt: skip
        basis = self.components_.T.astype(np.float64)
        if sparse.issparse(X):
            return (X @ basis - self.mean_ @ basis).astype(X.dtype)
        return in_blocks(lambda rows: (rows - self.mean_) @ basis, X).astype(X.dtype)

    def _validate_rows(
        self, X, y, sample_weight, *, former=None, accept_sparse=True, min_samples=1
    ):
        """Check X, y and weights and drop rows of weight zero."""
        X, y = validate_data(
            self, X, y, accept_sparse="csr" if accept_sparse and self._takes_sparse() else False,
            dtype=[np.float64, np.float32], multi_output=True, reset=former is None,
            ensure_min_samples=min_samples,
        )  # fmt: skip
        if self.n_components != "auto" and self.n_components > X.shape[1]:
            raise ValueError(
                f"n_components={self.n_components} must be at most n_features={X.shape[1]}."
            )
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = weights > 0
        if kept.all():
            return X, y, weights
        if kept.sum() < min_samples:
            raise ValueError(
                f"sample_weight must be above zero for at least {min_samples} rows, got "
                f"{kept.sum()}."
            )
        return X[kept], y[kept], weights[kept]

    def _set_components(self, model, M, make_second, make_information, operator, rng, dtype):
        """Find the directions by the moments of the order."""
        k = self.n_components
        if self.order == 1:
            second = None if make_second is None else lambda: (make_second(), operator)
            directions, values = by_first_moment(M, second, k, rng=rng)
        elif self.order == 2:
            directions, values = by_second_moments(make_second(), operator, k, rng=rng)
        else:
            information = make_information()
            directions, values = by_both(M, make_second(), operator, information, k, rng=rng)
        self.components_ = fixed_signs(directions).astype(dtype)
        self.singular_values_ = values.astype(dtype)
        self.mean_ = model.mean_.astype(dtype)
        self.score_model_ = model.score if isinstance(model, FittedScore) else model
        self.n_components_ = len(directions)

    def _is_gaussian(self):
        return isinstance(self.score_model, str) and self.score_model == "gaussian"

    def _takes_sparse(self):
        return self.order == 1 and self._is_gaussian()

    @property
    def _n_features_out(self):
        return len(self.components_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = self._takes_sparse()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
