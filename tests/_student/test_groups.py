import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits

from sksubspace._student._groups import (
    Forget,
    average_equal_rows,
    check_groups,
    default_groups,
    draw_whole_groups,
    groups_of_equal_rows,
    members_by_size,
    near_copies,
    nearest_of_other_groups,
    warn_of_copies,
    warn_of_series,
)
from sksubspace.neighbors import k_nearest

X = np.array([[1.0, 0], [2, 3], [1, 0], [0, 5], [2, 3], [1, 0]])
Z = np.array([[0.0, 0], [1, 1], [3, 0], [7, 7], [1, 1], [0, 6]])
EXPECTED = np.array([[1.0, 2], [1, 1], [1, 2], [7, 7], [1, 1], [1, 2]])


def average(X, Z):
    return average_equal_rows(Z, groups_of_equal_rows(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_equal_rows_get_their_mean_and_rows_that_moved_are_counted(make, dtype):
    averaged, n_conflicts = average(make(X.astype(dtype)), Z)
    assert_allclose(averaged, EXPECTED)
    assert n_conflicts == 3  # the twins (2, 3) agreed


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_without_equal_rows_the_targets_stay_bit_for_bit(make):
    rng = np.random.RandomState(0)
    targets = rng.randn(30, 2)
    averaged, n_conflicts = average(make(rng.randn(30, 3)), targets)
    assert_array_equal(averaged, targets)
    assert n_conflicts == 0


def test_targets_are_not_written_to():
    targets = Z.copy()
    targets.flags.writeable = False
    assert average(X, targets)[0].shape == targets.shape
    assert_array_equal(targets, Z)


def test_rows_without_a_twin_keep_their_target_exactly():
    assert_array_equal(average(X, Z + 0.1)[0][3], Z[3] + 0.1)


def test_minus_zero_equals_zero():
    assert groups_of_equal_rows(np.array([[0.0, 1], [-0.0, 1]])).tolist() == [0, 0]


def test_a_stored_zero_equals_an_unstored_one():
    stored = sparse.csr_matrix(([0.0, 1.0, 1.0], [0, 1, 1], [0, 2, 3]), shape=(2, 2))
    assert groups_of_equal_rows(stored).tolist() == [0, 0]


def test_same_values_in_other_columns_are_other_rows():
    rows = sparse.csr_matrix(np.array([[1.0, 0, 2], [1, 2, 0]]))
    assert groups_of_equal_rows(rows).tolist() == [0, 1]


def test_empty_rows_are_equal():
    assert_allclose(average(sparse.csr_matrix((2, 3)), np.array([[0.0], [1]]))[0], 0.5)


def search(X, n_neighbors=20):
    return k_nearest(X, X, n_neighbors, exclude_self=True)


def grouped(X):
    return default_groups(groups_of_equal_rows(X), np.arange(len(X)), *search(X))


def pairs(n, noise, d=10, seed=0):
    """Rows 2i and 2i + 1 are copies, with noise in units of the spread."""
    rng = np.random.RandomState(seed)
    return np.repeat(rng.randn(n, d), 2, axis=0) + noise * rng.randn(2 * n, d)


def test_pairs_with_a_percent_of_noise_are_found():
    groups, n_copies = grouped(pairs(200, 0.01))
    together = groups[::2] == groups[1::2]
    assert together.mean() >= 0.99
    assert len(np.unique(groups)) >= 200  # and no pair is taken for another
    assert n_copies >= 0.99 * 400


def test_ten_copies_with_five_percent_of_noise_are_found():
    rng = np.random.RandomState(0)
    X = np.repeat(rng.randn(40, 20), 10, axis=0) + 0.05 * rng.randn(400, 20)
    groups, n_copies = grouped(X)
    blocks = groups.reshape(40, 10)
    assert (blocks == blocks[:, :1]).mean() >= 0.99
    assert len(np.unique(blocks[:, 0])) == 40
    assert n_copies >= 0.99 * 400


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("d", [2, 10, 50])
def test_independent_rows_are_no_copies(seed, d):
    groups, n_copies = grouped(np.random.RandomState(seed).randn(400, d))
    assert n_copies == 0
    assert_array_equal(np.sort(groups), np.arange(400))


def test_digits_are_no_copies():
    assert grouped(load_digits().data[:800])[1] <= 0.005 * 800


def test_near_copies_are_the_formula():
    """One row at a time: the last gap that is wide for its dimension, and threefold."""
    squared = search(pairs(60, 0.02, d=4))[0]
    distances = np.sqrt(squared)
    dimension = sum(1 / j for j in range(10, 20)) / np.mean(
        np.log(distances[:, 19] / distances[:, 9])
    )
    expected = []
    for d in distances:
        wide = [
            k
            for k in range(1, 11)
            if 10 * np.exp(-k * dimension * np.log(d[k] / d[k - 1])) <= 1e-3
            and d[k] >= 3 * d[k - 1]
        ]
        expected.append(max(wide, default=0))
    assert_array_equal(near_copies(squared), expected)
    assert max(expected) > 0


def test_equal_rows_are_a_group_and_so_are_their_near_copies():
    X = np.random.RandomState(0).randn(60, 4)
    X[[7, 20]] = X[3]
    X[50] = X[3] + 1e-3
    groups, n_copies = grouped(X)
    assert set(np.flatnonzero(groups == groups[3])) == {3, 7, 20, 50}
    assert n_copies == 4


def test_few_rows_have_equal_rows_for_groups_only():
    X = np.vstack([np.eye(5), np.eye(5)[:2]])
    groups, n_copies = default_groups(groups_of_equal_rows(X), np.arange(7), *search(X, 6))
    assert (groups[5], groups[6], n_copies) == (groups[0], groups[1], 4)


def test_copies_of_a_part_of_the_rows_are_looked_for_among_all():
    X = pairs(100, 0.01)
    rows = np.arange(0, 40, 2)
    found = default_groups(
        groups_of_equal_rows(X), rows, *k_nearest(X[rows], X, 20, exclude_self=rows)
    )
    assert (found[0][rows] == found[0][rows + 1]).all()
    assert found[1] == 40


def test_many_copies_are_worth_one_warning(recwarn):
    warn_of_copies(4, 400, 2)
    assert len(recwarn) == 0
    with pytest.warns(UserWarning, match="5 of 400 rows are equal or nearly equal .* give groups"):
        warn_of_copies(5, 400, 2)


def test_a_series_is_worth_a_warning(recwarn):
    rows = np.arange(200)
    shuffled = np.random.RandomState(0).permutation(200)[:, None]
    warn_of_series(rows, shuffled, 200, 2)
    warn_of_series(rows[:50], rows[:50, None] + 1, 50, 2)  # too few to tell
    assert len(recwarn) == 0
    with pytest.warns(UserWarning, match="100% of the rows .* next or previous row of the table"):
        warn_of_series(rows, rows[:, None] + 1, 200, 2)


def test_groups_are_numbered_from_zero():
    assert_array_equal(check_groups(["b", "a", "b", "c"], 4), [1, 0, 1, 2])
    assert_array_equal(check_groups(np.array([30, 10, 20]), 3), [2, 0, 1])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.arange(5), r"one entry for each of the 4 rows of X, got shape \(5,\)"),
        (np.eye(4), r"one entry for each of the 4 rows of X, got shape \(4, 4\)"),
        ([1.0, np.nan, 2, np.nan], "must not be missing, but 2 entries are None or NaN"),
        (["a", None, "b", "c"], "must not be missing, but 1 entries"),
        ([0, 0, 1, 1], "at least 3 different values, got 2"),
        ([7, 7, 7, 7], "at least 3 different values, got 1"),
    ],
)
def test_unusable_groups(groups, message):
    with pytest.raises(ValueError, match=f"groups .*{message}"):
        check_groups(groups, 4)


