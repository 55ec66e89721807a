import math

import numpy as np
import pytest
import torch

from sksubspace._torch.random import seeded_module
from sksubspace.cluster._linearizing._coding_objectives import (
    Linearizing,
    Pretraining,
    TwoHeads,
    Views,
    rate_in_groups,
    rate_of_all,
    sinkhorn,
)
from sksubspace.metrics import coding_rate, rate_reduction


def unit_rows(n, d, seed=0):
    Z = np.random.RandomState(seed).randn(n, d)
    return Z / np.linalg.norm(Z, axis=1, keepdims=True)


def make_heads(d=4, width=6, p=3):
    generator = torch.Generator().manual_seed(0)
    return seeded_module(lambda: TwoHeads(d, 1.0, (width,), p), generator).double()


def make_views(X, n_neighbors=3, unit=False):
    order = np.argsort(((X[:, None] - X) ** 2).sum(axis=2), axis=1)[:, 1 : 1 + n_neighbors]
    generator = torch.Generator().manual_seed(0)
    return Views(torch.tensor(X), torch.tensor(order), unit, generator), order


@pytest.mark.parametrize("n, d", [(30, 4), (3, 8)])
def test_rate_is_the_metric(n, d):
    Z = unit_rows(n, d)
    for eps in (0.1, 0.5):
        expected = coding_rate(Z, eps=eps)
        assert float(rate_of_all(torch.tensor(Z), eps)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("sizes", [[10, 10, 10], [1, 4, 25], [30]])
def test_soft_rate_of_blocks_is_the_rate_of_hard_labels(sizes):
    Z, labels = (
        unit_rows(30, 5),
        np.random.RandomState(1).permutation(np.repeat(range(len(sizes)), sizes)),
    )
    Gamma = (labels[:, None] == labels) / np.array(sizes)[labels]
    found = float(rate_in_groups(torch.tensor(Z), torch.tensor(Gamma), 0.5))
    expected = coding_rate(Z) - rate_reduction(Z, labels)
    assert found == pytest.approx(expected, abs=1e-12)


def test_soft_rate_is_the_definition():
    Z = unit_rows(7, 3)
    Gamma = np.random.RandomState(2).rand(7, 7)
    expected = sum(
        np.linalg.slogdet(np.eye(3) + 3 / 0.3**2 * Z.T @ np.diag(row) @ Z)[1] for row in Gamma
    )
    found = float(rate_in_groups(torch.tensor(Z), torch.tensor(Gamma), 0.3))
    assert found == pytest.approx(expected / 14, rel=1e-12)


def test_heads_have_unit_rows_and_start_alike_after_the_copy():
    heads, x = make_heads(), torch.tensor(unit_rows(9, 4, seed=3))
    both = heads(x)
    assert both.shape == (9, 2, 3)
    np.testing.assert_allclose(both.detach().norm(dim=2), 1)
    assert not torch.equal(both[:, 0], both[:, 1])
    heads.copy_feature_head()
    both = heads(x)
    assert torch.equal(both[:, 0], both[:, 1])
    heads.features.weight.data += 1  # a copy, not the same weights
    assert torch.equal(heads(x)[:, 1], both[:, 1])


def test_rows_are_seen_in_units_of_their_length():
    x = torch.tensor(unit_rows(9, 4, seed=3))
    generators = (torch.Generator().manual_seed(0) for _ in range(2))
    units, others = (
        seeded_module(lambda length=length: TwoHeads(4, length, (6,), 3), generator).double()
        for length, generator in zip((1.0, 250.0), generators, strict=True)
    )
    np.testing.assert_allclose(others(250 * x).detach(), units(x).detach(), atol=1e-12)


def test_views_lie_between_a_row_and_one_of_its_neighbors():
    X = np.random.RandomState(0).randn(20, 4)
    views, order = make_views(X)
    index = torch.arange(20).flip(0)[:12]
    shares = []
    for view in views(torch.tensor(X)[index], index):
        for row, i in zip(view.numpy(), index, strict=True):
            ways = X[order[i]] - X[i]
            t = (ways @ (row - X[i])) / (ways**2).sum(axis=1)
            k = np.abs(X[i] + t[:, None] * ways - row).sum(axis=1).argmin()
            np.testing.assert_allclose(X[i] + t[k] * ways[k], row, atol=1e-12)
            shares.append(t[k])
    assert 0 <= min(shares) < 0.2
    assert 0.8 < max(shares) < 1


def test_views_of_unit_rows_are_unit():
    X = unit_rows(20, 4)
    first, second = make_views(X, unit=True)[0](torch.tensor(X), torch.arange(20))
    np.testing.assert_allclose(first.norm(dim=1), 1)
    assert not torch.equal(first, second)


class Fixed:
    """Views that are given."""

    def __init__(self, first, second):
        self.views = first, second

    def __call__(self, x, index):
        return self.views


def test_losses_are_their_formulas():
    heads = make_heads()
    first, second = (torch.tensor(unit_rows(12, 4, seed=s)) for s in (1, 2))
    batch = (first, torch.arange(12))
    heads.requires_grad_(False)
    (z, c), (z2, c2) = (heads(view).unbind(1) for view in (first, second))
    mean = torch.nn.functional.normalize(z + z2, dim=1)
    codes = torch.nn.functional.normalize(c + c2, dim=1)
    agreement = (z * z2).sum(1).mean()
    penalty = 2.5 * 3 / 2 * math.log(1 + 1 / 0.4**2) * (1 - agreement)
    rate = rate_of_all(mean, 0.4)
    pretraining = Pretraining(heads, Fixed(first, second), 0.4, 2.5)
    assert float(pretraining(batch)) == pytest.approx(float(penalty - rate), rel=1e-10)
    linearizing = Linearizing(heads, Fixed(first, second), 0.4, 2.5, 0.3)
    cluster_rate = rate_in_groups(mean, sinkhorn(codes @ codes.T, 0.3), 0.4)
    expected = float(penalty - rate + cluster_rate)
    assert float(linearizing(batch)) == pytest.approx(expected, rel=1e-10)
    assert [float(r) for r in linearizing.rates] == [pytest.approx(float(rate))]
    assert [float(r) for r in linearizing.cluster_rates] == [pytest.approx(float(cluster_rate))]


def test_pretraining_leaves_the_cluster_head_alone_and_linearizing_moves_it():
    heads = make_heads()
    X = unit_rows(15, 4)
    batch = (torch.tensor(X), torch.arange(15))
    Pretraining(heads, make_views(X)[0], 0.5, 1.0)(batch).backward()
    assert heads.clusters.weight.grad is None or not heads.clusters.weight.grad.any()
    assert heads.features.weight.grad.any()
    heads.zero_grad()
    Linearizing(heads, make_views(X)[0], 0.5, 1.0, 0.2)(batch).backward()
    assert heads.clusters.weight.grad.any()


def similarities(n=60, d=5, seed=0):
    Z = np.random.RandomState(seed).randn(n, d)
    Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    return torch.tensor(Z @ Z.T)


@pytest.mark.parametrize("temperature", [0.02, 0.1, 1.0, 100.0])
def test_rows_and_columns_sum_to_one(temperature):
    Gamma = sinkhorn(similarities(), temperature)
    assert (Gamma > 0).all() or temperature < 0.1
    assert (Gamma.sum(0) - 1).abs().max() < 1e-3
    assert (Gamma.sum(1) - 1).abs().max() < 1e-3
    assert (Gamma - Gamma.T).abs().max() < 1e-14


def test_it_is_the_scaled_kernel_of_the_ordinary_algorithm():
    S = similarities()
    kernel = np.exp(S.numpy() / 0.2)
    left, right = np.ones(60), np.ones(60)
    for _ in range(2000):
        left = 1 / (kernel @ right)
        right = 1 / (kernel.T @ left)
    expected = left[:, None] * kernel * right
    np.testing.assert_allclose(sinkhorn(S, 0.2, tol=1e-12, max_iter=500), expected, atol=1e-10)


def test_a_block_kernel_becomes_uniform_on_its_blocks():
    sizes = [3, 10, 1, 6]
    labels = np.repeat(range(4), sizes)
    S = torch.tensor(np.where(labels[:, None] == labels, 1.0, -1.0))
    expected = (labels[:, None] == labels) / np.array(sizes)[labels]
    np.testing.assert_allclose(sinkhorn(S, 0.02, tol=1e-9), expected, atol=1e-9)


def test_a_constant_on_all_similarities_changes_nothing():
    S = similarities()
    first, second = sinkhorn(S, 0.2, tol=1e-10), sinkhorn(S - 300, 0.2, tol=1e-10)
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_gradients_flow_through_the_iterations():
    Z = torch.tensor(np.random.RandomState(0).randn(6, 3), requires_grad=True)

    def kept(Z):  # a number of Gamma that depends on the potentials
        return (sinkhorn(Z @ Z.T, 0.7, tol=0, max_iter=200) ** 2).sum()

    assert torch.autograd.gradcheck(kept, (Z,), atol=1e-6)
    kept(Z).backward()
    assert Z.grad.abs().max() > 1e-3
