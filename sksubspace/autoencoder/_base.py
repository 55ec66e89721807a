"""What the autoencoders share: the fit, the maps there and back, the score, and their pickles."""

from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted
from torch import nn

from sksubspace._ambient import OwnSettings
from sksubspace._linalg import dense
from sksubspace._sklearn import Interval, _fit_context
from sksubspace._trained import (
    TrainedTransformer,
    continue_networks,
    fit_networks,
    reconstruction_score,
    training_constraints,
    validated_rows,
)
from sksubspace._typing import ArrayLike, Floats, Matrix


class BaseAutoencoder(TrainedTransformer, ABC):
    """Base of the autoencoders.

    A subclass tells in `_steps` what is trained, and what model is kept of it as ``_model``.
    """

    mean_: Floats
    scale_: float
    validation_loss_curve_: list[float] | None

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "encoder": [nn.Module, None],
        **training_constraints(),
    }

    @abstractmethod
    def _steps(self, X):
        """Return the `Steps` of the method for checked rows, or refuse the parameters."""

    def _codes(self, model, X):  # (n, d) -> (n, q)
        """Latent points of checked rows."""
        return model.encode(X)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train encoder and decoder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values or fewer than two rows, if parameters contradict each other,
            if a module does not map rows of the one width to rows of the other, if the training
            diverges, or if the checkpoint belongs to other parameters or other data.
        """
        fit_networks(self, X, y, self._steps)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; each is encoded without regard to the others.

        Returns
        -------
        Z : {ndarray, sparse matrix} of shape (n_samples, n_components)
            Latent points; a CSR matrix of a sparse coder with ``sparse_output=True``.
        """
        check_is_fitted(self)
        Z = self._codes(self._model, validated_rows(self, X))
        return dense(Z) if not getattr(self, "sparse_output", False) else Z

    def inverse_transform(self, X: Matrix) -> Floats:
        """Decode latent points.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Latent points, sparse ones of a sparse coder only; they need not be images of rows.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, in input units.

        Raises
        ------
        ValueError
            If X has another number of columns.
        """
        check_is_fitted(self)
        return self._model.decode(self._model.check_codes(X))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """R2 of the reconstructions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that were not in ``fit``; on training rows the score is flattering.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            ``1 - sum ||x - xhat||^2 / sum ||x - mean of the training rows||^2``: 1 is perfect, 0
            is as good as the mean.
        """
        check_is_fitted(self)
        X, model = validated_rows(self, X), self._model
        return reconstruction_score(X, lambda x: model.decode(self._codes(model, x)), model.mean)

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_model" not in state and "_architecture" in state:
            # only old pickles need it, and it knows the models of the subclasses
            from sksubspace.autoencoder._former import former_model

            self._model = former_model(vars(self))


class PartialFitMixin(OwnSettings):
    """Adds training epoch by epoch to an autoencoder whose steps can be resumed."""

    _steps: Any

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train for one epoch on some rows.

        The first call sets the units of the rows and draws the weights; after ``fit`` the fitted
        weights are trained on. No rows are held out, and there are no checkpoints.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, at least two in the first call.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, if parameters contradict each other, if a module does not
            map rows of the one width to rows of the other, or if the training diverges.
        """
        continue_networks(self, X, y, self._steps)
        return self
