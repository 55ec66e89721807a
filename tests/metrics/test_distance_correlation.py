import numpy as np
import pytest
from scipy.stats import ortho_group

from sksubspace.metrics import _space, distance_correlation
from tests.metrics import slow_and_plain
from tests.metrics.data import cloud, grid, sparse_cloud


@pytest.mark.parametrize("make", [cloud, grid])
def test_it_is_the_definition(make):
    X, Z = make()
    expected = slow_and_plain.distance_correlation(X, Z)
    assert distance_correlation(X, Z) == pytest.approx(expected, rel=1e-10)


def test_sparse_data_give_the_same():
    X, Z = sparse_cloud()
    expected = slow_and_plain.distance_correlation(X.toarray(), Z)
    assert distance_correlation(X, Z) == pytest.approx(expected, rel=1e-10)


def test_two_rows_are_always_correlated():
    assert distance_correlation([[0.0], [1.0]], [[3.0], [9.0]]) == pytest.approx(1)


def test_a_linear_map_of_one_variable_is_perfect():
    x = np.random.RandomState(0).randn(50, 1)
    assert distance_correlation(x, 3 - 7 * x) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e60])
def test_shift_rotation_and_scale_are_perfect(scale):
    X, Z = cloud()
    turn = ortho_group.rvs(5, random_state=0)
    assert distance_correlation(X, scale * (X @ turn + 2)) == pytest.approx(1, abs=1e-10)
    assert distance_correlation(scale * X, Z) == pytest.approx(distance_correlation(X, Z))


def test_it_sees_dependence_without_correlation():
    x = np.linspace(-1, 1, 201)[:, None]
    assert abs(np.corrcoef(x[:, 0], x[:, 0] ** 2)[0, 1]) < 1e-12
    assert distance_correlation(x, x**2) > 0.4


def test_independent_rows_fall_towards_zero_as_they_grow_in_number():
    rng = np.random.RandomState(0)
    few = distance_correlation(rng.randn(50, 2), rng.randn(50, 2))
    many = distance_correlation(rng.randn(2000, 2), rng.randn(2000, 2))
    assert many < 0.1 < few


def test_constant_rows_have_none():
    X, Z = cloud()
    assert distance_correlation(X, np.full((40, 2), 0.1)) == 0
    assert distance_correlation(np.full((40, 2), 0.1), Z) == 0


@pytest.mark.parametrize("elements", [1, 130, 1000])
def test_the_size_of_blocks_does_not_matter(elements, monkeypatch):
    X, Z = cloud()
    expected = distance_correlation(X, Z)
    monkeypatch.setattr(_space, "_BLOCK_ELEMENTS", elements)
    assert distance_correlation(X, Z) == pytest.approx(expected, rel=1e-10)


def test_order_of_rows_does_not_matter():
    X, Z = cloud()
    order = np.random.RandomState(1).permutation(40)
    assert distance_correlation(X[order], Z[order]) == pytest.approx(distance_correlation(X, Z))


def test_a_subsample_is_compared_with_itself():
    X, Z = cloud(100)
    rows = np.sort(np.random.RandomState(3).choice(100, 30, replace=False))
    expected = distance_correlation(X[rows], Z[rows])
    assert distance_correlation(X, Z, max_samples=30, random_state=3) == expected
    with pytest.raises(ValueError, match=r"max_samples must be at least 2, .* got 1"):
        distance_correlation(X, Z, max_samples=1)
