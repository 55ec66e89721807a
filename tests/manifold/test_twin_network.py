"""Networks that learn from neighbour pairs, against the exact linear loss."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.linalg import eigh
from torch import nn

from sksubspace._torch.trainer import Trainer
from sksubspace.manifold._twin import (
    _BUDGET,
    TwinObjective,
    barlow_loss,
    cross_correlation,
    fit_twin_network,
    graph_moments,
    projector_module,
    size_without_small_rest,
    twin_loss,
)
from sksubspace.manifold._twin_lbfgs import minimize_twin_loss
from sksubspace.neighbors import k_nearest


def trainer(seed=0, dtype=np.float64, batch_size=128, max_iter=20):
    rng = np.random.RandomState(seed)
    return Trainer(1e-2, batch_size, max_iter, torch.device("cpu"), np.dtype(dtype), rng)


def ring(n=400, d=10, seed=0):
    """Points on a noisy circle that a random matrix hides among d features, and 5 neighbours."""
    rng = np.random.RandomState(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    latent = np.column_stack([np.cos(angle), np.sin(angle), 0.3 * rng.randn(n, d - 2)])
    X = latent @ np.linalg.qr(np.random.RandomState(99).randn(d, d))[0]
    X = (X - X.mean(axis=0)) / X.std()
    return X, k_nearest(X, X, 5, exclude_self=True)[1]


def ellipsoid(n=400, d=20):
    X = np.random.RandomState(0).randn(n, d) * np.linspace(2, 0.5, d)
    return X / X.std(), k_nearest(X, X, 5, exclude_self=True)[1]


def exact_minimum(X, neighbors, q, redundancy):
    S, G = graph_moments(X, neighbors)
    start = eigh(G, S)[1][:, ::-1][:, :q]
    return minimize_twin_loss(S, G, q, redundancy=redundancy, start=start, max_iter=500, tol=1e-10)


def linear_loss(W, X, neighbors, redundancy):
    return barlow_loss(cross_correlation(W, *graph_moments(X, neighbors)), redundancy)


def objective(X, queries, neighbors, module=None, redundancy=0.25):
    pairs = torch.tensor(queries), torch.tensor(neighbors)
    generator = torch.Generator().manual_seed(0)
    module = nn.Identity() if module is None else module
    return TwinObjective(
        module, projector_module(X.shape[1], ()), torch.tensor(X), pairs, redundancy, generator
    )


def test_the_loss_of_one_neighbour_each_is_the_exact_loss():
    X, neighbors = ring()
    queries, neighbors = np.arange(0, 400, 2), neighbors[::2, :1]
    linear = nn.Linear(10, 3, bias=False).double()
    nn.init.orthogonal_(linear.weight, generator=torch.Generator().manual_seed(1))
    loss = objective(X, queries, neighbors, linear)((torch.arange(200),)).item()
    W = linear.weight.detach().numpy().T
    C = cross_correlation(W, *graph_moments(X, neighbors, queries))
    assert loss == pytest.approx(barlow_loss(C, 0.25), rel=1e-10)
    assert twin_loss(linear, X, neighbors, queries=queries, redundancy=0.25) == pytest.approx(
        loss, rel=1e-10
    )


def test_every_neighbour_is_drawn_and_nothing_else():
    X, neighbors = ring()
    twin = objective(X, np.arange(400), neighbors)
    numbers = torch.tensor([3, 7, 7, 399])
    drawn = torch.stack([twin._draw(numbers) for _ in range(200)]).numpy()
    for column, number in zip(drawn.T, numbers, strict=True):
        assert_array_equal(np.unique(column), np.sort(neighbors[number]))
    assert (drawn[:, 1] != drawn[:, 2]).any()  # one draw per row, not per number


def test_neighbours_of_the_numbered_queries_are_compared():
    """With twins equal to their queries every output is the same on both sides."""
    X, _ = ring()
    queries = np.array([5, 17, 60, 2, 300])
    loss = objective(X, queries, queries[:, None], redundancy=0.0)((torch.arange(5),))
    assert loss.item() == pytest.approx(0, abs=1e-20)
    shifted = objective(X, queries, queries[:, None] + 1, redundancy=0.0)((torch.arange(5),))
    assert shifted.item() > 0.1


def test_the_linear_encoder_reaches_the_exact_minimum():
    X, neighbors = ellipsoid()
    exact = exact_minimum(X, neighbors, 8, 0.1)[1][-1]
    whole_batches = trainer(batch_size=400, max_iter=300)
    module, log = fit_twin_network(
        X, neighbors, n_components=8, redundancy=0.1, trainer=whole_batches
    )
    reached = linear_loss(module.weight.detach().numpy().T, X, neighbors, 0.1)
    assert exact * (1 - 1e-9) <= reached < 1.02 * exact
    assert log.loss_curve[-1] < log.loss_curve[0]


@pytest.mark.parametrize(("projector", "width"), [((), 4), ((12,), 12), ((12, 6), 6)])
def test_redundancy_is_made_for_the_width_the_loss_acts_on(projector, width):
    X, neighbors = ring(n=60)
    default, explicit, other = (
        fit_twin_network(
            X,
            neighbors,
            n_components=4,
            projector=projector,
            redundancy=redundancy,
            trainer=trainer(max_iter=2),
        )[0].weight
        for redundancy in (None, 8 / width, 9 / width)
    )
    assert torch.equal(default, explicit) and not torch.equal(default, other)


def test_a_network_beats_the_best_linear_encoder_on_new_rows():
    """On a ring cos(2t) and sin(2t) are alike for neighbours too; no linear map finds them."""
    X, neighbors = ring()
    new_X, new_neighbors = ring(seed=1)
    W = exact_minimum(X, neighbors, 4, 0.5)[0]
    module, _ = fit_twin_network(
        X,
        neighbors,
        n_components=4,
        encoder="mlp",
        hidden_layer_sizes=(64,),
        redundancy=0.5,
        trainer=trainer(max_iter=60),
    )
    best_linear = linear_loss(W, new_X, new_neighbors, 0.5)
    assert twin_loss(module, new_X, new_neighbors, redundancy=0.5) < 0.7 * best_linear


def test_the_projector_is_trained_and_left_behind():
    X, neighbors = ring(n=120)
    settings = {"n_components": 3, "encoder": "linear"}
    module, _ = fit_twin_network(
        X, neighbors, projector=(16, 8), trainer=trainer(max_iter=3), **settings
    )
    assert isinstance(module, nn.Linear) and module.weight.shape == (3, 10)
    bare, _ = fit_twin_network(X, neighbors, trainer=trainer(max_iter=3), **settings)
    assert not torch.equal(module.weight, bare.weight)


def test_projector_layers():
    layers = [type(layer) for layer in projector_module(3, (16, 16, 8))]
    block = [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert layers == [*block, *block, nn.Linear]
    x = torch.ones(4, 3)
    assert projector_module(3, ())(x) is x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_fits_are_the_same_and_keep_the_dtype(dtype):
    X, neighbors = ring(n=100)
    before = torch.random.get_rng_state()
    modules = [
        fit_twin_network(
            X,
            neighbors,
            n_components=3,
            encoder="mlp",
            hidden_layer_sizes=(8,),
            projector=(12,),
            trainer=trainer(seed, dtype, max_iter=3),
        )[0]
        for seed in (0, 0, 1)
    ]
    first, again, other = (
        torch.cat([p.detach().ravel() for p in m.parameters()]).numpy() for m in modules
    )
    assert first.dtype == dtype
    assert_array_equal(first, again)
    assert (first != other).any()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_queries_may_be_some_of_the_rows():
    X, neighbors = ring()
    queries = np.arange(0, 400, 4)
    module, log = fit_twin_network(
        X, neighbors[queries], n_components=3, trainer=trainer(), queries=queries
    )
    assert module.weight.isfinite().all() and log.n_iter == 20


@pytest.mark.parametrize("n_rows", [2, 3, 129, 257])
def test_a_last_batch_of_one_row_does_no_harm(n_rows):
    """Two rows are perfectly correlated, one has no correlation: such batches are avoided."""
    X = np.random.RandomState(0).randn(n_rows, 4)
    neighbors = (np.arange(n_rows)[:, None] + 1) % n_rows
    module, log = fit_twin_network(
        X, neighbors, n_components=2, projector=(8, 8), trainer=trainer(max_iter=2)
    )
    assert np.isfinite(log.loss_curve).all() and module.weight.isfinite().all()


@pytest.mark.parametrize("n_rows", [1, 2, 7, 100, 128, 129, 200, 255, 256, 1437])
@pytest.mark.parametrize("batch_size", [1, 2, 100, 128, 5000])
def test_the_last_batch_is_at_least_half_of_the_others(n_rows, batch_size):
    size = size_without_small_rest(n_rows, batch_size)
    last = (n_rows - 1) % size + 1
    assert 2 * last >= size
    assert min(batch_size, n_rows) <= size < 3 * batch_size + 1


def test_the_number_of_epochs_is_that_of_the_budget_for_the_batches_made():
    """300 rows in batches of 200 are one batch of 300, so that an epoch is one step."""
    X, neighbors = ring(n=300)
    _, log = fit_twin_network(
        X, neighbors, n_components=2, trainer=trainer(batch_size=200, max_iter="auto")
    )
    assert log.n_iter == _BUDGET.epochs(1) == len(log.loss_curve)
