import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.datasets import make_union_of_manifolds


@pytest.mark.parametrize(
    "intrinsic_dim, n_harmonics, span", [(1, 1, 2), (1, 3, 6), (2, 1, 8), (2, 2, 24), (3, 1, 26)]
)
def test_a_manifold_spans_what_its_frequencies_say(intrinsic_dim, n_harmonics, span):
    X, y = make_union_of_manifolds(
        200, n_manifolds=2, intrinsic_dim=intrinsic_dim, n_harmonics=n_harmonics, random_state=0
    )
    assert_allclose(np.linalg.norm(X, axis=1), 1)
    for k in range(2):
        assert np.linalg.matrix_rank(X[y == k]) == span
    assert np.linalg.matrix_rank(X) == min(2 * span, 50)


def test_curves_are_smooth_and_closed():
    X, y, angles = make_union_of_manifolds(
        4000, n_manifolds=2, n_harmonics=3, return_coordinates=True, random_state=0
    )
    assert angles.shape == (4000, 1)
    assert angles.min() >= 0
    assert angles.max() < 2 * np.pi
    for k in range(2):
        along = X[y == k][np.argsort(angles[y == k, 0])]
        steps = np.linalg.norm(along - np.roll(along, 1, axis=0), axis=1)
        gaps = np.diff(np.sort(angles[y == k, 0]), append=np.nan)
        assert steps.max() < 6 * np.nanmax(gaps)
        assert steps[0] < 0.05  # from the last row back to the first


def test_one_harmonic_is_an_ellipse_on_the_sphere():
    X, angles = make_union_of_manifolds(
        50, n_manifolds=1, n_harmonics=1, return_coordinates=True, random_state=0
    )[::2]
    waves = np.hstack([np.cos(angles), np.sin(angles)])
    # s(t) is linear in the waves and x(t) parallel to it: x_i = c_i * (waves_i @ A)
    rows = np.linalg.svd(X, full_matrices=False)[2][:2]
    plane = X @ rows.T
    opposite = np.arctan2(*plane[np.argsort(angles[:, 0])].T)
    assert_allclose(np.abs(np.unwrap(opposite)[-1] - opposite[0]), 2 * np.pi, atol=0.6)
    assert waves.shape == plane.shape


def test_noise_shuffle_sizes_and_seed():
    clean, y = make_union_of_manifolds([5, 10], n_manifolds=2, shuffle=False, random_state=1)
    assert_array_equal(y, np.repeat([0, 1], [5, 10]))
    noisy = make_union_of_manifolds(
        [5, 10], n_manifolds=2, shuffle=False, noise=0.1, random_state=1
    )[0]
    assert_allclose((noisy - clean).std(), 0.1, rtol=0.1)
    again = make_union_of_manifolds([5, 10], n_manifolds=2, shuffle=False, random_state=1)[0]
    assert_array_equal(again, clean)
    mixed = make_union_of_manifolds([50, 50], n_manifolds=2, random_state=1)[1]
    assert (np.diff(mixed) < 0).any()


@pytest.mark.parametrize(
    "bad, kind, message",
    [
        ({"intrinsic_dim": 4}, ValueError, "intrinsic_dim must be at least 1 and at most 3, got 4"),
        ({"n_harmonics": 0}, ValueError, "n_harmonics must be at least 1, got 0"),
        ({"n_manifolds": 1.5}, TypeError, "n_manifolds must be an integer, got 1.5"),
        ({"n_samples": 2}, ValueError, "n_samples must be at least 3, got 2"),
        ({"noise": np.nan}, ValueError, "noise must be finite and not negative, got nan"),
    ],
)
def test_bad_input_is_named(bad, kind, message):
    with pytest.raises(kind, match=message):
        make_union_of_manifolds(**bad)
