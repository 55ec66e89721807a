import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from torch import nn

from sksubspace._student._networks import (
    NetworkDecoder,
    NetworkEncoder,
    fit_jointly,
    student_decoder,
    student_encoder,
)
from sksubspace._student._part import Setting
from sksubspace._student._plain_autoencoder import fit_autoencoder
from sksubspace._student._scaling import FeatureScale
from tests._student.toy import blobs, curve, make_trainer

SMALL = {"hidden_layer_sizes": (32,), "exact": False}


def setting_of(X, **params):
    scale = FeatureScale.of(X, "global")
    return Setting(scale, np.arange(X.shape[0]), trainer=make_trainer(X.dtype, **params))


def place(X, Z, input_noise=0.0, module=None, **params):
    encoder = NetworkEncoder(module, input_noise=input_noise, **SMALL)
    return encoder.fit(X, Z, setting=setting_of(X, **params))


def decode(Z, X, module=None, **params):
    params = {"max_iter": 30, **params}
    return NetworkDecoder(module, (64,)).fit(Z, Z, X, None, setting_of(X, **params))


def rings(n=300, seed=0):
    """Wavy data over the plane, centred away from zero and in large units."""
    Z = np.random.RandomState(seed).uniform(-1.5, 1.5, size=(n, 2))
    return Z, 50 + 20 * np.column_stack([np.sin(3 * Z), np.cos(3 * Z), Z[:, :1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_encoder_learns_the_map(dtype):
    X, Z = curve(300)
    encoder = place(X.astype(dtype), Z, max_iter=60)
    X_new, Z_new = curve(100, seed=1)
    assert np.abs(encoder.predict(X_new.astype(dtype)) - Z_new).mean() < 0.1
    assert encoder.loss_curve_[-1] < 0.3 * encoder.loss_curve_[0]
    weights = next(encoder.network_.module.parameters())
    assert weights.dtype == getattr(torch, np.dtype(dtype).name)


def test_huber_puts_torn_rows_at_the_median_not_between():
    """One row in ten is far away: squared error would move the others a tenth of the way."""
    X = np.random.RandomState(0).randn(400, 2) * 1e-3
    Z = np.where(np.arange(400)[:, None] % 10 == 0, 5.0, 0.0)
    encoder = place(X, Z, max_iter=60, learning_rate=0.01)
    assert np.abs(np.median(encoder.predict(X))) < 0.1


def test_noise_is_in_units_of_the_spread():
    """It blurs the map by the same amount whatever the unit of the data."""
    X, Z = curve(120)
    plain, scaled = (place(unit * X, Z, 0.5) for unit in (1, 1024))
    assert_allclose(scaled.predict(1024 * X), plain.predict(X), atol=1e-6)
    assert not np.allclose(place(X, Z).predict(X), plain.predict(X))


def test_the_module_standardises_first():
    X, _ = blobs()
    scale = FeatureScale.of(X, "global")
    module = make_trainer().build(lambda: student_encoder(None, scale.mean, scale.spread, (8,), 2))
    standardised = module[0](torch.tensor(X)).detach().numpy()
    assert_allclose(standardised, (X - X.mean(0)) / np.sqrt(X.var(0).mean()))


def test_exact_or_bare():
    X, Z = curve(80)
    bare = place(X, Z)
    exact = NetworkEncoder(None, (32,), 0.0).fit(X, Z, setting=setting_of(X))
    assert bare.rows_ is None and bare.residuals_ is None
    assert_allclose(exact.predict(X), Z, atol=1e-12)
    assert_allclose(exact.residuals_, Z - bare.predict(X))


def test_a_network_has_no_leave_one_out_form():
    assert not hasattr(NetworkEncoder(), "left_out")
    assert not hasattr(NetworkDecoder(), "left_out")


def test_parts_stand_alone_without_a_student():
    X, Z = curve(60)
    encoder = NetworkEncoder(hidden_layer_sizes=(8,)).fit(X, Z)
    assert_allclose(encoder.predict(X), Z, atol=1e-6)
    assert NetworkDecoder(hidden_layer_sizes=(8,)).fit(Z, Z, X, None).predict(Z).shape == X.shape


def test_the_decoder_learns_a_wavy_map():
    Z, X = rings()
    decoder = decode(Z, X)
    Z_new, X_new = rings(seed=1)
    error = np.square(X_new - decoder.predict(Z_new)).sum()
    assert 1 - error / np.square(X_new - X.mean(0)).sum() > 0.97
    assert decoder.loss_curve_[-1] < 0.1 * decoder.loss_curve_[0]
    assert len(decoder.loss_curve_) == 30


def test_first_layer_is_fourier_features_of_random_frequencies():
    module = make_trainer().build(lambda: student_decoder(None, (64,), 2, 5))
    assert module(torch.zeros(7, 2, dtype=torch.float64)).shape == (7, 5)
    frequencies = module.state_dict()["0.frequencies"]
    assert frequencies.shape == (2, 64)
    assert frequencies.std() == pytest.approx(3, rel=0.2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_of_the_target_is_kept(dtype):
    Z, X = rings(50)
    decoder = decode(Z, X.astype(dtype), max_iter=2)
    assert decoder.predict(Z).dtype == dtype
    weights = next(decoder.network_.module.parameters())
    assert weights.dtype == getattr(torch, np.dtype(dtype).name)


def test_sparse_target_gives_the_dense_result():
    Z, X = rings(80)
    dense, same = (decode(Z, data, max_iter=3) for data in (X, sparse.csr_matrix(X)))
    assert_allclose(same.predict(Z), dense.predict(Z), rtol=1e-9)


def test_the_seed_decides_everything():
    Z, X = rings(60)
    first, second, other = (decode(Z, X, max_iter=2, seed=seed).predict(Z) for seed in (0, 0, 1))
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_module_of_the_user_is_trained_in_standardised_units():
    Z = np.random.RandomState(0).randn(400, 2)
    X = 50 + 20 * Z @ [[1.0, 0.5], [0, -1]]
    module = nn.Linear(2, 2, dtype=torch.float64)
    with torch.no_grad():
        module.weight.zero_(), module.bias.zero_()
    decoder = decode(Z, X, module, max_iter=150, learning_rate=0.05)
    spread = np.sqrt(X.var(0).mean())
    found = decoder.network_.module.weight.detach().numpy().T
    assert_allclose(found, np.array([[20, 10], [0, -20]]) / spread, atol=0.02)
    assert_allclose(decoder.predict(Z), X, atol=1)
    assert not module.weight.any()


def joint_problem(n=200):
    X, Z = curve(n)
    return X, Z, nn.Linear(5, 2).double(), nn.Linear(2, 5).double()


def joint_loss(X, Z, placed, decoded, weight):
    scale = FeatureScale.of(X, "global")
    reconstruction = np.square((decoded - X) / scale.spread).mean()
    return reconstruction + weight * np.square(placed - Z).mean()


def fitted_jointly(X, Z, f, g, weight, **params):
    encoder, decoder = NetworkEncoder(f, exact=False), NetworkDecoder(g)
    fit_jointly(encoder, decoder, X, Z, weight, setting_of(X, **params))
    return encoder, decoder


def test_joint_loss_is_the_penalty_of_the_paper():
    X, Z, f, g = joint_problem()
    encoder, decoder = fitted_jointly(
        X, Z, f, g, 7.0, max_iter=1, learning_rate=1e-12, batch_size=50
    )
    placed = encoder.predict(X)
    expected = joint_loss(X, Z, placed, decoder.predict(placed), 7.0)
    assert encoder.loss_curve_ == decoder.loss_curve_
    assert encoder.loss_curve_[0] == pytest.approx(expected, rel=1e-6)


def test_a_heavy_penalty_follows_the_teacher_and_none_follows_the_data():
    errors = []
    for weight in (1000.0, 0.0):
        X, Z, f, g = joint_problem()
        encoder, decoder = fitted_jointly(X, Z, f, g, weight, max_iter=150, learning_rate=0.02)
        placed = encoder.predict(X)
        decoded = decoder.predict(placed)
        errors += [joint_loss(X, Z, placed, decoded, weight) for weight in (1.0, 0.0)]
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
