"""What the two sparse coders share: the fit, the reconstruction, and its score."""

import math
import os
from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from sksubspace._linalg import in_blocks, r_squared
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._torch.checkpoint import open_checkpoint
from sksubspace._torch.device import resolve_device
from sksubspace._torch.trainer import Budget, Trainer
from sksubspace._trained import fit_networks
from sksubspace.autoencoder._sparse._modules import ModuleKeeper
from sksubspace.encoding import FeatureScale

_BLOCK_ELEMENTS = 2**22
_BUDGET = Budget(n_steps=2000, max_epochs=200, weight_decay=0.0)


class BaseSparseCoder(
    ModuleKeeper,
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Base of estimators that write rows as few atoms.

    A subclass says in `_objective` what is trained, and sets the fitted attributes in `_adopt`,
    `components_` and `intercept_` among them. `_codes` are the codes of checked rows.
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "encoder": [nn.Module, None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
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
        """Learn atoms and encoder.

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
        self._check_parameters()
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        random_state = isolated_random_state(self.random_state)
        checkpoint = open_checkpoint(self, X, random_state)
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        trainer = self._trainer(X.dtype, random_state, context)
        trainer.max_iter = self._epochs(len(X))
        objective = self._start(X, trainer)
        options = self._training_options(objective, trainer.max_iter)
        log = fit_networks(objective, X, trainer, checkpoint=checkpoint, **options)
        self._adopt(X, objective, trainer.device)
        self._keep_structure()
        self.loss_curve_, self.n_iter_ = log.loss_curve, log.n_iter
        self.validation_loss_curve_ = log.validation_loss_curve
        if checkpoint is not None:
            checkpoint.finish()
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def inverse_transform(self, X):
        """Reconstruct rows from codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Sums of atoms, ``X @ components_ + intercept_``, or what a decoder module makes of the
            codes; in input units.

        Raises
        ------
        ValueError
            If X has another number of columns.
        """
        check_is_fitted(self)
        Z = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"X must have n_components={self.n_components_} columns, got {Z.shape[1]}."
            )
        return self._decode(Z)

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
        blocks = [X[rows] for rows in self._slices(len(X))]
        error = sum(_squares(rows, self._decode(self._codes(rows))) for rows in blocks)
        return r_squared(error, sum(_squares(rows, self.mean_) for rows in blocks))

    def _check_parameters(self):
        """Refuse parameters that contradict each other."""

    def _start(self, X, trainer):
        """Measure the rows, and build what is trained, on the device."""
        scale = FeatureScale.of(X, "global")
        self.mean_, self.scale_ = scale.mean.astype(trainer.dtype), float(scale.spread)
        self.n_components_ = int(self.n_components)
        return trainer.build(partial(self._objective, X, trainer.random_state))

    def _trainer(self, dtype, random_state, context):
        return Trainer(
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            device=resolve_device(self.device),
            dtype=np.dtype(np.float32 if self.autocast else dtype),
            random_state=random_state,
            estimator=self,
            stage=context,
        )

    def _epochs(self, n_rows):
        if self.max_iter == "auto":
            return _BUDGET.epochs(math.ceil(n_rows / self.batch_size))
        return self.max_iter

    def _training_options(self, objective, n_epochs):
        options = {"autocast": self.autocast, "validation_fraction": 0.0}
        if self.early_stopping:
            options["validation_fraction"] = self.validation_fraction
            options |= {"n_iter_no_change": self.n_iter_no_change, "tol": self.tol}
        return options

    def _slices(self, n_rows):
        """Rows that may be worked on at once."""
        step = max(1, _BLOCK_ELEMENTS // (self.n_features_in_ + self.n_components_))
        return [slice(start, start + step) for start in range(0, n_rows, step)]

    def _validated(self, X):
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=False)

    def _decode(self, Z):  # (n, m) -> (n, d)
        if self._decoder is not None:
            blocks = [self._decoded(_dense(Z[rows])) for rows in self._slices(Z.shape[0])]
            return np.concatenate(blocks).astype(Z.dtype, copy=False)
        decode = partial(_combine, atoms=self.components_, offset=self.intercept_)
        # the product with a sparse matrix goes row by row, whatever their number
        found = decode(Z) if sparse.issparse(Z) else in_blocks(decode, Z)
        return found.astype(Z.dtype, copy=False)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _combine(Z, atoms, offset):  # (n, m), (m, d), (d,) -> (n, d)
    return Z @ atoms + offset


def _dense(Z):
    return Z.toarray() if sparse.issparse(Z) else Z


def _squares(X, other):  # (n, d), (n, d) or (d,) -> float
    return np.square(X.astype(np.float64) - other).sum()
