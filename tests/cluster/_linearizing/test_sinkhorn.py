import numpy as np
import pytest
import torch

from sksubspace.cluster._linearizing._sinkhorn import sinkhorn


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
