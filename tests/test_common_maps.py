"""The library's own checks of a map of rows, beside those of scikit-learn."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

import sksubspace
from tests import instances
from tests.test_common_torch import GlobalState

pytestmark = [
    pytest.mark.filterwarnings("ignore:n_components="),
    pytest.mark.filterwarnings("ignore:order=1 finds"),
    pytest.mark.filterwarnings("ignore:The outputs of the encoder collapsed"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def rows(n, seed, dtype=np.float64, d=10):
    """Rows with three strong directions, and two responses that depend on them."""
    rng = np.random.RandomState(seed)
    latent = rng.randn(n, 3)
    mixing = np.random.RandomState(7).randn(3, d)
    X = latent @ mixing + 0.3 * rng.randn(n, d) + 1
    y = np.c_[latent[:, 0] ** 2 + latent[:, 1], np.tanh(latent[:, 2])] + 0.1 * rng.randn(n, 2)
    return X.astype(dtype), y


X, y = rows(120, 0)
X_new, y_new = rows(37, 1)


@pytest.fixture(scope="module", params=instances.names("map"))
def name(request):
    return request.param


def make(name, **params):
    return instances.make(name, **params)


@pytest.fixture(scope="module")
def fitted(name):
    return make(name).fit(X, y)


def outputs(estimator, X_new=X_new):
    """All that an estimator says about new rows."""
    placed = estimator.transform(X_new)
    found = {"transform": placed}
    if hasattr(estimator, "inverse_transform"):
        found["inverse_transform"] = estimator.inverse_transform(placed)
    if hasattr(estimator, "score"):
        found["score"] = estimator.score(X_new, y_new)
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    for method in first:
        assert_array_equal(first[method], second[method], err_msg=method)


def test_fitted_attributes(fitted):
    k = fitted.n_components_
    assert fitted.transform(X_new).shape == (37, k)
    assert len(fitted.get_feature_names_out()) == k
    assert fitted.n_features_in_ == 10
    assert np.isfinite(fitted.transform(X_new)).all()
    if getattr(fitted, "components_", None) is not None:
        assert fitted.components_.shape == (k, 10)


def test_global_random_states_and_settings_are_left_alone(name):
    for seed in (0, None):
        before = GlobalState()
        estimator = make(name, random_state=seed).fit(X, y)
        outputs(estimator)
        pickle.loads(pickle.dumps(estimator))
        before.assert_untouched()


def test_two_fits_with_one_seed_are_the_same_bit_for_bit(name, fitted):
    assert_same(outputs(make(name).fit(X, y)), outputs(fitted))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(name, dtype):
    estimator = make(name).fit(X.astype(dtype), y)
    placed = estimator.transform(X_new.astype(dtype))
    assert placed.dtype == dtype
    if hasattr(estimator, "inverse_transform"):
        assert estimator.inverse_transform(placed).dtype == dtype


def test_single_precision_is_close_to_double(name, fitted):
    """The span of the outputs is the same; a single output may be ordered or drawn otherwise."""
    single = make(name).fit(X.astype(np.float32), y).transform(X_new.astype(np.float32))
    double = fitted.transform(X_new)
    assert single.shape == double.shape
    if "sgd" not in name and "network" not in name and "mlp" not in name:
        assert_allclose(single, double, atol=2e-2 * np.abs(double).max())


def test_pickle_and_joblib_round_trips(name, fitted, tmp_path):
    expected = outputs(fitted)
    assert_same(outputs(pickle.loads(pickle.dumps(fitted))), expected)
    joblib.dump(fitted, tmp_path / "estimator.joblib")
    assert_same(outputs(joblib.load(tmp_path / "estimator.joblib", mmap_mode="r")), expected)


def test_save_and_load(fitted, tmp_path):
    pytest.importorskip("skops.io")
    sksubspace.save(fitted, tmp_path / "model.sksubspace")
    assert_same(outputs(sksubspace.load(tmp_path / "model.sksubspace")), outputs(fitted))


def test_a_clone_is_unfitted_and_fits_the_same(fitted):
    copy = clone(fitted)
    assert not [key for key in vars(copy) if key.endswith("_")]
    assert_same(outputs(copy.fit(X, y)), outputs(fitted))


def test_fit_transform_is_fit_then_transform(name, fitted):
    assert_array_equal(make(name).fit_transform(X, y), fitted.transform(X))


def test_rows_do_not_depend_on_their_batch(name):
    for dtype in (np.float64, np.float32):
        estimator, new = make(name).fit(X.astype(dtype), y), X_new.astype(dtype)
        calls = [(estimator.transform, new)]
        if hasattr(estimator, "inverse_transform"):
            calls.append((estimator.inverse_transform, estimator.transform(new)))
        for call, given in calls:
            alone = np.concatenate([call(given[i : i + 1]) for i in range(0, len(given), 5)])
            assert_array_equal(alone, call(given)[::5])
            assert_array_equal(call(given[::-1]), call(given)[::-1])
            many = np.concatenate([given] * 30)
            assert_array_equal(call(many)[-len(given) :], call(given))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(name, fitted, library):
    frames = pytest.importorskip(library)
    estimator = make(name).set_output(transform=library).fit(X, y)
    frame = estimator.transform(X_new)
    assert isinstance(frame, frames.DataFrame)
    assert list(frame.columns) == estimator.get_feature_names_out().tolist()
    assert_array_equal(frame.to_numpy(), fitted.transform(X_new))


def test_a_second_fit_forgets_the_first(name, fitted):
    other_X, other_y = rows(60, 5, np.float32, d=8)
    estimator = make(name).fit(other_X, other_y).fit(X, y)
    assert vars(estimator).keys() == vars(fitted).keys()
    assert_same(outputs(estimator), outputs(fitted))


def test_data_of_the_caller_are_neither_written_to_nor_kept(name, fitted):
    train, response, new = X.copy(), y.copy(), X_new.copy()
    for array in (train, response, new):
        array.flags.writeable = False
    estimator = make(name).fit(train, response)
    outputs(estimator, new)
    assert_array_equal(train, X)
    assert_array_equal(response, y)
    assert_array_equal(new, X_new)
    train.flags.writeable = True
    train[:] = 0
    assert_same(outputs(estimator), outputs(fitted))


def test_read_only_memory_maps_are_legal(name, fitted, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_same(outputs(make(name).fit(mapped, y)), outputs(fitted))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_scores_of_a_search_are_the_same_in_parallel(name, backend):
    pipeline = Pipeline([("map", make(name)), ("predict", LinearRegression())])
    search = GridSearchCV(pipeline, {"map__n_components": [4, 6]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = clone(search).fit(X, y)
        with joblib.parallel_config(backend, n_jobs=2):
            found = clone(search).fit(X, y)
    for key in ("split0_test_score", "split1_test_score"):
        assert np.isfinite(expected.cv_results_[key]).all()
        assert_array_equal(found.cv_results_[key], expected.cv_results_[key])


def test_a_search_without_labels_uses_the_held_out_score(name):
    if make(name).__sklearn_tags__().target_tags.required:
        return
    search = GridSearchCV(make(name), {"n_components": [4, 6]}, cv=2)
    scores = search.fit(X).cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert (scores <= 1).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_an_error(name, fitted, bad):
    broken = X.copy()
    broken[3, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        make(name).fit(broken, y)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fitted.transform(broken)


def test_rows_in_fewer_dimensions_than_features_stay_finite(name):
    """A constant column, a copy of a column, and fewer rows than features."""
    flat = X.copy()
    flat[:, 3] = 2.0
    flat[:, 4] = flat[:, 5]
    for train, response in [(flat, y), (X[:7], y[:7])]:
        placed = make(name).fit(train, response).transform(train)
        assert np.isfinite(placed).all()


def test_sparse_rows_are_taken_where_the_tags_say_so(name):
    estimator = make(name)
    thin = sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0, X))
    if not estimator.__sklearn_tags__().input_tags.sparse:
        with pytest.raises(TypeError, match="dense data is required"):
            estimator.fit(thin, y)
        return
    before = thin.copy()
    if getattr(estimator, "order", 1) != 1:
        with pytest.raises(ValueError, match=r"order|score_model"):
            estimator.fit(thin, y)
        return
    placed = estimator.fit(thin, y).transform(thin)
    dense = make(name).fit(thin.toarray(), y).transform(thin.toarray())
    iterative = {"TLDR-sgd": 1e-4, "TLDR-mlp": 1e-4}
    assert_allclose(placed, dense, atol=iterative.get(name, 1e-8) * np.abs(dense).max())
    assert_array_equal(thin.toarray(), before.toarray())


@pytest.mark.gpu
def test_on_a_gpu(name):
    if "device" not in make(name).get_params():
        return
    first, second = (make(name, device="cuda").fit(X, y) for _ in range(2))
    assert_same(outputs(first), outputs(second))
