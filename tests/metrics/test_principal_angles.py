import numpy as np
import pytest
from numpy.testing import assert_allclose

from sksubspace.metrics import principal_angles, subspace_affinity, subspace_distance


def pair(r=3, s=5, d=9, seed=0):
    rng = np.random.RandomState(seed)
    return rng.randn(r, d), rng.randn(s, d)


def projection(U):
    Q = np.linalg.qr(U.T)[0]
    return Q @ Q.T


def rotated(angles, d):
    """A basis of the first coordinates, and one turned away from it by the angles."""
    r = len(angles)
    V = np.zeros((r, d))
    V[:, :r] = np.diag(np.cos(angles))
    V[:, r : 2 * r] = np.diag(np.sin(angles))
    return np.eye(d)[:r], V


def test_known_angles_come_back_in_order_and_to_full_precision():
    angles = np.array([1e-10, 1e-8, 0.3, np.pi / 2 - 1e-9])
    U, V = rotated(angles, 9)
    turn = np.linalg.qr(np.random.RandomState(0).randn(9, 9))[0]
    assert_allclose(principal_angles(U, V), angles, atol=1e-12)
    assert_allclose(principal_angles(U @ turn, V @ turn), angles, atol=1e-12)


def test_small_angles_beside_large_ones_are_not_lost():
    """The arc cosine of a number near 1 is off by 1e-8."""
    angles = np.array([1e-11, 1e-10, 1.2, 1.5])
    assert_allclose(principal_angles(*rotated(angles, 9)), angles, atol=1e-15, rtol=1e-12)


def test_angles_are_of_the_spans():
    U, V = pair()
    angles = principal_angles(U, V)
    assert angles.shape == (3,)
    cosines = np.linalg.svd(np.linalg.qr(U.T)[0].T @ np.linalg.qr(V.T)[0])[1]
    assert_allclose(np.cos(angles), cosines)
    mixed = np.random.RandomState(1).randn(4, 3) @ U  # four rows, the same three dimensions
    assert_allclose(principal_angles(mixed, 7 * V), angles, atol=1e-10)
    assert_allclose(principal_angles(V, U), angles)


def test_affinity_and_distance_are_their_formulas():
    U, V = pair()
    P, Q = projection(U), projection(V)
    assert subspace_affinity(U, V) == pytest.approx(np.sqrt(np.trace(P @ Q) / 3))
    assert subspace_distance(U, V) == pytest.approx(np.linalg.norm(P - Q) / np.sqrt(2))
    same = V[:3]
    R = projection(same)
    assert subspace_distance(U, same) == pytest.approx(np.linalg.norm(P - R) / np.sqrt(2))


def test_nested_and_orthogonal_subspaces():
    E = np.eye(6)
    assert subspace_affinity(E[:2], E[:4]) == pytest.approx(1)
    assert subspace_distance(E[:2], E[:4]) == pytest.approx(1)
    assert subspace_affinity(E[:2], E[3:]) == 0
    assert subspace_distance(E[:2], E[2:4]) == pytest.approx(np.sqrt(2))
    assert subspace_distance(E[:2], -3 * E[:2]) == pytest.approx(0, abs=1e-15)


def test_single_precision_is_computed_in_double():
    U, V = (part.astype(np.float32) for part in pair())
    assert_allclose(principal_angles(U, V), principal_angles(U.astype(float), V.astype(float)))


@pytest.mark.parametrize("function", [principal_angles, subspace_affinity, subspace_distance])
@pytest.mark.parametrize(
    "U, V, message",
    [
        (np.eye(3), np.eye(4), "same number of features, got 3 and 4"),
        (np.zeros((2, 3)), np.eye(3), "U must span a subspace"),
        (np.eye(3), np.full((1, 3), np.nan), "V must be a table of finite numbers"),
        (np.eye(3), np.ones(3), "V must be a table"),
    ],
)
def test_bad_input_is_named(function, U, V, message):
    with pytest.raises(ValueError, match=message):
        function(U, V)
