"""A small estimator that trains one network, and objectives whose course is known."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from torch import nn

from sksubspace._sklearn import open_listener, send
from sksubspace._torch.device import as_rows
from sksubspace._torch.random import seeded_module
from sksubspace._torch.training import train


class Slope(nn.Module):
    """The loss is the weight itself, so every step of Adam has the length of its rate."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, batch):
        return self.weight + 0 * batch[0].sum()


class Distance(nn.Module):
    """Squared distance of a weight, which starts at 0, to the rows."""

    def __init__(self, dtype=torch.float64):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=dtype))

    def forward(self, batch):
        return (self.weight - batch[0]).square().mean()


class Regression(nn.Module):
    """Mean squared error of a linear map."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)

    def forward(self, batch):
        x, y = batch
        return (self.linear(x) - y).square().mean()


class ToyMap(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Pulls a weight to the mean of X, in a stage called "net"."""

    def __init__(self, max_iter=3, learning_rate=0.01, with_validation=False):
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.with_validation = with_validation

    @with_callbacks
    def fit(self, X, y=None):
        fit = self._init_callback_context(max_subtasks=1)
        fit.call_on_fit_task_begin(estimator=self, X=X)
        stage = fit.subcontext("net", max_subtasks=self.max_iter)
        stage.call_on_fit_task_begin(estimator=self)
        self.stage_ = stage
        self.log_ = self._train(as_rows(np.asarray(X, dtype=np.float64)), stage)
        stage.call_on_fit_task_end(estimator=self)
        fit.call_on_fit_task_end(estimator=self)
        return self

    def _train(self, rows, stage):
        generator = torch.Generator().manual_seed(0)
        return train(
            seeded_module(Distance, generator),
            (rows,),
            max_iter=self.max_iter,
            batch_size=16,
            learning_rate=self.learning_rate,
            generator=generator,
            validation_data=(rows,) if self.with_validation else None,
            estimator=self,
            context=stage,
        )

    def __getstate__(self):
        return {key: value for key, value in super().__getstate__().items() if key != "stage_"}

    def transform(self, X):
        return X

    def score(self, X, y=None):
        return self.max_iter


class Recorder:
    """Records the beginnings and ends of all tasks, also of those in worker processes."""

    max_propagation_depth = None

    def __init__(self, stop_at=None):
        self.events = []
        self.stop_at = stop_at
        self.listener = open_listener(self.events.append, owner=self)

    def __getstate__(self):
        return {**self.__dict__, "events": []}

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        send(self.listener, ("begin", context.task_name, context.task_id, None))

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        send(self.listener, ("end", context.task_name, context.task_id, metadata))
        return context.task_name == "epoch" and context.task_id == self.stop_at

    def epochs(self, kind):
        return [
            task_id for event, name, task_id, _ in self.events if (event, name) == (kind, "epoch")
        ]

    def losses(self):
        return [
            metadata
            for event, name, _, metadata in self.events
            if (event, name) == ("end", "epoch")
        ]
