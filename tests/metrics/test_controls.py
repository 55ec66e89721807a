from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LinearRegression
from sklearn.metrics import adjusted_rand_score

from sksubspace.metrics import (
    _controls,
    deal_islands,
    embedding_score,
    find_islands,
    gaussian_surrogate,
    islands_dealt,
)
from sksubspace.metrics._controls import dealt, derangement, islands_dealt_of, line_squares
from sksubspace.metrics._learnt import learn_map


def archipelago(n_islands=8, n_rows=25, seed=0):
    """Places on islands around a circle, and the number of each one's island."""
    rng = np.random.RandomState(seed)
    label = np.arange(n_islands * n_rows) % n_islands
    angle = 2 * np.pi * label / n_islands
    return 20 * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.randn(len(label), 2), label


def test_islands_are_the_pieces_of_the_map():
    Z, label = archipelago()
    assert adjusted_rand_score(label, find_islands(Z)) == 1


def test_a_crumb_belongs_to_the_nearest_island():
    Z, label = archipelago(n_islands=5, n_rows=200)
    crumb = Z[label == 3][:11].mean(axis=0) * 1.6 + 0.01 * np.random.RandomState(0).randn(11, 2)
    island = find_islands(np.vstack([Z, crumb]))
    assert island.max() == 4
    assert set(island[-11:]) == set(island[:-11][label == 3])


