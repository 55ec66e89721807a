"""What happens beside the steps of a training: rates, early stopping, scikit-learn's callbacks."""

import math

from skorch.callbacks import Callback

__all__ = ["AfterEpoch", "Checkpoints", "EarlyStopping", "EpochTasks", "one_cycle"]


def one_cycle(step, n_steps, peak, warmup):
    """Learning rate of a step: a cosine up to `peak`, then a cosine down to almost nothing.

    Parameters
    ----------
    step : int
        From 0 to ``n_steps - 1``.
    n_steps : int
        Number of steps of the whole training.
    peak : float
        The highest rate.
    warmup : float
        Fraction of the steps before the peak.

    Returns
    -------
    float
        The rate: ``peak / 25`` at the first step, ``peak / 250000`` at the last.

    References
    ----------
    Smith, Topin, "Super-convergence: very fast training of neural networks using large learning
    rates", 2017. https://arxiv.org/abs/1708.07120

    Examples
    --------
    >>> [round(one_cycle(step, 101, 1.0, 0.25), 3) for step in (0, 25, 100)]
    [0.04, 1.0, 0.0]
    """
    rise = warmup * (n_steps - 1)
    if step < rise:
        return _cosine(peak / 25, peak, step / rise)
    return _cosine(peak, peak / 250_000, (step - rise) / max(n_steps - 1 - rise, 1))


def _cosine(start, end, fraction):
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2


class EarlyStopping(Callback):
    """Stops when `monitor` no longer improves, and brings the best weights back."""

    def __init__(self, monitor, patience, tol):
        self.monitor = monitor
        self.patience = patience
        self.tol = tol

    def on_train_begin(self, net, **kwargs):
        """Start from nothing."""
        self.best_ = math.inf
        self.n_stale_ = 0
        self.weights_ = None

    def on_epoch_end(self, net, **kwargs):
        """Compare the loss of the epoch with the best one before it."""
        loss = net.history[-1][self.monitor]
        self.n_stale_ = self.n_stale_ + 1 if loss > self.best_ - self.tol else 0
        if loss < self.best_:
            self.best_ = loss
            state = net.module_.state_dict()
            self.weights_ = {name: value.clone() for name, value in state.items()}
        if self.n_stale_ >= self.patience:
            net.stopped_ = "no_change"

    def on_train_end(self, net, **kwargs):
        """Load the best weights."""
        net.module_.load_state_dict(self.weights_)

    def state(self):
        """What a training that goes on later has to know."""
        return {"best": self.best_, "n_stale": self.n_stale_, "weights": self.weights_}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.best_, self.n_stale_ = state["best"], state["n_stale"]
        self.weights_ = state["weights"]


class AfterEpoch(Callback):
    """Hands the losses of every epoch to a function, which may change the objective."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, net, **kwargs):
        """Call the function with "train_loss" and "valid_loss"."""
        self.function(net.history[-1])


class Checkpoints(Callback):
    """Stores the state of the training after every epoch; it must be the last callback."""

    def __init__(self, store):
        self.store = store

    def on_epoch_end(self, net, **kwargs):
        """Store the state."""
        self.store.save(net.training_state())


class EpochTasks(Callback):
    """Shows every epoch to scikit-learn's callbacks as a task."""

    def __init__(self, estimator, context):
        self.estimator = estimator
        self.context = context

    def on_epoch_begin(self, net, **kwargs):
        """Open the task of the epoch."""
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net, **kwargs):
        """Close the task; a callback may ask to stop."""
        epoch = net.history[-1]
        losses = {"loss": epoch["train_loss"], "validation_loss": epoch.get("valid_loss")}
        stop = self.task_.call_on_fit_task_end(estimator=self.estimator, metadata=losses)
        if stop and net.stopped_ is None:
            net.stopped_ = "callback"
