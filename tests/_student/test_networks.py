import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from torch import nn

from sksubspace.distillation._network import (
    encoder_module,
    fit_autoencoder,
    fit_joint,
    fit_network,
)
from sksubspace._student._scaling import FeatureScale
from tests._student.toy import blobs, curve, make_trainer


def network(X, Z, noise=0.0, widths=(32,), **params):
    trainer = make_trainer(X.dtype, **params)
    scale = FeatureScale.of(X, "global")
    module = trainer.build(lambda: encoder_module(scale, widths, Z.shape[1]))
    return fit_network(X, Z, module, scale, noise, trainer)


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
