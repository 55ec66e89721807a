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
    coding_rate,
    soft_coding_rate,
)
from sksubspace.cluster._linearizing._sinkhorn import sinkhorn
from sksubspace.metrics import coding_rate as coding_rate_of
from sksubspace.metrics import rate_reduction


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
        expected = coding_rate_of(Z, eps=eps)
        assert float(coding_rate(torch.tensor(Z), eps)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("sizes", [[10, 10, 10], [1, 4, 25], [30]])
def test_soft_rate_of_blocks_is_the_rate_of_hard_labels(sizes):
    Z, labels = (
        unit_rows(30, 5),
        np.random.RandomState(1).permutation(np.repeat(range(len(sizes)), sizes)),
    )
    Gamma = (labels[:, None] == labels) / np.array(sizes)[labels]
    found = float(soft_coding_rate(torch.tensor(Z), torch.tensor(Gamma), 0.5))
    expected = coding_rate_of(Z) - rate_reduction(Z, labels)
    assert found == pytest.approx(expected, abs=1e-12)


def test_soft_rate_is_the_definition():
    Z = unit_rows(7, 3)
    Gamma = np.random.RandomState(2).rand(7, 7)
    expected = sum(
        np.linalg.slogdet(np.eye(3) + 3 / 0.3**2 * Z.T @ np.diag(row) @ Z)[1] for row in Gamma
    )
    found = float(soft_coding_rate(torch.tensor(Z), torch.tensor(Gamma), 0.3))
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
    rate = coding_rate(mean, 0.4)
    pretraining = Pretraining(heads, Fixed(first, second), 0.4, 2.5)
    assert float(pretraining(batch)) == pytest.approx(float(penalty - rate), rel=1e-10)
    linearizing = Linearizing(heads, Fixed(first, second), 0.4, 2.5, 0.3)
    cluster_rate = soft_coding_rate(mean, sinkhorn(codes @ codes.T, 0.3), 0.4)
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
