"""What everything that trains a network shares: its parameters, its trainer, and its fit.

`fit_networks` and `continue_networks` are the fit and the ``partial_fit`` of an estimator whose
method is told by `Steps`: what is trained, and what is kept of it.
"""

import math
import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from numbers import Integral, Real

import numpy as np

from sksubspace._ambient import OwnSettings
from sksubspace._linalg import r_squared, row_squares, total_squares
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import (
    BaseEstimator,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    Interval,
    StrOptions,
    TransformerMixin,
)
from sksubspace._state import from_state, to_state
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace._student._scaling import FeatureScale
from sksubspace._torch.checkpoint import KeptState, open_checkpoint
from sksubspace._torch.device import as_rows, available_device, resolve_device
from sksubspace._torch.trainer import Budget, Trainer
from sksubspace._validation import validate_rows

__all__ = [
    "TRAINED",
    "Steps",
    "TrainedTransformer",
    "validated_rows",
    "continue_networks",
    "fit_networks",
    "fit_task",
    "make_trainer",
    "reconstruction_score",
    "train_rows",
    "training_constraints",
]

_CONSTRAINTS = {
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "checkpoint": [str, os.PathLike, None],
    "autocast": ["boolean"],
    # `resolve_device` refuses the others, and says which there are
    "device": "no_validation",
    "random_state": ["random_state"],
}
# what every estimator has that trains a network
TRAINED = ("learning_rate", "batch_size", "max_iter", "device", "random_state")
# the number of epochs of an autoencoder is always known: only the weight decay, of none, counts
_GIVEN_EPOCHS = Budget(n_steps=1, max_epochs=1, weight_decay=0.0)


def training_constraints(*names, auto=False):  # -> dict
    """Constraints of the parameters of these names, or of all, of what trains a network.

    With `auto` ``max_iter`` may be "auto".
    """
    found = {name: _CONSTRAINTS[name] for name in names or _CONSTRAINTS}
    if auto:
        found["max_iter"] = [*found["max_iter"], StrOptions({"auto"})]
    return found


def make_trainer(params, dtype, random_state, context=None, **changes):  # -> Trainer
    """What the networks of an estimator are trained with.

    The estimator has ``learning_rate``, ``batch_size``, ``max_iter`` and ``device``; with
    ``autocast`` weights are in single precision, else in the dtype of the rows. Without the context
    of the fit's task callbacks hear nothing. `changes` are fields of the trainer that are not those
    of the parameters.
    """
    single = getattr(params, "autocast", False)
    settings = {name: getattr(params, name) for name in ("learning_rate", "batch_size", "max_iter")}
    return Trainer(
        **{**settings, **changes},
        device=resolve_device(params.device),
        dtype=np.dtype(np.float32 if single else dtype),
        random_state=random_state,
        estimator=None if context is None else params,
        stage=context,
    )


