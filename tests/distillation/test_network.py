import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from torch import nn

from sksubspace.distillation._network import (
    correct,
    encoder_module,
    fit_autoencoder,
    fit_joint,
    fit_network,
    interpolate,
    loo_correction,
)
from sksubspace.distillation._scaling import FeatureScale
from sksubspace.neighbors import k_nearest
from tests.distillation.toy import blobs, curve, make_trainer


def network(X, Z, noise=0.0, widths=(32,), **params):
    trainer = make_trainer(X.dtype, **params)
    scale = FeatureScale.of(X, "global")
    module = trainer.build(lambda: encoder_module(scale, widths, Z.shape[1]))
    return fit_network(X, Z, module, scale, noise, trainer)


def half(X):
    """An encoder that is wrong everywhere."""
    return 0.5 * X[:, :2]


def test_interpolation_is_the_inverse_square_distance_mean():
    values = np.array([[1.0], [2.0], [4.0]])
    squared, neighbors = np.array([[1.0, 4.0], [2.0, 2.0]]), np.array([[0, 1], [1, 2]])
    assert_allclose(interpolate(squared, neighbors, values), [[(1 + 2 / 4) / 1.25], [3]])


def test_rows_at_distance_zero_decide_alone():
    values = np.array([[1.0], [2.0], [6.0]])
    squared = np.array([[0.0, 1e-9, 1.0], [0.0, 0.0, 1.0]])
    assert_array_equal(interpolate(squared, np.array([[0, 1, 2]] * 2), values), [[1], [1.5]])


def test_correction_makes_any_encoder_exact_and_fades_between():
    X, Z = curve(60)
    corrected = correct(half, X, Z)
    assert_allclose(corrected(X), Z, atol=1e-12)
    queries = curve(10, seed=1)[0]
    squared, near = k_nearest(queries, X, 3)
    weights = (1 / squared) / (1 / squared).sum(1, keepdims=True)
    expected = half(queries) + np.einsum("nk,nkq->nq", weights, (Z - half(X))[near])
    assert_allclose(corrected(queries), expected)


def test_left_out_correction_is_what_the_other_rows_give():
    X, Z = curve(30)
    residuals = Z - half(X)
    added = loo_correction(*k_nearest(X, X, 9, exclude_self=True), residuals)
    for i in range(30):
        others = np.arange(30) != i
        corrected = correct(half, X[others], Z[others])
        assert_allclose(added[i], (corrected(X[i : i + 1]) - half(X[i : i + 1]))[0])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_correction_with_few_rows(n):
    X, Z = curve(n)
    corrected = correct(half, X, Z)
    assert_allclose(corrected(X), Z)
    assert np.isfinite(corrected(X + 1)).all()


def test_correction_of_sparse_rows():
    X, Z = curve(30)
    X[np.abs(X) < 0.5] = 0
    dense = correct(half, X, Z)
    rows = sparse.csr_matrix(X)
    same = correct(lambda rows: half(rows.toarray()), rows, Z)
    queries = curve(10, seed=1)[0]
    assert_allclose(same(sparse.csr_matrix(queries)), dense(queries))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_network_learns_the_map(dtype):
    X, Z = curve(300)
    encoder, log = network(X.astype(dtype), Z, max_iter=60)
    X_new, Z_new = curve(100, seed=1)
    assert np.abs(encoder(X_new.astype(dtype)) - Z_new).mean() < 0.1
    assert log.loss_curve[-1] < 0.3 * log.loss_curve[0]
    assert next(encoder.module.parameters()).dtype == getattr(torch, np.dtype(dtype).name)


def test_huber_puts_torn_rows_at_the_median_not_between():
    """One row in ten is far away: squared error would move the others a tenth of the way."""
    X = np.random.RandomState(0).randn(400, 2) * 1e-3
    Z = np.where(np.arange(400)[:, None] % 10 == 0, 5.0, 0.0)
    encoder, _ = network(X, Z, max_iter=60, learning_rate=0.01)
    assert np.abs(np.median(encoder(X))) < 0.1


def test_noise_is_in_units_of_the_spread():
    """It blurs the map by the same amount whatever the unit of the data."""
    X, Z = curve(120)
    (plain, _), (scaled, _) = (network(unit * X, Z, noise=0.5) for unit in (1, 1024))
    assert_allclose(scaled(1024 * X), plain(X), atol=1e-6)
    assert not np.allclose(network(X, Z, noise=0.0)[0](X), plain(X))


def test_the_module_standardises_first():
    X, _ = blobs()
    scale = FeatureScale.of(X, "global")
    first = make_trainer().build(lambda: encoder_module(scale, (8,), 2))[0]
    standardised = first(torch.tensor(X)).detach().numpy()
    assert_allclose(standardised, (X - X.mean(0)) / np.sqrt(X.var(0).mean()))


def joint_problem(n=200):
    X, Z = curve(n)
    scale = FeatureScale.of(X, "global")
    return X, Z, scale, nn.Linear(5, 2).double(), nn.Linear(2, 5).double()


def joint_loss(X, Z, scale, encoder, decoder, weight):
    rows = torch.tensor(X)
    target = (rows - torch.tensor(scale.mean)) / scale.spread
    placed = encoder(rows)
    reconstruction = (decoder(placed) - target).square().mean()
    return (reconstruction + weight * (placed - torch.tensor(Z)).square().mean()).item()


def test_joint_loss_is_the_penalty_of_the_paper():
    X, Z, scale, encoder, decoder = joint_problem()
    expected = joint_loss(X, Z, scale, encoder, decoder, 7.0)
    trainer = make_trainer(max_iter=1, learning_rate=1e-12, batch_size=50)
    log = fit_joint(X, Z, encoder, decoder, scale, 7.0, trainer)
    assert log.loss_curve[0] == pytest.approx(expected, rel=1e-6)


def test_a_heavy_penalty_follows_the_teacher_and_none_follows_the_data():
    errors = []
    for weight in (1000.0, 0.0):
        X, Z, scale, encoder, decoder = joint_problem()
        trainer = make_trainer(max_iter=150, learning_rate=0.02)
        fit_joint(X, Z, encoder, decoder, scale, weight, trainer)
        errors.append(joint_loss(X, Z, scale, encoder, decoder, 1.0))
        errors.append(joint_loss(X, Z, scale, encoder, decoder, 0.0))
    follows, reconstructs_less, strays, reconstructs_more = errors
    assert follows < strays and reconstructs_more < reconstructs_less


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_autoencoder_reconstructs_what_a_plane_cannot(make):
    X, _ = curve(300, noise=0.01)
    scale = FeatureScale.of(X, "global")
    reconstruct = fit_autoencoder(make(X), scale, (32, 32), 2, make_trainer(max_iter=80))
    X_new, _ = curve(100, seed=1, noise=0.01)
    error = np.square(reconstruct(make(X_new)) - X_new).sum()
    centred = X - X.mean(0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    new = X_new - X.mean(0)
    assert error < 0.8 * np.square(new - new @ directions.T @ directions).sum()
