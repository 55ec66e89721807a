import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import Ridge

from sksubspace.encoding import _linear
from sksubspace.encoding._linear import fit_linear

SHAPES = {"more rows than features": (40, 12), "fewer rows than features": (20, 35)}


def problem(n, d, noise=1.0, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d) + rng.randn(d) * 3
    return X, X @ rng.randn(d, 2) / np.sqrt(d) + noise * rng.randn(n, 2)


def fit(X, Z):
    linear = fit_linear(X, Z)
    return linear.encoder, linear.Z_loo


def penalty_of(encoder, X, Z):
    """The penalty a that makes coef solve (Xc'Xc + aI) coef = Xc'Zc."""
    Xc, Zc = X - X.mean(0), Z - Z.mean(0)
    remainder = Xc.T @ Zc - Xc.T @ Xc @ encoder.coef
    return max((remainder * encoder.coef).sum() / np.square(encoder.coef).sum(), 1e-12)


def by_refits(X, Z, penalty):
    placed = np.empty(Z.shape)
    for i in range(len(X)):
        model = Ridge(alpha=penalty).fit(np.delete(X, i, 0), np.delete(Z, i, 0))
        placed[i] = model.predict(X[i : i + 1])[0]
    return placed


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_left_out_placement_is_that_of_a_refit(make, shape):
    X, Z = problem(*shape)
    encoder, placed = fit(make(X), Z)
    penalty = penalty_of(encoder, X, Z)
    assert_allclose(placed, by_refits(X, Z, penalty), rtol=1e-4, atol=1e-6)
    model = Ridge(alpha=penalty).fit(X, Z)
    assert_allclose(encoder(X), model.predict(X), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_influence_is_a_root_of_the_hat_matrix(shape):
    X, Z = problem(*shape)
    linear = fit_linear(X, Z)
    hat = linear.influence @ linear.influence.T + 1 / len(X)
    assert_allclose(hat @ Z, linear.encoder(X), atol=1e-8)
    residual = Z - hat @ Z
    assert_allclose(Z - linear.Z_loo, residual / (1 - np.diag(hat))[:, None], rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_penalty_is_the_one_with_the_least_left_out_error(shape):
    X, Z = problem(*shape)
    encoder, placed = fit(X, Z)
    penalty = penalty_of(encoder, X, Z)
    error = np.square(placed - Z).sum()
    for factor in (0.1, 10):
        assert np.square(by_refits(X, Z, penalty * factor) - Z).sum() >= error * (1 - 1e-6)


def test_noise_over_more_features_than_rows_is_not_explained():
    rng = np.random.RandomState(0)
    X, Z = rng.randn(20, 35), rng.randn(20, 2)
    _, placed = fit(X, Z)
    assert np.square(placed - Z).sum() > 0.7 * np.square(Z - Z.mean(0)).sum()


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_a_row_with_a_feature_of_its_own(make):
    """Its leverage is one, and the others say nothing of that feature."""
    X, Z = problem(40, 4)
    own = np.zeros((40, 1))
    own[7] = 5
    Z[7] += 10
    _, placed = fit(make(np.hstack([X, own])), Z)
    others = np.arange(40) != 7
    expected = Ridge(alpha=1e-8).fit(X[others], Z[others]).predict(X[7:8])
    assert_allclose(placed[7:8], expected, atol=1)


@pytest.mark.parametrize("shape", [(200, 8), (2, 1), (3, 1)], ids=str)
def test_a_linear_map_is_found(shape):
    X, Z = problem(*shape, noise=0)
    encoder, _ = fit(X, Z)
    assert_allclose(encoder(X), Z, atol=1e-6 * np.abs(Z).max())


def test_left_out_error_of_a_linear_map_is_nil():
    X, Z = problem(60, 8, noise=0)
    _, placed = fit(X, Z)
    assert_allclose(placed, Z, atol=1e-6)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_the_iterative_way_agrees(make, monkeypatch):
    X, Z = problem(100, 8, noise=0.1)
    closed, placed = fit(X, Z)
    monkeypatch.setattr(_linear, "_MAX_GRAM", 5)
    iterative, halves = fit(make(X), Z)
    assert_allclose(iterative.coef, closed.coef, atol=5e-3)
    assert_allclose(iterative(X), closed(X), atol=0.02)
    assert halves.shape == Z.shape
    assert np.square(halves - Z).mean() == pytest.approx(np.square(placed - Z).mean(), rel=0.5)


@pytest.mark.parametrize("q", [1, 3])
def test_the_iterative_way_keeps_shapes(monkeypatch, q):
    X, _ = problem(50, 8)
    monkeypatch.setattr(_linear, "_MAX_GRAM", 5)
    encoder, placed = fit(X, X[:, :q])
    assert (encoder.coef.shape, encoder.intercept.shape, placed.shape) == ((8, q), (q,), (50, q))
    assert encoder(X).shape == (50, q)


def test_constant_and_repeated_columns():
    X, Z = problem(50, 4, noise=0.01)
    wide = np.column_stack([X, np.full(50, 3.0), X[:, 0]])
    encoder, placed = fit(wide, Z)
    assert_allclose(encoder(wide), fit(X, Z)[0](X), atol=0.01)
    assert np.isfinite(placed).all()


def test_data_that_say_nothing_are_placed_at_the_mean_of_the_others():
    Z = np.random.RandomState(0).randn(30, 2)
    encoder, placed = fit(np.ones((30, 3)), Z)
    assert_allclose(encoder(np.ones((2, 3))), [Z.mean(0)] * 2)
    assert_allclose(placed, (30 * Z.mean(0) - Z) / 29)


def test_blocks_change_nothing(monkeypatch):
    X, Z = problem(50, 6)
    encoder, placed = fit(X, Z)
    monkeypatch.setattr(_linear, "_CHUNK", 7)
    blocked, blocked_placed = fit(X, Z)
    assert_allclose(blocked.coef, encoder.coef, rtol=1e-9)
    assert_allclose(blocked_placed, placed, rtol=1e-9)


def test_changing_a_target_does_not_move_its_own_left_out_placement():
    X, Z = problem(40, 5)
    _, before = fit(X, Z)
    Z[7] += 0.01
    _, after = fit(X, Z)
    assert_allclose(after[7], before[7], atol=1e-9)
    assert np.abs(after[8] - before[8]).max() > 1e-7
