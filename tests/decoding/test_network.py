import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from torch import nn

from sksubspace._torch.trainer import Trainer
from sksubspace.decoding import fit_network_decoder
from sksubspace.decoding._network import decoder_module


def rings(n=300, seed=0):
    """Wavy data over the plane, centred away from zero and in large units."""
    Z = np.random.RandomState(seed).uniform(-1.5, 1.5, size=(n, 2))
    return Z, 50 + 20 * np.column_stack([np.sin(3 * Z), np.cos(3 * Z), Z[:, :1]])


def make_trainer(dtype=np.float64, seed=0, **params):
    params = {"learning_rate": 2e-3, "batch_size": 64, "max_iter": 30, **params}
    random_state = np.random.RandomState(seed)
    return Trainer(
        device=torch.device("cpu"), dtype=np.dtype(dtype), random_state=random_state, **params
    )


def fit(Z, X, module=None, **params):
    trainer = make_trainer(X.dtype, **params)
    if module is None:
        module = trainer.build(lambda: decoder_module(2, (64,), 5))
    mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
    return fit_network_decoder(Z, X, module, mean=mean, spread=20.0, trainer=trainer)


def test_it_learns_a_wavy_map():
    Z, X = rings()
    decoder, log = fit(Z, X)
    Z_new, X_new = rings(seed=1)
    error = np.square(X_new - decoder.predict(Z_new)).sum()
    assert 1 - error / np.square(X_new - X.mean(0)).sum() > 0.97
    assert log.loss_curve[-1] < 0.1 * log.loss_curve[0]
    assert len(log.loss_curve) == 30


def test_first_layer_is_fourier_features_of_random_frequencies():
    module = make_trainer().build(lambda: decoder_module(2, (64,), 5))
    assert module(torch.zeros(7, 2, dtype=torch.float64)).shape == (7, 5)
    frequencies = module.state_dict()["0.frequencies"]
    assert frequencies.shape == (2, 64)
    assert frequencies.std() == pytest.approx(3, rel=0.2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_of_the_target_is_kept(dtype):
    Z, X = rings(50)
    decoder, _ = fit(Z, X.astype(dtype), max_iter=2)
    assert decoder.predict(Z).dtype == dtype
    assert next(decoder.module.parameters()).dtype == getattr(torch, np.dtype(dtype).name)


def test_sparse_target_gives_the_dense_result():
    Z, X = rings(80)
    dense, _ = fit(Z, X, max_iter=3)
    same, _ = fit(Z, sparse.csr_matrix(X), max_iter=3)
    assert_allclose(same.predict(Z), dense.predict(Z), rtol=1e-9)


def test_the_seed_decides_everything():
    Z, X = rings(60)
    first, second, other = (fit(Z, X, max_iter=2, seed=seed)[0].predict(Z) for seed in (0, 0, 1))
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_module_of_the_user_is_trained_in_standardised_units():
    Z = np.random.RandomState(0).randn(400, 2)
    X = 50 + 20 * Z @ [[1.0, 0.5], [0, -1]]
    module = nn.Linear(2, 2, dtype=torch.float64)
    with torch.no_grad():
        module.weight.zero_(), module.bias.zero_()
    decoder, _ = fit(Z, X, module, max_iter=150, learning_rate=0.05)
    assert_allclose(decoder.module.weight.detach().numpy().T, [[1, 0.5], [0, -1]], atol=0.01)
    assert_allclose(decoder.predict(Z), X, atol=1)