@pytest.mark.parametrize("n_islands", [1, 3])
def test_maps_of_few_pieces_have_ten_cells(n_islands):
    Z, _ = archipelago(n_islands, n_rows=240 // n_islands)
    island = find_islands(Z)
    assert_array_equal(np.unique(island), np.arange(10))
    assert_array_equal(island, find_islands(Z, random_state=0))


def test_each_island_moves_rigidly_to_the_centre_of_another():
    Z, label = archipelago()
    moved = deal_islands(Z, random_state=1)
    before = np.stack([Z[label == k].mean(axis=0) for k in range(8)])
    after = np.stack([moved[label == k].mean(axis=0) for k in range(8)])
    distance = np.linalg.norm(after[:, None] - before, axis=2)
    assert_allclose(distance.min(axis=1), 0, atol=1e-12)
    order = distance.argmin(axis=1)
    assert sorted(order) == [*range(8)]
    assert (order != np.arange(8)).all()
    assert_allclose(moved - after[label], Z - before[label], atol=1e-12)
    assert (deal_islands(Z, random_state=2) != moved).any()
    assert_array_equal(deal_islands(Z, random_state=1), moved)


def test_derangements_leave_nothing_where_it_is_and_are_all_alike():
    rng = np.random.RandomState(0)
    drawn = [tuple(derangement(4, rng)) for _ in range(9000)]
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(kinds) == 9  # of 4 things, by Euler
    assert (kinds != np.arange(4)).all()
    assert_allclose(counts, 1000, rtol=0.15)


def test_the_control_is_the_mean_of_single_deals():
    Z, _ = archipelago()
    X = Z @ np.eye(2, 4) + 0.5 * np.random.RandomState(3).randn(len(Z), 4)
    found = islands_dealt_of(learn_map(X, Z), random_state=np.random.RandomState(5))
    rng = np.random.RandomState(5)
    island = find_islands(Z, random_state=rng)
    deals = [embedding_score(X, dealt(Z, island, derangement(8, rng))) for _ in range(5)]
    assert_allclose(found.r2, np.mean([one.r2 for one in deals]), rtol=1e-6)
    assert_allclose(found.global_share, np.mean([one.global_share for one in deals]), rtol=1e-6)
    assert (found.n_islands, found.n_deals) == (8, 5)
    cheap = islands_dealt_of(learn_map(X, Z), has_r2=False, random_state=np.random.RandomState(5))
    assert np.isnan(cheap.r2)
    assert_allclose(cheap.global_share, found.global_share, rtol=1e-9)
    assert islands_dealt(X, Z).global_share < 0.5 * embedding_score(X, Z).global_share


@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_line_explains_what_a_regression_explains(is_sparse):
    Z, label = archipelago(n_islands=5)
    X = np.random.RandomState(0).randn(len(Z), 6) + label[:, None] * np.arange(6)
    X[np.abs(X) < 0.5] = 0
    rng = np.random.RandomState(1)
    orders = np.stack([np.arange(5), *(rng.permutation(5) for _ in range(4))])
    expected = []
    for order in orders:
        places = dealt(Z, label, order)
        fitted = LinearRegression().fit(places, X).predict(places)
        expected.append(np.square(fitted - X.mean(axis=0)).sum())
    given = sparse.csr_matrix(X) if is_sparse else X
    assert_allclose(line_squares(given, Z, label, orders), expected, rtol=1e-9)


def test_an_arrangement_is_ranked_among_deals():
    Z, label = archipelago()
    X = Z @ np.eye(2, 4) + 0.5 * np.random.RandomState(3).randn(len(Z), 4)

    def p_value(places, seed=0):
        learnt = SimpleNamespace(X=X, Z=places)
        return _controls.arrangement_p_value(learnt, label, np.random.RandomState(seed))

    assert p_value(Z) <= 0.005
    p_values = [
        p_value(dealt(Z, label, np.random.RandomState(seed).permutation(8)), seed)
        for seed in range(60)
    ]
    assert 0.3 < np.mean(p_values) < 0.7
    assert np.mean(np.array(p_values) <= 0.05) <= 0.15


@pytest.mark.parametrize("n", [400, 60])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_surrogate_has_mean_and_covariance_of_the_data(n, is_sparse):
    """As means of many draws, within four standard errors of them."""
    rng = np.random.RandomState(0)
    X = rng.exponential(size=(n, 80)) @ np.diag(rng.rand(80)) @ rng.randn(80, 80)
    X[:, 5] = 3.0
    if is_sparse:
        X[:, 10:50] *= rng.rand(n, 40) < 0.3
    given = sparse.csr_matrix(X) if is_sparse else X
    drawn = np.stack([gaussian_surrogate(given, random_state=seed) for seed in range(60)])
    means = drawn.mean(axis=1)
    error = np.sqrt(X.var(axis=0) / (n * 60))
    assert (np.abs(means.mean(axis=0) - X.mean(axis=0)) <= 4.5 * error + 1e-6).all()
    variances = drawn.var(axis=1).mean(axis=0) * n / (n - 1)
    assert_allclose(variances, X.var(axis=0), rtol=0.15, atol=1e-6)
    wanted = np.cov(X.T, bias=True)
    found = np.mean([np.cov(one.T) for one in drawn], axis=0)
    assert np.linalg.norm(found - wanted) < 0.1 * np.linalg.norm(wanted)
    assert_allclose(drawn[:, :, 5], 3.0, atol=1e-6)


def test_a_surrogate_is_normal():
    rng = np.random.RandomState(0)
    X = rng.exponential(size=(3000, 3))
    drawn = gaussian_surrogate(X)
    centred = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
    assert np.abs((centred**3).mean(axis=0)).max() < 0.2  # 2 for the data
    assert np.abs((centred**4).mean(axis=0) - 3).max() < 0.5  # 9 for the data


def test_a_surrogate_keeps_the_dtype_and_the_data():
    X = np.random.RandomState(0).rand(50, 4).astype(np.float32)
    copy = X.copy()
    drawn = gaussian_surrogate(X)
    assert drawn.dtype == np.float32
    assert_array_equal(X, copy)
    assert_array_equal(drawn, gaussian_surrogate(X, random_state=0))
    assert (drawn != gaussian_surrogate(X, random_state=1)).any()


def test_a_surrogate_that_does_not_fit_is_refused():
    X = sparse.csr_matrix((np.ones(3), ([0, 5, 9], [1, 7, 3])), shape=(10, 10**13))
    with pytest.raises(MemoryError, match=r"A Gaussian surrogate of 10 rows .* Draw rows"):
        gaussian_surrogate(X)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: deal_islands(np.repeat([[0.0, 1], [2, 3], [4, 5]], 4, axis=0)), "4 different"),
        (lambda: find_islands([[0.0, np.nan]]), "Z must be a table of finite numbers"),
        (lambda: gaussian_surrogate([[1.0, 2.0]]), "X must have at least 2 rows, got 1"),
    ],
)
def test_bad_input_is_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_pieces_are_found_as_a_graph_search_finds_them():
    Z = np.random.RandomState(0).rand(120, 2)
    component = _controls._components(Z)
    near = np.argsort(np.linalg.norm(Z[:, None] - Z, axis=2), axis=1)[:, 1:11]
    for i, row in enumerate(near):
        assert (component[row] == component[i]).all()
