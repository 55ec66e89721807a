from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.linear_model import Ridge

from sksubspace.decoding import _ridge, fit_fourier_ridge
from sksubspace.decoding._ridge import fourier_features, matern_frequencies


def swiss(n, noise=0.1, seed=0):
    """A map of two coordinates, where the encoder would put its rows, and data of five features."""
    rng = np.random.RandomState(seed)
    Z = rng.uniform(-1.5, 1.5, size=(n, 2))
    Z_loo = Z + 0.1 * rng.randn(n, 2)
    X = np.column_stack([np.sin(2 * Z), np.cos(3 * Z[:, :1]), Z.prod(1), Z[:, 0]])
    return Z, Z_loo, X + noise * rng.randn(n, 5)


def fit(Z, Z_loo, X, seed=0, **params):
    return fit_fourier_ridge(Z, Z_loo, X, random_state=np.random.RandomState(seed), **params)


def ridge(Z, X, decoder):
    """The ridge regression of a decoder by another solver, on other rows."""
    model = Ridge(alpha=decoder.penalty, solver="svd")
    return model.fit(fourier_features(Z, decoder.frequencies), X)


def left_out_errors(Z, Z_loo, X, decoder):
    """Squared errors at the positions left out, of a ridge fitted without the row."""
    there = fourier_features(Z_loo, decoder.frequencies)
    errors = np.empty(X.shape)
    for i in range(len(Z)):
        model = ridge(np.delete(Z, i, axis=0), np.delete(X, i, axis=0), decoder)
        errors[i] = np.square(X[i] - model.predict(there[i : i + 1])[0])
    return errors


@pytest.fixture
def few_features(monkeypatch):
    monkeypatch.setattr(_ridge, "_N_FREQUENCIES", 12)


@pytest.mark.parametrize("n", [20, 60], ids=["fewer rows than features", "more rows"])
@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_left_out_error_is_that_of_a_refit(few_features, n, noise):
    Z, Z_loo, X = swiss(n, noise)
    decoder, errors = fit(Z, Z_loo, X)
    assert decoder.coef.shape == (26, 5)
    assert_allclose(errors, left_out_errors(Z, Z_loo, X, decoder).sum(1), rtol=1e-5)


@pytest.mark.parametrize("n", [2, 3, 30])
def test_left_out_error_of_a_map_that_says_nothing(few_features, n):
    """The mean is all there is then, and it must not know the row."""
    rng = np.random.RandomState(0)
    Z, X = rng.randn(n, 2), rng.randn(n, 4)
    decoder, errors = fit(Z, Z, X)
    assert_allclose(errors, left_out_errors(Z, Z, X, decoder).sum(1), rtol=1e-5)


def test_errors_of_some_rows_are_those_among_all(few_features, monkeypatch):
    monkeypatch.setattr(_ridge, "_choose", lambda *args: (8.0, 0.1))
    monkeypatch.setattr(_ridge, "_CHUNK", 7)
    Z, Z_loo, X = swiss(60)
    rows = np.array([3, 59, 0, *range(20, 41)])
    whole, errors = fit(Z, Z_loo, X)
    same, some = fit(Z, Z_loo[rows], X, rows=rows)
    assert_allclose(some, errors[rows])
    assert_array_equal(same.coef, whole.coef)


def test_choosing_for_some_rows_looks_at_these_alone(few_features, monkeypatch):
    seen = []
    monkeypatch.setattr(_ridge, "_SELECTION_ROWS", 10)
    original = _ridge._best_penalty

    def spy(Z, Z_loo, *args):
        seen.append((Z, Z_loo))
        return original(Z, Z_loo, *args)

    monkeypatch.setattr(_ridge, "_best_penalty", spy)
    Z, _, X = swiss(60)
    rows = np.arange(30, 60)
    fit(Z, Z[rows] + 5, X, rows=rows)
    assert len(seen[0][0]) == 10
    assert_allclose(seen[0][1], seen[0][0] + 5)


