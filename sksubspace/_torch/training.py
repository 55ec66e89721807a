"""The training loop: skorch's, with resident batches, one-cycle rates and scikit-learn's callbacks.

The objective is a module that maps a batch to its loss; `train` is handed that module and the rows,
and nothing else of the method.
"""

import math
import warnings
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.callbacks import LRScheduler

from sksubspace._threads import small_work

from .._sklearn import has_callbacks
from .checkpoint import generator_states, restore_generators
from .device import no_room
from .hooks import AfterEpoch, Checkpoints, EarlyStopping, EpochTasks, one_cycle
from .random import own_draws

__all__ = ["TrainingLog", "train"]

SCHEDULES = ("one_cycle", "plateau", None)


@dataclass(frozen=True)
class TrainingLog:
    """What happened during a training.

    Attributes
    ----------
    loss_curve : list of float
        Training loss of every epoch: the mean over its rows, as the weights moved.
    validation_loss_curve : list of float or None
        Loss on the validation data after every epoch; None without validation data.
    n_iter : int
        Number of epochs.
    stopped : {"max_iter", "no_change", "callback"}
        What ended the training.
    """

    loss_curve: list
    validation_loss_curve: list | None
    n_iter: int
    stopped: str


def train(
    objective,
    data,
    *,
    max_iter,
    batch_size,
    learning_rate,
    generator,
    weight_decay=0.0,
    schedule="one_cycle",
    warmup=0.05,
    n_iter_no_change=None,
    tol=1e-4,
    validation_data=None,
    device="cpu",
    estimator=None,
    context=None,
    flops_per_row=None,
    after_epoch=None,
    autocast=False,
    checkpoint=None,
    optimizer=None,
):
    """Minimise an objective over batches of rows with AdamW, or with another optimizer.

    Parameters
    ----------
    objective : torch.nn.Module
        ``objective(batch)`` is the scalar loss of a batch, a tuple of tensors with one entry per
        entry of `data`. Trained in place, and left in evaluation mode on `device`.
    data : tuple of Rows
        As `as_rows` makes them, all of the same length.
    max_iter : int
        Number of epochs, at most.
    batch_size : int
        Number of rows of a batch; the last batch of an epoch may be smaller.
    learning_rate : float
        Learning rate, and with ``schedule="one_cycle"`` the highest one.
    generator : torch.Generator
        Decides the order of the rows.
    weight_decay : float, default=0.0
        Decoupled weight decay of AdamW.
    schedule : {"one_cycle", "plateau"} or None, default="one_cycle"
        Rates by `one_cycle` at every batch; or halved when the training loss has not become smaller
        for ten epochs; or constant.
    warmup : float, default=0.05
        Fraction of the batches before the peak of the one-cycle schedule.
    n_iter_no_change : int or None, default=None
        Stop when the loss has not become smaller by `tol` for so many epochs, and go back to the
        weights with the smallest loss. It is the loss on `validation_data` if there are any, else
        the training loss. None trains for `max_iter` epochs.
    tol : float, default=1e-4
        Smallest improvement that counts.
    validation_data : tuple of Rows or None, default=None
        Like `data`; the objective sees it in evaluation mode.
    device : str or torch.device, default="cpu"
        Where the training runs; the batches of `data` must be on it.
    estimator : estimator or None, default=None
        What is handed to scikit-learn's callbacks.
    context : sklearn.callback.CallbackContext or None, default=None
        A context with ``max_subtasks=max_iter``; every epoch becomes one task "epoch" below it with
        the metadata "loss" and "validation_loss". A callback may end the training.
    flops_per_row : float or None, default=None
        Floating-point operations of a step per row, which decide whether the training keeps to one
        thread. By default six per weight.
    after_epoch : callable or None, default=None
        Called after every epoch with a dict of "epoch", from 1, "train_loss" and, with validation
        data, "valid_loss". It may change the objective; what it changes must be among its buffers
        if the training is to be resumed.
    autocast : bool, default=False
        Whether the objective is evaluated in mixed precision with bfloat16, which concerns float32
        weights only.
    checkpoint : object or None, default=None
        Has ``load()``, which returns a state to go on from or None, and ``save(state)``, which is
        called after every epoch. A state is a dict of tensors, lists and plain values. A training
        that goes on from a state ends with the same bits as one that was never interrupted.

    Returns
    -------
    TrainingLog
        The losses, and why the training ended.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the loss or a weight is no longer finite.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If `n_iter_no_change` is given and `max_iter` epochs were not enough.
    """
    _check_arguments(data, validation_data, max_iter, batch_size, learning_rate, schedule)
    flops_per_row = flops_per_row or 6 * sum(p.numel() for p in objective.parameters())
    net = _make_net(
        objective,
        generator,
        callbacks={
            "plateau": _plateau() if schedule == "plateau" else None,
            "early_stopping": _early_stopping(n_iter_no_change, tol, validation_data),
            "after_epoch": None if after_epoch is None else AfterEpoch(after_epoch),
            "tasks": EpochTasks(estimator, context) if has_callbacks(context) else None,
            "checkpoints": None if checkpoint is None else Checkpoints(checkpoint),
        },
        **_optimizer_settings(optimizer, weight_decay),
        lr=learning_rate,
        max_epochs=max_iter,
        batch_size=batch_size,
        device=device,
        warmup=warmup if schedule == "one_cycle" else None,
        validation_data=validation_data,
        autocast=autocast,
        checkpoint=checkpoint,
    )
    with small_work(batch_size * flops_per_row, device), own_draws(objective, generator):
        try:
            log = net.run(data)
        except torch.OutOfMemoryError as error:  # other batches would be another result
            raise no_room(device, f"batches of batch_size={batch_size} rows") from error
    if n_iter_no_change is not None and log.stopped == "max_iter":
        _warn_of_unfinished(max_iter, tol, n_iter_no_change)
    return log


