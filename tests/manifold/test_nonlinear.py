"""Encoders of plain arrays against direct solutions, kernels and torch."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace._torch.random import seeded_module
from sksubspace.manifold import _map
from sksubspace.manifold._map import (
    encode,
    encode_blocks,
    features,
    followed_by,
    fourier_encoder,
    layers_encoder,
    unit_rows,
)
from sksubspace.manifold._twin import twin_encoder


@pytest.fixture(autouse=True)
def few_frequencies(monkeypatch):
    monkeypatch.setattr(_map, "_N_FREQUENCIES", 40)


def problem(n=70, r=5, q=3, seed=0):
    rng = np.random.RandomState(seed)
    Z = rng.randn(n, r) * np.arange(r, 0, -1)
    return Z, np.sin(Z[:, :q]) + 2


def fitted(Z, target, metric="cosine", seed=0):
    return fourier_encoder(Z, target, metric, np.random.RandomState(seed))


def test_rows_of_length_one():
    Z = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -1e-100]])
    assert_array_equal(unit_rows(Z), [[0.6, 0.8], [0, 0], [0, -1]])
    assert unit_rows(Z.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_features_are_the_rows_and_waves_of_them(metric):
    Z, target = problem()
    encoder = fitted(Z, target, metric)
    scale = np.linalg.norm(Z, axis=1)[:, None]
    if metric == "euclidean":
        scale = np.sqrt(np.square(Z).sum(axis=1).mean())
    U = Z / scale
    phase = U @ encoder["frequencies"]
    assert encoder["frequencies"].shape == (5, 40)
    assert_allclose(features(encoder, Z), np.hstack([U, np.cos(phase), np.sin(phase)]), atol=1e-12)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("n", [2, 70, 79, 80, 200])
def test_ridge_is_the_direct_solution(metric, n):
    Z, target = problem(n)
    encoder = fitted(Z, target, metric)
    F = features(encoder, Z)
    F0, y0 = F - F.mean(axis=0), target - target.mean(axis=0)
    rows = np.vstack([F0, np.sqrt(0.03 * 40) * np.eye(F.shape[1])])
    right = np.vstack([y0, np.zeros((F.shape[1], 3))])
    coef = np.linalg.lstsq(rows, right, rcond=None)[0]
    assert_allclose(encoder["coef"], coef, atol=1e-10)
    expected = F0 @ coef + target.mean(axis=0)
    assert_allclose(encode(encoder, Z), expected, atol=1e-10)


def test_blocks_of_rows_change_nothing(monkeypatch):
    Z, target = problem(n=90)
    whole = fitted(Z, target)
    monkeypatch.setattr(_map.row_blocks, "__defaults__", (16, None))
    parts = fitted(Z, target)
    assert_allclose(parts["coef"], whole["coef"], atol=1e-12)
    assert_allclose(encode_blocks(parts, Z), encode(whole, Z), atol=1e-12)


def test_waves_approximate_the_gaussian_kernel(monkeypatch):
    monkeypatch.setattr(_map, "_N_FREQUENCIES", 4000)
    Z, _ = problem(n=8)
    encoder = {"kind": "fourier", "spread": 0.0}
    encoder["frequencies"] = np.random.RandomState(0).standard_normal((5, 4000))
    waves = features(encoder, Z)[:, 5:]
    U = unit_rows(Z)
    kernel = np.exp(-np.square(U[:, None] - U[None]).sum(axis=2) / 2)
    assert_allclose(waves @ waves.T / 4000, kernel, atol=0.06)


def test_only_so_many_rows_are_fitted(monkeypatch):
    Z, target = problem()
    monkeypatch.setattr(_map, "_MOST_ROWS", 30)
    rng = np.random.RandomState(0)
    rng.standard_normal((5, 40))
    drawn = np.sort(rng.choice(70, 30, replace=False))
    some = fitted(Z, target)
    assert_allclose(some["coef"], fitted(Z[drawn], target[drawn])["coef"], atol=1e-12)


def test_the_scale_of_a_row_is_nothing_to_cosine_and_that_of_all_to_euclidean():
    Z, target = problem()
    lengths = np.exp(np.random.RandomState(1).randn(70, 1))
    encoder = fitted(Z, target)
    assert_allclose(encode(encoder, lengths * Z), encode(encoder, Z), atol=1e-10)
    small, large = fitted(Z, target, "euclidean"), fitted(1e6 * Z, target, "euclidean")
    assert_allclose(encode(large, 1e6 * Z), encode(small, Z), atol=1e-9)
    assert np.abs(encode(small, lengths * Z) - encode(small, Z)).max() > 0.1


def test_a_zero_row_has_an_output():
    encoder = fitted(*problem())
    waves = np.r_[np.zeros(5), np.ones(40), np.zeros(40)]
    expected = waves @ encoder["coef"] + encoder["intercept"]
    assert_allclose(encode(encoder, np.zeros((1, 5)))[0], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "hidden"), [("linear", ()), ("mlp", ()), ("mlp", (7,)), ("mlp", (9, 4))]
)
def test_arrays_do_what_the_network_does(kind, hidden):
    generator = torch.Generator().manual_seed(0)
    module = seeded_module(lambda: twin_encoder(5, kind, hidden, 3), generator)
    Z, _ = problem()
    with torch.no_grad():
        expected = module(torch.tensor(Z / 2.5, dtype=torch.float32)).numpy()
    encoder = layers_encoder(module, 2.5)
    assert_allclose(encode_blocks(encoder, Z), expected, rtol=1e-5, atol=1e-6)
    assert encode(encoder, Z.astype(np.float32)).dtype == np.float64
    assert all(not isinstance(value, torch.Tensor) for value in encoder.values())
    again = pickle.loads(pickle.dumps(encoder))
    assert_array_equal(encode(again, Z), encode(encoder, Z))


@pytest.mark.parametrize("kind", ["fourier", "network"])
def test_a_linear_map_behind_an_encoder(kind):
    Z, target = problem()
    if kind == "fourier":
        encoder = fitted(Z, target)
    else:
        encoder = layers_encoder(twin_encoder(5, "mlp", (6,), 3), 1.0)
    rng = np.random.RandomState(0)
    matrix, mean = rng.randn(3, 2), rng.randn(3)
    expected = (encode(encoder, Z) - mean) @ matrix
    twice = followed_by(followed_by(encoder, matrix, mean), 2 * np.eye(2), np.ones(2))
    assert_allclose(encode(followed_by(encoder, matrix, mean), Z), expected, atol=1e-10)
    assert_allclose(encode(twice, Z), 2 * (expected - 1), atol=1e-10)
