"""The closed form against its own equations, least squares and raw pairs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from sksubspace.manifold._pairs import graph_sums, moments, output_correlation
from sksubspace.manifold._smoothing import (
    describe,
    map_within,
    neighbor_correlations,
    shrink_to_identity,
    smoother,
    smoothing_map,
)

DEFAULTS = {"smoothing": 1.5, "metric_power": 0.25, "shrinkage": 0.1}
PLAIN = {"smoothing": 1.0, "metric_power": 0.5, "shrinkage": 0.0}


def ring(n=40, d=6, seed=0):
    """Rows whose first features vary slowly around a ring of neighbours, and the ring's graph."""
    rng = np.random.RandomState(seed)
    angles = 2 * np.pi * np.arange(n) / n
    slow = np.column_stack([f(m * angles) for m in (1, 2, 3) for f in (np.cos, np.sin)])[:, :d]
    X = (slow * 0.7 ** np.arange(d) + 0.2 * rng.randn(n, d)) @ rng.randn(d, d) + 3
    return X, sparse.csr_matrix(np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1))


def pair_moments(X, W):
    return moments(graph_sums(X, W, np.zeros(X.shape[1])))


X, W = ring()
MEAN, S, G = pair_moments(X, W)


def orthogonal(d, seed=0):
    return np.linalg.qr(np.random.RandomState(seed).randn(d, d))[0]


def test_correlations_solve_the_generalised_eigenproblem():
    rho, V = neighbor_correlations(S, G)
    assert np.abs(G @ V - S @ V * rho).max() < 1e-8
    assert_allclose(V.T @ S @ V, np.eye(6), atol=1e-10)
    assert (np.diff(rho) <= 0).all() and rho[0] <= 1


