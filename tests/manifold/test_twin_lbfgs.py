"""The exact linear solver against finite differences, raw pairs and a convex program."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import eigh
from scipy.optimize import approx_fprime, minimize
from sklearn.exceptions import ConvergenceWarning

from sksubspace.manifold._twin import barlow_loss, cross_correlation, rank_of_outputs
from sksubspace.manifold._twin_lbfgs import loss_and_gradient, minimize_twin_loss
from sksubspace.metrics import subspace_distance

SCALES = np.array([3.0, 2.5, 2.0, 1.5, 1.2, 0.3, 0.2, 0.1])


def moments(n=1000, d=8, seed=0):
    """S and G of pairs: five directions of high correlation, the rest of low."""
    rng = np.random.RandomState(seed)
    common = rng.randn(n, d) * SCALES[:d]
    mix = rng.randn(d, d)
    left, right = ((common + rng.randn(n, d)) @ mix for _ in range(2))
    center = (left.mean(axis=0) + right.mean(axis=0)) / 2
    left, right = left - center, right - center
    G = left.T @ right / n
    return (left.T @ left + right.T @ right) / (2 * n), (G + G.T) / 2, left, right


def top_eigenvectors(S, G, q):
    return eigh(G, S)[1][:, ::-1][:, :q]


def loss(W, S, G, redundancy):
    return barlow_loss(cross_correlation(W, S, G), redundancy)


def solve(S, G, q, redundancy=None, start=None, max_iter=2000, tol=1e-12):
    start = top_eigenvectors(S, G, q) if start is None else start
    return minimize_twin_loss(
        S, G, q, redundancy=redundancy, start=start, max_iter=max_iter, tol=tol
    )


def smallest_loss(rho, q, redundancy):
    """Minimise over M = diag(m), m >= 0, sum m = q; no encoder is below it if redundancy <= 1."""

    def value(m):
        total = rho @ m
        return (1 - redundancy) * total**2 / q - 2 * total + q + redundancy * ((rho * m) ** 2).sum()

    result = minimize(
        value,
        np.full(len(rho), q / len(rho)),
        bounds=[(0, None)] * len(rho),
        constraints={"type": "eq", "fun": lambda m: m.sum() - q},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    return result.fun, result.x


@pytest.mark.parametrize("redundancy", [0.0039, 0.25, 30.0])
def test_the_gradient_is_that_of_finite_differences(redundancy):
    rng = np.random.RandomState(0)
    U, R = rng.randn(6, 3), rng.randn(6, 6)
    R += R.T

    def value(u):
        return loss_and_gradient(u.reshape(6, 3), R, redundancy)[0]

    expected = approx_fprime(U.ravel(), value, 1e-7)
    gradient = loss_and_gradient(U, R, redundancy)[1].ravel()
    assert_allclose(gradient, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_the_loss_is_that_of_the_raw_pairs():
    S, G, left, right = moments()
    W, loss_curve, _ = solve(S, G, 4)
    a, b = np.vstack([left, right]) @ W, np.vstack([right, left]) @ W
    expected = 0.0
    for i in range(4):
        for j in range(4):
            r = np.corrcoef(a[:, i], b[:, j])[0, 1]
            expected += (r - 1) ** 2 if i == j else 8 / 4 * r**2
    assert loss_curve[-1] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("redundancy", [0.05, 0.3, 1.0])
def test_no_encoder_has_a_smaller_loss(redundancy):
    """Reach the bound of a convex program, which knows nothing of encoders."""
    S, G, *_ = moments()
    q = 5
    rho = eigh(G, S, eigvals_only=True)[::-1]
    bound, m = smallest_loss(rho, q, redundancy)
    assert (m > 1e-6).sum() <= q  # else q columns could not reach it
    assert solve(S, G, q, redundancy)[1][-1] == pytest.approx(bound, rel=1e-7)


def test_every_start_leads_to_the_same_loss():
    S, G, *_ = moments()
    starts = [np.random.RandomState(seed).randn(8, 5) for seed in range(4)]
    losses = [solve(S, G, 5, 0.3, start)[1][-1] for start in starts]
    assert_allclose(losses, losses[0], rtol=1e-8)


def test_a_small_redundancy_collapses():
    S, G, *_ = moments()
    ranks = [rank_of_outputs(solve(S, G, 5, redundancy)[0], S) for redundancy in (1e-3, 0.3)]
    assert ranks[0] < 2 < 4 < ranks[1]


def test_a_large_redundancy_leads_to_the_generalised_eigenvectors():
    S, G, *_ = moments()
    top = top_eigenvectors(S, G, 3)
    distances = [
        subspace_distance(solve(S, G, 3, redundancy)[0].T, top.T) for redundancy in (1.0, 1e2, 1e4)
    ]
    assert distances[2] < 1e-2


@pytest.mark.parametrize("redundancy", [0.0, 0.01, 1.0, 10.0, 1e6])
@pytest.mark.parametrize("max_iter", [1, 3, 200])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_loss_is_never_above_that_of_the_start(redundancy, max_iter):
    S, G, *_ = moments()
    for start in (top_eigenvectors(S, G, 4), np.random.RandomState(0).randn(8, 4)):
        W, loss_curve, n_iter = solve(S, G, 4, redundancy, start, max_iter)
        reached = loss(W, S, G, redundancy)
        assert reached <= loss(start, S, G, redundancy) * (1 + 1e-9)
        assert loss_curve[-1] == pytest.approx(reached, rel=1e-6)
        assert n_iter == len(loss_curve) >= 1


def test_the_eigenvectors_are_left_although_they_are_stationary():
    S, G, *_ = moments()
    top = top_eigenvectors(S, G, 4)
    assert solve(S, G, 4, 0.1)[1][-1] < 0.9 * loss(top, S, G, 0.1)


@pytest.mark.parametrize("redundancy", [0.25, 1.0, 5.0])
@pytest.mark.parametrize("tol", [1e-6, 1e-12])
def test_the_columns_span_generalised_eigenvectors(redundancy, tol):
    """Whatever the tolerance, so that the last digits of the moments cannot move the map."""
    S, G, *_ = moments()
    top = top_eigenvectors(S, G, 4)
    W = solve(S, G, 4, redundancy, tol=tol)[0]
    assert subspace_distance(np.linalg.qr(W)[0].T, np.linalg.qr(top)[0].T) < 1e-10
    noisy = [A * (1 + 1e-15 * np.random.RandomState(0).randn(*A.shape)) for A in (S, G)]
    again = solve(*[(A + A.T) / 2 for A in noisy], 4, redundancy, tol=tol)[0]
    assert subspace_distance(np.linalg.qr(again)[0].T, np.linalg.qr(W)[0].T) < 1e-10


def test_the_scale_of_the_start_does_not_matter():
    S, G, *_ = moments()
    start = top_eigenvectors(S, G, 4)
    W = solve(S, G, 4, start=start)[0]
    scaled = solve(S, G, 4, start=start * [1, 1e-3, 50, 1e6])[0]
    assert_allclose(scaled, W, rtol=1e-6, atol=1e-8)


def test_the_units_of_the_data_do_not_matter():
    S, G, *_ = moments()
    T = np.diag(np.logspace(-1, 1, 8))
    start = top_eigenvectors(S, G, 4)
    one = solve(S, G, 4, start=start)
    other = solve(T @ S @ T, T @ G @ T, 4, start=np.linalg.solve(T, start))
    assert other[1][-1] == pytest.approx(one[1][-1], rel=1e-7)


def test_columns_have_unit_variance():
    S, G, *_ = moments()
    W = solve(S, G, 4)[0]
    assert_allclose(np.diag(W.T @ S @ W), 1, rtol=1e-10)


def test_the_largest_correlation_comes_first():
    """With one pass and no redundancy term every column climbs on its own, from where it was."""
    S, G, *_ = moments()
    start = np.random.RandomState(0).randn(8, 4)
    with pytest.warns(ConvergenceWarning):
        W = solve(S, G, 4, redundancy=0.0, start=start, max_iter=1)[0]
    correlations = np.diag(cross_correlation(W, S, G))
    assert (np.diff(correlations) < 0).all() and np.ptp(correlations) > 0.01


def test_directions_without_variance_change_nothing():
    S, G, *_ = moments()
    padded_S, padded_G = (np.pad(A, (0, 2)) for A in (S, G))
    W = solve(S, G, 3)[0]
    padded = solve(padded_S, padded_G, 3, start=np.pad(top_eigenvectors(S, G, 3), ((0, 2), (0, 0))))
    assert_allclose(padded[0][:8], W, atol=1e-7)
    assert_allclose(padded[0][8:], 0, atol=1e-12)


def test_two_fits_are_the_same():
    S, G, *_ = moments()
    assert_array_equal(solve(S, G, 4)[0], solve(S, G, 4)[0])


def test_more_outputs_than_features_are_possible():
    S, G, *_ = moments(d=3)
    W, loss_curve, _ = solve(S, G, 6, start=np.random.RandomState(0).randn(3, 6))
    assert W.shape == (3, 6) and np.isfinite(W).all()
    assert loss_curve[-1] < loss_curve[0]


def test_an_unfinished_search_says_so():
    S, G, *_ = moments()
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        solve(S, G, 4, max_iter=2)


def test_a_start_of_the_wrong_shape_is_refused():
    S, G, *_ = moments()
    with pytest.raises(ValueError, match=r"start must be finite and of shape \(8, 4\)"):
        solve(S, G, 4, start=np.ones((4, 8)))


def test_a_start_without_variance_is_refused():
    S, G, *_ = moments()
    start = top_eigenvectors(S, G, 4)
    start[:, 2] = 0
    with pytest.raises(ValueError, match="start has columns without variance"):
        solve(S, G, 4, start=start)