def test_the_decoder_is_the_ridge_solution(few_features):
    Z, Z_loo, X = swiss(60)
    decoder, _ = fit(Z, Z_loo, X)
    model = ridge(Z, X, decoder)
    assert_allclose(decoder.predict(Z), model.predict(fourier_features(Z, decoder.frequencies)))
    assert_allclose(decoder.coef, model.coef_.T, atol=1e-8)
    assert_allclose(decoder.intercept, model.intercept_, atol=1e-8)


def test_scale_and_penalty_have_the_least_left_out_error(few_features):
    """Among the candidates a climb over the scales looks at, none is better than the chosen one."""
    Z, Z_loo, X = swiss(50)
    decoder, errors = fit(Z, Z_loo, X)
    unit = decoder.frequencies / decoder.scale
    for penalty in _ridge._PENALTIES:
        for scale in (decoder.scale / 2, decoder.scale, decoder.scale * 2):
            rival = replace(decoder, frequencies=scale * unit, penalty=penalty)
            total = left_out_errors(Z, Z_loo, X, rival).sum()
            assert total >= errors.sum() * (1 - 1e-9)


def test_an_encoder_that_is_off_asks_for_a_smoother_decoder():
    """Leave-one-out at the given positions, not at z_i itself, decides."""
    rng = np.random.RandomState(0)
    Z, _, X = swiss(150, noise=0.05)
    near, _ = fit(Z, Z, X)
    far, errors = fit(Z, Z + 0.7 * rng.randn(150, 2), X)
    assert near.predict(Z).var() > 1.5 * far.predict(Z).var()
    assert errors.sum() < 1.1 * np.square(X - X.mean(0)).sum()


def test_both_paths_agree(few_features):
    """Through the rows or through the features, the eigenvalues are the same."""
    Z, _, _ = swiss(20)
    features = fourier_features(Z, matern_frequencies(2, 12, np.random.RandomState(0)))
    eigenvalues, vectors = _ridge._from_rows(features - features.mean(0))
    from_features = np.linalg.eigvalsh(20 * np.cov(features.T, bias=True))
    assert_allclose(eigenvalues[::-1], from_features[::-1][: len(eigenvalues)], rtol=1e-6)
    assert_allclose(vectors.T @ vectors, np.eye(len(eigenvalues)), atol=1e-6)


def test_frequencies_are_those_of_a_matern_kernel():
    """E cos(b (z - z')) = (1 + sqrt(3) r) exp(-sqrt(3) r), the Matern-3/2 kernel."""
    B = matern_frequencies(2, 200_000, np.random.RandomState(0))
    for r in (0.2, 0.7, 1.5):
        expected = (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)
        assert np.cos(B.T @ [r, 0]).mean() == pytest.approx(expected, abs=0.01)
        assert np.cos(B.sum(0) * r / np.sqrt(2)).mean() == pytest.approx(expected, abs=0.01)
    assert stats.kstest(B[0], stats.t(3).cdf).pvalue > 0.01


def test_features():
    Z, B = np.array([[1.0, 2.0]]), np.array([[0.5], [0.25]])
    assert_allclose(fourier_features(Z, B), [[1, 2, np.cos(1), np.sin(1)]])
    assert fourier_features(Z.astype(np.float32), B).dtype == np.float64


def test_it_recovers_a_smooth_map(monkeypatch):
    monkeypatch.setattr(_ridge, "_N_FREQUENCIES", 100)
    Z, _, X = swiss(300, noise=0)
    decoder, errors = fit(Z, Z, X)
    Z_new, _, X_new = swiss(200, noise=0, seed=1)
    assert 1 - np.square(X_new - decoder.predict(Z_new)).sum() / (X_new.var(0).sum() * 200) > 0.999
    assert errors.sum() < 0.001 * np.square(X - X.mean(0)).sum()


