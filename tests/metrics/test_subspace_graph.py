import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.metrics import subspace_connectivity, subspace_preserving_error


def coefficients(n=30, seed=0):
    rng = np.random.RandomState(seed)
    C = rng.randn(n, n) * (rng.rand(n, n) < 0.3)
    np.fill_diagonal(C, 0)
    return C, rng.randint(0, 3, n)


def graph(n=30, seed=0):
    C, y = coefficients(n, seed)
    return np.abs(C) + np.abs(C).T, y


@pytest.mark.parametrize(
    "make", [np.asarray, sparse.csr_matrix, sparse.csr_array, sparse.coo_array]
)
def test_error_is_the_definition(make):
    C, y = coefficients()
    expected = [
        1 - np.abs(row[y == label]).sum() / np.abs(row).sum()
        for row, label in zip(C, y, strict=True)
    ]
    assert_allclose(subspace_preserving_error(make(C), y, per_point=True), expected)
    assert subspace_preserving_error(make(C), y) == pytest.approx(np.mean(expected))


def test_a_row_without_coefficients_is_left_out():
    C, y = coefficients()
    errors = subspace_preserving_error(C, y, per_point=True)
    C[4] = 0
    found = subspace_preserving_error(C, y, per_point=True)
    assert np.isnan(found[4])
    assert_array_equal(np.delete(found, 4), np.delete(errors, 4))
    assert subspace_preserving_error(C, y) == pytest.approx(np.delete(errors, 4).mean())
    assert np.isnan(subspace_preserving_error(np.zeros((3, 3)), [0, 1, 2]))


def test_entries_that_are_stored_zeros_or_duplicates_do_not_count_twice():
    C = sparse.csr_matrix(([1.0, 1.0, 0.0, 2.0], [1, 1, 2, 0], [0, 3, 4, 4]), shape=(3, 3))
    before = C.data.copy(), C.indices.copy()
    assert_array_equal(subspace_preserving_error(C, [0, 0, 1], per_point=True), [0, 0, np.nan])
    assert_array_equal(C.data, before[0])
    assert_array_equal(C.indices, before[1])


def test_columns_may_be_landmarks():
    C, y = coefficients()
    rows = np.array([7, 2, 19, 11, 23])
    only = np.zeros_like(C)
    only[:, rows] = C[:, rows]
    assert_allclose(
        subspace_preserving_error(C[:, rows], y, landmark_indices=rows, per_point=True),
        subspace_preserving_error(only, y, per_point=True),
    )


def connectivity(A):
    degrees = A.sum(axis=1)
    L = np.eye(len(A)) - A / np.sqrt(np.outer(degrees, degrees))
    return np.sort(np.linalg.eigvalsh(L))[1]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_connectivity_is_the_definition(make):
    A, y = graph()
    expected = [connectivity(A[np.ix_(y == k, y == k)]) for k in range(3)]
    assert min(expected) > 0.05
    assert_allclose(subspace_connectivity(make(A), y, average=None), expected)
    assert subspace_connectivity(make(A), y) == pytest.approx(min(expected))
    assert subspace_connectivity(make(A), y, average="mean") == pytest.approx(np.mean(expected))


def test_large_classes_give_the_same_as_small_ones(monkeypatch):
    from sksubspace.metrics import _clusters

    A, y = graph(300)
    expected = subspace_connectivity(A, y, average=None)
    monkeypatch.setattr(_clusters, "_DENSE_ROWS", 10)
    assert_allclose(subspace_connectivity(A, y, average=None), expected, atol=1e-10)


@pytest.mark.parametrize("n", [2, 3, 8, 500])
def test_a_complete_graph_has_n_over_n_minus_one(n):
    A = np.ones((n, n))  # loops do not count
    assert subspace_connectivity(A, np.zeros(n)) == pytest.approx(n / (n - 1))


def test_components_are_counted_first():
    """A path of weak ties is connected; without one tie it is not, and exactly 0."""
    n = 1000
    path = sparse.diags_array([np.ones(n - 1)] * 2, offsets=[-1, 1]).tolil()
    weak = subspace_connectivity(path.tocsr(), np.zeros(n))
    assert 0 < weak < 1e-4
    path[400, 401] = path[401, 400] = 0
    assert subspace_connectivity(path.tocsr(), np.zeros(n)) == 0
    isolated = np.ones((5, 5))
    isolated[0, :] = isolated[:, 0] = 0
    assert subspace_connectivity(isolated, np.zeros(5)) == 0


def test_classes_of_one_row_are_left_out():
    A = np.ones((4, 4))
    values = subspace_connectivity(A, ["b", "a", "b", "b"], average=None)
    assert_allclose(values, [np.nan, 1.5])
    assert subspace_connectivity(A, [0, 1, 0, 0], average="mean") == pytest.approx(1.5)
    assert np.isnan(subspace_connectivity(A, [0, 1, 2, 3]))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda C, y: subspace_preserving_error(C[:5], y), r"C must have shape \(30, 30\)"),
        (
            lambda C, y: subspace_preserving_error(C[:, :2], y, landmark_indices=[0, 30]),
            "landmark_indices must be from 0 to 29, got 0 to 30",
        ),
        (
            lambda C, y: subspace_preserving_error(C[:, :2], y, landmark_indices=[0.0, 1.0]),
            "landmark_indices must be a sequence of row numbers",
        ),
        (lambda C, y: subspace_preserving_error(C + np.inf, y), "C must be a table of finite"),
        (lambda C, y: subspace_connectivity(C, y), "A must not be negative"),
        (lambda C, y: subspace_connectivity(np.abs(C), y), "A must be symmetric"),
        (lambda C, y: subspace_connectivity(C[:, :3], y), "A must be square"),
        (lambda C, y: subspace_connectivity(C @ C.T, y[:3]), "A must"),
        (
            lambda C, y: subspace_connectivity(np.eye(30), y[:3]),
            "A must have a row for each of the 3 labels, got 30",
        ),
        (lambda C, y: subspace_connectivity(np.eye(30), y, average="max"), "average must be 'min'"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*coefficients())
