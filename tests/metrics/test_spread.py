"""How variance is spread, and what two tables share, beside independent computations."""

import numpy as np
import pytest
from scipy import sparse

from sksubspace.metrics import centered_kernel_alignment, effective_rank, participation_ratio

RNG = np.random.RandomState(0)
X = RNG.randn(60, 8) * np.arange(1, 9) + 5


def test_counts_are_those_of_the_singular_values():
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    assert participation_ratio(X) == pytest.approx((s**2).sum() ** 2 / (s**4).sum())
    p = s / s.sum()
    assert effective_rank(X) == pytest.approx(np.exp(-(p * np.log(p)).sum()))


@pytest.mark.parametrize("count", [participation_ratio, effective_rank])
def test_counts_do_not_know_place_scale_or_kind(count):
    Q = np.linalg.qr(RNG.randn(8, 8))[0]
    assert count(9 * X @ Q - 4) == pytest.approx(count(X), rel=1e-9)
    assert count(sparse.csr_matrix(X)) == pytest.approx(count(X))
    wide = RNG.randn(12, 200)
    assert 10 < count(wide) <= 11
    assert count(RNG.randn(50, 1) @ RNG.randn(1, 6)) == pytest.approx(1)
    assert np.isnan(count(np.full((9, 3), 0.1)))


def test_alignment_is_that_of_the_unbiased_criterion():
    Y = X[:, :3] + RNG.randn(60, 3)

    def criterion(A, B):  # the sums of the paper, over tuples that differ
        n, total = len(A), 0.0
        K, L = A @ A.T, B @ B.T
        for M in (K, L):
            np.fill_diagonal(M, 0)
        one = np.ones(n)
        total = np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
        return (total - 2 / (n - 2) * (one @ K @ L @ one)) / (n * (n - 3))

    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    expected = criterion(A, B) / np.sqrt(criterion(A, A) * criterion(B, B))
    assert centered_kernel_alignment(X, Y) == pytest.approx(expected)
    assert centered_kernel_alignment(Y, X) == pytest.approx(expected)


def test_alignment_of_the_same_rows_is_one_and_of_others_none():
    """Tables with more columns than rows are not alike for that."""
    wide = np.random.RandomState(1).randn(40, 500)
    Q = np.linalg.qr(np.random.RandomState(2).randn(500, 500))[0]
    assert centered_kernel_alignment(wide, 3 * wide @ Q + 1) == pytest.approx(1)
    others = [
        centered_kernel_alignment(wide, np.random.RandomState(seed).randn(40, 500))
        for seed in range(10, 20)
    ]
    assert abs(np.mean(others)) < 0.01 and np.abs(others).max() < 0.1
    assert np.isnan(centered_kernel_alignment(wide, np.ones((40, 2))))
    A, B = (rows - rows.mean(axis=0) for rows in (wide, np.random.RandomState(10).randn(40, 500)))
    usual = np.square(A.T @ B).sum() / np.linalg.norm(A.T @ A) / np.linalg.norm(B.T @ B)
    assert usual > 0.9


@pytest.mark.parametrize(
    ("Y", "message"),
    [
        (X[:30], "X and Y must have the same number of rows, got 60 and 30"),
        (np.full((60, 2), np.inf), "Y must be a table of finite"),
    ],
)
def test_bad_input_is_named(Y, message):
    with pytest.raises(ValueError, match=message):
        centered_kernel_alignment(X, Y)
    with pytest.raises(ValueError, match="X must have at least 4 rows, got 3"):
        centered_kernel_alignment(X[:3], X[:3])
