import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from sksubspace import MEDAL
from tests import instances
from tests._student.toy import Torn, curve, radius
from tests.distillation.toy import FirstColumns, Fixed

pytestmark = [
    pytest.mark.filterwarnings("ignore:calibration='loo' needs"),
    pytest.mark.filterwarnings("ignore:A precomputed embedding"),
]

QUICK = {"max_iter": 3, "random_state": 0}
EXACT = {
    "median": {"encoder": "median"},
    "local": {"encoder": "local"},
    "linear": {"encoder": "linear"},
    "mlp": {"encoder": "mlp", "hidden_layer_sizes": (8,)},
    "mlp-mlp": {"encoder": "mlp", "decoder": "mlp", "hidden_layer_sizes": (8,)},
    "joint": {"strategy": "joint", "hidden_layer_sizes": (8,)},
}


def precomputed(X, Z, **params):
    return MEDAL("precomputed", **{**QUICK, **params}).fit(X, embedding=Z)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("params", EXACT.values(), ids=EXACT)
def test_training_rows_are_placed_where_the_teacher_put_them(params, dtype):
    X, _ = curve(150)
    Z = np.random.RandomState(0).randn(150, 2) * 7 + 100  # no encoder could learn this
    medal = precomputed(X.astype(dtype), Z, **params)
    placed = medal.transform(X.astype(dtype))
    assert np.abs(placed - medal.embedding_).max() <= 1e-4 * radius(medal.embedding_)
    held = [] if medal.calibration_ == "loo" else medal.calibration_indices_
    assert_allclose(np.delete(medal.embedding_, held, 0), np.delete(Z, held, 0), rtol=1e-6)
    assert medal.n_conflicts_ == 0


@pytest.mark.parametrize("params", EXACT.values(), ids=EXACT)
@pytest.mark.parametrize("offset", [1e5, 1e8])
def test_training_rows_are_exact_far_from_the_origin(params, offset):
    X, _ = curve(100)
    Z = np.random.RandomState(0).randn(100, 2)
    medal = precomputed(X + offset, Z, **params)
    placed = medal.transform(X + offset)
    assert np.abs(placed - medal.embedding_).max() <= 1e-4 * radius(medal.embedding_)


@pytest.mark.parametrize("encoder", ["linear", "mlp"])
def test_a_bare_encoder_keeps_no_training_rows(encoder):
    X, _ = curve(500)
    Z = np.random.RandomState(0).randn(500, 2)
    exact, bare = (
        precomputed(X, Z, encoder=encoder, exact=exact, hidden_layer_sizes=(8,))
        for exact in ("local", None)
    )
    assert np.abs(bare.transform(X) - bare.embedding_).max() > 0.1 * radius(Z)
    n_fitted = 500 - len(bare.calibration_indices_) * (bare.calibration_ == "holdout")
    saved = len(pickle.dumps(exact)) - len(pickle.dumps(bare))
    assert saved > X[:n_fitted].nbytes


def test_embedding_is_the_teachers():
    X, _ = curve()
    medal = MEDAL(PCA(2), **QUICK).fit(X)
    assert_allclose(medal.embedding_, PCA(2).fit_transform(X), atol=1e-12)
    assert medal.n_components_ == 2
    assert medal.get_feature_names_out().tolist() == ["medal0", "medal1"]


def test_auto_follows_the_teacher_not_the_reconstruction():
    X, _ = curve(200)
    assert MEDAL(PCA(2), **QUICK).fit(X).encoder_name_ == "linear"
    torn = MEDAL(Torn(), random_state=0).fit(X)
    assert torn.encoder_name_ == "median"
    assert set(torn.encoder_scores_) == {"linear", "median"}
    assert torn.encoder_scores_["median"] > torn.encoder_scores_["linear"]
    assert torn.decoder_name_ == "ridge"


def test_a_good_map_scores_high_and_leave_one_out_knows_it():
    X, Z = curve(300)
    X_new, _ = curve(300, seed=1)
    medal = precomputed(X, Z, max_iter="auto")
    assert medal.score(X_new) > 0.9
    assert medal.loo_score_ == pytest.approx(medal.score(X_new), abs=0.06)


