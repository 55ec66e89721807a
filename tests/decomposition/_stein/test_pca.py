"""SteinPCA against principal components, least squares and its own identities."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.utils.estimator_checks import estimator_checks_generator

from sksubspace.callbacks import LossMonitor
from sksubspace.decomposition._score._denoiser import DenoiserScore
from sksubspace.decomposition._score._gaussian import GaussianScore
from sksubspace.decomposition._stein._pca import SteinPCA
from sksubspace.decomposition._stein._pca_decoder import fit_ridge, resolve_decoder
from sksubspace.metrics import subspace_affinity, subspace_distance

DECODERS = {
    "linear": {"decoder": "linear"},
    "ridge": {"decoder": "ridge"},
    "network": {"decoder": "network", "hidden_layer_sizes": (16,), "max_iter": 3},
}


def bent(n=300, d=6, seed=0, dtype=np.float64):
    """Rows near a curved sheet: two scores, and what their squares and product add."""
    rng = np.random.RandomState(seed)
    z = rng.randn(n, 2) * [3, 2]
    Q = np.linalg.qr(np.random.RandomState(9).randn(d, d))[0]
    curved = np.c_[z, (z[:, 0] ** 2 - 9) / 6, z[:, 0] * z[:, 1] / 6, 0.05 * rng.randn(n, d - 4)]
    return (curved @ Q.T + np.arange(d)).astype(dtype)


@pytest.fixture(scope="module")
def digits():
    return train_test_split(load_digits().data / 16, test_size=0.2, random_state=0)


@pytest.mark.parametrize("shape", [(100, 8), (15, 40)])
def test_the_gaussian_score_is_exactly_principal_components(shape):
    X = np.random.RandomState(0).randn(*shape) @ np.diag(1 + np.arange(shape[1]) / 4)
    stein, pca = SteinPCA(3, decoder="linear").fit(X), PCA(3).fit(X)
    assert subspace_affinity(stein.components_, pca.components_) > 0.999999
    assert_allclose(np.abs(stein.components_ @ pca.components_.T), np.eye(3), atol=1e-8)
    assert_allclose(stein.explained_variance_, pca.explained_variance_)
    assert_allclose(stein.explained_variance_ratio_, pca.explained_variance_ratio_)
    reconstructed = stein.inverse_transform(stein.transform(X))
    assert_allclose(reconstructed, pca.inverse_transform(pca.transform(X)), atol=1e-9)


@pytest.mark.parametrize("shrinkage", [0.05, 0.5, "auto"])
def test_steins_moment_of_a_shrunk_gaussian_gives_the_closed_form(shrinkage):
    """What the docstring says: E[s x'] has the eigenvectors of S, whatever the shrinkage."""
    X = np.random.RandomState(1).randn(200, 5) @ np.diag([5.0, 4, 3, 2, 1])
    closed = SteinPCA(2, decoder="linear").fit(X)
    moment = SteinPCA(2, decoder="linear", score_model=GaussianScore(shrinkage=shrinkage)).fit(X)
    assert_allclose(moment.components_, closed.components_, atol=1e-8)
    assert closed.score_model_ is None
    assert moment.score_model_ is not None


def test_rows_far_out_count_less_with_a_student_t():
    rng = np.random.RandomState(0)
    X = rng.randn(400, 4) * [3, 2, 0.3, 0.3]
    X[:8, 3] = 60 * np.sign(rng.randn(8))
    truth = np.eye(4)[:2]
    gaussian = SteinPCA(2, decoder="linear").fit(X)
    student = SteinPCA(2, decoder="linear", score_model="student_t", shrinkage=0.1).fit(X)
    assert subspace_distance(gaussian.components_, truth) > 0.9
    assert subspace_distance(student.components_, truth) < 0.1


def test_the_linear_decoder_is_least_squares_in_any_subspace():
    X = bent()

    def tilted(rows):
        return rows @ np.diag([5.0, 4, 3, 2, 1, 1]) + np.roll(rows, 1, axis=1)

    model = SteinPCA(3, decoder="linear", score_model=tilted).fit(X)
    assert subspace_affinity(model.components_, PCA(3).fit(X).components_) < 0.99
    Z, centred = model.transform(X), X - X.mean(axis=0)
    slopes = np.linalg.lstsq(Z, centred, rcond=None)[0]
    assert_allclose(model.inverse_transform(Z), Z @ slopes + X.mean(axis=0), atol=1e-9)
    assert_allclose(model.loadings_ @ model.components_.T, np.eye(3), atol=1e-9)
    covariance = Z.T @ Z / (len(Z) - 1)
    assert_allclose(covariance, np.diag(model.explained_variance_), atol=1e-8)
    assert np.all(np.diff(model.explained_variance_) <= 0)


@pytest.mark.parametrize("score_model", ["gaussian", "student_t"])
@pytest.mark.parametrize("name", DECODERS)
def test_scores_of_a_reconstruction_are_the_scores(name, score_model):
    X = bent()
    model = SteinPCA(2, score_model=score_model, random_state=0, **DECODERS[name]).fit(X)
    Z = np.random.RandomState(3).randn(50, 2) * 4
    assert_allclose(model.transform(model.inverse_transform(Z)), Z, atol=1e-9)


def test_a_nonlinear_decoder_fills_in_what_scores_decide():
    X, new = bent(), bent(seed=1)
    scores = {
        name: SteinPCA(2, decoder=name, random_state=0).fit(X).score(new)
        for name in ("linear", "ridge", "network")
    }
    residual = 1 - scores["linear"]
    assert 1 - scores["ridge"] < 0.1 * residual
    assert 1 - scores["network"] < 0.2 * residual


def test_digits_as_asked(digits):
    train, test = digits
    default = SteinPCA(8, random_state=0).fit(train)
    linear = SteinPCA(8, decoder="linear").fit(train)
    assert default.decoder_name_ == "ridge"
    assert default.score(test) >= 0.77
    assert 0.64 < linear.score(test) < 0.69


def test_the_score_is_r_squared_about_the_training_mean():
    X, new = bent(), bent(40, seed=1) + 0.5
    model = SteinPCA(2, random_state=0).fit(X)
    error = np.square(new - model.inverse_transform(model.transform(new))).sum()
    assert_allclose(model.score(new), 1 - error / np.square(new - X.mean(axis=0)).sum())


@pytest.mark.parametrize(("k", "name"), [(1, "ridge"), (8, "ridge"), (9, "network")])
def test_auto_is_a_network_above_eight_components(k, name):
    assert resolve_decoder("auto", k) == name
    assert resolve_decoder("linear", k) == "linear"


def test_the_ridge_of_many_rows_is_that_of_all_of_them():
    """Scale and penalty come from 500 rows, coefficients from the normal equations of all."""
    rng = np.random.RandomState(0)
    Z = rng.randn(900, 2) / np.sqrt(2)
    R = np.c_[np.sin(2 * Z[:, 0]), Z[:, 0] * Z[:, 1]] + 0.1 * rng.randn(900, 2)
    ridge = fit_ridge(Z, R, 0)
    phase = Z @ ridge.frequencies_
    F = np.c_[Z, np.cos(phase), np.sin(phase)]
    F = F - F.mean(axis=0)
    stacked = np.vstack([F, np.sqrt(ridge.penalty_) * np.eye(F.shape[1])])
    target = np.vstack([R - R.mean(axis=0), np.zeros((F.shape[1], 2))])
    coef = np.linalg.lstsq(stacked, target, rcond=None)[0]
    assert_allclose(ridge.predict(Z), F @ coef + R.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_do_not_depend_on_their_batch(name, dtype):
    X = bent(300, dtype=dtype)
    model = SteinPCA(2, random_state=0, **DECODERS[name]).fit(X)
    Z = model.transform(X)
    back = model.inverse_transform(Z)
    assert Z.dtype == back.dtype == model.components_.dtype == model.loadings_.dtype == dtype
    for i in range(0, 300, 37):
        assert_array_equal(model.transform(X[i : i + 1]), Z[i : i + 1])
        assert_array_equal(model.inverse_transform(Z[i : i + 1]), back[i : i + 1])


@pytest.mark.parametrize(
    "score_model", ["gaussian", "gmm", DenoiserScore(max_iter=2, random_state=0)], ids=repr
)
@pytest.mark.parametrize("name", DECODERS)
def test_a_seed_decides_and_a_pickle_keeps(name, score_model):
    X = bent(120)
    X.flags.writeable = False
    make = SteinPCA(2, score_model=score_model, random_state=0, **DECODERS[name])
    first, second = clone(make).fit(X), make.fit(bent(50, d=9)).fit(X)
    before = np.random.get_state()[1].copy()
    loaded = pickle.loads(pickle.dumps(first))
    for other in (second, loaded):
        assert_array_equal(other.components_, first.components_)
        assert_array_equal(
            other.inverse_transform(other.transform(X)),
            first.inverse_transform(first.transform(X)),
        )
        assert vars(other).keys() == vars(first).keys()
    assert_array_equal(np.random.get_state()[1], before)
    assert not any("torch" in type(value).__module__ for value in vars(first).values())


def test_a_skops_file_holds_it(tmp_path):
    skops = pytest.importorskip("skops.io")
    X = bent(60)
    for params in DECODERS.values():
        model = SteinPCA(2, random_state=0, **params).fit(X)
        trusted = ["sksubspace.decomposition._stein._pca.SteinPCA"]
        loaded = skops.loads(skops.dumps(model), trusted=trusted)
        assert_array_equal(loaded.inverse_transform(X[:, :2]), model.inverse_transform(X[:, :2]))


def test_the_denoiser_takes_its_mean_jacobian():
    X = np.random.RandomState(0).randn(400, 4) * [4, 3, 1, 1]
    model = SteinPCA(2, score_model="denoiser", decoder="linear", random_state=0).fit(X)
    vectors = np.linalg.eigh(model.score_model_.mean_jacobian_)[1]
    assert subspace_distance(model.components_, vectors[:, -2:].T) < 1e-8
    assert subspace_distance(model.components_, np.eye(4)[:2]) < 0.15


def test_given_scores_are_used_as_they_are():
    X = bent()
    unfitted = DenoiserScore(max_iter=2, random_state=0)
    model = SteinPCA(2, score_model=unfitted, decoder="linear").fit(X)
    again = SteinPCA(2, score_model=unfitted, decoder="linear").fit(X)
    assert_array_equal(model.components_, again.components_)
    assert not hasattr(unfitted, "mean_")


def test_the_number_of_components_is_searched_by_held_out_rows():
    search = GridSearchCV(SteinPCA(random_state=0), {"n_components": [1, 2]}, cv=3).fit(bent())
    assert search.best_params_ == {"n_components": 2}
    assert search.best_score_ > 0.97


def test_a_flat_direction_has_a_reconstruction():
    X = np.c_[np.random.RandomState(0).randn(30, 1), np.ones((30, 2))]
    model = SteinPCA(3, random_state=0).fit(X)
    assert_allclose(model.explained_variance_[1:], 0, atol=1e-12)
    assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-6)


def test_loss_curve_and_iterations():
    X = bent(100)
    network = SteinPCA(2, decoder="network", max_iter=3, random_state=0).fit(X)
    assert network.n_iter_ == len(network.loss_curve_) == 3
    ridge = SteinPCA(2, random_state=0).fit(X)
    assert (ridge.n_iter_, ridge.loss_curve_) == (1, [])


def test_bad_input_is_named():
    X = bent(20)
    with pytest.raises(ValueError, match=r"n_components=7 must be at most .* n_features = 6"):
        SteinPCA(7).fit(X)
    with pytest.raises(ValueError, match="X must have rows that differ"):
        SteinPCA().fit(np.ones((5, 3)))
    with pytest.raises(ValueError, match="The 'decoder' parameter"):
        SteinPCA(decoder="mlp").fit(X)
    with pytest.raises(ValueError, match="X has 3 columns, but there are n_components_=2"):
        SteinPCA().fit(X).inverse_transform(X[:, :3])
    for widths in [(), (8, 0), (8.5,)]:
        with pytest.raises(ValueError, match="hidden_layer_sizes must be a sequence of at least"):
            SteinPCA(hidden_layer_sizes=widths).fit(X)


def test_callbacks_see_every_epoch_of_the_decoder():
    losses = LossMonitor()
    model = SteinPCA(2, decoder="network", max_iter=3, random_state=0)
    model.set_callbacks(losses).fit(bent(60))
    assert [row["loss"] for row in losses.get_logs()] == model.loss_curve_


CHECKS = [
    pytest.param(estimator, check, id=f"{name}-{getattr(check, 'func', check).__name__}")
    for name, given in {
        "default": SteinPCA(),
        "network": SteinPCA(decoder="network", hidden_layer_sizes=(8,), max_iter=2),
    }.items()
    for estimator, check in estimator_checks_generator(given)
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator, check):
    check(estimator)
