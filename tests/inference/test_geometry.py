"""The logarithm, the covariances and the largest angle, beside other ways to them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import logm
from scipy.optimize import minimize

from sksubspace.inference._geometry import (
    gaussian_covariance,
    grassmann_log,
    largest_lean,
    sandwich_covariance,
    wald_statistic,
)
from sksubspace.metrics import principal_angles


def basis(d, q, seed):
    return np.linalg.qr(np.random.RandomState(seed).randn(d, q))[0]


@pytest.mark.parametrize(("d", "q"), [(7, 3), (6, 1), (5, 3), (4, 2)])
def test_logarithm_is_that_of_reflections(d, q):
    """On projectors, log is half the matrix logarithm of the product of two reflections."""
    frame, V = basis(d, d, 0), basis(d, q, 1)
    U, W = frame[:, :q], frame[:, q:]
    T = grassmann_log(U.T @ V, W.T @ V)
    halves = logm((np.eye(d) - 2 * V @ V.T) @ (np.eye(d) - 2 * U @ U.T)) / 2
    assert_allclose(T, W.T @ halves @ U, atol=1e-10)
    angles = np.linalg.svd(T, compute_uv=False)[::-1]
    found = principal_angles(U.T, V.T)[-len(angles) :]
    assert_allclose(angles[-len(found) :], found, atol=1e-10)


def test_logarithms_of_many_subspaces_are_those_of_each():
    A, B = np.random.RandomState(0).randn(2, 5, 2, 2)
    assert_allclose(grassmann_log(A, B)[3], grassmann_log(A[3], B[3]))


def test_logarithm_of_small_and_right_angles():
    T = grassmann_log(np.array([[np.cos(1e-9)]]), np.array([[np.sin(1e-9)], [0.0]]))
    assert_allclose(T, [[1e-9], [0]], rtol=1e-12)
    assert_allclose(grassmann_log(np.eye(2), np.zeros((3, 2))), 0)
    right = grassmann_log(np.zeros((1, 1)), np.array([[0.6], [0.8]]))
    assert np.linalg.norm(right) == pytest.approx(np.pi / 2)


def test_covariances_are_those_of_loops():
    rng = np.random.RandomState(0)
    Y, weights, values = rng.randn(9, 5), rng.randint(4, size=9), np.array([6, 4, 3, 1.5, 0.5])
    inside, outside = [1, 3], [0, 2, 4]
    expected = np.zeros((6, 6))
    for y, w in zip(Y, weights, strict=True):
        f = np.array([y[k] * y[j] / (values[j] - values[k]) for k in outside for j in inside])
        expected += w * np.outer(f, f) / weights.sum()
    assert_allclose(sandwich_covariance(Y, weights, values, np.array(inside)), expected)
    expected = [
        values[k] * values[j] / (values[j] - values[k]) ** 2 for k in outside for j in inside
    ]
    assert_allclose(gaussian_covariance(values, np.array(inside)), np.diag(expected))


def test_rows_beyond_a_block_count():
    rng = np.random.RandomState(0)
    Y, values, inside = rng.randn(9000, 3), np.array([3.0, 2, 1]), np.array([0])
    whole = sandwich_covariance(Y, np.ones(9000), values, inside)
    F = Y[:, 1:] * Y[:, :1] / (values[0] - values[1:])
    assert_allclose(whole, F.T @ F / 9000)


def test_statistic_is_a_quadratic_form_on_any_scale():
    rng = np.random.RandomState(0)
    T, root = rng.randn(3, 2), rng.randn(6, 6)
    C = root @ root.T
    expected = T.ravel() @ np.linalg.solve(C, T.ravel())
    assert wald_statistic(T, C) == pytest.approx(expected)
    scale = 10.0 ** np.arange(-9, 9, 3)
    scaled = wald_statistic((T.ravel() * scale).reshape(3, 2), C * np.outer(scale, scale))
    assert scaled == pytest.approx(expected)
    assert wald_statistic(T, np.zeros((6, 6))) == np.inf
    assert wald_statistic(T, np.ones((6, 6))) == np.inf
    assert wald_statistic(T, np.full((6, 6), np.nan)) == np.inf


@pytest.mark.parametrize(("m", "q"), [(4, 2), (3, 3), (5, 1)])
def test_largest_angle_is_the_best_that_a_search_finds(m, q):
    rng = np.random.RandomState(m)
    root = rng.randn(m * q, m * q)
    C = root @ root.T

    def negative(z):  # the spectral norm of a point of the ellipsoid
        return -np.linalg.norm((root @ z / np.linalg.norm(z)).reshape(m, q), 2)

    searched = [minimize(negative, rng.randn(m * q), tol=1e-9).fun for _ in range(8)]
    found = largest_lean(C, m, q)
    assert found == pytest.approx(-min(searched), rel=1e-5)
    if q == 1:
        assert found == pytest.approx(np.sqrt(np.linalg.eigvalsh(C)[-1]))