def test_forget_names_the_group_and_the_row_next_door():
    groups = np.array([0, 1, 0, 2])
    own = Forget(groups, np.array([2, 1]))
    assert (own[0].tolist(), own[1].tolist()) == ([0, 2], [1])
    with_door = Forget(groups, np.array([2, 1]), np.array([3, 0]))
    assert (with_door[0].tolist(), with_door[1].tolist()) == ([0, 2, 3], [1, 0])
    part = with_door[np.array([1])]
    assert (len(with_door), len(part), part[0].tolist()) == (2, 1, [1, 0])
    assert own[1:].next_door is None


def test_neighbors_are_of_other_groups():
    rng = np.random.RandomState(0)
    rows, groups = rng.randn(60, 3), rng.randint(0, 9, 60)
    squared, near = nearest_of_other_groups(rows[:20], rows, 6, np.arange(20), groups)
    for i in range(20):
        others = np.flatnonzero(groups != groups[i])
        apart = np.square(rows[others] - rows[i]).sum(axis=1)
        assert_array_equal(near[i], others[np.argsort(apart)[:6]])
        assert_allclose(squared[i], np.sort(apart)[:6])


def test_the_largest_group_bounds_the_neighbors():
    rows = np.random.RandomState(0).randn(10, 2)
    groups = np.array([0] * 7 + [1, 2, 3])
    _, near = nearest_of_other_groups(rows, rows, 6, np.arange(10), groups)
    assert near.shape == (10, 3)
    assert all((groups[near[i]] != groups[i]).all() for i in range(10))


def test_whole_groups_are_drawn():
    rng = np.random.RandomState(0)
    groups = rng.randint(0, 60, 600)
    drawn = draw_whole_groups(groups, np.arange(600), 200, rng)
    assert 200 <= len(drawn) < 200 + np.bincount(groups).max()
    assert (np.diff(drawn) > 0).all()
    assert not set(groups[drawn]) & set(np.delete(groups, drawn))
    assert_array_equal(draw_whole_groups(groups, np.arange(600), 600, rng), np.arange(600))


def test_rows_are_drawn_where_a_group_is_a_tenth_of_them():
    groups = np.repeat(np.arange(4), 100)
    drawn = draw_whole_groups(groups, np.arange(400), 50, np.random.RandomState(0))
    assert len(drawn) == 50
    assert set(groups[drawn]) == {0, 1, 2, 3}


def test_members_are_those_of_each_group():
    groups = np.array([2, 0, 2, 1, 2, 1])
    assert [rows.tolist() for rows in members_by_size(groups)] == [[[1]], [[3, 5]], [[0, 2, 4]]]


def test_what_is_next_door_is_forgotten_with_its_copies():
    groups, equal = np.array([0, 1, 1, 1, 2]), np.array([0, 1, 1, 2, 3])
    forget = Forget(groups, np.array([0, 4]), np.array([3, 0]), groups, equal)
    assert [forget[k].tolist() for k in range(2)] == [[0, 1, 2, 3], [0, 4]]
    assert forget[1:][0].tolist() == [0, 4]
    rows, weights = forget.doors()
    assert (rows.tolist(), weights.tolist()) == ([[1, 3], [0, 0]], [[2.0, 1.0], [1.0, 0.0]])