def test_a_permuted_map_scores_nothing_and_leave_one_out_knows_it():
    X, Z = curve(300)
    medal = precomputed(X, np.random.RandomState(0).permutation(Z), encoder="local")
    assert medal.score(curve(300, seed=1)[0]) < 0.02
    assert medal.loo_score_ < 0.02


@pytest.mark.parametrize("encoder", ["linear", "median", "local"])
def test_leave_one_out_is_not_fooled_by_more_features_than_rows(encoder):
    """Any map of 40 noise rows in 100 dimensions can be interpolated; none says anything."""
    rng = np.random.RandomState(0)
    medal = precomputed(rng.randn(40, 100), rng.randn(40, 2), encoder=encoder)
    assert medal.loo_score_ < 0.1
    assert medal.encoder_scores_[encoder] < 0.3


def test_leave_one_out_attributes():
    X, Z = curve(80)
    medal = precomputed(X, Z)
    total = np.square(X - X.mean(0)).sum()
    assert medal.loo_score_ == pytest.approx(1 - 5 * medal.loo_distortion_.sum() / total)
    assert_array_equal(medal.calibration_scores_, medal.loo_distortion_)
    assert_array_equal(medal.calibration_indices_, np.arange(80))
    # an honest error is larger than the training error
    assert medal.loo_distortion_.mean() > medal.distortion(X).mean()


@pytest.mark.parametrize("calibration", ["loo", "holdout"])
def test_rows_without_coordinates_are_left_out(calibration):
    X, Z = curve(100)
    Z = Z.copy()
    Z[[3, 50]] = np.nan
    Z[70, 1] = np.nan
    with pytest.warns(UserWarning, match="3 of .* rows have NaN coordinates"):
        medal = precomputed(
            X, Z, encoder="local", calibration=calibration, validation_fraction=0.01
        )
    if calibration == "loo":
        assert np.isnan(medal.embedding_[[3, 50, 70]]).all()
        assert np.isnan(medal.loo_distortion_[[3, 50, 70]]).all()
        assert len(medal.calibration_scores_) == 97
    assert np.isfinite(medal.transform(X)).all()
    assert np.isfinite(medal.calibration_scores_).all()
    # the fit is that on the other rows
    others = ~np.isnan(Z).any(axis=1)
    if calibration == "loo":
        rest = precomputed(X[others], Z[others], encoder="local")
        assert_allclose(medal.transform(X), rest.transform(X))


@pytest.mark.parametrize("encoder", ["local", "linear", "median"])
def test_equal_rows_share_their_mean(encoder):
    X, Z = curve(40)
    moved = Z[:5] + np.array([[1.0, 0]] * 4 + [[0, 0]])
    X, Z = np.vstack([X, X[:5]]), np.vstack([Z, moved])
    with pytest.warns(UserWarning, match="10 of 45 rows are equal or nearly equal"):
        medal = precomputed(X, Z, encoder=encoder)
    assert medal.n_copies_ == 10
    assert medal.n_conflicts_ == 8
    assert_allclose(medal.embedding_[40:44], Z[:4] + np.array([0.5, 0]), atol=1e-9)
    assert_allclose(medal.embedding_[:4], medal.embedding_[40:44], atol=1e-12)
    assert_allclose(medal.embedding_[44], Z[4], atol=1e-9)
    assert_allclose(medal.transform(X), medal.embedding_, atol=1e-6)


def test_held_out_rows_are_seen_by_nobody():
    X, _ = curve(100)
    medal = MEDAL(FirstColumns(), encoder="local", calibration="holdout", **QUICK).fit(X)
    spied = MEDAL(Fixed(X[:90, :2]), encoder="local", calibration="holdout", **QUICK).fit(X)
    held = medal.calibration_indices_
    assert len(held) == 10 and len(spied.teacher_.seen_X_) == 90
    assert_array_equal(spied.teacher_.seen_X_, np.delete(X, held, axis=0))
    assert_array_equal(medal.embedding_[held], medal.transform(X[held]))
    assert_allclose(np.delete(medal.embedding_, held, 0), np.delete(X[:, :2], held, 0))
    assert_array_equal(medal.calibration_scores_, medal.distortion(X[held]))
    moved = X.copy()
    moved[held] += 100
    again = MEDAL(FirstColumns(), encoder="local", calibration="holdout", **QUICK).fit(moved)
    assert_array_equal(again.transform(X), medal.transform(X))
    assert_array_equal(again.reconstruct(X), medal.reconstruct(X))


