import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.encoding._duplicates import average_duplicates

X = np.array([[1.0, 0], [2, 3], [1, 0], [0, 5], [2, 3], [1, 0]])
Z = np.array([[0.0, 0], [1, 1], [3, 0], [7, 7], [1, 1], [0, 6]])
EXPECTED = np.array([[1.0, 2], [1, 1], [1, 2], [7, 7], [1, 1], [1, 2]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_equal_rows_get_their_mean_and_rows_that_moved_are_counted(make, dtype):
    averaged, n_conflicts = average_duplicates(make(X.astype(dtype)), Z)
    assert_allclose(averaged, EXPECTED)
    assert n_conflicts == 3  # the twins (2, 3) agreed


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_without_equal_rows_the_targets_stay_bit_for_bit(make):
    rng = np.random.RandomState(0)
    targets = rng.randn(30, 2)
    averaged, n_conflicts = average_duplicates(make(rng.randn(30, 3)), targets)
    assert_array_equal(averaged, targets)
    assert n_conflicts == 0


def test_targets_are_not_written_to():
    targets = Z.copy()
    targets.flags.writeable = False
    averaged, _ = average_duplicates(X, targets)
    assert averaged.shape == targets.shape
    assert_array_equal(targets, Z)


def test_rows_without_a_twin_keep_their_target_exactly():
    targets = Z + 0.1
    averaged, _ = average_duplicates(X, targets)
    assert_array_equal(averaged[3], targets[3])


def test_minus_zero_equals_zero():
    _, n_conflicts = average_duplicates(np.array([[0.0, 1], [-0.0, 1]]), np.array([[0.0], [1]]))
    assert n_conflicts == 2


def test_a_stored_zero_equals_an_unstored_one():
    stored = sparse.csr_matrix(([0.0, 1.0, 1.0], [0, 1, 1], [0, 2, 3]), shape=(2, 2))
    assert average_duplicates(stored, np.array([[0.0], [1]]))[1] == 2


def test_same_values_in_other_columns_are_other_rows():
    rows = sparse.csr_matrix(np.array([[1.0, 0, 2], [1, 2, 0]]))
    assert average_duplicates(rows, np.array([[0.0], [1]]))[1] == 0


def test_empty_rows_are_equal():
    rows = sparse.csr_matrix((2, 3))
    assert_allclose(average_duplicates(rows, np.array([[0.0], [1]]))[0], 0.5)