class TrainedTransformer(
    OwnSettings,
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Base of what maps rows to ``n_components_`` outputs by something trained.

    In pickles the fitted attribute that `_kept` names is the state of its part.
    """

    n_components_: int
    loss_curve_: list[float]
    n_iter_: int

    _kept = "_model"

    def __getstate__(self):
        state = dict(super().__getstate__())
        if state.get(self._kept) is not None:
            state[self._kept] = to_state(state[self._kept])
        return state

    def __setstate__(self, state):
        if isinstance(kept := state.get(self._kept), dict):
            part = from_state(kept, available_device(state["device"]))
            state = {**state, self._kept: part}
        super().__setstate__(state)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@contextmanager
def fit_task(estimator, X, y, max_subtasks=1):
    """The task of a fit, as callbacks see it; one that fails does not end."""
    context = estimator._init_callback_context(max_subtasks=max_subtasks)
    context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    yield context
    context.call_on_fit_task_end(estimator=estimator, X=X, y=y)


@dataclass(frozen=True)
class Steps:
    """What a method adds to the fit that all share.

    Parameters
    ----------
    start : callable
        ``start(scale, trainer)`` is the objective to train, on the device.
    finish : callable
        ``finish(objective, scale, trainer)`` is the fitted model, a frozen dataclass with ``mean``,
        ``scale`` and ``n_components``, and a dict of further fitted attributes.
    resume : callable or None, default=None
        ``resume(model, trainer)`` is the objective of a fitted model; for `continue_networks`.
    changes : dict, default={}
        Fields of the trainer that are not the parameters of their name.
    options : callable or None, default=None
        ``options(objective)`` are options of the training that are the method's own.
    """

    start: Callable
    finish: Callable
    resume: Callable | None = None
    changes: dict = field(default_factory=dict)
    options: Callable | None = None


def fit_networks(estimator, X, y, make_steps):
    """Train from new weights, and set the fitted attributes, the model as ``_model`` among them.

    The estimator has all the parameters of `training_constraints`; ``make_steps(X)`` are the
    `Steps` for the rows, once they are checked. Callbacks are shown y.
    """
    X = validated_rows(estimator, X, reset=True)
    steps = make_steps(X)
    random_state = isolated_random_state(estimator.random_state)
    checkpoint = open_checkpoint(estimator, X, random_state)
    with fit_task(estimator, X, y) as context:
        trainer = make_trainer(estimator, X.dtype, random_state, context, **steps.changes)
        scale = FeatureScale.of(X, "global")
        objective = steps.start(scale, trainer)
        options = _stopping_options(estimator) | (steps.options(objective) if steps.options else {})
        log = train_rows(
            objective, X, trainer, checkpoint=checkpoint, autocast=estimator.autocast, **options
        )
        _keep(estimator, *steps.finish(objective, scale, trainer))
        estimator.loss_curve_, estimator.n_iter_ = log.loss_curve, log.n_iter
        estimator.validation_loss_curve_ = log.validation_loss_curve
        estimator._kept_state = None
        if checkpoint is not None:
            checkpoint.finish()


def continue_networks(estimator, X, y, make_steps):
    """Train for one epoch, from where the optimizer and the order of the rows stood."""
    former = getattr(estimator, "_model", None)
    X = validated_rows(estimator, X, reset=former is None)
    steps, random_state = make_steps(X), isolated_random_state(estimator.random_state)
    with fit_task(estimator, X, y) as context:
        dtype = X.dtype if former is None else former.mean.dtype
        trainer = make_trainer(estimator, dtype, random_state, context, **steps.changes)
        if former is None:
            scale = FeatureScale.of(X, "global")
            objective, state = steps.start(scale, trainer), None
            estimator.loss_curve_, estimator.validation_loss_curve_ = [], None
        else:
            scale = FeatureScale(None, former.mean, former.scale)
            objective, state = steps.resume(former, trainer), estimator._kept_state
        kept = KeptState(objective, state)
        _one_epoch(X, trainer, kept, estimator.autocast)
        model, attributes = steps.finish(objective, scale, trainer)
        _keep(estimator, model if former is None else model.with_recipes_of(former), attributes)
        estimator._kept_state = kept.state
        estimator.loss_curve_ = [*estimator.loss_curve_, kept.state["history"][-1]["train_loss"]]
        estimator.n_iter_ = len(estimator.loss_curve_)


def validated_rows(estimator, X, *, reset=False, min_samples=1):
    """Rows of floating-point numbers, of as many columns as in ``fit``; at least two in a fit."""
    return validate_rows(estimator, X, reset=reset, ensure_min_samples=2 if reset else min_samples)


def _keep(estimator, model, attributes):
    estimator._model = model
    estimator.mean_, estimator.scale_ = model.mean, model.scale
    estimator.n_components_ = model.n_components
    vars(estimator).update(attributes)


def _stopping_options(params):
    if not params.early_stopping:
        return {"validation_fraction": 0.0}
    names = ("validation_fraction", "n_iter_no_change", "tol")
    return {name: getattr(params, name) for name in names}


def train_rows(objective, X, trainer, *, validation_fraction, **options):  # -> TrainingLog
    """Train an objective, a loss of batches of rows (n, d), in place.

    A share of the rows is held out, equal rows together, none if it is 0. Batches are evened out,
    so that none is much smaller than the others. `options` are those of
    `sksubspace._torch.training.train`.
    """
    fitted, held = split_rows(X, validation_fraction, trainer.random_state)
    trainer = replace(trainer, batch_size=as_even_as_can_be(len(fitted), trainer.batch_size))
    if len(held):
        options["validation_data"] = (_on_device(X[held], trainer),)
    rows = (_on_device(X[fitted], trainer),)
    return trainer.fit(objective, rows, _GIVEN_EPOCHS, "networks", **options)


def _one_epoch(X, trainer, kept, autocast):
    trainer = replace(trainer, max_iter=1 + len(kept.state["history"] if kept.state else []))
    trainer.fit(
        kept.objective, (_on_device(X, trainer),), _GIVEN_EPOCHS, "networks",
        schedule=None, checkpoint=kept, autocast=autocast,
    )  # fmt: skip


def split_rows(X, validation_fraction, random_state):  # (n, d) -> (n_fitted,), (n_held,)
    """Rows to fit on, at least one, and rows to hold out, by whole groups of equal rows.

    A copy among the rows fitted on would lift the loss of a row held out. Groups larger than all
    that is held out stay; where all rows are equal, rows are held out one by one.
    """
    n_samples = len(X)
    n_held = min(math.ceil(validation_fraction * n_samples), n_samples - 1)
    if n_held == 0:
        random_state.permutation(n_samples)  # what is drawn next does not depend on the share
        return np.arange(n_samples), np.arange(0)
    groups = groups_of_equal_rows(X)
    groups = groups if groups.any() else np.arange(n_samples)
    sizes = np.bincount(groups)
    order = random_state.permutation(len(sizes))
    order = order[sizes[order] <= max(n_held, sizes.min())]
    n_groups = min(1 + np.searchsorted(np.cumsum(sizes[order]), n_held), len(sizes) - 1)
    held = np.isin(groups, order[:n_groups])
    return np.flatnonzero(~held), np.flatnonzero(held)


def as_even_as_can_be(n_rows, batch_size):
    """Rows of a batch if as many batches share the rows as evenly as can be."""
    return math.ceil(n_rows / math.ceil(n_rows / batch_size))


def _on_device(X, trainer):
    return as_rows(X.astype(trainer.dtype, copy=False), trainer.device)


def reconstruction_score(X, reconstruct, mean):  # (n, d), (m, d) -> (m, d), (d,) -> float
    """R2 of the reconstructions, about the mean of the training rows."""
    # float64, so that differences of single precision keep their digits
    error = row_squares(X, lambda rows: reconstruct(X[rows]).astype(np.float64)).sum()
    return r_squared(error, total_squares(X, mean.astype(np.float64)))
