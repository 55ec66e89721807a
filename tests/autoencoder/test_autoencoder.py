import pickle

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from torch import nn

from sksubspace._parameters import check_widths
from sksubspace._trained import as_even_as_can_be, split_rows
from sksubspace.autoencoder import Autoencoder
from sksubspace.autoencoder._networks import unexplained
from sksubspace.callbacks import LossMonitor
from tests.common import GlobalState

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rows(n=90, seed=0, dtype=np.float64, d=7):
    rng = np.random.RandomState(seed)
    mixing = np.random.RandomState(5).randn(3, d)
    return (rng.randn(n, 3) @ mixing + 0.1 * rng.randn(n, d) + 4).astype(dtype)


X, X_new = rows(), rows(37, 1)


def small(n_components=2, **params):
    params = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0, **params}
    return Autoencoder(n_components, **params)


def outputs(model, new=X_new):
    Z = model.transform(new)
    return Z, model.inverse_transform(Z), model.score(new)


def assert_same(first, second):
    for one, other in zip(outputs(first), outputs(second), strict=True):
        assert_array_equal(one, other)


def test_linear_networks_reach_the_principal_subspace():
    model = Autoencoder(
        3, hidden_layer_sizes=(), learning_rate=0.02, batch_size=90, max_iter=1500,
        early_stopping=False, random_state=0,
    ).fit(X)  # fmt: skip
    pca = PCA(3).fit(X)
    best = (
        1
        - np.square(X - pca.inverse_transform(pca.transform(X))).sum()
        / np.square(X - X.mean(axis=0)).sum()
    )
    assert best - 4e-4 < model.score(X) <= best + 1e-9


def test_score_is_r2_about_the_mean_of_the_training_rows():
    model = small().fit(X)
    error = np.square(X_new - model.inverse_transform(model.transform(X_new))).sum()
    assert model.score(X_new) == pytest.approx(1 - error / np.square(X_new - X.mean(0)).sum())


def test_the_loss_is_one_minus_r2():
    model = small(max_iter=60, early_stopping=False, batch_size=100, learning_rate=0.01).fit(X)
    assert model.loss_curve_[-1] == pytest.approx(1 - model.score(X), abs=1e-3)
    assert unexplained(torch.zeros(2, 2), torch.tensor([[1.0, -1.0], [3.0, 1.0]])).item() == 3.0


def test_one_number_scales_all_features():
    model = small().fit(X)
    assert model.scale_ == pytest.approx(np.sqrt(X.var(axis=0).mean()))
    assert_allclose(model.mean_, X.mean(axis=0))
    moved = small().fit(1000 * X - 7)
    assert moved.score(1000 * X_new - 7) == pytest.approx(model.score(X_new), abs=1e-6)


def test_more_components_than_features():
    model = small(20).fit(X)
    assert model.transform(X_new).shape == (37, 20)
    assert list(model.get_feature_names_out())[-1] == "autoencoder19"


def image_networks():
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 6),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(6, 64), nn.ReLU(), nn.Unflatten(1, (16, 2, 2)), nn.ConvTranspose2d(16, 8, 2, 2),
        nn.ReLU(), nn.ConvTranspose2d(8, 1, 2, 2), nn.Flatten(),
    )  # fmt: skip
    return encoder, decoder


def test_convolutions_on_digits():
    digits = load_digits().data[:1300].astype(np.float32)
    encoder, decoder = image_networks()
    before = [p.detach().clone() for p in encoder.parameters()]
    model = Autoencoder(
        6, encoder=encoder, decoder=decoder, learning_rate=0.01, max_iter=60, batch_size=64,
        random_state=0,
    ).fit(digits[:1000])  # fmt: skip
    assert model.score(digits[1000:]) > 0.55  # 0.60 to 0.63 by the weights of the modules
    assert all(map(torch.equal, before, encoder.parameters()))
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.transform(digits), model.transform(digits))
    assert_array_equal(model.transform(digits[3:4]), model.transform(digits)[3:4])


