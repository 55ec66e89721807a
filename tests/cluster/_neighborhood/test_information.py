"""The loss against dense matrices p and q of a small graph."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sksubspace.cluster._neighborhood._information import (
    SoftLabels,
    WalkLoss,
    pair_information,
    walk,
)

N, K = 12, 3


def shares(seed=0):
    a = np.random.RandomState(seed).rand(N, K) ** 3 + 0.01
    return a / a.sum(axis=1, keepdims=True)


def graph(n_neighbors, seed=0):
    rng = np.random.RandomState(seed)
    others = (np.delete(np.arange(N), i) for i in range(N))
    return np.stack([rng.choice(rows, n_neighbors, replace=False) for rows in others])


def q_of(a):
    """sum_c a_ic a_jc / (n m_c), entry by entry."""
    m = a.mean(axis=0)
    return np.array([[sum(x * y / (N * m)) for y in a] for x in a])


def p_of(neighbors, n_steps):
    step = np.zeros((N, N))
    for i, row in enumerate(neighbors):
        step[i, row] = 1 / len(row)
    return np.linalg.matrix_power(step, n_steps)


def objective(neighbors, n_steps=3, debias=0.0, network=None):
    """Its rows are the logarithms of the shares."""
    return WalkLoss(
        network or nn.Identity(),
        torch.tensor(np.log(shares())),
        torch.tensor(neighbors),
        n_steps=n_steps,
        debias=debias,
        generator=torch.Generator().manual_seed(0),
    )


def batch(order=None):
    order = torch.arange(N) if order is None else order
    return torch.tensor(np.log(shares()))[order], order


def test_pairs_are_told_about_as_q_says():
    a = shares()
    log_a = torch.tensor(np.log(a))
    found = pair_information(log_a[:, None], log_a[None], log_a.exp().mean(dim=0).log())
    assert_allclose(found, np.log(N * q_of(a)), atol=1e-12)
    assert_allclose(q_of(a).sum(axis=1), 1)


def test_clusters_that_say_nothing_and_clusters_that_say_all():
    alike = torch.full((N, K), 1 / K, dtype=torch.float64).log()
    nothing = pair_information(alike, alike.roll(1, 0), alike.exp().mean(dim=0).log())
    assert_allclose(nothing, 0, atol=1e-12)
    sure = torch.eye(K, dtype=torch.float64).repeat(N // K, 1).log()
    everything = pair_information(sure, sure.roll(K, 0), sure.exp().mean(dim=0).log())
    assert_allclose(everything, np.log(K), atol=1e-12)


def test_walks_end_where_the_power_of_the_step_says():
    neighbors = graph(3)
    generator = torch.Generator().manual_seed(0)
    starts = torch.arange(N).repeat(20_000)
    ends = walk(starts, torch.tensor(neighbors), 3, generator)
    counts = torch.bincount(starts * N + ends, minlength=N * N).reshape(N, N)
    assert_allclose(counts / 20_000, p_of(neighbors, 3), atol=0.02)


@pytest.mark.parametrize("n_steps", [1, 3])
def test_the_loss_is_the_dense_one_where_there_is_one_walk_only(n_steps):
    neighbors = graph(1)
    expected = -(p_of(neighbors, n_steps) * np.log(N * q_of(shares()))).sum() / N
    found = objective(neighbors, n_steps)(batch())
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_the_loss_is_the_dense_one_on_average():
    neighbors, debias = graph(4), 0.3
    p = (1 - debias) * p_of(neighbors, 3) + debias * (1 - np.eye(N)) / (N - 1)
    expected = -(p * np.log(N * q_of(shares()))).sum() / N
    made = objective(neighbors, debias=debias)
    generator = torch.Generator().manual_seed(1)
    losses = [float(made(batch(torch.randperm(N, generator=generator)))) for _ in range(4000)]
    assert np.mean(losses) == pytest.approx(expected, abs=5 * np.std(losses) / 4000**0.5)


def test_the_gradient_is_that_of_the_dense_loss():
    neighbors = graph(1)
    layer = nn.Linear(K, K, dtype=torch.float64)
    objective(neighbors, network=layer)(batch()).backward()
    weight = layer.weight.detach().clone().requires_grad_()
    a = torch.softmax(torch.tensor(np.log(shares())) @ weight.T + layer.bias.detach(), dim=1)
    nq = (a / a.mean(dim=0)) @ a.T
    (-(torch.tensor(p_of(neighbors, 3)) * nq.log()).sum() / N).backward()
    assert_allclose(layer.weight.grad, weight.grad, atol=1e-12)


def test_masses_are_those_of_four_batches():
    made, neighbors = objective(graph(1), n_steps=1), graph(1)
    parts = [torch.arange(N)[start : start + 3] for start in (0, 3, 6, 9, 0)]
    losses = [float(made(batch(part))) for part in parts]
    a = shares()
    for number, part in enumerate(parts):
        seen = np.concatenate(parts[max(0, number - 3) : number + 1])
        m = a[seen].mean(axis=0)
        nq = (a[part] * a[neighbors[part, 0]] / m).sum(axis=1)
        assert losses[number] == pytest.approx(-np.log(nq).mean(), abs=1e-12)


def test_labels_of_the_start_are_smoothed():
    labels = np.arange(N) % K
    target = 0.9 * np.eye(K)[labels] + 0.1 / K
    expected = -(target * np.log(shares())).sum(axis=1).mean()
    found = SoftLabels(nn.Identity())((batch()[0], torch.tensor(labels)))
    assert float(found) == pytest.approx(expected, abs=1e-12)