def test_sparse_target_gives_the_dense_result():
    Z, Z_loo, X = swiss(80)
    X[np.abs(X) < 0.4] = 0
    dense, errors = fit(Z, Z_loo, X)
    same, sparse_errors = fit(Z, Z_loo, sparse.csr_matrix(X))
    assert_allclose(same.coef, dense.coef, atol=1e-9)
    assert_allclose(sparse_errors, errors, rtol=1e-9)


def test_weights_weigh_the_squared_errors(few_features):
    Z, Z_loo, X = swiss(30)
    weights = np.array([1.0, 0, 10, 0.5, 2])
    decoder, weighted = fit(Z, Z_loo, X, feature_weights=weights)
    assert_allclose(weighted, left_out_errors(Z, Z_loo, X, decoder) @ weights, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_of_the_target_is_kept(dtype):
    Z, Z_loo, X = swiss(40)
    decoder, errors = fit(Z, Z_loo, X.astype(dtype))
    assert decoder.coef.dtype == decoder.intercept.dtype == decoder.predict(Z).dtype == dtype
    assert errors.dtype == np.float64


def test_float32_target_gives_the_float64_decoder_to_single_precision():
    Z, Z_loo, X = swiss(60)
    double, single = (fit(Z, Z_loo, X.astype(dtype))[0] for dtype in (np.float64, np.float32))
    assert_allclose(single.predict(Z), double.predict(Z), atol=1e-4)


def test_the_seed_decides_everything():
    data = swiss(40)
    first, second, other = (fit(*data, seed)[0].coef for seed in (0, 0, 1))
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_blocks_change_nothing(few_features, monkeypatch):
    Z, Z_loo, X = swiss(50)
    whole, errors = fit(Z, Z_loo, X)
    monkeypatch.setattr(_ridge, "_CHUNK", 7)
    blocked, blocked_errors = fit(Z, Z_loo, X)
    assert_allclose(blocked.predict(Z), whole.predict(Z), rtol=1e-9)
    assert_allclose(blocked_errors, errors, rtol=1e-7)


def test_choosing_on_a_part_of_the_rows_still_fits_all_of_them(few_features, monkeypatch):
    Z, Z_loo, X = swiss(90)
    monkeypatch.setattr(_ridge, "_SELECTION_ROWS", 30)
    decoder, errors = fit(Z, Z_loo, X)
    assert len(errors) == 90
    assert_allclose(errors, left_out_errors(Z, Z_loo, X, decoder).sum(1), rtol=1e-5)


def test_choosing_on_leading_components_hardly_differs(monkeypatch):
    """Above 48 features the choice is made on principal scores."""
    rng = np.random.RandomState(0)
    Z, Z_loo, X = swiss(120)
    wide = X @ rng.randn(5, 60) + 0.05 * rng.randn(120, 60)
    _, errors = fit(Z, Z_loo, wide)
    monkeypatch.setattr(_ridge, "_SELECTION_TARGETS", 1000)
    _, full_errors = fit(Z, Z_loo, wide)
    assert errors.sum() == pytest.approx(full_errors.sum(), rel=0.05)


@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 2, 3), (5, 1, 1), (4, 3, 60)])
def test_small_shapes(shape):
    n, q, d = shape
    rng = np.random.RandomState(0)
    Z, X = rng.randn(n, q), rng.randn(n, d)
    decoder, errors = fit(Z, Z, X)
    assert decoder.predict(Z[:1]).shape == (1, d)
    assert np.isfinite(decoder.predict(Z)).all() and np.isfinite(errors).all()


def test_constant_target_is_reproduced():
    Z, Z_loo, _ = swiss(30)
    decoder, errors = fit(Z, Z_loo, np.full((30, 3), 7.0))
    assert_allclose(decoder.predict(Z), 7)
    assert_allclose(errors, 0, atol=1e-12)
