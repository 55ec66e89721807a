"""What a fitted supervised dictionary does: codes, reconstructions, classes, names of topics."""

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, check_non_negative

from sksubspace._dask import TakesCollections
from sksubspace._linalg import in_blocks
from sksubspace._pages import HasPage
from sksubspace._sklearn import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sksubspace._typing import ArrayLike, Floats, Labels, Matrix, Names, Objects
from sksubspace._validation import validate_rows
from sksubspace.decomposition._dictionary._codes import nonnegative_codes

__all__ = ["BaseSupervisedDictionary", "check_aux", "check_signs"]

_WHO = "SupervisedDictionaryLearning"


class BaseSupervisedDictionary(
    TakesCollections,
    HasPage,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Base class: a subclass learns components, coefficients and intercepts."""

    def transform(self, X: Matrix) -> Floats:
        """Code rows in the dictionary.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            ``(X - mean_) @ components_.T``; with `nonnegative`, codes by non-negative least
            squares.
        """
        X = _checked_new(self, X)
        return _codes_of(self, _responses(self, X)).astype(X.dtype)

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """Rebuild rows from codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            ``X @ components_ + mean_``.
        """
        check_is_fitted(self)
        H = check_array(X, dtype=[np.float64, np.float32])
        if H.shape[1] != self.n_components_:
            raise ValueError(
                f"X must have n_components_={self.n_components_} columns, got {H.shape[1]}."
            )
        atoms = self.components_.astype(np.float64)
        return in_blocks(lambda codes: codes @ atoms + self.mean_, H).astype(H.dtype)

    def decision_function(self, X: Matrix, X_aux: ArrayLike | None = None) -> Floats:
        """Compute the activations of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        X_aux : array-like of shape (n_samples, n_aux), default=None
            Auxiliary covariates; needed if `fit` had them.

        Returns
        -------
        activations : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log odds of the second of two classes, else logarithms of unscaled probabilities.

        Raises
        ------
        ValueError
            If X_aux is missing, was not there in `fit`, or has another number of columns.
        """
        activations = _activations(self, X, X_aux)
        return activations[:, 0] if len(self.classes_) == 2 else activations

    def predict(self, X: Matrix, X_aux: ArrayLike | None = None) -> Labels:
        """Tell the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        X_aux : array-like of shape (n_samples, n_aux), default=None
            Auxiliary covariates; needed if `fit` had them.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Classes.
        """
        activations = _activations(self, X, X_aux)
        if len(self.classes_) == 2:
            return self.classes_[(activations[:, 0] > 0).astype(np.intp)]
        return self.classes_[activations.argmax(axis=1)]

    def predict_proba(self, X: Matrix, X_aux: ArrayLike | None = None) -> Floats:
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        X_aux : array-like of shape (n_samples, n_aux), default=None
            Auxiliary covariates; needed if `fit` had them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            CentredRows with sum one, classes in the order of `classes_`.
        """
        activations = _activations(self, X, X_aux)
        if len(self.classes_) > 2:
            return softmax(activations, axis=1)
        return np.column_stack([expit(-activations), expit(activations)])

    def score(
        self,
        X: Matrix,
        y: ArrayLike,
        X_aux: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Share of rows whose class is told right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,)
            Classes.

        X_aux : array-like of shape (n_samples, n_aux), default=None
            Auxiliary covariates; needed if `fit` had them.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        accuracy : float
            From 0 to 1.
        """
        return accuracy_score(y, self.predict(X, X_aux=X_aux), sample_weight=sample_weight)

    def top_features(self, n: int = 10, feature_names: Names | None = None) -> Objects:
        """Name the features that count most in each component.

        Parameters
        ----------
        n : int, default=10
            Number of features for each component.

        feature_names : array-like of shape (n_features,), default=None
            Names, such as a vectorizer's ``get_feature_names_out()``. None takes those seen in
            `fit`, else "x0", "x1" and so on.

        Returns
        -------
        names : ndarray of shape (n_components, n)
            The entries of each component that are largest in size, the largest first.

        Raises
        ------
        ValueError
            If `n` is not from 1 to the number of features, or the number of names is another one.
        """
        check_is_fitted(self)
        d = self.n_features_in_
        if not 1 <= n <= d:
            raise ValueError(f"n must be from 1 to n_features_in_={d}, got {n}.")
        if feature_names is None:
            feature_names = getattr(self, "feature_names_in_", [f"x{j}" for j in range(d)])
        names = np.asarray(feature_names, dtype=object)
        if names.shape != (d,):
            raise ValueError(f"feature_names must have n_features_in_={d} names, got {names.shape}")
        order = np.argsort(-np.abs(self.components_), axis=1, kind="stable")
        return names[order[:, :n]]

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = self.nonnegative
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def check_signs(X, nonnegative):
    """Raise where rows that must not be negative are."""
    if nonnegative:
        check_non_negative(X, f"{_WHO} (nonnegative=True)")


def _checked_new(model, X):
    check_is_fitted(model)
    X = validate_rows(model, X, accept_sparse="csr", reset=False)
    check_signs(X, model.nonnegative)
    return X


def _checked_new_aux(model, X_aux, X):
    """Auxiliary covariates are there exactly if `fit` had them."""
    if model.aux_coef_ is None:
        if X_aux is not None:
            raise ValueError(f"X_aux was given, but this {_WHO} was fitted without it.")
        return None
    n_aux = model.aux_coef_.shape[1]
    if X_aux is None:
        raise ValueError(
            f"X_aux is missing: this {_WHO} was fitted with {n_aux} auxiliary covariates. Pass "
            "X_aux; inside a Pipeline or a search, route it with set_predict_request(X_aux="
            "True), set_score_request(X_aux=True) and the like."
        )
    X_aux = check_aux(X_aux, X)
    if X_aux.shape[1] != n_aux:
        raise ValueError(f"X_aux must have {n_aux} columns, got {X_aux.shape[1]}.")
    return X_aux


def _responses(model, X):  # (n, d) -> (n, r)
    """Products of centred rows with the components."""
    basis = model.components_.T.astype(np.float64)
    if sparse.issparse(X):
        return X @ basis - model.mean_ @ basis
    return in_blocks(lambda rows: (rows - model.mean_) @ basis, X)


def _codes_of(model, responses):  # (n, r) -> (n, r)
    if not model.nonnegative:
        return responses
    atoms = model.components_.astype(np.float64)
    gram = atoms @ atoms.T
    return in_blocks(lambda rows: nonnegative_codes(rows, gram), responses)


def _activations(model, X, X_aux):  # (n, d), (n, p) or None -> (n, L)
    X = _checked_new(model, X)
    X_aux = _checked_new_aux(model, X_aux, X)
    features = _responses(model, X)
    if model.variant == "feature":
        features = _codes_of(model, features)
    coef = model.coef_.T.astype(np.float64)
    activations = in_blocks(lambda rows: rows @ coef, features) + model.intercept_
    if X_aux is not None:
        slopes = model.aux_coef_.T.astype(np.float64)
        activations = activations + in_blocks(lambda rows: rows @ slopes, X_aux)
    return activations.astype(X.dtype)


def check_aux(X_aux, X):  # -> (n, p) float64
    """Validate auxiliary covariates of the rows."""
    X_aux = check_array(X_aux, dtype=np.float64, input_name="X_aux")
    check_consistent_length(X, X_aux)
    return X_aux
