"""Peers of SupervisedDictionaryLearning: logistic regression on codes, and how all are tuned."""

import numpy as np
from _common import cpu_seconds
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


class PLS(TransformerMixin, BaseEstimator):
    """Partial least squares on indicators of the classes."""

    def __init__(self, n_components):
        self.n_components = n_components

    def fit(self, X, y):
        self._model = PLSRegression(self.n_components, scale=False).fit(X, np.eye(y.max() + 1)[y])
        return self

    def transform(self, X):
        return self._model.transform(X)


def encoders(r, n_classes):
    """Codes for a logistic regression, by name."""
    return {
        "PCA": PCA(r, random_state=0),
        "PLS": PLS(r),
        "LDA": LinearDiscriminantAnalysis(
            solver="eigen", shrinkage="auto", n_components=min(r, n_classes - 1)
        ),
        "NMF": NMF(r, init="nndsvda", max_iter=500, random_state=0),
        "SVD": TruncatedSVD(r, random_state=0),
    }


class Regression(LogisticRegression):
    """Logistic regression whose penalty has the units of SupervisedDictionaryLearning."""

    def __init__(self, alpha=1e-4, class_weight=None):
        super().__init__(max_iter=500, class_weight=class_weight)
        self.alpha = alpha

    def fit(self, X, y):
        self.C = 1 / (2 * X.shape[0] * self.alpha)
        return super().fit(X, y)


def on_codes(encoder, folder):
    """Logistic regression on codes of unit variance; codes are kept while penalties are tried."""
    steps = [("encode", encoder), ("scale", StandardScaler()), ("classify", Regression())]
    return Pipeline(steps, memory=folder)


def prefixed(model, params):
    if not isinstance(model, Pipeline):
        return params
    return {f"classify__{key}": value for key, value in params.items()}


def tuned(model, grid, X, y, score, folds, extra=None):
    """Fit with the parameters that score best in cross-validation; the model and its seconds."""

    def fitted(params, rows):
        kwargs = {} if extra is None else {"X_aux": extra[rows]}
        copy = clone(model).set_params(**prefixed(model, params))
        return copy.fit(X[rows], y[rows], **kwargs)

    def validated(params):
        values = []
        for a, b in folds:
            kwargs = {} if extra is None else {"X_aux": extra[b]}
            values.append(score(y[b], fitted(params, a).predict(X[b], **kwargs)))
        return np.mean(values)

    candidates = list(ParameterGrid(grid))
    best = candidates[0] if len(candidates) == 1 else max(candidates, key=validated)
    return cpu_seconds(fitted, best, np.arange(len(y)))