def test_dropout_and_batch_norm_of_the_user_are_seeded_and_off_afterwards():
    encoder = nn.Sequential(nn.Linear(7, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))
    state = GlobalState()
    first, second = (small(encoder=encoder).fit(X) for _ in range(2))
    assert_same(first, second)
    assert_array_equal(first.transform(X_new[:1]), first.transform(X_new)[:1])
    state.assert_untouched()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"encoder": nn.Linear(7, 3)}, r"encoder must .* \(n, 7\) to \(n, 2\); it maps .*\(2, 3\)"),
        ({"encoder": nn.Linear(6, 2)}, r"encoder must .*; it fails on \(2, 7\)"),
        ({"decoder": nn.Linear(2, 6)}, r"decoder must .* \(n, 2\) to \(n, 7\); it maps .*\(2, 6\)"),
        ({"decoder": nn.Unflatten(1, (3, 1))}, "decoder must .*; it fails"),
        ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes must be .* positive"),
        ({"hidden_layer_sizes": (8.5,)}, "hidden_layer_sizes must be .* positive"),
        ({"activation": "sigmoid"}, "activation"),
        ({"n_components": 0}, "n_components"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"device": "tpu"}, "device must be"),
        ({"learning_rate": 1e300}, "learning_rate"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(X)


def test_latent_points_of_another_width_are_refused():
    with pytest.raises(ValueError, match="n_components_=2 columns, got 3"):
        small().fit(X).inverse_transform(np.zeros((4, 3)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_do_not_depend_on_their_batch_and_keep_their_dtype(dtype):
    new = rows(300, 2, dtype)
    model = small(hidden_layer_sizes=(64, 32)).fit(X.astype(dtype))
    Z, back, _ = outputs(model, new)
    assert Z.dtype == back.dtype == dtype
    for i in (0, 131, 299):
        assert_array_equal(model.transform(new[i : i + 1]), Z[i : i + 1])
        assert_array_equal(model.inverse_transform(Z[i : i + 1]), back[i : i + 1])


def test_early_stopping_keeps_the_weights_that_are_best_on_the_rows_held_out():
    model = small(4, max_iter=300, learning_rate=0.05, n_iter_no_change=3).fit(X)
    assert model.n_iter_ == len(model.validation_loss_curve_) < 300
    *_, best = sorted(model.validation_loss_curve_, reverse=True)
    random_state = np.random.RandomState(0)
    random_state.randint(2**31 - 1), random_state.randint(2**31 - 1)  # the two networks
    _, held = split_rows(X, 0.1, random_state)
    reconstruction = model.inverse_transform(model.transform(X[held]))
    error = np.square(X[held] - reconstruction).mean() / X.var(axis=0).mean()
    assert error == pytest.approx(best, rel=1e-6)


def test_without_early_stopping_all_epochs_are_made():
    model = small(max_iter=7, early_stopping=False).fit(X)
    assert model.n_iter_ == len(model.loss_curve_) == 7
    assert model.validation_loss_curve_ is None


def test_too_few_epochs_are_said_to_be():
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        small(max_iter=2).fit(X)


@pytest.mark.parametrize("n", [2, 3, 10, 257])
def test_splits_and_batches(n):
    fitted, held = split_rows(np.arange(n)[:, None] / 7, 0.1, np.random.RandomState(0))
    assert len(held) == int(np.ceil(0.1 * n)) and len(fitted) >= 1
    assert_array_equal(np.sort(np.r_[fitted, held]), np.arange(n))
    for batch_size in (1, 2, 256):
        size = as_even_as_can_be(n, batch_size)
        assert size <= batch_size and -(-n // size) == -(-n // batch_size)


def test_widths_are_plain_numbers():
    assert check_widths(np.array([3, 4])) == (3, 4) and check_widths([]) == ()


@pytest.mark.parametrize("constant", [np.zeros((9, 3)), np.c_[np.ones(9), np.arange(9.0)]])
def test_constant_columns_and_a_batch_of_one_row(constant):
    model = small(batch_size=2, early_stopping=False).fit(constant)
    assert all(np.isfinite(part).all() for part in outputs(model, constant))


def test_mixed_precision_has_single_precision_weights_and_nearly_the_same_result():
    params = {"max_iter": 40, "learning_rate": 0.02, "early_stopping": False}
    exact, mixed = small(3, **params).fit(X), small(3, autocast=True, **params).fit(X)
    assert {p.dtype for p in mixed._model.encoder.module.parameters()} == {torch.float32}
    assert mixed.transform(X_new).dtype == np.float64
    assert exact.loss_curve_ != mixed.loss_curve_
    assert mixed.score(X_new) == pytest.approx(exact.score(X_new), abs=0.03)


def test_partial_fit_learns_batch_after_batch():
    model = small(3, learning_rate=0.01)
    scores = []
    for _ in range(60):
        model.partial_fit(X)
        scores.append(model.score(X_new))
    assert scores[-1] > 0.8 > scores[0]
    assert model.n_iter_ == len(model.loss_curve_) == 60


def test_partial_fit_goes_on_where_the_optimizer_stood():
    whole, halves = small(batch_size=30), small(batch_size=30)
    for _ in range(6):
        whole.partial_fit(X)
    for _ in range(3):
        halves.partial_fit(X)
    halves = pickle.loads(pickle.dumps(halves))
    for _ in range(3):
        halves.partial_fit(X)
    assert_same(whole, halves)
    assert whole.loss_curve_ == halves.loss_curve_


def test_partial_fit_after_fit_starts_from_the_fitted_networks():
    model = small(max_iter=80, learning_rate=0.02).fit(X)
    before = model.score(X)
    n_epochs = model.n_iter_
    model.partial_fit(X)
    assert model.score(X) > before - 0.05
    assert model.n_iter_ == n_epochs + 1
    assert_same(model.fit(X), small(max_iter=80, learning_rate=0.02).fit(X))


def test_files(tmp_path):
    skops_io = pytest.importorskip("skops.io")
    for model in (small().fit(X), small().partial_fit(X)):
        joblib.dump(model, tmp_path / "model.joblib")
        skops_io.dump(model, tmp_path / "model.skops")
        kind = f"{Autoencoder.__module__}.Autoencoder"
        assert skops_io.get_untrusted_types(file=tmp_path / "model.skops") == [kind]
        loaded = skops_io.load(tmp_path / "model.skops", trusted=[kind])
        assert_same(loaded, model)
        assert_same(joblib.load(tmp_path / "model.joblib", mmap_mode="r"), model)
        assert_same(loaded.partial_fit(X), pickle.loads(pickle.dumps(model)).partial_fit(X))


def test_epochs_are_seen_by_callbacks_in_a_search():
    monitor = LossMonitor()
    small().set_callbacks(monitor).fit(X)
    logs = monitor.get_logs()
    model = small().fit(X)
    assert [row["loss"] for row in logs] == model.loss_curve_
    assert [row["validation_loss"] for row in logs] == model.validation_loss_curve_
    search = GridSearchCV(small(), {"n_components": [1, 3]}, cv=2).fit(X)
    assert search.best_params_ == {"n_components": 3}


def test_a_callback_may_stop_the_training():
    class Stop:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, metadata=None):
            return context.task_name == "epoch" and context.task_id == 1

    assert small(max_iter=50).set_callbacks(Stop()).fit(X).n_iter_ == 2


def test_output_as_a_table():
    pandas = pytest.importorskip("pandas")
    table = small().set_output(transform="pandas").fit_transform(X)
    assert isinstance(table, pandas.DataFrame)
    assert list(table.columns) == ["autoencoder0", "autoencoder1"]


@pytest.mark.gpu
def test_mixed_precision_on_a_gpu():
    assert np.isfinite(small(device="cuda", autocast=True).fit(X).score(X_new))
