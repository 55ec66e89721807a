"""The loss of pairs against plain loops over them."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sksubspace.manifold._twin import (
    barlow_loss,
    cross_correlation,
    graph_moments,
    pair_correlation,
    rank_of_outputs,
    resolve_redundancy,
)


def made_pairs(n=40, d=5, seed=0):
    rng = np.random.RandomState(seed)
    left = rng.randn(n, d) @ rng.randn(d, d) + 3
    return left, left + rng.randn(n, d)


def moments(left, right):
    """S and G of the pairs taken both ways round, by a loop."""
    mean = (left.sum(axis=0) + right.sum(axis=0)) / (2 * len(left))
    S, G = np.zeros((2, left.shape[1], left.shape[1]))
    for x, y in zip(left - mean, right - mean, strict=True):
        S += (np.outer(x, x) + np.outer(y, y)) / (2 * len(left))
        G += (np.outer(x, y) + np.outer(y, x)) / (2 * len(left))
    return S, G


def correlation(left, right):
    """What numpy says of all pairs both ways round."""
    both = np.corrcoef(np.vstack([left, right]).T, np.vstack([right, left]).T)
    return both[: left.shape[1], left.shape[1] :]


def test_the_loss_is_the_double_sum():
    C = np.random.RandomState(0).randn(4, 4)
    expected = 0.0
    for i in range(4):
        for j in range(4):
            expected += (C[i, j] - 1) ** 2 if i == j else 0.3 * C[i, j] ** 2
    assert barlow_loss(C, 0.3) == pytest.approx(expected, rel=1e-13)
    assert float(barlow_loss(torch.tensor(C), 0.3)) == pytest.approx(expected, rel=1e-13)
    assert barlow_loss(np.eye(7), 5.0) == 0


def test_a_linear_encoder_needs_the_moments_only():
    left, right = made_pairs()
    W = np.random.RandomState(1).randn(5, 3)
    C = cross_correlation(W, *moments(left, right))
    assert_allclose(C, correlation(left @ W, right @ W), atol=1e-12)


def test_tensors_and_arrays_give_one_correlation():
    S, G = moments(*made_pairs())
    W = np.random.RandomState(1).randn(5, 3)
    as_tensors = cross_correlation(*(torch.tensor(A) for A in (W, S, G)))
    assert_allclose(as_tensors.numpy(), cross_correlation(W, S, G), rtol=1e-12)


def test_the_loss_of_a_batch_is_the_loss_of_its_moments():
    left, right = made_pairs()
    W = np.random.RandomState(1).randn(5, 3)
    batch = pair_correlation(torch.tensor(left @ W), torch.tensor(right @ W)).numpy()
    assert_allclose(batch, cross_correlation(W, *moments(left, right)), atol=1e-12)
    assert_allclose(batch, correlation(left @ W, right @ W), atol=1e-12)


def test_a_constant_output_has_no_correlation_and_a_finite_gradient():
    left, right = (torch.tensor(side[:, :2], requires_grad=True) for side in made_pairs())
    constant = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    C = pair_correlation(left * constant + 2, right * constant + 2)
    assert C[1].abs().max() == 0 and C[0, 0] > 0.5
    barlow_loss(C, 0.1).backward()
    assert left.grad.isfinite().all() and left.grad.abs().max() > 0


def test_the_moments_of_a_table_are_those_of_its_pairs():
    rng = np.random.RandomState(0)
    Z, queries = rng.randn(12, 3) + 5, np.array([7, 0, 3, 11, 5])
    neighbors = rng.randint(12, size=(5, 4))
    pairs = [(i, j) for i, row in zip(queries, neighbors, strict=True) for j in row]
    expected = moments(*(Z[np.array(side)] for side in zip(*pairs, strict=True)))
    for ours, theirs in zip(graph_moments(Z, neighbors, queries), expected, strict=True):
        assert_allclose(ours, theirs, atol=1e-12)


def test_all_rows_are_the_queries_of_a_full_table():
    rng = np.random.RandomState(0)
    Z, neighbors = rng.randn(9, 2), rng.randint(9, size=(9, 3))
    for a, b in zip(
        graph_moments(Z, neighbors), graph_moments(Z, neighbors, np.arange(9)), strict=True
    ):
        assert_allclose(a, b, rtol=0, atol=0)


def test_effective_rank_counts_directions_whatever_their_scale():
    S = np.diag([100.0, 1.0, 0.01])
    assert rank_of_outputs(np.eye(3), S) == pytest.approx(3)
    assert rank_of_outputs(np.eye(3)[:, [0, 0, 0]], S) == pytest.approx(1)
    assert rank_of_outputs(np.eye(3)[:, [0, 0, 1, 1]] * [1, -5, 2, 1], S) == pytest.approx(2)


def test_effective_rank_is_the_exponential_of_the_entropy():
    left, right = made_pairs()
    W = np.random.RandomState(1).randn(5, 3)
    outputs = np.vstack([left, right]) @ W
    p = np.linalg.eigvalsh(np.corrcoef(outputs.T)) / 3
    expected = np.exp(-(p * np.log(p)).sum())
    assert rank_of_outputs(W, moments(left, right)[0]) == pytest.approx(expected, rel=1e-10)


def test_redundancy_goes_down_with_the_width_unless_given():
    assert resolve_redundancy(None, 32) == 0.25
    assert resolve_redundancy(0.0039, 32) == 0.0039
    assert resolve_redundancy(0, 32) == 0
