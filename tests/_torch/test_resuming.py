import numpy as np
import pytest
import torch
from torch import nn

from sksubspace._torch.checkpoint import generator_states, restore_generators
from sksubspace._torch.device import as_rows
from sksubspace._torch.random import own_draws, seeded_module
from sksubspace._torch.training import train

from .toy import Regression

X = np.random.RandomState(0).randn(50, 4)
DATA = (as_rows(X), as_rows(X[:, :2] ** 2))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Noisy(Regression):
    """A regression of noisy rows, with a generator of its own."""

    def __init__(self):
        super().__init__(4, 2)
        self.noise = generator(7)

    def forward(self, batch):
        x, y = batch
        return super().forward((x + torch.randn(x.shape, generator=self.noise, dtype=x.dtype), y))


class Store:
    """Keeps every state, and hands out the one it is told to."""

    def __init__(self, first=None):
        self.first = first
        self.states = []

    def load(self):
        return self.first

    def save(self, state):
        self.states.append(_copied(state))


def _copied(value):
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value.clone() if isinstance(value, torch.Tensor) else value


def fit(kind=Noisy, store=None, **options):
    options = {"max_iter": 8, "batch_size": 16, "learning_rate": 0.05, **options}
    objective = seeded_module(kind, generator(1)).double()
    log = train(objective, DATA, generator=generator(), checkpoint=store, **options)
    return [p.detach().numpy() for p in objective.parameters()], log


def dropping():
    objective = Regression(4, 2)
    objective.linear = nn.Sequential(nn.Dropout(0.5), objective.linear)
    return objective


@pytest.mark.parametrize("kind", [Noisy, dropping])
@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "one_cycle"},
        {"schedule": None, "weight_decay": 0.1},
        {"schedule": "plateau", "max_iter": 30, "learning_rate": 0.5},
        {"validation_data": DATA, "n_iter_no_change": 4, "max_iter": 40, "tol": 0.05},
    ],
)
def test_a_training_goes_on_from_any_epoch_with_the_same_bits(kind, options):
    store = Store()
    weights, log = fit(kind, store, **options)
    np.testing.assert_equal(fit(kind, **options)[0], weights)
    assert len(store.states) == log.n_iter
    for state in store.states[:: max(1, log.n_iter // 4)] + store.states[-1:]:
        again, second = fit(kind, Store(state), **options)
        np.testing.assert_equal(again, weights)
        assert second == log


def test_states_of_all_generators_are_kept():
    own, objective = generator(3), dropping()
    objective.extra = generator(5)
    with own_draws(objective, generator()):
        states = generator_states(objective, own)
        expected = [torch.rand(2, generator=own), torch.rand(2, generator=objective.extra)]
        expected.append(torch.rand(2))
        restore_generators(objective, own, states)
        found = [torch.rand(2, generator=own), torch.rand(2, generator=objective.extra)]
        found.append(torch.rand(2))
    assert all(map(torch.equal, expected, found))


def test_the_global_generator_is_left_out_where_no_layer_draws_from_it():
    assert len(generator_states(Noisy(), generator())) == 2


def test_a_function_after_every_epoch_sees_the_losses_before_they_are_stored():
    seen, store = [], Store()

    def note(losses):
        seen.append((losses["train_loss"], losses["valid_loss"], len(store.states)))

    log = fit(store=store, validation_data=DATA, after_epoch=note)[1]
    assert [loss for loss, _, _ in seen] == log.loss_curve
    assert [loss for _, loss, _ in seen] == log.validation_loss_curve
    assert [n_stored for *_, n_stored in seen] == list(range(8))


def test_mixed_precision_reaches_the_objective():
    kinds = []

    class Watching(Regression):
        def forward(self, batch):
            kinds.append(self.linear(batch[0].float()).dtype)
            return super().forward(tuple(rows.float() for rows in batch))

    for autocast in (False, True):
        objective = seeded_module(lambda: Watching(4, 2), generator())
        train(
            objective, DATA, max_iter=1, batch_size=50, learning_rate=0.1, generator=generator(),
            autocast=autocast, validation_data=DATA,
        )  # fmt: skip
    assert kinds == [torch.float32] * 2 + [torch.bfloat16] * 2
