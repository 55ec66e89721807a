import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import minimize

from sksubspace._linalg import match_r_squared
from sksubspace._student import MedianEncoder, _median
from sksubspace._student._median import inverse_distance_weights, weighted_mean, weighted_median
from sksubspace.neighbors import k_nearest
from tests._student.toy import Torn, blobs, curve


def by_hand(squared, places, power):  # (k,), (k, q) -> (q,)
    """The weighted median by a general minimiser, from the best of the places."""
    weights = squared ** (-power / 2)
    weights = weights / weights.max()

    def cost(z):
        return (weights * np.linalg.norm(places - z, axis=1)).sum()

    start = min(places, key=cost)
    found = minimize(
        cost, start + 1e-3, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    return min((found.x, start), key=cost), cost


@pytest.mark.parametrize("power", [1, 2, 4])
@pytest.mark.parametrize(
    ("k", "n_steps", "excess"), [(10, 15, 5e-3), (3, 15, 0.02), (3, 2000, 1e-3)]
)
def test_it_is_the_weighted_median(power, k, n_steps, excess, monkeypatch):
    """Fifteen steps come near, and more of them nearer, also where the median is one of a few."""
    monkeypatch.setattr(_median, "_STEPS", n_steps)
    rng = np.random.RandomState(0)
    for _ in range(10):
        squared, places = np.sort(rng.uniform(0.3, 2, k)), rng.randn(k, 2)
        placed = weighted_median(squared[None], places[None], power)[0]
        expected, cost = by_hand(squared, places, power)
        assert cost(placed) <= cost(expected) * (1 + excess)
        assert cost(placed) <= cost(weighted_mean(squared[None], places[None], power)[0])


def test_it_takes_a_side_where_a_mean_falls_between():
    places = np.array([[[0.0, 0]] * 7 + [[10.0, 0]] * 3])
    squared = np.ones((1, 10))
    assert np.abs(weighted_median(squared, places, 2)).max() < 0.02
    assert_allclose(weighted_mean(squared, places, 2), [[3, 0]])


def test_a_row_between_two_islands_goes_to_one_of_them():
    """Its ten rows stand half on each, so that every point of the gap costs the same."""
    rng = np.random.RandomState(0)
    for gap in (1.0, 100.0):
        islands = 0.05 * rng.randn(10, 2) + gap * (np.arange(10) % 2)[:, None]
        squared = 1 + 0.01 * np.arange(10.0)
        placed = weighted_median(squared[None], islands[None], 1)[0]
        assert (islands == placed).all(axis=1).any()
        weights = squared**-0.5
        costs = (weights * np.linalg.norm(islands[:, None] - islands, axis=2)).sum(axis=1)
        assert_array_equal(placed, islands[costs.argmin()])


@pytest.mark.parametrize("scatter", ["plane", "ring", "three islands", "fragments", "one place"])
def test_a_row_amid_scattered_rows_stays_amid_them(scatter):
    """No island to go to, or one that costs more: the median is not moved."""
    rng = np.random.RandomState(0)
    angles = 2 * np.pi * np.arange(10) / 10
    places = {
        "plane": rng.randn(10, 2),
        "ring": np.c_[np.cos(angles), np.sin(angles)],
        "three islands": np.c_[np.cos(angles), np.sin(angles)][[0, 0, 0, 0, 3, 3, 3, 7, 7, 7]],
        # any point between the two in the middle costs the same, but none of them is an island
        "fragments": np.c_[np.repeat([-2.0, -1, 1, 2], [2, 3, 3, 2]), np.zeros(10)],
        "one place": np.ones((10, 2)),
    }[scatter]
    placed = weighted_median(np.ones((1, 10)), places[None], 2)[0]
    weights = np.ones((1, 10))
    assert_array_equal(placed, _median._weiszfeld(weights, places[None])[0])


def test_no_held_out_row_is_decoded_from_a_gap():
    """Two tight clouds of the map, rows half way between their data: not one error explodes."""
    rng = np.random.RandomState(0)
    side = np.repeat([0, 1], 100)
    X = np.c_[4.0 * side, 0.3 * rng.randn(200, 4)]
    Z = np.c_[20.0 * side, X[:, 1]]
    between = np.c_[np.full(50, 2.0), 0.3 * rng.randn(50, 4)]
    placed = MedianEncoder().fit(X, Z).predict(between)
    near = np.abs(placed[:, 0] - np.array([[0.0], [20.0]])).min(axis=0)
    assert (near < 0.5).mean() > 0.9


def test_weights_are_inverse_powers_relative_to_the_nearest():
    weights = inverse_distance_weights(np.array([[1.0, 4.0, 9.0], [0.0, 0.0, 1.0]]), 1)
    assert_allclose(weights, [[1, 1 / 2, 1 / 3], [1, 1, 0]])
    assert_allclose(inverse_distance_weights(np.array([[1.0, 4.0]]), 4), [[1, 1 / 16]])


def test_weights_have_no_unit():
    """Powers of distances near the ends of the range neither overflow nor vanish."""
    squared = np.array([[1.0, 2.0, 5.0]])
    for unit in (1e-200, 1e200):
        assert_allclose(
            inverse_distance_weights(unit * squared, 4), inverse_distance_weights(squared, 4)
        )


def test_a_row_at_distance_zero_decides_alone_to_the_last_bit():
    rng = np.random.RandomState(0)
    places = rng.randn(2, 5, 2)
    squared = np.array([[0.0, 1e-12, 1, 2, 3], [0.0, 0.0, 1, 2, 3]])
    placed = weighted_median(squared, places, 2)
    assert_array_equal(placed[0], places[0, 0])
    assert_array_equal(placed[1], places[1, :2].sum(axis=0) / 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_rows_keep_their_places_exactly(dtype):
    X, Z = curve(80)
    encoder = MedianEncoder().fit(X.astype(dtype), Z)
    assert_array_equal(encoder.predict(X.astype(dtype)), Z)


def test_one_neighbor_copies_its_place():
    X, Z = curve(60)
    encoder = MedianEncoder(1).fit(X, Z)
    queries = curve(30, seed=1)[0]
    near = k_nearest(queries, X, 1)[1][:, 0]
    assert_allclose(encoder.predict(queries), Z[near], atol=1e-12)
    near = k_nearest(X, X, 1, exclude_self=True)[1][:, 0]
    assert_allclose(encoder.left_out(), Z[near], atol=1e-12)


def test_output_lies_in_the_hull_of_the_neighbors_places():
    X, Z = blobs(100)[0], np.random.RandomState(0).randn(100, 2)
    encoder = MedianEncoder(4).fit(X, Z)
    queries = 3 * np.random.RandomState(1).randn(200, 6)
    placed, near = encoder.predict(queries), k_nearest(queries, X, 4)[1]
    for direction in np.random.RandomState(2).randn(20, 2):
        assert (placed @ direction <= (Z[near] @ direction).max(axis=1) + 1e-9).all()


def test_far_queries_stay_on_the_map():
    X, Z = curve(60)
    placed = MedianEncoder().fit(X, Z).predict(1e6 * np.random.RandomState(0).randn(50, 5))
    assert (placed.min(0) >= Z.min(0)).all() and (placed.max(0) <= Z.max(0)).all()


def test_a_query_next_to_a_training_row_is_placed_next_to_it():
    """By the steepest power; a flatter one lets a median of ten outvote one row."""
    X, Z = curve(60)
    encoder = MedianEncoder().fit(X, Z)
    encoder.power_ = 4
    assert_allclose(encoder.predict(X + 1e-6), Z, atol=1e-4)


def test_left_out_is_by_the_other_rows():
    X, Z = curve(60)
    encoder = MedianEncoder(5).fit(X, Z)
    squared, near = k_nearest(X, X, 5, exclude_self=True)
    assert_array_equal(encoder.left_out(), weighted_median(squared, Z[near], encoder.power_))
    assert_array_equal(encoder.left_out_mean(), weighted_mean(squared, Z[near], 2))
    for i in (0, 17, 59):
        rest = np.arange(60) != i
        other = MedianEncoder(5).fit(X[rest], Z[rest])
        other.power_ = encoder.power_
        assert_allclose(encoder.left_out()[i], other.predict(X[i : i + 1])[0], atol=1e-12)
        assert_allclose(encoder.left_out_mean()[i], other.predict_mean(X[i : i + 1])[0])


def test_left_out_does_not_depend_on_the_rows_own_place():
    X, Z = curve(60)
    before = MedianEncoder().fit(X, Z)
    for i in (0, 31):
        moved = Z.copy()
        moved[i] += 0.01
        after = MedianEncoder().fit(X, moved)
        assert after.power_ == before.power_
        assert_array_equal(after.left_out()[i], before.left_out()[i])
        assert not np.array_equal(after.left_out(), before.left_out())


def test_left_out_uses_neighbors_of_other_groups_only():
    X, Z = curve(60)
    groups = np.arange(60) // 4
    encoder = MedianEncoder(5).fit(X, Z, groups)
    for i in (0, 17, 59):
        rest = groups != groups[i]
        squared, near = k_nearest(X[i : i + 1], X[rest], 5)
        expected = weighted_median(squared, Z[rest][near], encoder.power_)
        assert_allclose(encoder.left_out()[i], expected[0], atol=1e-12)


@pytest.mark.parametrize("make", [curve, lambda: (blobs()[0], Torn().fit_transform(blobs()[0]))])
def test_the_power_has_the_best_left_out_coordinates(make):
    X, Z = make()
    squared, near = k_nearest(X, X, 10, exclude_self=True)
    scores = {p: match_r_squared(weighted_median(squared, Z[near], p), Z) for p in (1, 2, 4)}
    assert MedianEncoder().fit(X, Z).power_ == max(scores, key=scores.get)


def test_left_out_errors_are_those_of_new_rows():
    X, Z = curve(400, noise=0.3)
    X_new, Z_new = curve(800, seed=1, noise=0.3)
    encoder = MedianEncoder().fit(X, Z)
    new = np.square(encoder.predict(X_new) - Z_new).mean()
    assert np.square(encoder.left_out() - Z).mean() == pytest.approx(new, rel=0.2)


def test_a_row_alone_is_placed_as_in_a_batch():
    X, Z = curve(60)
    encoder = MedianEncoder().fit(X, Z)
    queries = curve(30, seed=1)[0]
    single = np.vstack([encoder.predict(row[None]) for row in queries])
    assert_array_equal(single, encoder.predict(queries))


def test_sparse_rows_give_the_dense_result():
    X, Z = curve(60)
    X = np.where(np.abs(X) < 0.5, 0, X)
    dense, same = MedianEncoder().fit(X, Z), MedianEncoder().fit(sparse.csr_matrix(X), Z)
    queries = curve(20, seed=1)[0]
    assert_allclose(same.predict(sparse.csr_matrix(queries)), dense.predict(queries), rtol=1e-9)
    assert_allclose(same.left_out(), dense.left_out(), rtol=1e-9)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_few_rows(n):
    X, Z = curve(n)
    encoder = MedianEncoder().fit(X, Z)
    assert_array_equal(encoder.predict(X), Z)
    assert np.isfinite(encoder.left_out()).all()
    assert np.isfinite(encoder.predict(curve(5, seed=1)[0])).all()


def test_blocks_change_nothing(monkeypatch):
    X, Z = curve(60)
    whole = MedianEncoder().fit(X, Z)
    queries = curve(40, seed=1)[0]
    placed = whole.predict(queries)
    monkeypatch.setattr(_median, "_CHUNK", 7)
    assert_array_equal(whole.predict(queries), placed)
    assert_array_equal(MedianEncoder().fit(X, Z).left_out(), whole.left_out())


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "10", None])
def test_bad_neighbors(value):
    X, Z = curve(20)
    with pytest.raises(ValueError, match="n_neighbors must be a whole number of at least 1, got"):
        MedianEncoder(value).fit(X, Z)
