"""What the models of a density share: scores, Stein's second-order terms, shrunk covariances."""

from abc import ABC, abstractmethod
from functools import singledispatch
from typing import NamedTuple, Self

import numpy as np
from scipy import linalg
from sklearn.utils.validation import check_is_fitted

from sksubspace._ambient import OwnSettings
from sksubspace._sklearn import BaseEstimator, _check_sample_weight
from sksubspace._typing import ArrayLike, Floats
from sksubspace._validation import validate_rows


class Term(NamedTuple):
    r"""Part of T(x) = s s' - grad s: :math:`a_i u_i u_i^T - b_i P` for row i.

    `rows` u of shape (n, d), `weight` a of shape (n,), `trace` b of shape (n,) and `precision` P of
    shape (d, d), or (n, d, d) where each row has its own.
    """

    rows: np.ndarray
    weight: np.ndarray
    trace: np.ndarray
    precision: np.ndarray


class ScoreModel(OwnSettings, BaseEstimator, ABC):
    """Base class: a subclass fits its density, and `density_of` knows what it is."""

    @abstractmethod
    def _fit_density(self, X, weights):  # (n, d), (n,) -> dict
        """Fit the density to rows of float64: the fitted attributes by name."""

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the density.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        y : Ignored
            Not used.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A weight counts as that many repetitions of the row.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        ValueError
            If there are fewer than two rows, a value is not finite, or a weight is negative.
        """
        self._validate_params()
        X = validate_rows(self, X, dtype=np.float64, ensure_min_samples=2)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = weights > 0
        rows = (X, weights) if kept.all() else (X[kept], weights[kept])
        self.__dict__.update(self._fit_density(*rows))
        return self

    def score_function(self, X: ArrayLike) -> Floats:
        r"""Score of the density, :math:`s(x) = -\nabla \log p(x)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_features)
            In units of one over those of X.
        """
        return density_of(self).score(new_points(self, X))

    def terms(self, X: ArrayLike) -> list[Term]:
        r"""Second-order terms, :math:`T(x) = s(x) s(x)^T - \nabla s(x)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        terms : list of Term
            Named tuples (rows, weight, trace, precision), whose sum over terms of
            ``weight[i] * outer(rows[i], rows[i]) - trace[i] * precision`` is T of row i.
        """
        return density_of(self).terms(new_points(self, X))

    def score(self, X: ArrayLike, y: object = None) -> float:
        r"""Score matching on rows that were held out: the higher, the nearer the score is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that were not in `fit`.

        y : Ignored
            Not used.

        Returns
        -------
        score : float
            Mean of :math:`\mathrm{tr} \nabla s(x) - \|s(x)\|^2 / 2`, in units of one over those of
            X squared. It compares models on the same rows; that of no model, s = 0, is 0.

        Notes
        -----
        For rows of a density with the score :math:`s^*` it is, by partial integration, the mean of
        :math:`(\|s^*\|^2 - \|s - s^*\|^2) / 2`, without that :math:`s^*` is known [1]_.

        References
        ----------
        .. [1] A. Hyvarinen, "Estimation of non-normalized statistical models by score matching",
           Journal of Machine Learning Research 6 (2005).
        """
        density, X = density_of(self), new_points(self, X)
        squares = np.square(density.score(X)).sum(axis=1)
        # the trace of s s' - grad s, which is that of the terms
        traces = sum(_traces(term) for term in density.terms(X))
        return float(np.mean(squares / 2 - traces))


def _traces(term):  # Term -> (n,)
    of_precision = np.trace(term.precision, axis1=-2, axis2=-1)
    return term.weight * np.square(term.rows).sum(axis=1) - term.trace * of_precision


def new_points(model, X):  # -> (n, d) float64
    """Check rows that a fitted model is asked about."""
    check_is_fitted(model)
    return validate_rows(model, X, dtype=np.float64, reset=False)


@singledispatch
def density_of(model):
    """Density of a fitted estimator, with `score` and `terms` of float64 arrays; None of others."""
    return None


def weighted_moments(X, weights):  # (n, d), (n,) -> (d,), (d, d), float
    """Mean, covariance (divided by the sum of weights) and mean fourth power of ||x - mean||."""
    total = weights.sum()
    mean = weights @ X / total
    centred = X - mean
    covariance = centred.T @ (weights[:, None] * centred) / total
    squares = np.einsum("nd,nd->n", centred, centred)
    return mean, covariance, float(weights @ np.square(squares) / total)


def shrunk_covariance(
    covariance, fourth, total, shrinkage
):  # (d, d), float, float -> (d, d), float
    r"""Covariance :math:`(1 - \alpha) S + \alpha \mathrm{tr}(S) / d\, I`, and :math:`\alpha`."""
    trace, squared_norm = np.trace(covariance), np.square(covariance).sum()
    alpha = intensity(trace, squared_norm, len(covariance), fourth, total, shrinkage)
    shrunk = (1 - alpha) * covariance
    shrunk[np.diag_indices_from(shrunk)] += alpha * trace / len(covariance)
    return shrunk, alpha


def intensity(trace, squared_norm, d, fourth, total, shrinkage):  # scalars -> float
    r"""Share of the identity, as given or by Ledoit and Wolf :math:`\min(\beta, \delta) / \delta`.

    With the covariance S of n rows and :math:`\mu = \mathrm{tr}(S) / d`:
    :math:`\delta = \|S - \mu I\|_F^2` and :math:`\beta = (E\|x - m\|^4 - \|S\|_F^2) / n`.
    """
    if not isinstance(shrinkage, str):
        return float(shrinkage)
    if d == 1:
        return 0.0
    delta = squared_norm - trace**2 / d
    beta = min((fourth - squared_norm) / total, delta)
    return float(beta / delta) if beta > 0 else 0.0


def invert(covariance):  # (d, d) -> (d, d), float
    """Inverse and logarithm of the determinant, on the span where the matrix is singular."""
    try:
        factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return _pseudo_invert(covariance)
    pivots = np.square(np.diag(factor))
    if pivots.min() <= len(covariance) * np.finfo(np.float64).eps * pivots.max():
        return _pseudo_invert(covariance)
    inverse = linalg.cho_solve((factor, True), np.eye(len(covariance)), check_finite=False)
    return (inverse + inverse.T) / 2, float(np.log(pivots).sum())


def _pseudo_invert(covariance):
    values, vectors = linalg.eigh(covariance)
    kept = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return inverse, float(np.log(values[kept]).sum())


def mahalanobis(rows, centred):  # P (x - m) (n, d), x - m (n, d) -> (n,)
    """Squared Mahalanobis distances (x - m)' P (x - m)."""
    return np.maximum(np.einsum("nd,nd->n", rows, centred), 0)
