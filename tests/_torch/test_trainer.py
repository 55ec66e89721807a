import numpy as np
import pytest
import torch
from torch import nn

from sksubspace._torch.device import as_rows
from sksubspace._torch.trainer import Budget, Trainer
from tests._torch.toy import Distance


def make(dtype=np.float64, seed=0, **params):
    params = {"learning_rate": 0.1, "batch_size": 10, "max_iter": 4, **params}
    random_state = np.random.RandomState(seed)
    return Trainer(
        device=torch.device("cpu"), dtype=np.dtype(dtype), random_state=random_state, **params
    )


BUDGET = Budget(n_steps=100, max_epochs=30, weight_decay=0.0)
DATA = (as_rows(np.random.RandomState(0).randn(35, 1)),)


@pytest.mark.parametrize(("steps_per_epoch", "epochs"), [(1, 30), (4, 25), (7, 15), (200, 1)])
def test_budget_makes_its_steps_but_not_too_many_epochs(steps_per_epoch, epochs):
    assert BUDGET.epochs(steps_per_epoch) == epochs


def test_auto_follows_the_budget_and_a_number_is_a_number():
    assert make(max_iter="auto").fit(Distance(), DATA, BUDGET, "fit").n_iter == 25
    assert make(max_iter=4).fit(Distance(), DATA, BUDGET, "fit").n_iter == 4


def test_weight_decay_is_that_of_the_budget():
    light, heavy = Distance(), Distance()
    shifted = (as_rows(np.full((35, 1), 5.0)),)
    make(max_iter=60).fit(light, shifted, BUDGET, "fit")
    make(max_iter=60).fit(heavy, shifted, Budget(100, 30, weight_decay=1.0), "fit")
    assert heavy.weight.item() < light.weight.item() - 0.1


def build(trainer):
    return trainer.build(lambda: nn.Linear(3, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_modules_are_built_in_the_dtype_of_the_data(dtype):
    trainer = make(dtype)
    assert (
        build(trainer).weight.dtype == trainer.torch_dtype == getattr(torch, np.dtype(dtype).name)
    )


def test_modules_are_seeded_and_differ_from_each_other():
    trainer, again = make(), make()
    first, second = build(trainer), build(trainer)
    assert torch.equal(first.weight, build(again).weight)
    assert torch.equal(second.weight, build(again).weight)
    assert not torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, build(make(seed=1)).weight)


def test_generators_are_seeded_and_new_each_time():
    trainer, again = make(), make()
    draws = [torch.rand(3, generator=t.generator()) for t in (trainer, trainer, again, again)]
    assert torch.equal(draws[0], draws[2]) and torch.equal(draws[1], draws[3])
    assert not torch.equal(draws[0], draws[1])


def test_global_random_states_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    trainer = make()
    build(trainer), trainer.generator(), trainer.fit(Distance(), DATA, BUDGET, "fit")
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


class Task:
    """A context that notes what happens to it and to those below it."""

    def __init__(self, notes, **params):
        self.notes = notes
        self._callbacks = []
        self.notes.append(("open", params))

    def subcontext(self, **params):
        return Task(self.notes, **params)

    def call_on_fit_task_begin(self, estimator):
        self.notes.append(("begin", estimator))
        return self

    def call_on_fit_task_end(self, estimator):
        self.notes.append(("end", estimator))


def test_a_training_is_a_task_of_the_stage():
    stage = Task([])
    make(stage=stage, estimator="it").fit(Distance(), DATA, BUDGET, "kernel")
    opened = {"task_name": "kernel", "max_subtasks": 4}
    assert stage.notes[1:] == [("open", opened), ("begin", "it"), ("end", "it")]


@pytest.mark.gpu
def test_on_a_gpu():
    trainer = Trainer(0.1, 10, 4, torch.device("cuda"), np.dtype(float), np.random.RandomState(0))
    assert build(trainer).weight.is_cuda
    assert torch.rand(2, generator=trainer.generator(), device="cuda").is_cuda
    objective = Distance()
    trainer.fit(objective, (as_rows(np.zeros((30, 1)), "cuda"),), BUDGET, "fit")
    assert objective.weight.is_cuda