@pytest.mark.parametrize("q", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("t", [0.0, 0.5, 1.0, 3.0])
def test_the_smoother_is_its_formula(q, t):
    values, U = np.linalg.eigh(S)
    inverse_root, power = (U * values**-0.5) @ U.T, (U * values**q) @ U.T
    rho, V = np.linalg.eigh(inverse_root @ G @ inverse_root)
    expected = inverse_root @ (V * np.maximum(rho, 0) ** t) @ V.T @ power
    assert_allclose(smoother(S, G, smoothing=t, metric_power=q), expected, atol=1e-10)


def test_it_regresses_the_mean_of_the_neighbours_on_the_row():
    neighbor_means = (W @ X) / W.sum(axis=1).A1.reshape(-1, 1)
    centred = X - X.mean(axis=0)
    coef = np.linalg.lstsq(centred, neighbor_means - X.mean(axis=0), rcond=None)[0]
    assert (neighbor_correlations(S, G)[0] > 0).all(), "nothing is clipped"
    assert_allclose(smoother(S, G, smoothing=1, metric_power=0.5), coef, atol=1e-10)


def test_smoothing_twice_is_smoothing_by_two():
    once, twice = (smoother(S, G, smoothing=t, metric_power=0.5) for t in (1, 2))
    assert_allclose(once @ once, twice, atol=1e-10)


def test_without_damping_and_metric_rows_are_whitened():
    found = smoothing_map(S, G, 6, smoothing=0, metric_power=0, shrinkage=0)
    assert_allclose(found.components @ S @ found.components.T, np.eye(6), atol=1e-10)


def test_without_damping_and_with_the_metric_the_map_is_pca():
    S_only = smoothing_map(S, S, 6, smoothing=1, metric_power=0.5, shrinkage=0)
    assert_allclose(S_only.explained_variance, np.linalg.eigvalsh(S)[::-1], rtol=1e-8)
    assert_allclose(S_only.components @ S_only.components.T, np.eye(6), atol=1e-8)
    assert_allclose(S_only.correlation, np.ones(6), rtol=1e-10)


def test_without_a_positive_correlation_nothing_is_damped():
    found = smoothing_map(S, -S / 5, 6, **PLAIN)
    assert_allclose(found.explained_variance, np.linalg.eigvalsh(S)[::-1], rtol=1e-8)
    assert_allclose(found.correlation, np.full(6, -0.2), rtol=1e-10)


@pytest.mark.parametrize("parameters", [DEFAULTS, PLAIN])
def test_variances_and_correlations_are_those_of_the_outputs(parameters):
    found = smoothing_map(S, G, 4, **parameters)
    Z = (X - MEAN) @ found.components.T
    # each row of the ring is in as many pairs as any other
    assert_allclose(np.cov(Z.T, bias=True), np.diag(found.explained_variance), atol=1e-10)
    assert (np.diff(found.explained_variance) < 0).all()
    assert_allclose(found.correlation, output_correlation(Z, W), rtol=1e-8)


def test_the_first_of_many_components_are_those_of_few():
    many, few = (smoothing_map(S, G, q, **DEFAULTS) for q in (5, 2))
    assert_allclose(many.components[:2], few.components, rtol=1e-8, atol=1e-10)
    assert_allclose(many.explained_variance[:2], few.explained_variance, rtol=1e-10)


@pytest.mark.parametrize("parameters", [DEFAULTS, PLAIN])
@pytest.mark.parametrize("n_leading", [None, 4])
def test_a_rotation_of_the_features_rotates_the_map(parameters, n_leading):
    Q = orthogonal(6)
    plain = smoothing_map(S, G, 4, n_leading=n_leading, **parameters).components
    turned = smoothing_map(Q.T @ S @ Q, Q.T @ G @ Q, 4, n_leading=n_leading, **parameters)
    signs = np.sign((turned.components @ Q.T * plain).sum(axis=1))
    assert_allclose(signs[:, None] * turned.components @ Q.T, plain, atol=1e-8)


def test_a_scale_of_the_rows_only_scales_the_outputs():
    plain, large = (smoothing_map(c * S, c * G, 4, **DEFAULTS) for c in (1, 1e8))
    ratio = 1e4 ** (2 * DEFAULTS["metric_power"])
    assert_allclose(large.explained_variance, plain.explained_variance * ratio**2, rtol=1e-8)


def test_leading_directions_are_those_of_the_rows():
    found = smoothing_map(S, G, 6, n_leading=3, **DEFAULTS)
    leading = np.linalg.eigh(S)[1][:, :-4:-1]
    assert found.components.shape == (3, 6)
    assert_allclose(found.components @ leading @ leading.T, found.components, atol=1e-10)
    inside = smoothing_map(leading.T @ S @ leading, leading.T @ G @ leading, 3, **DEFAULTS)
    assert_allclose(inside.explained_variance, found.explained_variance, rtol=1e-8)


def test_directions_without_variance_are_left_out():
    A = np.vstack([np.eye(6), np.zeros((2, 6)), np.eye(6)[:1]])
    found = smoothing_map(A @ S @ A.T, A @ G @ A.T, 9, **DEFAULTS)
    assert found.components.shape == (6, 9) and np.isfinite(found.components).all()
    assert_allclose(found.components[:, 6:8], 0, atol=1e-12)


def test_rows_projected_on_a_span():
    span = np.random.RandomState(1).randn(6, 3) * [1e3, 1, 1e-1]
    Q = np.linalg.qr(span)[0]
    found = map_within(span, S, G, **DEFAULTS)
    inside = smoothing_map(Q.T @ S @ Q, Q.T @ G @ Q, 3, **DEFAULTS)
    assert_allclose(found.components @ Q @ Q.T, found.components, atol=1e-10)
    assert_allclose(found.explained_variance, inside.explained_variance, rtol=1e-8)
    assert_allclose(np.abs(found.components), np.abs(inside.components @ Q.T), atol=1e-8)


def test_the_whole_span_is_the_closed_form():
    whole, plain = map_within(np.eye(6), S, G, **DEFAULTS), smoothing_map(S, G, 6, **DEFAULTS)
    assert_allclose(whole.components, plain.components, atol=1e-8)


def test_shrinking_keeps_the_trace():
    assert_allclose(shrink_to_identity(S, 0), S)
    assert_allclose(shrink_to_identity(S, 1), np.trace(S) / 6 * np.eye(6))
    assert_allclose(np.trace(shrink_to_identity(S, 0.3)), np.trace(S))
    assert_allclose(shrink_to_identity(S, 0.3)[0, 1], 0.7 * S[0, 1])


def test_any_map_can_be_described():
    B = np.random.RandomState(2).randn(2, 6)
    found = describe(B, S, G)
    Z = (X - MEAN) @ B.T
    assert_allclose(found.explained_variance, Z.var(axis=0), rtol=1e-10)
    assert_allclose(found.correlation, output_correlation(Z, W), rtol=1e-10)
