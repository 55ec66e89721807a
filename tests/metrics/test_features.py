"""Partners of columns, and what is left of them on other rows."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.metrics import match_features

rng = np.random.RandomState(0)
X = rng.randn(200, 4)
ORDER = [2, 0, 3, 1]
Y = X[:, ORDER] * [1, -2, 3, 0.5] + 0.3 * rng.randn(200, 4) + 7


def test_partners_have_the_largest_sum_of_absolute_correlations():
    R = np.corrcoef(X.T, Y.T)[:4, 4:]
    best = max(permutations(range(4)), key=lambda p: np.abs(R[range(4), p]).sum())
    match = match_features(X, Y)
    assert match.columns.tolist() == list(best) == np.argsort(ORDER).tolist()
    assert_allclose(match.correlations, R[range(4), best])
    assert match.correlations[0] < -0.7  # the one that was turned round


def test_neither_units_nor_signs_nor_order_of_rows_matter():
    expected = match_features(X, Y)
    found = match_features(5 * X - 100, Y * [-1, 1, 2, 10])
    assert_array_equal(found.columns, expected.columns)
    assert_allclose(np.abs(found.correlations), np.abs(expected.correlations), atol=1e-9)
    assert found.left_out == pytest.approx(expected.left_out, abs=1e-9)
    shuffled = rng.permutation(200)
    assert_array_equal(match_features(X[shuffled], Y[shuffled]).columns, expected.columns)


def test_left_out_is_the_correlation_of_pairs_of_the_other_half():
    order = np.random.RandomState(3).permutation(200)
    values = []
    for half, other in ((order[::2], order[1::2]), (order[1::2], order[::2])):
        R = np.corrcoef(X[half].T, Y[half].T)[:4, 4:]
        p = max(permutations(range(4)), key=lambda p: np.abs(R[range(4), p]).sum())
        there = np.corrcoef(X[other].T, Y[other].T)[:4, 4:]
        values.append(np.mean(np.sign(R[range(4), p]) * there[range(4), p]))
    assert match_features(X, Y, random_state=3).left_out == pytest.approx(np.mean(values))
    assert match_features(X, Y).left_out > 0.7


def test_partners_in_noise_do_not_hold_on_other_rows():
    A, B = rng.randn(2, 60, 40)
    match = match_features(A, B)
    assert np.abs(match.correlations).mean() > 0.2
    assert abs(match.left_out) < 0.05


def test_columns_without_a_partner_say_so():
    match = match_features(X, Y[:, :2])
    assert sorted(match.columns.tolist()) == [-1, -1, 0, 1]
    assert_array_equal(np.isnan(match.correlations), match.columns == -1)
    assert match_features(X[:, :1], Y).columns.tolist() == [1]
    flat = np.c_[np.full(200, 0.1), Y]
    constant = match_features(flat, X)
    assert constant.columns[0] == -1
    assert_allclose(match_features(flat[:, :1], X).correlations, 0)


def test_draws_are_seeded_and_frames_are_put_in_order():
    some = match_features(X, Y, max_samples=50, random_state=1)
    assert some.left_out == match_features(X, Y, max_samples=50, random_state=1).left_out
    assert some.left_out != match_features(X, Y, max_samples=50, random_state=2).left_out
    names = [f"r{i}" for i in range(200)]
    left, right = pd.DataFrame(X, index=names), pd.DataFrame(Y, index=names)
    found = match_features(left, right[::-1])
    assert_allclose(found.correlations, match_features(X, Y).correlations)
    thin = match_features(sparse.csr_matrix(X), sparse.csr_matrix(Y))
    assert_allclose(thin.correlations, match_features(X, Y).correlations)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="X and Y must have the same number of rows"):
        match_features(X, Y[:9])
    with pytest.raises(ValueError, match="X must have at least 6 rows, got 5"):
        match_features(X[:5], Y[:5])
    with pytest.raises(ValueError, match=r"Y must be a table .*NaN"):
        match_features(X, np.where(Y == Y[3, 1], np.nan, Y))
    with pytest.raises(TypeError, match="max_samples must be an integer"):
        match_features(X, Y, max_samples=5.0)
