import numpy as np
import pytest

from sksubspace.metrics import coding_rate, rate_reduction


def unit_rows(n, d, seed=0):
    Z = np.random.RandomState(seed).randn(n, d)
    return Z / np.linalg.norm(Z, axis=1, keepdims=True)


@pytest.mark.parametrize("n, d", [(40, 5), (5, 40), (7, 7), (1, 3)])
@pytest.mark.parametrize("eps", [0.1, 0.5, 2])
def test_rate_is_the_determinant(n, d, eps):
    Z = unit_rows(n, d)
    expected = np.linalg.slogdet(np.eye(d) + d / (n * eps**2) * Z.T @ Z)[1] / 2
    assert coding_rate(Z, eps=eps) == pytest.approx(expected, rel=1e-12)
    by_gram = np.linalg.slogdet(np.eye(n) + d / (n * eps**2) * Z @ Z.T)[1] / 2
    assert coding_rate(Z, eps=eps) == pytest.approx(by_gram, rel=1e-12)


def test_reduction_is_the_difference_of_rates():
    Z, labels = unit_rows(60, 6), np.random.RandomState(1).randint(0, 3, 60)
    parts = sum((labels == k).mean() * coding_rate(Z[labels == k]) for k in range(3))
    assert rate_reduction(Z, labels) == pytest.approx(coding_rate(Z) - parts, rel=1e-12)
    assert rate_reduction(Z, np.array(["c", "a", "b"])[labels]) == rate_reduction(Z, labels)
    assert rate_reduction(Z, np.zeros(60)) == pytest.approx(0, abs=1e-14)


def test_orthogonal_classes_save_most():
    """With two orthogonal classes of half the rows, R_c spares the other half of the space."""
    Z = np.vstack([np.hstack([unit_rows(50, 3), np.zeros((50, 3))]), np.zeros((50, 6))])
    Z[50:, 3:] = unit_rows(50, 3, seed=1)
    y = np.repeat([0, 1], 50)
    shuffled = np.random.RandomState(0).permutation(y)
    assert rate_reduction(Z, y) > 5 * rate_reduction(Z, shuffled) > 0


def test_rate_does_not_change_by_turning_or_repeating_rows():
    Z = unit_rows(20, 4)
    turn = np.linalg.qr(np.random.RandomState(3).randn(4, 4))[0]
    assert coding_rate(Z @ turn) == pytest.approx(coding_rate(Z))
    assert coding_rate(np.repeat(Z, 3, axis=0)) == pytest.approx(coding_rate(Z))
    assert coding_rate(Z.astype(np.float32)) == pytest.approx(coding_rate(Z), rel=1e-6)


@pytest.mark.parametrize(
    "eps, kind, message",
    [
        (0, ValueError, "eps must be positive and finite, got 0"),
        (np.inf, ValueError, "eps must be positive"),
        ("a", TypeError, "eps must be a number, got 'a'"),
        (True, TypeError, "eps must be a number"),
    ],
)
def test_bad_eps_is_named(eps, kind, message):
    with pytest.raises(kind, match=message):
        coding_rate(np.eye(3), eps=eps)
    with pytest.raises(kind, match=message):
        rate_reduction(np.eye(3), [0, 1, 2], eps=eps)


def test_bad_rows_are_named():
    with pytest.raises(ValueError, match="Z must be a table of finite numbers"):
        coding_rate(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="Z and labels must have the same number of rows"):
        rate_reduction(np.eye(3), [0, 1])
