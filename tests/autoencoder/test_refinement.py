"""The last epochs of least volume: what is trained, what it gives, and what it gives up."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from torch import nn

from sksubspace._torch.objectives import Standardize
from sksubspace.autoencoder import LeastVolumeAutoencoder
from sksubspace.autoencoder._least_volume._refinement import Refinement, n_first
from sksubspace.callbacks import LossMonitor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS = load_digits().data.astype(np.float32)
X, X_NEW = DIGITS[:900], DIGITS[900:]


def least(refine=True, **params):
    given = {"hidden_layer_sizes": (64,), "volume_weight": 0.03, "random_state": 0}
    given |= {"batch_size": 64, "max_iter": 40}
    return LeastVolumeAutoencoder(16, refine=refine, **given | params)


@pytest.fixture(scope="module")
def pair():
    return least(refine=False).fit(X), least().fit(X)


def r2_of_first(model, k):
    rows = model.inverse_transform(model.transform(X_NEW)[:, :k])
    total = np.square(X_NEW - X.mean(axis=0)).sum()
    return 1 - np.square(X_NEW - rows).sum() / total


def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("q", [1, 2, 24])
def test_the_number_of_first_coordinates_is_log_uniform(q):
    k = n_first(20_000, q, generator()).numpy()
    assert_array_equal(np.unique(k), np.arange(1, q + 1))
    shares = np.diff(np.log(np.arange(1, q + 2))) / np.log(q + 1)
    assert_allclose(np.bincount(k.astype(int))[1:] / 20_000, shares, atol=0.01)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_second_half_is_rebuilt_from_its_first_coordinates(n):
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(5, 3).double(), nn.Linear(3, 5).double()
    rows = torch.randn(n, 5, dtype=torch.float64) * 3 + 1
    standardize = Standardize(np.ones(5), 3.0).double()
    objective = Refinement(standardize, encoder, decoder, gain=0.5, generator=generator())
    k = n_first(n // 2, 3, generator()).numpy()
    with torch.no_grad():
        x = (rows - 1) / 3
        z = encoder(x)
        for row, first in zip(range(n - n // 2, n), k, strict=True):
            z[row, int(first) :] = 0
        expected = (0.5 * decoder(z) - x).square().mean()
        assert objective((rows,)).item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_first_dimensions_hold_more_and_all_no_less(pair):
    before, after = ([r2_of_first(model, k) for k in (2, 4, 16)] for model in pair)
    assert (np.subtract(after, before) > [0.005, 0.015, 0]).all()


def test_what_was_settled_before_stays(pair):
    plain, refined = pair
    assert plain.n_components_ == refined.n_components_ < 16
    for name in ("latent_std_", "loss_curve_", "validation_loss_curve_", "n_iter_"):
        assert_array_equal(getattr(refined, name), getattr(plain, name))
    assert plain.lipschitz_ == pytest.approx(1, abs=1e-5) and refined.lipschitz_ is None
    Z = refined.transform(X)
    assert (np.abs(Z.mean(axis=0)) < 0.5 * Z.std(axis=0)).all()
    shares = refined.explained_reconstruction_ratio_
    assert shares.sum() == pytest.approx(refined.score(X), abs=1e-6)


def test_a_refined_model_is_the_same_twice_and_in_files(pair, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    again = least().fit(X)
    stored = pickle.loads(pickle.dumps(again))
    skops_io.dump(again, tmp_path / "model.skops")
    (kind,) = skops_io.get_untrusted_types(file=tmp_path / "model.skops")
    loaded = skops_io.load(tmp_path / "model.skops", trusted=[kind])
    Z = pair[1].transform(X_NEW)
    for model in (again, stored, loaded):
        assert_array_equal(model.transform(X_NEW), Z)
        assert_array_equal(model.inverse_transform(Z[:, :3]), pair[1].inverse_transform(Z[:, :3]))
        assert model.lipschitz_ is None


def test_the_unit_of_the_rows_does_not_matter(pair):
    """But for a power of two, which changes no digit."""
    scaled = least().fit(1024 * X)
    Z = pair[1].transform(X_NEW)
    assert_allclose(scaled.transform(1024 * X_NEW), 1024 * Z, rtol=1e-4, atol=0.01 * np.ptp(Z))


def test_callbacks_see_the_training_and_not_the_refinement():
    monitor = LossMonitor()
    model = least(max_iter=3).set_callbacks(monitor).fit(X)
    assert [row["loss"] for row in monitor.get_logs()] == model.loss_curve_
    assert model.n_iter_ == 3


@pytest.mark.parametrize("params", [{"early_stopping": False}, {"min_score": 0.5}])
@pytest.mark.parametrize("rows", [np.zeros((9, 3)), np.c_[np.ones(9), np.arange(9.0)], X[:2]])
def test_hard_tables_stay_finite(rows, params):
    model = LeastVolumeAutoencoder(
        3, hidden_layer_sizes=(8,), max_iter=3, batch_size=2, random_state=0, **params
    ).fit(rows)
    back = model.inverse_transform(model.transform(rows))
    assert back.dtype == rows.dtype and np.isfinite(back).all()
    assert np.isfinite(model.explained_reconstruction_ratio_).all()


def test_mixed_precision_refines_too():
    exact, mixed = (least(max_iter=9, autocast=c).fit(X).score(X_NEW) for c in (False, True))
    assert mixed == pytest.approx(exact, abs=0.05)


def test_an_interrupted_fit_ends_with_the_same_bits(tmp_path, monkeypatch):
    from sksubspace.autoencoder._least_volume import _autoencoder

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    whole = least(max_iter=3).fit(X)
    with monkeypatch.context() as patch:
        patch.setattr(_autoencoder, "refine", killed)
        with pytest.raises(KeyboardInterrupt):
            least(max_iter=3, checkpoint=tmp_path).fit(X)
    resumed = least(max_iter=3, checkpoint=tmp_path).fit(X)
    assert_array_equal(resumed.transform(X_NEW), whole.transform(X_NEW))
