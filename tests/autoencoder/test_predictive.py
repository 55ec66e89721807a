"""PredictiveSparseCoding: the energy, the codes, and what the fit stands."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import sparse_encode
from sklearn.exceptions import ConvergenceWarning

from sksubspace.autoencoder import PredictiveSparseCoding
from sksubspace.autoencoder._sparse._energy import (
    PredictiveEnergy,
    TanhEncoder,
    lasso_codes,
    soft_threshold,
)
from sksubspace.callbacks import LossMonitor

X = load_digits().data[:300]
X_new = load_digits().data[300:337]


def make(n_components=24, **params):
    return PredictiveSparseCoding(n_components, **{"max_iter": 10, "random_state": 0} | params)


@pytest.fixture(scope="module")
def fitted():
    return make(max_iter=60, batch_size=32).fit(X)


@pytest.fixture(scope="module")
def exact(fitted):
    return pickle.loads(pickle.dumps(fitted)).set_params(transform_algorithm="fista")


def test_shrink_is_the_soft_threshold():
    assert_array_equal(soft_threshold(np.array([-3.0, -1, 0.5, 2]), 1.0), [-2, 0, 0, 1])


def random_energy(alpha=0.7, weight=0.4):
    rng = np.random.RandomState(1)
    atoms, encoder, gain = rng.randn(6, 5), rng.randn(6, 5), rng.rand(6)
    layer = TanhEncoder(encoder)
    layer.gain.data = torch.from_numpy(gain)
    energy = PredictiveEnergy(np.zeros(5), 1.0, atoms, layer, alpha=alpha, weight=weight).double()
    D = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    rows = rng.randn(3, 5)
    return energy, D, rows, gain * np.tanh(rows @ encoder.T)


def energy_of(z, D, x, predicted, alpha=0.7, weight=0.4):
    left = np.square(x - z @ D).sum() + weight * np.square(z - predicted).sum()
    return left + alpha * np.abs(z).sum()


def test_codes_have_the_least_energy():
    """Against coordinate descent, written out."""
    energy, D, rows, predicted = random_energy()
    Z = energy.codes(*(torch.from_numpy(a) for a in (rows, D, predicted))).numpy()
    for x, p, z in zip(rows, predicted, Z, strict=True):
        best = p.copy()
        for _ in range(2000):
            for j in range(6):
                rest = x - best @ D + best[j] * D[j]
                pull = D[j] @ rest + 0.4 * p[j]
                best[j] = soft_threshold(pull, 0.35) / (1 + 0.4)
        assert_allclose(energy_of(z, D, x, p), energy_of(best, D, x, p), rtol=1e-3)


def test_the_loss_is_the_least_energy_and_its_gradient_that_of_fixed_codes():
    energy, D, rows, predicted = random_energy()
    loss = energy((torch.from_numpy(rows),))
    Z = energy.codes(*(torch.from_numpy(a) for a in (rows, D, predicted))).numpy()
    expected = np.mean([energy_of(z, D, x, p) for z, x, p in zip(Z, rows, predicted, strict=True)])
    assert_allclose(loss.item(), expected / 5, rtol=1e-12)
    loss.backward()
    gain = energy.encoder.gain.detach().numpy()
    by_hand = (-2 * 0.4 * (Z - predicted) * predicted / gain).mean(axis=0) / 5
    assert_allclose(energy.encoder.gain.grad.numpy(), by_hand, rtol=1e-10)


def test_lasso_codes_satisfy_the_optimality_conditions():
    rng = np.random.RandomState(0)
    D, rows = rng.randn(20, 8), rng.randn(30, 8)
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    Z, solved = lasso_codes(rows, D, rng.randn(30, 20), 0.3, 5000, 1e-8)
    assert solved.all()
    pull = (rows - Z @ D) @ D.T
    assert np.abs(pull).max() <= 0.3 * (1 + 1e-7)
    active = Z != 0
    assert 0 < active.mean() < 0.8
    assert_allclose(pull[active], 0.3 * np.sign(Z[active]), rtol=1e-7)


def test_fista_is_sparse_encode(exact):
    alpha = exact.alpha * exact.scale_ / 2
    expected = sparse_encode(
        X_new - exact.mean_, exact.components_, algorithm="lasso_lars", alpha=alpha
    )
    assert_allclose(exact.transform(X_new), expected, atol=2e-2)
    assert 0.2 < (expected == 0).mean() < 0.95


def test_the_encoder_predicts_the_codes(fitted, exact):
    found, solved = fitted.transform(X_new), exact.transform(X_new)
    linear = (X_new - X.mean(axis=0)) @ fitted.encoder_components_.T + fitted.encoder_intercept_
    assert_allclose(found, fitted.encoder_gain_ * np.tanh(linear), atol=1e-10)
    correlation = np.corrcoef(found.ravel(), solved.ravel())[0, 1]
    untrained = make(max_iter=1, learning_rate=1e-9).fit(X)
    start = untrained.transform(X_new)
    begun = untrained.set_params(transform_algorithm="fista").transform(X_new)
    assert correlation > 0.7
    assert correlation > 0.1 + np.corrcoef(start.ravel(), begun.ravel())[0, 1]


@pytest.mark.parametrize("algorithm", ["encoder", "fista"])
def test_score_is_the_r2_of_the_codes(fitted, algorithm):
    model = pickle.loads(pickle.dumps(fitted)).set_params(transform_algorithm=algorithm)
    back = model.transform(X_new) @ model.components_ + X.mean(axis=0)
    assert_allclose(model.inverse_transform(model.transform(X_new)), back)
    left = np.square(X_new - back).sum()
    assert_allclose(model.score(X_new), 1 - left / np.square(X_new - X.mean(axis=0)).sum())
    assert_allclose(np.linalg.norm(model.components_, axis=1), 1)


def test_results_follow_the_units_of_the_data(fitted):
    scaled = make(max_iter=60, batch_size=32).fit(1000 * X + 5)
    assert_allclose(scaled.components_, fitted.components_, atol=1e-6)
    assert_allclose(scaled.transform(1000 * X_new + 5), 1000 * fitted.transform(X_new), atol=1e-3)
    assert_allclose(scaled.score(1000 * X_new + 5), fitted.score(X_new))


def test_a_larger_alpha_gives_sparser_codes():
    shares = [
        (make(alpha=alpha, transform_algorithm="fista").fit(X).transform(X_new) == 0).mean()
        for alpha in (0.5, 1.0, 4.0)
    ]
    assert shares[0] < shares[1] < shares[2]


def test_rows_do_not_depend_on_their_batch(fitted, exact):
    single = make().fit(X.astype(np.float32))
    for model, new in ((fitted, X_new), (exact, X_new), (single, X_new.astype(np.float32))):
        Z = model.transform(new)
        back = model.inverse_transform(Z)
        assert Z.dtype == back.dtype == new.dtype
        for i in (0, 17, 36):
            assert_array_equal(model.transform(new[i : i + 1]), Z[i : i + 1])
            assert_array_equal(model.inverse_transform(Z[i : i + 1]), back[i : i + 1])
        assert_array_equal(model.transform(np.tile(new, (8, 1)))[-37:], Z)


def test_same_seed_same_bits_and_a_second_fit_forgets_the_first(fitted):
    again = make(max_iter=60, batch_size=32).fit(X[:50, :20]).fit(X)
    assert vars(again).keys() == vars(fitted).keys()
    assert_array_equal(again.transform(X_new), fitted.transform(X_new))


def test_pickles_and_frames(fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(copy.transform(X_new), fitted.transform(X_new))
    pytest.importorskip("pandas")
    frame = make().set_output(transform="pandas").fit(X).transform(X_new)
    assert frame.shape == (37, 24) and frame.columns[0] == "predictivesparsecoding0"


def test_too_few_steps_are_a_warning(fitted):
    short = pickle.loads(pickle.dumps(fitted))
    short.set_params(transform_algorithm="fista", transform_max_iter=1)
    with pytest.warns(ConvergenceWarning, match="transform_max_iter=1 .* of 37 of 37 rows"):
        short.transform(X_new)


def test_constant_rows_and_more_atoms_than_rows_stay_finite():
    for rows in (np.ones((5, 4)), X[:7]):
        model = make().fit(rows)
        assert np.isfinite(model.transform(rows)).all()
        model.set_params(transform_algorithm="fista")
        assert np.isfinite(model.transform(rows)).all()


def test_every_epoch_is_shown_to_callbacks():
    monitor = LossMonitor()
    model = make().set_callbacks(monitor).fit(X)
    assert [row["loss"] for row in monitor.get_logs()] == model.loss_curve_
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_checkpoints_and_early_stopping(tmp_path):
    plain, kept = make().fit(X), make(checkpoint=tmp_path).fit(X)
    assert_array_equal(plain.components_, kept.components_)
    held = make(early_stopping=True, n_iter_no_change=2, tol=10.0).fit(X)
    assert held.n_iter_ == len(held.validation_loss_curve_) < 10


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alpha": 0.0}, "'alpha' parameter"),
        ({"prediction_weight": -1.0}, "'prediction_weight' parameter"),
        ({"transform_algorithm": "omp"}, "'transform_algorithm' parameter"),
        ({"max_iter": "all"}, "'max_iter' parameter"),
    ],
)
def test_errors_name_what_is_allowed(params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X)
