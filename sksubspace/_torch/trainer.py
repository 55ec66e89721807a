"""What every network of an estimator is trained with."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .random import make_generator, seeded_module
from .training import train

__all__ = ["Budget", "Trainer"]


@dataclass(frozen=True)
class Budget:
    """How much training a network needs by default."""

    n_steps: int
    max_epochs: int
    weight_decay: float

    def epochs(self, steps_per_epoch):
        """Epochs that make `n_steps` steps; fewer where the rows would be seen too often."""
        return min(math.ceil(self.n_steps / steps_per_epoch), self.max_epochs)


@dataclass
class Trainer:
    """The training parameters of an estimator, its randomness, and its place in the task tree."""

    learning_rate: float
    batch_size: int
    max_iter: int | str
    device: torch.device
    dtype: np.dtype
    random_state: np.random.RandomState
    estimator: Any = None
    stage: Any = None

    def build(self, factory):
        """Build a module with seeded weights, in the dtype of the data."""
        generator = make_generator(self.random_state)
        module = seeded_module(factory, generator)
        return module.to(dtype=self.torch_dtype, device=self.device)

    @property
    def torch_dtype(self):
        """The torch dtype of the data."""
        return torch.float64 if self.dtype == np.float64 else torch.float32

    def generator(self):
        """A new generator on the device."""
        return make_generator(self.random_state, self.device)

    def fit(self, objective, data, budget, task, n_rows=None, **options):
        """Train for `max_iter` epochs; "auto" leaves their number to the budget.

        With `n_rows` the budget is that of so many rows: a part of them is seen as often as all.
        `options` are those of `train`.
        """
        epochs = self.max_iter
        if epochs == "auto":
            epochs = budget.epochs(math.ceil((n_rows or len(data[0])) / self.batch_size))
        context = self._open(task, epochs)
        log = train(
            objective,
            data,
            max_iter=epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=budget.weight_decay,
            generator=make_generator(self.random_state),
            device=self.device,
            estimator=self.estimator,
            context=context,
            **options,
        )
        self._close(context)
        return log

    def _open(self, task, epochs):
        if self.stage is None:
            return None
        context = self.stage.subcontext(task_name=task, max_subtasks=epochs)
        return context.call_on_fit_task_begin(estimator=self.estimator)

    def _close(self, context):
        if context is not None:
            context.call_on_fit_task_end(estimator=self.estimator)
