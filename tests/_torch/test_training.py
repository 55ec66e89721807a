import random

import numpy as np
import pytest
import sklearn
import torch
from scipy import sparse
from skorch import NeuralNet
from torch import nn

from sksubspace._torch.device import PinnedRows, as_rows
from sksubspace._torch.random import seeded_module
from sksubspace._torch.training import _Net, train

from .toy import Distance, Regression, Slope


class Watcher(nn.Module):
    """Keeps the batches it is given; its loss is the mean of the rows."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.batches = []

    def forward(self, batch):
        self.batches.append((self.training, torch.is_grad_enabled(), batch[0][:, 0].tolist()))
        return batch[0].mean() + 0 * self.weight


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def column(values):
    return as_rows(np.asarray(values, dtype=np.float64)[:, None])


def problem(n_samples=90, dtype=np.float32):
    rng = np.random.RandomState(0)
    X = rng.randn(n_samples, 4).astype(dtype)
    return X, (X @ rng.randn(4, 2) + 0.1 * rng.randn(n_samples, 2)).astype(dtype)


def run(objective, data, **options):
    options = {"max_iter": 1, "batch_size": 1, "learning_rate": 0.1, **options}
    return train(objective, data, generator=generator(), **options)


def train_regression(data, seed=0, dtype=torch.float32, **options):
    objective = seeded_module(lambda: Regression(4, 2), generator(1)).to(dtype)
    options = {"max_iter": 5, "batch_size": 32, "learning_rate": 0.05, **options}
    log = train(objective, data, generator=generator(seed), **options)
    return objective.linear.weight.detach().numpy(), log


def test_a_device_without_room_for_a_batch_names_it():
    class TooLarge(Watcher):
        def forward(self, batch):
            raise torch.OutOfMemoryError("no room")

    with pytest.raises(MemoryError, match=r"no room for batches of batch_size=7 rows: .* GiB"):
        run(TooLarge(), (column(range(20)),), batch_size=7)


def test_the_loop_over_epochs_is_the_one_of_skorch():
    assert issubclass(_Net, NeuralNet) and _Net.fit_loop is NeuralNet.fit_loop


def test_training_finds_the_least_squares_solution():
    X, Y = problem(dtype=np.float64)
    data = (as_rows(X), as_rows(Y))
    weight, log = train_regression(data, dtype=torch.float64, max_iter=300, batch_size=90)
    design = np.hstack([X, np.ones((len(X), 1))])
    solution, residual, *_ = np.linalg.lstsq(design, Y)
    np.testing.assert_allclose(weight.T, solution[:4], atol=1e-5)
    assert log.loss_curve[-1] == pytest.approx(residual.sum() / Y.size)
    assert (log.n_iter, log.stopped, len(log.loss_curve)) == (300, "max_iter", 300)


def test_every_epoch_visits_every_row_once_in_a_new_order():
    objective = Watcher()
    run(objective, (column(range(10)),), max_iter=2, batch_size=4)
    epochs = [objective.batches[:3], objective.batches[3:]]
    orders = [[row for *_, batch in epoch for row in batch] for epoch in epochs]
    assert [len(batch) for *_, batch in epochs[0]] == [4, 4, 2]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1]


def test_epoch_loss_is_the_mean_over_rows_though_batches_differ_in_size():
    log = run(Watcher(), (column(range(10)),), max_iter=2, batch_size=4)
    assert log.loss_curve == pytest.approx([4.5, 4.5])
    assert log.validation_loss_curve is None


def test_validation_data_are_seen_in_order_in_evaluation_mode():
    objective = Watcher()
    data, validation_data = (column([1, 1]),), (column([0, 1, 5]),)
    log = run(objective, data, validation_data=validation_data, max_iter=2, batch_size=2)
    expected = [(True, True, [1, 1]), (False, False, [0, 1]), (False, False, [5])]
    assert objective.batches == 2 * expected
    assert log.validation_loss_curve == pytest.approx([2, 2])


def test_the_seed_decides_everything():
    data = tuple(map(as_rows, problem()))
    weights = [train_regression(data, seed)[0] for seed in (3, 3, 4)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_global_random_states_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    data = tuple(map(as_rows, problem()))
    train_regression(data, schedule="plateau", n_iter_no_change=2, validation_data=data, tol=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]


def test_dropout_is_seeded_too():
    data = tuple(map(as_rows, problem()))
    before = torch.get_rng_state()
    weights = []
    for _ in range(2):
        objective = seeded_module(lambda: Regression(4, 2), generator())
        objective.linear = nn.Sequential(nn.Dropout(0.5), objective.linear)
        run(objective, data, max_iter=2, batch_size=32)
        weights.append(objective.linear[1].weight.detach().numpy())
    np.testing.assert_array_equal(*weights)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype):
    X, Y = problem(dtype=np.float64)
    data = tuple(as_rows(A).to(dtype) for A in (X, Y))
    weight, _ = train_regression(data, dtype=dtype)
    assert torch.from_numpy(weight).dtype == dtype


def test_the_kind_of_rows_does_not_matter():
    X, Y = problem()
    X[X < 0] = 0
    expected, _ = train_regression((as_rows(X), as_rows(Y)))
    for rows in (as_rows(sparse.csr_matrix(X)), PinnedRows(X, "cpu")):
        weight, _ = train_regression((rows, as_rows(Y)))
        np.testing.assert_array_equal(weight, expected)


def test_the_objective_is_left_without_gradients_in_evaluation_mode():
    objective = Distance()
    run(objective, (column([1.0]),))
    assert not objective.training and objective.weight.grad is None


def test_weight_decay_is_decoupled():
    weights = []
    for weight_decay in (0.0, 0.5):
        objective = Slope()
        objective.weight.data.fill_(2.0)
        run(objective, (column([1.0]),), schedule=None, weight_decay=weight_decay)
        weights.append(objective.weight.item())
    assert weights == pytest.approx([2 - 0.1, 2 - 0.1 - 0.1 * 0.5 * 2])


def test_a_loss_that_diverges_names_the_learning_rate():
    data = tuple(map(as_rows, problem()))
    message = r"train loss was not finite in epoch \d.*learning_rate=1e\+30"
    with pytest.raises(ValueError, match=message):
        train_regression(data, learning_rate=1e30, schedule=None)


def test_weights_that_diverge_in_the_last_step_name_the_learning_rate():
    class Root(Slope):
        def forward(self, batch):
            return self.weight.sqrt()

    message = r"a weight was not finite in epoch 1.*learning_rate=0\.1"
    with pytest.raises(ValueError, match=message):
        run(Root(), (column([1.0]),))


def test_validation_loss_that_is_not_finite_raises():
    validation_data = (column([np.inf]),)
    with pytest.raises(ValueError, match="valid loss was not finite in epoch 1"):
        run(Distance(), (column([1.0]),), validation_data=validation_data, max_iter=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iter": 0}, "max_iter must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"learning_rate": 0.0}, r"learning_rate must be positive, got 0\.0"),
        ({"learning_rate": np.nan}, "learning_rate must be positive, got nan"),
        ({"schedule": "cosine"}, r"schedule must be one of .* got 'cosine'"),
        ({"validation_data": (torch.zeros(0, 1),)}, "validation_data must hold rows"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        run(Distance(), (column([1.0]),), **options)


@pytest.mark.parametrize("lengths", [(3, 2), (0,)])
def test_rows_must_have_one_length_above_zero(lengths):
    with pytest.raises(ValueError, match=r"data must hold rows of one length above 0, got"):
        run(Distance(), tuple(torch.zeros(length, 1) for length in lengths))


def test_an_interruption_by_the_user_is_passed_on():
    class Interrupted(Distance):
        def forward(self, batch):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(), (column([1.0]),))


def test_metadata_routing_may_be_enabled():
    data = tuple(map(as_rows, problem()))
    expected, _ = train_regression(data)
    with sklearn.config_context(enable_metadata_routing=True):
        weight, _ = train_regression(data)
    np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize(("flops_per_row", "n_threads"), [(None, 1), (1e9, 2)])
def test_small_training_runs_on_one_thread(flops_per_row, n_threads):
    class Counting(Distance):
        def forward(self, batch):
            seen.append(torch.get_num_threads())
            return super().forward(batch)

    former, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        run(Counting(), (column([1.0]),), flops_per_row=flops_per_row)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(former)
    assert seen == [n_threads]


@pytest.mark.gpu
def test_training_on_the_gpu_agrees_with_the_cpu():
    X, Y = problem(dtype=np.float64)
    options = {"max_iter": 5, "batch_size": 32}
    expected, _ = train_regression((as_rows(X), as_rows(Y)), dtype=torch.float64)
    for rows in (as_rows(X, "cuda"), PinnedRows(X, "cuda")):
        objective = seeded_module(lambda: Regression(4, 2), generator(1)).to(torch.float64)
        run(objective, (rows, as_rows(Y, "cuda")), learning_rate=0.05, device="cuda", **options)
        weight = objective.linear.weight
        assert weight.device.type == "cuda"
        np.testing.assert_allclose(weight.detach().cpu().numpy(), expected, atol=1e-8)


def test_another_optimizer_takes_the_rates_of_the_schedule():
    """Plain gradient steps of a loss whose gradient is one: the weight falls by the rates."""
    objective = Slope()
    rates = []

    class Steps(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step()

    run(objective, (column([1.0, 1.0]),), optimizer=Steps, warmup=0.0)
    assert rates[0] == pytest.approx(0.1) and rates[1] < 1e-4
    assert objective.weight.item() == pytest.approx(-sum(rates))
