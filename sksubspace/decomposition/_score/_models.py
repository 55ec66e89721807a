"""From the parameter `score_model` to a model of the density with scores and second-order terms."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sksubspace._sklearn import BaseEstimator
from sksubspace.decomposition._score._base import Term, density_of
from sksubspace.decomposition._score._gaussian import GaussianScore
from sksubspace.decomposition._score._mixture import MixtureScore
from sksubspace.decomposition._score._student_t import StudentTScore

SCORES = {"gaussian", "student_t", "gmm", "denoiser"}


def make_score_model(score, *, shrinkage="auto", random_state=None):
    """Make a model of the density from a name, a function from rows to scores, or an object.

    It has ``fit(X, sample_weight=None)``, ``score_function(X)``, ``terms(X)`` and, when fitted,
    ``mean_``; it takes the shrinkage and the randomness where it has them.
    """
    if score == "gaussian":
        return GaussianScore(shrinkage=shrinkage)
    if score == "student_t":
        return StudentTScore(shrinkage=shrinkage)
    if score == "gmm":
        return MixtureScore(shrinkage=shrinkage, random_state=random_state)
    if score == "denoiser":
        from sksubspace.decomposition._score._denoiser import DenoiserScore

        return DenoiserScore(random_state=random_state)
    if hasattr(score, "score_function"):
        return clone(score) if _is_unfitted(score) else FittedScore(score)
    return FunctionScore(score)


def fisher_information(model):  # -> (d, d) or None
    """Mean of s s' under the density, where it has a formula."""
    density = density_of(model)
    return density.information() if hasattr(density, "information") else None


def _is_unfitted(score):
    """Whether an object is an estimator that is still to be fitted, as a clone of one is."""
    if not isinstance(score, BaseEstimator):
        return False
    try:
        check_is_fitted(score)
    except NotFittedError:
        return True
    return False


class _GivenScore(BaseEstimator):
    """A score that is known; only the mean of the rows is taken from them."""

    def __init__(self, score):
        self.score = score

    def fit(self, X, y=None, sample_weight=None):
        """Take the mean of the rows."""
        self.mean_ = np.average(X, axis=0, weights=sample_weight)
        return self


class FunctionScore(_GivenScore):
    """A function from rows to scores, or to scores and their gradients."""

    def score_function(self, X):
        """Return s(x), of shape (n, d)."""
        result = self.score(X)
        return _finite_of_shape(
            result[0] if isinstance(result, tuple) else result, X.shape, "scores"
        )

    def terms(self, X):
        """Return one term, with the gradient of s in the place of P."""
        result = self.score(X)
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError(
                "Second-order moments need the gradient of the score: the function passed as "
                "score_model must return a tuple (S, J) with J of shape (n_samples, n_features, "
                f"n_features), it returned a {type(result).__name__}. Or use order=1 with at most "
                "as many components as responses."
            )
        return [_term_of_jacobian(result[0], result[1], X)]


class FittedScore(_GivenScore):
    """An object with `score_function` and, for second order, `terms` or `score_jacobian`."""

    def score_function(self, X):
        """Return s(x), of shape (n, d)."""
        return _finite_of_shape(self.score.score_function(X), X.shape, "scores")

    def terms(self, X):
        """Return the terms of the object, or one with its Jacobian in the place of P."""
        if hasattr(self.score, "terms"):
            return [Term(*term) for term in self.score.terms(X)]
        if not hasattr(self.score, "score_jacobian"):
            raise ValueError(
                "Second-order moments need the gradient of the score: the object passed as "
                f"score_model, a {type(self.score).__name__}, must have a method terms or "
                "score_jacobian. Or use order=1 with at most as many components as responses."
            )
        return [_term_of_jacobian(self.score.score_function(X), self.score.score_jacobian(X), X)]


def _term_of_jacobian(S, J, X):
    one = np.ones(len(X))
    n, d = X.shape
    return Term(
        _finite_of_shape(S, (n, d), "scores"), one, one, _finite_of_shape(J, (n, d, d), "gradients")
    )


def _finite_of_shape(values, shape, name):
    values = np.asarray(values, dtype=np.float64)
    if values.shape != shape:
        raise ValueError(f"score_model must give {name} of shape {shape}, got {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError(f"score_model must give {name} that are finite, got NaN or infinity.")
    return values
