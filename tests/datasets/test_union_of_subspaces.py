import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.datasets import make_union_of_subspaces


def test_rows_are_unit_and_lie_in_their_subspace():
    X, y, bases, offsets = make_union_of_subspaces(
        301, n_features=8, n_subspaces=3, subspace_dim=[1, 2, 5], return_bases=True, random_state=0
    )
    assert_allclose(np.linalg.norm(X, axis=1), 1)
    assert_array_equal(offsets, np.zeros((3, 8)))
    assert_array_equal(np.bincount(y), [101, 100, 100])
    for k, basis in enumerate(bases):
        assert basis.shape == ([1, 2, 5][k], 8)
        assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-12)
        assert_allclose(X[y == k] @ basis.T @ basis, X[y == k], atol=1e-12)
        assert np.linalg.matrix_rank(X[y == k]) == len(basis)


def test_affine_subspaces_are_moved_by_a_unit_vector():
    X, y, bases, offsets = make_union_of_subspaces(
        60, n_subspaces=2, subspace_dim=2, affine=True, return_bases=True, random_state=0
    )
    assert_allclose(np.linalg.norm(offsets, axis=1), 1)
    for k, basis in enumerate(bases):
        linear = X[y == k] - offsets[k]
        assert_allclose(np.linalg.norm(linear, axis=1), 1)
        assert_allclose(linear @ basis.T @ basis, linear, atol=1e-12)
        assert np.linalg.matrix_rank(X[y == k]) == 3


def test_noise_is_per_coordinate():
    clean, y = make_union_of_subspaces(20_000, n_features=30, noise=0, random_state=3)
    noisy, same = make_union_of_subspaces(20_000, n_features=30, noise=0.02, random_state=3)
    assert_array_equal(same, y)
    assert_allclose((noisy - clean).std(), 0.02, rtol=0.01)
    assert_allclose((noisy - clean).std(axis=0), 0.02, rtol=0.05)


def test_sizes_may_be_given_and_order_kept():
    _, y = make_union_of_subspaces([3, 1, 2], n_subspaces=3, shuffle=False, random_state=0)
    assert_array_equal(y, [0, 0, 0, 1, 2, 2])
    _, mixed = make_union_of_subspaces([30, 10, 20], n_subspaces=3, random_state=0)
    assert_array_equal(np.bincount(mixed), [30, 10, 20])
    assert (np.diff(mixed) < 0).any()


def test_random_state_decides_everything_and_no_global_one_is_moved():
    before = np.random.get_state()[1].copy()
    first, again, other = (make_union_of_subspaces(20, random_state=s)[0] for s in (1, 1, 2))
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    free = [make_union_of_subspaces(20)[0] for _ in range(2)]
    assert not np.array_equal(*free)
    assert_array_equal(np.random.get_state()[1], before)


def test_directions_are_uniform():
    """The mean projection on a random r-dimensional subspace of d dimensions is r / d."""
    bases = make_union_of_subspaces(
        400, n_features=6, n_subspaces=400, subspace_dim=2, return_bases=True, random_state=0
    )[2]
    mean = np.mean([basis.T @ basis for basis in bases], axis=0)
    assert_allclose(mean, np.eye(6) / 3, atol=0.06)


@pytest.mark.parametrize(
    "bad, kind, message",
    [
        ({"subspace_dim": 10}, ValueError, "subspace_dim must be at least 1 and at most 9, got 10"),
        ({"subspace_dim": [2, 2]}, ValueError, "subspace_dim must be one number or 5 of them"),
        ({"n_samples": 4}, ValueError, "n_samples must be at least 5, got 4"),
        ({"n_samples": [1, 2]}, ValueError, "n_samples must be one number or 5 of them, got 2"),
        ({"n_samples": 10.0}, TypeError, "n_samples must be an integer, got 10.0"),
        ({"n_features": True}, TypeError, "n_features must be an integer, got True"),
        ({"n_subspaces": 0}, ValueError, "n_subspaces must be at least 1, got 0"),
        ({"noise": -1}, ValueError, "noise must be finite and not negative, got -1"),
        ({"noise": np.inf}, ValueError, "noise must be finite"),
        ({"noise": "much"}, TypeError, "noise must be a number, got 'much'"),
    ],
)
def test_bad_input_is_named(bad, kind, message):
    with pytest.raises(kind, match=message):
        make_union_of_subspaces(**bad)