def _make_net(objective, generator, callbacks, **settings):
    """What all trainings have in common: resident batches, no split, no output."""
    return _Net(
        objective,
        iterator_train=_Batches,
        iterator_train__generator=generator,
        iterator_valid=_Batches,
        train_split=None,
        callbacks=list(callbacks.items()),
        verbose=0,
        **settings,
    )


def _optimizer_settings(optimizer, weight_decay):
    if optimizer is not None:
        return {"optimizer": optimizer}
    settings = {"fused": True, "weight_decay": weight_decay}
    adam = {f"optimizer__{name}": value for name, value in settings.items()}
    return {"optimizer": torch.optim.AdamW, **adam}


def _warn_of_unfinished(max_iter, tol, n_iter_no_change):
    warnings.warn(
        f"Maximum number of iterations (max_iter={max_iter}) reached before the loss stopped "
        f"improving by tol={tol} for n_iter_no_change={n_iter_no_change} epochs.",
        ConvergenceWarning,
        stacklevel=3,
    )


def _early_stopping(n_iter_no_change, tol, validation_data):
    if n_iter_no_change is None:
        return None
    monitor = "train_loss" if validation_data is None else "valid_loss"
    return EarlyStopping(monitor, n_iter_no_change, tol)


def _check_arguments(data, validation_data, max_iter, batch_size, learning_rate, schedule):
    for name, rows in (("data", data), ("validation_data", validation_data)):
        lengths = {1} if rows is None else {len(r) for r in rows}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError(f"{name} must hold rows of one length above 0, got {sorted(lengths)}.")
    for name, value in (("max_iter", max_iter), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value!r}.")
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, got {learning_rate!r}.")
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {SCHEDULES}, got {schedule!r}.")


def _plateau():
    return LRScheduler("ReduceLROnPlateau", monitor="train_loss", factor=0.5, patience=10)


class _Stop(Exception):
    """Leaves skorch's loop. skorch itself uses KeyboardInterrupt, which belongs to the user."""