def test_who_splits_depends_on_the_seed():
    X, _ = curve(100)
    first, second, other = (
        MEDAL(PCA(2), calibration="holdout", random_state=seed).fit(X).calibration_indices_
        for seed in (0, 0, 1)
    )
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_random_state_instance_is_used_as_it_is():
    X, _ = curve(60)
    first = MEDAL(PCA(2), encoder="local", max_iter=2, random_state=np.random.RandomState(3)).fit(X)
    state = np.random.RandomState(3)
    again = MEDAL(PCA(2), encoder="local", max_iter=2, random_state=state).fit(X)
    assert_array_equal(first.transform(X + 0.1), again.transform(X + 0.1))
    further = MEDAL(PCA(2), encoder="local", max_iter=2, random_state=state).fit(X)
    assert not np.array_equal(first.transform(X + 0.1), further.transform(X + 0.1))


def test_the_joint_strategy_follows_the_teacher_by_its_weight():
    X, Z = curve(300)
    params = {"strategy": "joint", "hidden_layer_sizes": (32,), "exact": None, "max_iter": 60}
    matches = []
    for weight in (1000.0, 1e-6):
        medal = precomputed(X, Z, match_weight=weight, learning_rate=0.01, **params)
        matches.append(np.square(medal.transform(X) - Z).mean())
        assert medal.score(X) > 0.5
        assert (medal.encoder_name_, medal.decoder_name_) == ("mlp", "mlp")
    assert matches[0] < 0.05 < matches[1]


