"""Rows that are equally far: every rank metric is the mean over all orders of theirs."""

import numpy as np
import pytest

from sksubspace.metrics import (
    auc_q_nx,
    continuity,
    neighborhood_hit,
    q_nx,
    retrieval_map,
    trustworthiness,
)
from tests.metrics.data import grid

N, K = 14, 3
X_GRID, Z_GRID = grid(N)
Z_CLOUD = np.random.RandomState(1).randn(N, 2)
COLLAPSED = np.ones((N, 2))
Y = np.random.RandomState(2).randint(2, size=N)

PAIRS = {
    "tied data": (X_GRID, Z_CLOUD),
    "tied map": (Z_CLOUD, Z_GRID),
    "collapsed map": (Z_CLOUD, COLLAPSED),
    "both tied": (X_GRID, COLLAPSED),
}
MEASURES = {
    "trustworthiness": lambda X, Z, y: trustworthiness(X, Z, n_neighbors=K),
    "continuity": lambda X, Z, y: continuity(X, Z, n_neighbors=K),
    "q_nx": lambda X, Z, y: q_nx(X, Z),
    "auc_q_nx": lambda X, Z, y: auc_q_nx(X, Z),
    "neighborhood_hit": lambda X, Z, y: neighborhood_hit(Z, y, n_neighbors=K),
    "retrieval_map": lambda X, Z, y: retrieval_map(Z, y, metric="euclidean"),
    "retrieval_map at 3": lambda X, Z, y: retrieval_map(Z, y, metric="euclidean", k=K),
}


def random_order(A, rng):  # -> list of (n - 1,) row numbers, from near to far
    lists = []
    for i, row in enumerate(A):
        others = np.delete(np.arange(len(A)), i)
        far = np.square(A[others] - row).sum(axis=1).round(9)
        lists.append(others[np.lexsort((rng.rand(len(others)), far))])
    return lists


def of_orders(by_data, by_map, y):
    """All measures of one order in each space, by their definitions."""
    n, m = len(y), len(y) - 1
    rank = [[{j: r for r, j in enumerate(row, 1)} for row in lists] for lists in (by_data, by_map)]

    def penalty(near, judge):
        total = sum(max(0, judge[i][j] - K) for i in range(n) for j in near[i][:K])
        return 1 - 2 * total / (n * K * (2 * m - 3 * K + 1))

    sizes = range(1, m + 1)
    common = [sum(len({*a[:k]} & {*b[:k]}) for a, b in zip(by_data, by_map, strict=True)) / n / k
              for k in sizes]  # fmt: skip
    rescaled = [(m * q - k) / (m - k) / k for k, q in zip(sizes[:-1], common, strict=False)]
    same = np.array([y[row] == own for row, own in zip(by_map, y, strict=True)])
    precision = np.cumsum(same, axis=1) / np.array(sizes)
    found = np.where(same, precision, 0)
    return {
        "trustworthiness": penalty(by_map, rank[0]),
        "continuity": penalty(by_data, rank[1]),
        "q_nx": np.array(common),
        "auc_q_nx": sum(rescaled) / sum(1 / k for k in sizes[:-1]),
        "neighborhood_hit": same[:, :K].mean(),
        "retrieval_map": (found.sum(axis=1) / same.sum(axis=1)).mean(),
        "retrieval_map at 3": (found[:, :K].sum(axis=1) / np.minimum(K, same.sum(axis=1))).mean(),
    }


@pytest.mark.parametrize("pair", PAIRS)
def test_the_value_is_the_mean_over_random_orders(pair):
    X, Z = PAIRS[pair]
    rng = np.random.RandomState(0)
    draws = [of_orders(random_order(X, rng), random_order(Z, rng), Y) for _ in range(400)]
    for name, measure in MEASURES.items():
        drawn = np.array([one[name] for one in draws])
        error = drawn.std(axis=0) / np.sqrt(len(drawn))
        gap = np.abs(measure(X, Z, Y) - drawn.mean(axis=0))
        assert (gap <= 4.5 * error + 1e-12).all(), name


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", MEASURES)
def test_the_order_of_the_rows_does_not_matter(name, pair):
    X, Z = PAIRS[pair]
    order = np.argsort(Y, kind="stable")
    found = MEASURES[name](X[order], Z[order], Y[order])
    np.testing.assert_allclose(found, MEASURES[name](X, Z, Y), atol=1e-12)


@pytest.mark.parametrize("n_of_first", [50, 20])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_collapsed_map_retrieves_what_chance_does(n_of_first, metric):
    """The mean precision of a random ranking of R relevant rows among m, in closed form."""
    y = np.repeat([0, 1], [n_of_first, 100 - n_of_first])
    ranks, m = np.arange(1, 100), 99

    def by_chance(R):
        return np.mean((1 + (ranks - 1) * (R - 1) / (m - 1)) / ranks)

    expected = np.mean([by_chance(np.sum(y == own) - 1) for own in y])
    lengths = np.random.RandomState(0).uniform(1, 9, (100, 1)) if metric == "cosine" else 1.0
    Z = lengths * np.full((100, 2), 0.3)
    assert retrieval_map(Z, y, metric=metric) == pytest.approx(expected, rel=1e-12)


def test_a_collapsed_map_shares_what_chance_does():
    X = np.random.RandomState(0).randn(40, 3)
    np.testing.assert_allclose(q_nx(X, np.zeros((40, 2))), np.arange(1, 40) / 39, rtol=1e-12)
    assert auc_q_nx(X, np.zeros((40, 2))) == pytest.approx(0, abs=1e-12)
    by_chance = 1 - np.mean(np.maximum(np.arange(1, 40) - 5, 0)) * 2 * 5 / (5 * (2 * 39 - 15 + 1))
    assert trustworthiness(X, np.zeros((40, 2))) == pytest.approx(by_chance, rel=1e-12)


def test_copies_that_stay_together_are_kept_in_place():
    X = np.random.RandomState(0).randn(20, 3)[np.repeat(np.arange(20), 3)]
    np.testing.assert_allclose(q_nx(X, 2 * X), 1, rtol=1e-12)
    assert trustworthiness(X, 2 * X) == continuity(X, 2 * X) == 1
