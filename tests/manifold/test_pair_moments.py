"""Moments of pairs against loops over the pairs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.manifold import _pairs
from sksubspace.manifold._pairs import (
    add_graph,
    add_pairs,
    graph_sums,
    moments,
    no_pairs,
    output_correlation,
)

KINDS = [np.asarray, sparse.csr_matrix, sparse.csr_array]


def table(n=30, d=5, seed=0):
    rng = np.random.RandomState(seed)
    return (rng.randn(n, d) + 1) * (rng.rand(n, d) < 0.6)


def graph(n=30, seed=0):
    """Weights that are not symmetric, with rows and columns of zeros."""
    W = sparse.random(n, n, 0.1, random_state=seed, format="lil")
    W.setdiag(0)
    W[3] = 0
    W[:, 4] = 0
    W = W.tocsr()
    W.eliminate_zeros()
    return W


def by_loop(X, W):
    """Mean, S and G over the pairs, each both ways round."""
    W, total, d = W.toarray(), W.sum(), X.shape[1]
    pairs = [(i, j, W[i, j]) for i in range(len(X)) for j in range(len(X))]
    mean = sum(w * (X[i] + X[j]) / 2 for i, j, w in pairs) / total
    S, G = np.zeros((d, d)), np.zeros((d, d))
    for i, j, w in pairs:
        a, b = X[i] - mean, X[j] - mean
        S += w * (np.outer(a, a) + np.outer(b, b)) / (2 * total)
        G += w * (np.outer(a, b) + np.outer(b, a)) / (2 * total)
    return mean, S, G


def assert_same(found, expected, **tolerance):
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, **{"rtol": 1e-10, "atol": 1e-12, **tolerance})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("origin", ["zero", "mean"])
def test_moments_of_a_weighted_graph_are_those_of_a_loop(kind, origin):
    X, W = table(), graph()
    origin = np.zeros(5) if origin == "zero" else X.mean(axis=0)
    assert_same(moments(graph_sums(kind(X), W, origin)), by_loop(X, W))


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_rows_change_nothing(monkeypatch, kind):
    X, W = table(), graph()
    monkeypatch.setattr(_pairs, "_PAIR_ROWS", 7)
    assert_same(moments(graph_sums(kind(X), W, np.zeros(5))), by_loop(X, W))


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
@pytest.mark.parametrize("far", [False, True])
def test_pairs_in_batches_are_those_of_the_graph(left, right, far):
    X, W = table(), graph()
    W.data[:] = 1
    pairs = W.tocoo()
    sums = no_pairs(np.ones(5) if far else np.zeros(5))
    for batch in np.array_split(np.arange(W.nnz), 4):
        sums = add_pairs(sums, left(X[pairs.row[batch]]), right(X[pairs.col[batch]]))
    assert sums["weight"] == W.nnz
    assert_same(moments(sums), by_loop(X, W))


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_add_up(kind):
    X, Y, W, V = table(), table(seed=1), graph(), graph(seed=1)
    sums = graph_sums(X, W, X.mean(axis=0))
    both = sparse.block_diag([W, V], format="csr")
    expected = by_loop(np.vstack([X, Y]), both)
    assert_same(moments(add_graph(sums, kind(Y), V)), expected)


def test_adding_leaves_the_former_sums_alone():
    X = table()
    sums = add_pairs(no_pairs(np.zeros(5)), X[:10], X[10:20])
    before = {name: np.copy(value) for name, value in sums.items()}
    add_pairs(sums, X[:10], X[20:])
    add_graph(sums, X, graph())
    for name, value in before.items():
        assert_array_equal(sums[name], value)


def test_a_far_origin_is_subtracted_first():
    X, W = np.round(1024 * table()) / 1024, graph()
    mean, S, G = by_loop(X, W)
    far = 2.0**26
    found = moments(graph_sums(X + far, W, np.full(5, far)))
    assert_same(found, (mean + far, S, G))
    pairs = W.copy()
    pairs.data[:] = 1
    row, col = pairs.tocoo().coords
    found = moments(add_pairs(no_pairs(np.full(5, far)), X[row] + far, X[col] + far))
    assert_same(found[1:], by_loop(X, pairs)[1:])


def test_single_precision_rows_are_summed_in_double():
    X, W = table().astype(np.float32), graph()
    found = moments(graph_sums(X, W, np.zeros(5)))
    assert found[1].dtype == np.float64
    assert_same(found, by_loop(X.astype(np.float64), W))


def test_the_covariance_bounds_the_cross_covariance():
    _, S, G = moments(graph_sums(table(), graph(), np.zeros(5)))
    assert np.linalg.eigvalsh(S - G).min() > 0
    assert np.linalg.eigvalsh(S + G).min() > 0


@pytest.mark.parametrize("value", [0.0, 0.1, 3e7])
@pytest.mark.parametrize("origin", [0.0, 1.0])
def test_pairs_that_are_all_the_same_are_refused(value, origin):
    X = np.full((9, 3), value)
    sums = add_pairs(no_pairs(np.full(3, origin)), X, X)
    with pytest.raises(ValueError, match="must have variance"):
        moments(sums)


def test_correlation_of_outputs_is_that_of_the_pairs_both_ways():
    Z, W = table(d=3), graph()
    W.data = np.ceil(10 * W.data)
    pairs = W.tocoo()
    heads, tails = (np.repeat(side, pairs.data.astype(int)) for side in (pairs.row, pairs.col))
    left, right = Z[np.r_[heads, tails]], Z[np.r_[tails, heads]]
    expected = [np.corrcoef(left[:, q], right[:, q])[0, 1] for q in range(3)]
    assert_allclose(output_correlation(Z, W), expected, rtol=1e-10)
    assert_allclose(output_correlation(Z * [2, 1e-9, 1e9] - 5, W), expected, rtol=1e-6)


def test_a_constant_output_has_correlation_zero():
    Z = np.hstack([table(d=1), np.zeros((30, 1))])
    found = output_correlation(Z, graph())
    assert found[0] != 0 and found[1] == 0
