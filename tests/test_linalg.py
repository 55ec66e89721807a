"""Principal directions by three routes, against numpy's singular vectors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace import _linalg
from sksubspace._linalg import (
    column_means,
    covariance,
    fixed_signs,
    gram,
    leading_eigenpairs,
    principal_directions,
    project,
    row_blocks,
    rows_differ,
)

ROUTES = ["covariance", "rows", "lanczos"]


def table(n, d, seed=0):
    """Rows with well separated variances, half of whose entries are zero, off the origin."""
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d) * 0.8 ** np.arange(d) + 2
    return X * (rng.rand(n, d) < 0.5)


def take_route(monkeypatch, route, X):
    """Make a table small enough for one route only."""
    n, d = X.shape
    side = {"covariance": d, "rows": n, "lanczos": min(n, d) - 1}[route]
    assert route != "rows" or n < d
    monkeypatch.setattr(_linalg, "SMALL_SIDE", side)


def by_svd(X, r):
    _, scales, directions = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    return scales[:r], directions[:r].T


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_finds_the_singular_vectors(monkeypatch, route, kind):
    X = table(20, 30)
    take_route(monkeypatch, route, X)
    found = principal_directions(kind(X), column_means(kind(X)), 6)
    expected = by_svd(X, 6)[1]
    assert found.shape == (30, 6)
    assert_allclose(found.T @ found, np.eye(6), atol=1e-9)
    assert_allclose(np.abs(found.T @ expected), np.eye(6), atol=1e-9)


@pytest.mark.parametrize("route", ROUTES)
def test_directions_without_variance_are_left_out(monkeypatch, route):
    X = np.hstack([table(20, 3), np.full((20, 22), 0.1)])
    X[:, 3:6] = X[:, :3]
    take_route(monkeypatch, route, X)
    found = principal_directions(X, column_means(X), 19)
    assert found.shape == (25, 3)
    assert_allclose(np.abs(found.T @ by_svd(X, 3)[1]), np.eye(3), atol=1e-9)


@pytest.mark.parametrize("route", ROUTES)
def test_a_far_origin_costs_no_digits(monkeypatch, route):
    X = table(20, 25)
    take_route(monkeypatch, route, X)
    near, far = (principal_directions(Y, column_means(Y), 4) for Y in (X, X + 2.0**20))
    assert_allclose(np.abs(near.T @ far), np.eye(4), atol=1e-7)


def test_many_blocks_are_one(monkeypatch):
    X = table(50, 6)
    whole = covariance(X, column_means(X))
    monkeypatch.setattr(_linalg, "_BLOCK_ROWS", 7)
    assert len(row_blocks(50)) == 8
    assert_allclose(column_means(X), X.mean(axis=0), rtol=1e-14)
    assert_allclose(covariance(X, column_means(X)), whole, rtol=1e-12)
    assert_allclose(whole, np.cov(X.T, bias=True), rtol=1e-12)


def test_row_blocks_cover_every_row_once():
    covered = np.concatenate([np.arange(10)[rows] for rows in row_blocks(10, 4)])
    assert_array_equal(covered, np.arange(10))
    assert row_blocks(0, 4) == []


@pytest.mark.parametrize("n_leading", [None, 1, 3, 9])
def test_eigenpairs_descend_and_stop_before_zero(n_leading):
    Q = np.linalg.qr(np.random.RandomState(0).randn(5, 5))[0]
    values = np.array([4.0, 2.0, 1.0, 1e-8, 1e-11])
    found, vectors = leading_eigenpairs((Q * values) @ Q.T, n_leading)
    expected = values[:4][:n_leading]
    assert_allclose(found, expected, rtol=1e-6)
    assert_allclose(np.abs(vectors.T @ Q[:, : len(expected)]), np.eye(len(expected)), atol=1e-6)


def test_a_matrix_of_zeros_has_no_direction():
    values, vectors = leading_eigenpairs(np.zeros((3, 3)))
    assert values.shape == (0,) and vectors.shape == (3, 0)


def test_signs_are_those_of_the_largest_entries():
    rows = np.array([[1.0, -3.0, 2.0], [0.5, 0.0, -0.4]])
    assert_array_equal(fixed_signs(rows), [[-1, 3, -2], [0.5, 0, -0.4]])
    assert_array_equal(fixed_signs(-rows), fixed_signs(rows))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_scores_keep_the_dtype(kind, dtype):
    X = table(20, 8).astype(dtype)
    mean, directions = X.mean(axis=0, dtype=np.float64), by_svd(X, 3)[1]
    scores = project(kind(X), mean, directions)
    assert scores.dtype == dtype
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert_allclose(scores, (X - mean) @ directions, atol=tolerance)


def test_single_precision_scores_of_rows_far_from_the_origin():
    X = (table(20, 8) + 1e5).astype(np.float32)
    mean, directions = X.mean(axis=0, dtype=np.float64), by_svd(X, 3)[1]
    expected = (X.astype(np.float64) - mean) @ directions
    assert_allclose(project(X, mean, directions), expected, rtol=1e-5, atol=1e-5)


def test_rows_on_disk_are_rows_in_memory(tmp_path):
    X = table(40, 6)
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    mean = column_means(mapped)
    assert_array_equal(mean, column_means(X))
    found = principal_directions(mapped, mean, 3)
    assert_array_equal(found, principal_directions(X, mean, 3))
    assert_array_equal(project(mapped, mean, found), project(X, mean, found))


def test_products_of_two_tables():
    X, Y, origin = table(9, 4), table(9, 4, seed=1), np.arange(4.0)
    assert_allclose(gram(X, Y, origin), (X - origin).T @ (Y - origin), rtol=1e-12)
    found = gram(sparse.csr_matrix(X), sparse.csr_matrix(Y), 0.0)
    assert_allclose(found, X.T @ Y, rtol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_equal_rows_are_told_from_rows_that_differ(kind):
    X = np.full((37, 4), 0.1)
    assert not rows_differ(kind(X))
    assert not rows_differ(kind(np.zeros((5, 3))))
    X[30, 2] = np.nextafter(0.1, 1)
    assert rows_differ(kind(X))