class _Batches:
    """Batches cut from rows, in a new random order at every pass if there is a generator."""

    def __init__(self, dataset, batch_size, generator=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator

    def _order(self):
        n_rows = len(self.dataset[0])
        if self.generator is None:
            return torch.arange(n_rows)
        return torch.randperm(n_rows, generator=self.generator, device=self.generator.device)

    def __iter__(self):
        order = self._order()
        places = [rows.device if isinstance(rows, torch.Tensor) else "cpu" for rows in self.dataset]
        pieces = (order.to(place).split(self.batch_size) for place in places)
        for indices in zip(*pieces, strict=True):
            yield tuple(rows[index] for rows, index in zip(self.dataset, indices, strict=True))


class _Net(NeuralNet):
    """skorch's net for a module that returns its own loss.

    The loop over epochs is skorch's `fit_loop`. For every batch skorch would notify callbacks, wait
    for the device to write the loss into the history, and set the training mode of all modules;
    here the mode is set and the loss is read once per epoch.
    """

    def __init__(
        self,
        module,
        *,
        warmup=None,
        validation_data=None,
        autocast=False,
        checkpoint=None,
        **kwargs,
    ):
        super().__init__(module, criterion=torch.nn.Identity, **kwargs)
        self.warmup = warmup
        self.validation_data = validation_data
        self.autocast = autocast
        self.checkpoint = checkpoint

    def get_default_callbacks(self):
        """Use none."""
        return []

    def get_split_datasets(self, X, y=None, **fit_params):
        """Hand on the rows, which the caller has split."""
        return X, self.validation_data

    def run(self, data):
        """Train on `data`, from the start or from where a checkpoint stands, and return the log."""
        self.initialize()
        self.stopped_ = None
        self.notify("on_train_begin", X=data)
        self._resume()
        self.rates_ = self._rates(data)
        try:
            self.fit_loop(data, epochs=self.max_epochs - len(self.history))
        except _Stop:
            pass
        finally:
            self.optimizer_.zero_grad()
            self.module_.eval()
        self.notify("on_train_end", X=data)
        if not all(p.isfinite().all() for p in self.module_.parameters()):
            raise ValueError(self._divergence("a weight"))
        return self.training_log()

    def _rates(self, data):
        if self.warmup is None:
            return None
        steps_per_epoch = math.ceil(len(data[0]) / self.batch_size)
        n_steps = self.max_epochs * steps_per_epoch
        first = len(self.history) * steps_per_epoch
        return (one_cycle(k, n_steps, self.lr, self.warmup) for k in range(first, n_steps))

    def training_state(self):
        """All that the rest of the training depends on."""
        callbacks = dict(self.callbacks_)
        early, plateau = callbacks.get("early_stopping"), callbacks.get("plateau")
        losses = ("train_loss", "valid_loss")
        return {
            "module": self.module_.state_dict(),
            "optimizer": self.optimizer_.state_dict(),
            "generators": generator_states(self.module_, self.iterator_train__generator),
            "history": [{k: row[k] for k in losses if k in row} for row in self.history],
            "stopped": self.stopped_,
            "early_stopping": early and early.state(),
            "plateau": plateau and plateau.lr_scheduler_.state_dict(),
        }

    def _resume(self):
        state = None if self.checkpoint is None else self.checkpoint.load()
        if state is None:
            return
        self.module_.load_state_dict(state["module"])
        self.optimizer_.load_state_dict(state["optimizer"])
        restore_generators(self.module_, self.iterator_train__generator, state["generators"])
        callbacks = dict(self.callbacks_)
        if state["early_stopping"]:
            callbacks["early_stopping"].restore(state["early_stopping"])
        if state["plateau"]:
            callbacks["plateau"].lr_scheduler_.load_state_dict(state["plateau"])
        for losses in state["history"]:
            self.history.new_epoch()
            for name, loss in losses.items():
                self.history.record(name, loss)
        self.stopped_ = state["stopped"]

    def training_log(self):
        """Losses so far, and what ended the training."""
        validation = self.validation_data is not None
        return TrainingLog(
            loss_curve=self.history[:, "train_loss"],
            validation_loss_curve=self.history[:, "valid_loss"] if validation else None,
            n_iter=len(self.history),
            stopped=self.stopped_ or "max_iter",
        )

    def on_epoch_begin(self, net, **kwargs):
        """Leave the loop if the last epoch ended with a reason to stop."""
        if self.stopped_ is not None:
            raise _Stop
        super().on_epoch_begin(net, **kwargs)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run through the batches and record the mean loss per row."""
        if iterator is None:
            return
        self._set_training(training)
        losses, sizes = [], []
        for batch in iterator:
            sizes.append(len(batch[0]))
            losses.append(step_fn(batch)["loss"])
            del batch  # else its memory is not free when the next one is cut
        losses = torch.stack(losses).double().cpu()
        loss = (losses @ torch.tensor(sizes).double()).item() / sum(sizes)
        if not math.isfinite(loss):
            raise ValueError(self._divergence(f"the {prefix} loss"))
        self.history.record(f"{prefix}_loss", loss)

    def _divergence(self, what):
        return (
            f"Training diverged: {what} was not finite in epoch {len(self.history)}. "
            f"learning_rate={self.lr} is too large for these data; use a smaller one."
        )

    def train_step(self, batch, **fit_params):
        """Make one step of the optimizer, at the rate of the schedule."""
        if self.rates_ is not None:
            rate = next(self.rates_)
            for group in self.optimizer_.param_groups:
                group["lr"] = rate
        self.optimizer_.zero_grad()
        step = self.train_step_single(batch)
        self.optimizer_.step()
        return step

    def train_step_single(self, batch, **fit_params):
        """Compute the loss of a batch and its gradients."""
        loss = self._loss(batch)
        loss.backward()
        return {"loss": loss.detach()}

    def _loss(self, batch):
        place = torch.device(self.device).type
        with torch.autocast(place, dtype=torch.bfloat16) if self.autocast else nullcontext():
            return self.module_(batch)

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch."""
        with torch.no_grad():
            return {"loss": self._loss(batch)}
