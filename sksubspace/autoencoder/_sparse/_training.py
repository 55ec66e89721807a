"""How a sparse autoencoder is trained: what it starts from, epoch by epoch, and what is kept."""

import sys
from copy import deepcopy
from functools import partial

import numpy as np
from sklearn.utils.validation import validate_data

from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import _fit_context
from sksubspace._state import module_to_arrays
from sksubspace._torch.checkpoint import KeptState
from sksubspace._torch.device import as_rows
from sksubspace._torch.trainer import Budget
from sksubspace.autoencoder._sparse._base import BaseSparseCoder
from sksubspace.autoencoder._sparse._modules import own_copy
from sksubspace.autoencoder._sparse._network import SparseReconstruction, first_atoms, unit_rows

_ALL = sys.maxsize
_ONE_EPOCH = Budget(n_steps=1, max_epochs=1, weight_decay=0.0)


class SparseTraining(BaseSparseCoder):
    """Base of the sparse autoencoder: all of its training.

    The subclass has the parameters, and says in `_sparse_codes` what the codes of rows are.
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Train for one epoch on some rows.

        The first call sets the units of the rows and the first atoms; after ``fit`` the fitted
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
        self._check_parameters()
        first = not hasattr(self, "components_")
        X = validate_data(
            self, X, reset=first, dtype=[np.float64, np.float32], ensure_min_samples=1 + first
        )
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        dtype = X.dtype if first else self.mean_.dtype
        trainer = self._trainer(dtype, isolated_random_state(self.random_state), context)
        X = X.astype(trainer.dtype, copy=False)
        if first:
            self.loss_curve_, self.validation_loss_curve_ = [], None
            self._kept_state, objective = None, self._start(X, trainer)
        else:
            objective = trainer.build(self._fitted_objective)
        self._go_on(X, trainer, objective)
        if first:
            self._keep_structure()
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _trainer(self, dtype, random_state, context):
        trainer = super()._trainer(dtype, random_state, context)
        trainer.learning_rate = float(self.learning_rate / np.sqrt(self.n_features_in_))
        return trainer

    def _training_options(self, objective, n_epochs):
        options = super()._training_options(objective, n_epochs)
        if self.k_start is not None:
            objective.k_now = k_start = int(self.k_start)
            options["after_epoch"] = partial(objective.narrow, k_start=k_start, n_epochs=n_epochs)
        return options

    def _most_active(self):
        """The most units that are active for a row in the training."""
        return int(self.k) if self.activation == "topk" else _ALL

    def _objective(self, X, random_state):
        m, d = int(self.n_components), X.shape[1]
        encoder = own_copy(self.encoder, "encoder", d, m)
        decoder = own_copy(self.decoder, "decoder", m, d)
        if encoder is not None and decoder is not None:
            return self._network(encoder, decoder)
        start = self.init, self.subspace_variance, random_state
        atoms, offset = first_atoms(X, self.mean_, m, *start), np.zeros(d)
        return self._network(encoder, decoder, atoms, atoms, np.zeros(m), offset)

    def _fitted_objective(self):
        unit = self._unit()
        offset, c = self.intercept_, self.encoder_intercept_
        return self._network(
            None if self._encoder is None else deepcopy(self._encoder[1]),
            deepcopy(self._decoder),
            self.components_,
            self.encoder_components_,
            None if c is None else c / unit,
            None if offset is None else (offset - self.mean_) / unit,
        )

    def _network(self, encoder, decoder, atoms=None, weights=None, intercept=None, offset=None):
        """What is trained; a module takes the place of the weights of a linear map."""
        linear = {
            "atoms": atoms if decoder is None else None,
            "encoder": weights if encoder is None else None,
            "intercept": intercept if encoder is None else None,
            "offset": offset,
        }
        return SparseReconstruction(
            self.mean_,
            self._unit(),
            linear,
            encoder=encoder,
            decoder=decoder,
            k=self._most_active(),
            penalty=self.penalty,
            penalty_weight=self.penalty_weight,
        )

    def _unit(self):
        """Root of the total variance of the training rows."""
        return self.scale_ * np.sqrt(self.n_features_in_)

    def _go_on(self, X, trainer, objective):
        """One epoch from where the optimizer and the order of the rows stood."""
        kept = KeptState(objective, self._kept_state)
        trainer.max_iter = 1 + len(kept.state["history"] if kept.state else [])
        rows = as_rows(X, trainer.device)
        trainer.fit(
            objective, (rows,), _ONE_EPOCH, "networks",
            schedule=None, checkpoint=kept, autocast=self.autocast,
        )  # fmt: skip
        self._adopt(X, objective, trainer.device)
        self._kept_state = kept.state
        self.loss_curve_ = [*self.loss_curve_, kept.state["history"][-1]["train_loss"]]
        self.n_iter_ = len(self.loss_curve_)

    def _adopt(self, X, objective, device):
        """Bring the weights to input units, and see which units are used."""
        unit, dtype = self._unit(), self.mean_.dtype
        trained = module_to_arrays(objective).get
        atoms, c, offset = trained("atoms"), trained("intercept"), trained("offset")
        self.components_ = None if atoms is None else unit_rows(atoms)
        self.encoder_components_ = trained("encoder")
        self.encoder_intercept_ = None if c is None else (unit * c).astype(dtype)
        self.intercept_ = None if offset is None else (self.mean_ + unit * offset).astype(dtype)
        encoder, decoder = objective.encoder_module, objective.decoder_module
        self._keep_modules(device, encoder=encoder, decoder=decoder)
        self._kept_state = None
        self._count(X)

    def _count(self, X):
        """See which units are used."""
        k = self._most_active()
        active = [self._sparse_codes(X[rows], k).getnnz(axis=0) for rows in self._slices(len(X))]
        self.usage_ = np.sum(active, axis=0) / len(X)
        self.dead_fraction_ = float(np.mean(self.usage_ == 0))