class Half(nn.Module):
    """A module with a constructor argument and a layer that draws."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, 8), nn.Dropout(0.2), nn.Linear(8, n_out))

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize("strategy", ["decoupled", "joint"])
def test_modules_of_the_user(strategy):
    X, Z = curve(200)
    encoder, decoder = Half(5, 2), Half(2, 5)
    before = [p.detach().clone() for p in (*encoder.parameters(), *decoder.parameters())]
    params = {"strategy": strategy, "encoder": encoder, "decoder": decoder, "exact": None}
    medal = precomputed(X, Z, learning_rate=0.02, **{**params, "max_iter": 40})
    assert medal.encoder is encoder and medal.encoder.training
    after = [*encoder.parameters(), *decoder.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert (medal.encoder_name_, medal.decoder_name_) == ("module", "module")
    assert np.square(medal.transform(X) - Z).mean() < 0.3 * Z.var()
    assert medal.score(X) > 0.3
    assert_array_equal(medal.transform(X), medal.transform(X))  # dropout is off
    again = clone(medal).fit(X, embedding=Z)
    assert_array_equal(again.transform(X), medal.transform(X))


@pytest.mark.parametrize("name", instances.names())
@pytest.mark.parametrize("n", [2, 3, 4])
def test_two_and_three_rows(name, n):
    X, Z = curve(n)
    medal = instances.make(name, teacher="precomputed").fit(X, embedding=Z)
    X_new = curve(5, seed=1)[0]
    assert np.isfinite(medal.transform(X_new)).all()
    assert np.isfinite(medal.reconstruct(X_new)).all()
    assert np.isfinite(medal.score(X_new))
    if len(medal.calibration_scores_):
        assert (medal.pvalue(X_new) > 0).all()
        assert np.isfinite(medal.distortion(X_new, relative=True)).all()
        assert 0 < medal.detect_shift(X_new).p_value <= 1
    else:
        for method in (medal.pvalue, medal.detect_shift):
            with pytest.raises(ValueError, match=r"no calibration rows.*call calibrate"):
                method(X_new)
        assert (medal.calibrate(X_new).pvalue(X_new) > 0).all()


@pytest.mark.parametrize("name", instances.names())
def test_one_feature_and_one_component(name):
    X, _ = curve(40)
    medal = instances.make(name, teacher=PCA(1)).fit(X[:, :1])
    assert medal.transform(X[:, :1]).shape == medal.reconstruct(X[:, :1]).shape == (40, 1)
    assert medal.inverse_transform([[0.0], [1.0]]).shape == (2, 1)
    assert np.isfinite(medal.score(X[:, :1]))


@pytest.mark.parametrize("name", instances.names())
def test_more_components_than_two(name):
    X = np.random.RandomState(0).randn(60, 9)
    medal = instances.make(name, teacher=PCA(5)).fit(X)
    assert medal.transform(X).shape == (60, 5)
    assert np.isfinite(medal.reconstruct(X)).all()


@pytest.mark.parametrize("name", instances.names())
def test_constant_columns_are_reconstructed(name):
    X = np.insert(curve(50)[0], 2, 3.0, axis=1)
    medal = instances.make(name).fit(X)
    if medal.decoder_name_ == "ridge":
        assert_allclose(medal.reconstruct(X)[:, 2], 3)
    assert np.isfinite(medal.score(X))


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", instances.names())
def test_constant_data(name):
    """Equal rows are one group, and nobody is left to place a row by."""
    X = np.full((20, 3), 5.0)
    Z = np.random.RandomState(0).randn(20, 2)
    medal = instances.make(name, teacher="precomputed")
    with pytest.raises(ValueError, match="X must have rows that differ"):
        medal.fit(X, embedding=Z)


def test_fewer_rows_than_neighbors():
    X, Z = curve(6)
    medal = precomputed(X, Z, encoder="local", n_neighbors=50)
    assert_allclose(medal.transform(X), Z)
    assert np.isfinite(medal.transform(X + 1)).all()


def test_units_of_the_data_and_of_the_embedding_do_not_matter():
    X, Z = curve(80)
    plain, scaled = precomputed(X, Z), precomputed(1024 * X, 64 * Z)
    X_new, _ = curve(30, seed=1)
    assert_allclose(scaled.transform(1024 * X_new), 64 * plain.transform(X_new), rtol=1e-6)
    assert_allclose(scaled.distortion(1024 * X_new), 1024**2 * plain.distortion(X_new), rtol=1e-6)
    assert scaled.score(1024 * X_new) == pytest.approx(plain.score(X_new), rel=1e-6)
    assert_allclose(scaled.pvalue(1024 * X_new), plain.pvalue(X_new))


def test_loss_curve_is_that_of_the_last_network():
    X, _ = curve(60)
    local = MEDAL(PCA(2), encoder="local", **QUICK).fit(X)
    assert len(local.loss_curve_) == local.n_iter_ == 3
    linear = MEDAL(PCA(2), encoder="linear", **QUICK).fit(X)
    assert (linear.loss_curve_, linear.n_iter_) == ([], 1)


@pytest.mark.gpu
def test_on_a_gpu_as_on_a_cpu():
    X, Z = curve(100)
    X_new, _ = curve(30, seed=1)
    for params in EXACT.values():
        params = {**params, "max_iter": 20}
        on_cpu = precomputed(X, Z, device="cpu", **params)
        on_gpu = precomputed(X, Z, device="cuda", **params)
        assert_allclose(on_gpu.transform(X), on_gpu.embedding_, atol=1e-4)
        assert on_gpu.score(X_new) == pytest.approx(on_cpu.score(X_new), abs=0.05)
        single = np.vstack([on_gpu.transform(row[None]) for row in X_new])
        assert_array_equal(single, on_gpu.transform(X_new))


def test_digits_with_a_linear_teacher():
    """Section 7 of the design: the map is the true one, and so is its score."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test = train_test_split(X / 16, stratify=y, random_state=0)
    medal = MEDAL(PCA(2, random_state=0), encoder="linear", random_state=0).fit(X_train)
    truth = medal.teacher_.transform(X_test)
    assert np.square(medal.transform(X_test) - truth).mean() <= 1e-3 * truth.var()
    error = np.square(X_test - medal.inverse_transform(truth)).sum()
    true_r2 = 1 - error / np.square(X_test - X_train.mean(0)).sum()
    assert medal.score(X_test) == pytest.approx(true_r2, abs=0.01)
    assert medal.loo_score_ == pytest.approx(true_r2, abs=0.06)


@pytest.mark.slow
def test_digits_with_tsne():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X / 16, y, test_size=0.3, stratify=y, random_state=0
    )
    medal = MEDAL("tsne", random_state=0).fit(X_train)
    assert medal.encoder_name_ == "median"
    assert medal.score(X_test) >= 0.69
    assert medal.loo_score_ == pytest.approx(medal.score(X_test), abs=0.03)
    neighbors = KNeighborsClassifier(10).fit(medal.embedding_, y_train)
    assert neighbors.score(medal.transform(X_test), y_test) >= 0.94
