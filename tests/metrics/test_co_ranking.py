import numpy as np
import pytest

from sksubspace.metrics import _space, auc_q_nx, q_nx
from tests.metrics import slow_and_plain
from tests.metrics.data import cloud, grid, held_out


def area(shares):
    """The log-weighted area of R_NX, by the loop of the definition."""
    m = len(shares)
    r = [(m * shares[k - 1] - k) / (m - k) for k in range(1, m)]
    return sum(v / k for k, v in enumerate(r, 1)) / sum(1 / k for k in range(1, m))


@pytest.mark.parametrize("make", [cloud, grid])
def test_it_is_the_definition(make):
    X, Z = make()
    expected = slow_and_plain.q_nx(X, Z)
    np.testing.assert_allclose(q_nx(X, Z), expected, rtol=1e-12)
    np.testing.assert_allclose(q_nx(X, Z, k_max=7), expected[:7], rtol=1e-12)
    assert auc_q_nx(X, Z) == pytest.approx(area(expected), rel=1e-12)


@pytest.mark.parametrize("make", [cloud, grid])
def test_held_out_rows_are_compared_with_training_rows(make):
    rows = held_out(*make())
    expected = slow_and_plain.q_nx(**rows)
    assert len(expected) == 25
    np.testing.assert_allclose(q_nx(**rows), expected, rtol=1e-12)
    assert auc_q_nx(**rows) == pytest.approx(area(expected), rel=1e-12)


@pytest.mark.parametrize("make", [cloud, grid])
def test_a_map_that_changes_nothing_is_perfect(make):
    X, _ = make()
    np.testing.assert_allclose(q_nx(X, 4 * X), 1, rtol=1e-12)
    assert auc_q_nx(X, 4 * X) == pytest.approx(1, abs=1e-12)


def test_a_random_map_shares_what_chance_gives():
    rng = np.random.RandomState(0)
    X, Z = rng.randn(400, 5), rng.randn(400, 2)
    np.testing.assert_allclose(q_nx(X, Z), np.arange(1, 400) / 399, atol=0.025)
    assert abs(auc_q_nx(X, Z)) < 0.02


def test_all_rows_are_shared_by_the_largest_neighborhoods():
    X, Z = cloud()
    shares = q_nx(X, Z)
    assert shares.shape == (39,)
    assert shares[-1] == 1


def test_data_and_map_can_be_exchanged():
    X, Z = cloud()
    np.testing.assert_array_equal(q_nx(X, Z), q_nx(Z, X))


def test_the_order_of_rows_does_not_matter():
    X, Z = cloud()
    order = np.random.RandomState(1).permutation(40)
    np.testing.assert_array_equal(q_nx(X[order], Z[order]), q_nx(X, Z))


@pytest.mark.parametrize("elements", [1, 130, 1000])
def test_the_size_of_blocks_does_not_matter(elements, monkeypatch):
    X, Z = grid()
    expected = q_nx(X, Z)
    monkeypatch.setattr(_space, "_BLOCK_ELEMENTS", elements)
    np.testing.assert_allclose(q_nx(X, Z), expected, rtol=1e-12)


def test_a_subsample_is_scored_against_all_rows():
    X, Z = cloud(60)
    rows = np.sort(np.random.RandomState(3).choice(60, 10, replace=False))
    pairs = [(slow_and_plain.neighbors(X)[i], slow_and_plain.neighbors(Z)[i]) for i in rows]
    expected = np.mean([len(set(a[:5]) & set(b[:5])) / 5 for a, b in pairs])
    assert q_nx(X, Z, max_samples=10, random_state=3)[4] == pytest.approx(expected)
    assert auc_q_nx(X, Z, max_samples=60) == auc_q_nx(X, Z)


@pytest.mark.parametrize("k_max", [0, 40])
def test_the_largest_neighborhood_is_all_candidates(k_max):
    with pytest.raises(ValueError, match=f"k_max must be at least 1 and at most 39, .* {k_max}"):
        q_nx(*cloud(), k_max=k_max)


def test_the_area_needs_two_candidates():
    X, Z = cloud(3)
    assert np.isfinite(auc_q_nx(X, Z))
    with pytest.raises(ValueError, match="X must have at least 3 rows, got 2"):
        auc_q_nx(X[:2], Z[:2])
    with pytest.raises(ValueError, match="X_train must have at least 2 rows, got 1"):
        auc_q_nx(X, Z, X_train=X[:1], Z_train=Z[:1])
