"""The denoising score against Gaussians, whose denoiser is known, and finite differences."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.decomposition._score._denoiser import (
    DenoiserScore,
    hidden,
    jacobians,
    mean_jacobian,
    wiener_filter,
)
from sksubspace.metrics import subspace_distance


def gaussian(n=3000, seed=0):
    return np.random.RandomState(seed).randn(n, 3) @ np.diag([2.0, 1.0, 0.5]) + [1, 2, 3]


def small_network(d=3, width=7, seed=0):
    rng = np.random.RandomState(seed)
    shapes = {"0": (width, d), "2": (width, width), "4": (d, width)}
    weights = {f"{i}.weight": rng.randn(*shape) for i, shape in shapes.items()}
    return weights | {f"{i}.bias": rng.randn(shape[0]) for i, shape in shapes.items()}


def differences(function, X, step=1e-6):  # (n, d) -> (n, d, d)
    columns = []
    for direction in np.eye(X.shape[1]):
        change = function(X + step * direction) - function(X - step * direction)
        columns.append(change / (2 * step))
    return np.stack(columns, axis=2)


@pytest.fixture(scope="module")
def model():
    return DenoiserScore(random_state=0, max_iter=10).fit(gaussian())


def test_the_wiener_filter_is_the_linear_regression_on_noisy_rows():
    S = np.cov(gaussian().T)
    expected = S @ np.linalg.inv(S + 0.49 * np.eye(3))
    assert_allclose(wiener_filter(S, 0.7), expected, atol=1e-12)


def test_the_score_of_a_gaussian_is_that_of_the_gaussian_with_noise(model):
    X = gaussian(500, seed=1)
    covariance = np.cov(gaussian().T, bias=True) + (0.5 * model.spread_) ** 2 * np.eye(3)
    expected = (X - model.mean_) @ np.linalg.inv(covariance)
    error = np.square(model.score_function(X) - expected).mean()
    assert error < 0.02 * np.square(expected).mean()


def test_units_scale_the_score():
    X = gaussian(200)
    one, ten = (DenoiserScore(random_state=0, max_iter=3).fit(c * X) for c in (1.0, 10.0))
    assert_allclose(ten.score_function(10 * X), one.score_function(X) / 10, rtol=1e-3, atol=1e-4)


def test_jacobians_are_derivatives(model):
    network, X = small_network(), np.random.RandomState(1).randn(6, 3)
    expected = differences(lambda rows: hidden(network, rows)[-1], X)
    assert_allclose(jacobians(network, X), expected, atol=1e-6)
    X = gaussian(5)
    numeric = differences(model.score_function, X)
    numeric = (numeric + numeric.transpose(0, 2, 1)) / 2
    assert_allclose(model.score_jacobian(X), numeric, atol=1e-6)


def test_the_mean_jacobian_is_the_mean_of_jacobians():
    network, X = small_network(), np.random.RandomState(1).randn(40, 3)
    assert_allclose(mean_jacobian(network, X), jacobians(network, X).mean(axis=0), atol=1e-12)


def test_terms_are_the_second_order_of_the_score(model):
    X = gaussian(4)
    (term,) = model.terms(X)
    T = term.weight[:, None, None] * term.rows[:, :, None] * term.rows[:, None, :]
    T = T - term.trace[:, None, None] * term.precision
    S = model.score_function(X)
    expected = S[:, :, None] * S[:, None, :] - model.score_jacobian(X)
    assert_allclose(T, expected, atol=1e-12)


def test_held_out_rows_score_by_score_matching(model):
    new = gaussian(50, seed=1)
    traces = np.trace(model.score_jacobian(new), axis1=1, axis2=2)
    squares = np.square(model.score_function(new)).sum(axis=1)
    assert model.score(new) == pytest.approx((traces - squares / 2).mean())


def test_the_mean_jacobian_is_tweedies_covariance():
    """For two points at -a and a, Cov(x | noisy x) is known along them and zero across."""
    rng = np.random.RandomState(0)
    X = np.c_[rng.choice([-1.0, 1.0], 1500), np.zeros(1500)]
    model = DenoiserScore(noise=0.7, max_iter=80, random_state=0).fit(X)
    sigma = 0.7 * model.spread_
    noisy = X[:, 0] + sigma * rng.randn(1500)
    expected = np.mean(1 - np.tanh(noisy / sigma**2) ** 2) / sigma**2
    assert_allclose(model.mean_jacobian_, [[expected, 0], [0, 0]], atol=0.05)


def test_what_a_gaussian_denoiser_removes_last_comes_first(model):
    vectors = np.linalg.eigh(model.mean_jacobian_)[1]
    assert subspace_distance(vectors[:, -1:].T, np.eye(3)[:1]) < 0.1


def test_rows_do_not_depend_on_their_batch(model):
    X = gaussian(300)
    S = model.score_function(X)
    for i in range(0, 300, 41):
        assert_array_equal(model.score_function(X[i : i + 1]), S[i : i + 1])


def test_rows_of_weight_zero_are_not_seen():
    X, weights = gaussian(60), np.r_[np.ones(40), np.zeros(20)]
    X[40:] += 100
    weighted = DenoiserScore(random_state=0, max_iter=2).fit(X, sample_weight=weights)
    alone = DenoiserScore(random_state=0, max_iter=2).fit(X[:40])
    assert_array_equal(weighted.score_function(X), alone.score_function(X))


def test_weights_are_those_of_the_loss():
    X = np.r_[np.full((200, 1), -1.0), np.full((200, 1), 1.0)]
    weights = np.repeat([3.0, 1.0], 200)
    model = DenoiserScore(random_state=0, max_iter=30).fit(X, sample_weight=weights)
    assert_allclose(model.mean_, -0.5)
    # at 0 the denoiser is the weighted mean of the two points, so that the score is positive
    assert model.score_function([[0.0]])[0, 0] > 0


def test_the_jacobian_is_pickled_and_epochs_are_counted():
    model = DenoiserScore(random_state=3, max_iter=2).fit(gaussian(100))
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.mean_jacobian_, model.mean_jacobian_)
    assert model.n_iter_ == len(model.loss_curve_) == 2


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="The 'noise' parameter"):
        DenoiserScore(noise=0.0).fit(gaussian(10))
    with pytest.raises(ValueError, match="device"):
        DenoiserScore(device="nowhere").fit(gaussian(10))
