import numpy as np
import pytest
from sklearn.manifold import trustworthiness as of_sklearn

from sksubspace.metrics import _space, continuity, trustworthiness
from sksubspace.neighbors import _distances
from tests.metrics import slow_and_plain
from tests.metrics.data import cloud, grid, held_out, sparse_cloud

BOTH = pytest.mark.parametrize("metric", [trustworthiness, continuity])


def plain(metric, X, Z, k, X_train=None, Z_train=None):
    if metric is trustworthiness:
        return slow_and_plain.trustworthiness(X, Z, k, X_train, Z_train)
    return slow_and_plain.trustworthiness(Z, X, k, Z_train, X_train)


@BOTH
@pytest.mark.parametrize("make", [cloud, grid])
@pytest.mark.parametrize("k", [1, 5, 19])
def test_it_is_the_definition(metric, make, k):
    X, Z = make()
    np.testing.assert_allclose(
        metric(X, Z, n_neighbors=k, per_point=True), plain(metric, X, Z, k), atol=1e-12
    )


@BOTH
@pytest.mark.parametrize("make", [cloud, grid])
@pytest.mark.parametrize("k", [1, 12])
def test_held_out_rows_are_compared_with_training_rows(metric, make, k):
    rows = held_out(*make())
    values = metric(**rows, n_neighbors=k, per_point=True)
    np.testing.assert_allclose(values, plain(metric, k=k, **rows), atol=1e-12)


@pytest.mark.parametrize("k", [1, 5, 20, 49])
def test_scikit_learn_has_the_same_trustworthiness(k):
    X, Z = cloud(100)
    expected = of_sklearn(X, Z, n_neighbors=k)
    assert trustworthiness(X, Z, n_neighbors=k) == pytest.approx(expected, abs=1e-12)
    assert continuity(Z, X, n_neighbors=k) == pytest.approx(expected, abs=1e-12)


def test_continuity_is_trustworthiness_with_the_spaces_exchanged():
    X, Z = cloud()
    np.testing.assert_array_equal(
        continuity(X, Z, per_point=True), trustworthiness(Z, X, per_point=True)
    )


@BOTH
@pytest.mark.parametrize("make", [cloud, grid])
def test_a_map_that_changes_nothing_is_perfect(metric, make):
    X, _ = make()
    assert metric(X, X) == 1
    assert metric(X, 4 * X) == 1


def test_the_worst_map_has_zero():
    """The nearest row in the map is the furthest in the data, for every row."""
    X = np.array([[0.0], [1.0], [10.0], [11.0]])
    Z = np.array([[0.0], [0.5], [-0.5], [0.1]])
    assert trustworthiness(X, Z, n_neighbors=1) == pytest.approx(0, abs=1e-12)


def test_torn_neighbors_cost_continuity_and_false_ones_trustworthiness():
    X = np.linspace(0, 2 * np.pi, 100, endpoint=False)[:, None]
    circle = np.column_stack([np.cos(X), np.sin(X)])
    assert continuity(circle, X) < trustworthiness(circle, X)
    folded = np.abs(X - np.pi)
    assert trustworthiness(X, folded) < continuity(X, folded)


@BOTH
def test_the_value_is_the_mean_over_points(metric):
    X, Z = cloud()
    per_point = metric(X, Z, per_point=True)
    assert per_point.shape == (40,)
    assert metric(X, Z) == per_point.mean()
    assert isinstance(metric(X, Z), float)


@BOTH
def test_the_order_of_rows_does_not_matter(metric):
    X, Z = cloud()
    order = np.random.RandomState(1).permutation(40)
    np.testing.assert_array_equal(
        metric(X[order], Z[order], per_point=True), metric(X, Z, per_point=True)[order]
    )


@BOTH
@pytest.mark.parametrize("make", [cloud, grid, sparse_cloud])
@pytest.mark.parametrize("elements", [1, 130, 1000])
def test_the_size_of_blocks_does_not_matter(metric, make, elements, monkeypatch):
    X, Z = make()
    expected = metric(X, Z, per_point=True)
    monkeypatch.setattr(_space, "_BLOCK_ELEMENTS", elements)
    monkeypatch.setattr(_distances, "_BLOCK_ELEMENTS", elements)
    np.testing.assert_allclose(metric(X, Z, per_point=True), expected, rtol=1e-14)


@BOTH
def test_a_subsample_is_scored_against_all_rows(metric):
    X, Z = cloud(100)
    rows = np.sort(np.random.RandomState(3).choice(100, 30, replace=False))
    expected = metric(X, Z, per_point=True)[rows].mean()
    assert metric(X, Z, max_samples=30, random_state=3) == expected
    assert metric(X, Z, max_samples=100) == metric(X, Z, max_samples=1000) == metric(X, Z)


@BOTH
def test_rows_that_are_not_drawn_have_no_value(metric):
    X, Z = cloud(100)
    rows = np.sort(np.random.RandomState(3).choice(100, 30, replace=False))
    values = metric(X, Z, per_point=True, max_samples=30, random_state=3)
    assert np.flatnonzero(np.isfinite(values)).tolist() == rows.tolist()
    np.testing.assert_array_equal(values[rows], metric(X, Z, per_point=True)[rows])


@BOTH
@pytest.mark.parametrize("k", [0, 21, -1])
def test_the_number_of_neighbors_is_at_most_half_of_the_candidates(metric, k):
    X, Z = cloud(41)
    assert 0 <= metric(X, Z, n_neighbors=20) <= 1
    with pytest.raises(ValueError, match=f"n_neighbors must be .* at most 20, .* got {k}"):
        metric(X, Z, n_neighbors=k)
