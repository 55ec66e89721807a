"""What the autoencoders share: the fit, the maps there and back, the score, and their pickles."""

import os
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from sksubspace._linalg import r_squared
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, _fit_context
from sksubspace._state import load_arrays_, module_to_arrays
from sksubspace._torch.checkpoint import open_checkpoint
from sksubspace._torch.device import available_device
from sksubspace._torch.objectives import Standardize
from sksubspace._torch.random import seeded_module
from sksubspace._trained import fit_networks, make_trainer
from sksubspace.autoencoder._networks import (
    apply,
    check_map,
    check_widths,
    empty_decoder,
    empty_encoder,
    make_decoder,
    make_encoder,
)
from sksubspace.encoding import FeatureScale

_BLOCK_ELEMENTS = 2**22


class BaseAutoencoder(
    ClassNamePrefixFeaturesOutMixin, CallbackSupportMixin, TransformerMixin, BaseEstimator
):
    """Base of the autoencoders.

    A fit builds two networks, trains the objective that `_objective` returns, and hands both to
    `_adopt`, which sets the fitted attributes.
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "encoder": [nn.Module, None],
        "decoder": [nn.Module, None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "checkpoint": [str, os.PathLike, None],
        "autocast": ["boolean"],
        "device": "no_validation",
        "random_state": ["random_state"],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
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
            If X has non-finite values or fewer than two rows, if a module does not map rows of the
            one width to rows of the other, if the training diverges, or if the checkpoint belongs
            to other parameters or other data.
        """
        check_widths(self.hidden_layer_sizes)
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        random_state = isolated_random_state(self.random_state)
        checkpoint = open_checkpoint(self, X, random_state)
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        trainer = make_trainer(self, X.dtype, random_state, context)
        scale = FeatureScale.of(X, "global")
        encoder, decoder = self._networks(X.shape[1], trainer)
        objective = self._objective(self._standardize(scale, trainer), encoder, decoder)
        options = self._training_options(objective)
        log = fit_networks(objective, X, trainer, checkpoint=checkpoint, **options)
        self._adopt(X, scale, objective, trainer)
        self._record(log)
        if checkpoint is not None:
            checkpoint.finish()
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; each is encoded without regard to the others.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Latent points.
        """
        check_is_fitted(self)
        return self._encode(self._validated(X))

    def inverse_transform(self, X):
        """Decode latent points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Latent points; they need not be images of rows.

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
        Z = check_array(X, dtype=[np.float64, np.float32])
        return self._decode(self._checked_latent(Z))

    def score(self, X, y=None):
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
        X = self._validated(X)
        step = max(1, _BLOCK_ELEMENTS // X.shape[1])
        blocks = [X[start : start + step] for start in range(0, len(X), step)]
        error = sum(_squares(rows, self._decode(self._encode(rows))) for rows in blocks)
        return r_squared(error, sum(_squares(rows, self.mean_) for rows in blocks))

    def _networks(self, n_features, trainer):
        """New networks, checked against the widths of the data."""
        sizes = self._sizes(n_features)
        encoder = trainer.build(partial(make_encoder, self.encoder, *sizes))
        decoder = trainer.build(partial(make_decoder, self.decoder, *sizes))
        check_map(encoder, "encoder", n_features, self.n_components, trainer.device)
        check_map(decoder, "decoder", self.n_components, n_features, trainer.device)
        return encoder, decoder

    def _sizes(self, n_features):
        widths = check_widths(self.hidden_layer_sizes)
        return n_features, widths, int(self.n_components), self.activation

    def _standardize(self, scale, trainer):
        standardize = Standardize(scale.mean, scale.spread)
        return standardize.to(trainer.device, trainer.torch_dtype)

    def _training_options(self, objective):
        options = {"autocast": self.autocast, "validation_fraction": 0.0}
        if self.early_stopping:
            options["validation_fraction"] = self.validation_fraction
            options |= {"n_iter_no_change": self.n_iter_no_change, "tol": self.tol}
        return options

    def _set_networks(self, scale, encoder, decoder, trainer, *, n_latent, output_spread):
        """Keep the networks, the units of the rows, and what is needed to build both again.

        `n_latent` is None, or the width to which the latent points were reduced by an affine layer
        after the encoder and before the decoder.
        """
        self._encoder, self._decoder = encoder, decoder
        self._device = trainer.device
        self._dtype = trainer.dtype.name
        self._output_spread = float(output_spread)
        self.mean_ = scale.mean.astype(trainer.dtype)
        self.scale_ = float(scale.spread)
        self.n_components_ = n_latent or int(self.n_components)
        self._architecture = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "sizes": self._sizes(len(scale.mean)),
            "n_latent": n_latent,
        }

    def _record(self, log):
        self.loss_curve_ = log.loss_curve
        self.validation_loss_curve_ = log.validation_loss_curve
        self.n_iter_ = log.n_iter

    def _validated(self, X):
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=False)

    def _checked_latent(self, Z):
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"X must have n_components_={self.n_components_} columns, got {Z.shape[1]}."
            )
        return Z

    def _encode(self, X):  # (n, d) -> (n, k)
        return apply(self._encoder, X, self._dtype, self._device).astype(X.dtype, copy=False)

    def _decode(self, Z):  # (n, k) -> (n, d)
        standardised = apply(self._decoder, Z, self._dtype, self._device)
        rows = standardised.astype(np.float64) * self._output_spread + self.mean_
        return rows.astype(Z.dtype, copy=False)

    def __getstate__(self):
        state = dict(super().__getstate__())
        for name in {"_encoder", "_decoder"} & state.keys():
            state[name] = module_to_arrays(state[name])
        state.pop("_device", None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_architecture" in state:
            self._device = available_device(self.device)
            for name, factory in (("_encoder", empty_encoder), ("_decoder", empty_decoder)):
                module = seeded_module(partial(factory, **self._architecture), torch.Generator())
                setattr(self, name, load_arrays_(module, state[name], self._device))

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _squares(X, other):  # (n, d), (n, d) or (d,) -> float
    return np.square(X.astype(np.float64) - other).sum()
