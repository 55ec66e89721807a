import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import ortho_group

from sksubspace.metrics import _space, normalized_stress
from tests.metrics import slow_and_plain
from tests.metrics.data import cloud, grid, held_out, sparse_cloud


def searched(d, delta, divide_by_map=False):
    """The least stress over the scale, found by a search instead of the closed form."""

    def stress(scale):
        below = np.square(scale * delta if divide_by_map else d).sum()
        return np.sqrt(np.square(d - scale * delta).sum() / below)

    return minimize_scalar(stress, bounds=(1e-3, 1e3), options={"xatol": 1e-9}).fun


@pytest.mark.parametrize("make", [cloud, grid])
def test_it_is_the_least_over_the_scale(make):
    X, Z = make()
    d, delta = slow_and_plain.distances(X, X), slow_and_plain.distances(Z, Z)
    assert normalized_stress(X, Z) == pytest.approx(searched(d, delta), abs=1e-9)


def test_kruskals_divisor_has_the_same_least_value():
    X, Z = cloud()
    d, delta = slow_and_plain.distances(X, X), slow_and_plain.distances(Z, Z)
    expected = searched(d, delta, divide_by_map=True)
    assert normalized_stress(X, Z) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("make", [cloud, grid])
def test_held_out_rows_are_compared_with_training_rows(make):
    rows = held_out(*make())
    d = slow_and_plain.distances(rows["X"], rows["X_train"])
    delta = slow_and_plain.distances(rows["Z"], rows["Z_train"])
    assert normalized_stress(**rows) == pytest.approx(searched(d, delta), abs=1e-9)


@pytest.mark.parametrize("make", [cloud, grid])
def test_a_map_that_moves_and_rescales_is_perfect(make):
    X, _ = make()
    turn = ortho_group.rvs(X.shape[1], random_state=0)
    assert normalized_stress(X, 1e-3 * X @ turn + 5) == pytest.approx(0, abs=1e-6)


def test_neither_scale_nor_rotation_of_the_map_matters():
    X, Z = cloud()
    turn = ortho_group.rvs(2, random_state=0)
    expected = normalized_stress(X, Z)
    assert 0.05 < expected < 0.6
    for same in [1e-6 * Z, 1e6 * Z, Z @ turn, Z + 100, -Z]:
        assert normalized_stress(X, same) == pytest.approx(expected, rel=1e-9)
    assert normalized_stress(1e-6 * X, Z) == pytest.approx(expected, rel=1e-9)


def test_a_map_to_one_point_is_worst_and_data_on_one_point_is_refused():
    X, Z = cloud()
    assert normalized_stress(X, np.full((40, 2), 0.1)) == 1
    assert (
        normalized_stress(X, np.full((40, 2), 0.1), X_train=X, Z_train=np.full((40, 2), 0.1)) == 1
    )
    with pytest.raises(ValueError, match="X must have at least two different rows"):
        normalized_stress(np.full((40, 2), 0.1), Z)
    one = np.full((40, 2), 0.1)
    assert normalized_stress(one, Z, X_train=one + 1, Z_train=Z) > 0


@pytest.mark.parametrize("make", [cloud, sparse_cloud])
@pytest.mark.parametrize("elements", [1, 130, 1000])
def test_the_size_of_blocks_does_not_matter(make, elements, monkeypatch):
    X, Z = make()
    expected = normalized_stress(X, Z)
    monkeypatch.setattr(_space, "_BLOCK_ELEMENTS", elements)
    assert normalized_stress(X, Z) == pytest.approx(expected, rel=1e-10)


def test_order_of_rows_does_not_matter():
    X, Z = cloud()
    order = np.random.RandomState(1).permutation(40)
    assert normalized_stress(X[order], Z[order]) == pytest.approx(normalized_stress(X, Z))


def test_a_subsample_is_compared_with_all_rows():
    X, Z = cloud(100)
    rows = np.random.RandomState(3).choice(100, 30, replace=False)
    d, delta = slow_and_plain.distances(X[rows], X), slow_and_plain.distances(Z[rows], Z)
    result = normalized_stress(X, Z, max_samples=30, random_state=3)
    assert result == pytest.approx(searched(d, delta), abs=1e-9)
    assert normalized_stress(X, Z, max_samples=100) == normalized_stress(X, Z)
