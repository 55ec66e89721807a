"""The library's own checks of a subspace clustering, beside those of scikit-learn."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sksubspace.cluster._base import BaseSubspaceClustering, keep_subspaces, training_rows
from sksubspace.metrics import clustering_accuracy
from tests import instances
from tests.test_common_torch import GlobalState

pytestmark = [
    pytest.mark.filterwarnings("ignore:The affinity graph has"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

N_CLUSTERS = 3
OUTPUTS = ("predict", "transform", "score")


def rows(n, seed, dtype=np.float64, d=12):
    """Rows near three subspaces of dimension 3, the same for every seed."""
    rng = np.random.RandomState(seed)
    bases = np.random.RandomState(7).randn(3, 3, d) / np.sqrt(d)
    y = rng.randint(3, size=n)
    ball = rng.randn(n, 3)
    ball *= rng.uniform(1, 3, size=(n, 1)) / np.linalg.norm(ball, axis=1, keepdims=True)
    return (np.einsum("nr,nrd->nd", ball, bases[y]) + 0.02 * rng.randn(n, d)).astype(dtype), y


X, y = rows(120, 0)
X_new, y_new = rows(37, 1)


@pytest.fixture(scope="module", params=instances.names("cluster"))
def name(request):
    return request.param


def make(name, **params):
    return instances.make(name, n_clusters=N_CLUSTERS, **params)


@pytest.fixture(scope="module")
def fitted(name):
    return make(name).fit(X)


def outputs(estimator, X_new=X_new):
    found = {method: getattr(estimator, method)(X_new) for method in OUTPUTS}
    return found | {"labels_": estimator.labels_}


def assert_same(first, second):
    for method in first:
        assert_array_equal(first[method], second[method], err_msg=method)


def test_the_subspaces_are_found_and_new_rows_placed(fitted):
    assert clustering_accuracy(y, fitted.labels_) > 0.9
    assert clustering_accuracy(y_new, fitted.predict(X_new)) > 0.9
    assert 0.8 < fitted.score(X_new) < 1


def test_fitted_attributes(fitted):
    assert fitted.labels_.shape == (120,)
    assert np.unique(fitted.labels_).tolist() == list(range(fitted.n_clusters_))
    assert fitted.n_clusters_ == N_CLUSTERS
    assert fitted.cluster_means_.shape == (N_CLUSTERS, 12)
    assert len(fitted.cluster_bases_) == N_CLUSTERS
    for basis in fitted.cluster_bases_:
        assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-6)


def test_global_random_states_and_settings_are_left_alone(name):
    for seed in (0, None):
        before = GlobalState()
        estimator = make(name, random_state=seed).fit(X)
        outputs(estimator)
        pickle.loads(pickle.dumps(estimator))
        before.assert_untouched()


def test_two_fits_with_one_seed_are_the_same_bit_for_bit(name, fitted):
    assert_same(outputs(make(name).fit(X)), outputs(fitted))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(name, dtype):
    estimator = make(name).fit(X.astype(dtype))
    assert estimator.transform(X_new.astype(dtype)).dtype == dtype
    assert estimator.cluster_means_.dtype == dtype
    assert {basis.dtype for basis in estimator.cluster_bases_} == {np.dtype(dtype)}
    assert estimator.labels_.dtype.kind == "i"
    assert clustering_accuracy(y, estimator.labels_) > 0.9


def test_pickle_and_joblib_round_trips(name, fitted, tmp_path):
    expected = outputs(fitted)
    assert_same(outputs(pickle.loads(pickle.dumps(fitted))), expected)
    joblib.dump(fitted, tmp_path / "estimator.joblib")
    assert_same(outputs(joblib.load(tmp_path / "estimator.joblib", mmap_mode="r")), expected)


def test_save_and_load(name, fitted, tmp_path):
    pytest.importorskip("skops.io")
    import sksubspace

    sksubspace.save(fitted, tmp_path / "model.sksubspace")
    assert_same(outputs(sksubspace.load(tmp_path / "model.sksubspace")), outputs(fitted))


def test_a_clone_is_unfitted_and_fits_the_same(name, fitted):
    copy = clone(fitted)
    assert not [key for key in vars(copy) if key.endswith("_")]
    assert_same(outputs(copy.fit(X)), outputs(fitted))


def test_fit_predict_and_fit_transform(name, fitted):
    assert_array_equal(make(name).fit_predict(X), fitted.labels_)
    assert_array_equal(make(name).fit_transform(X), fitted.transform(X))


def test_rows_do_not_depend_on_their_batch(fitted):
    for method in ("predict", "transform"):
        call = getattr(fitted, method)
        alone = np.concatenate([call(X_new[i : i + 1]) for i in range(0, len(X_new), 5)])
        assert_array_equal(alone, call(X_new)[::5], err_msg=method)
        assert_array_equal(call(X_new[::-1]), call(X_new)[::-1], err_msg=method)
        many = np.concatenate([X_new] * 80)
        assert_array_equal(call(many)[-len(X_new) :], call(X_new), err_msg=method)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(name, fitted, library):
    frames = pytest.importorskip(library)
    estimator = make(name).set_output(transform=library).fit(X)
    frame = estimator.transform(X_new)
    assert isinstance(frame, frames.DataFrame)
    assert list(frame.columns) == estimator.get_feature_names_out().tolist()
    assert_array_equal(frame.to_numpy(), fitted.transform(X_new))


def test_a_second_fit_forgets_the_first(name, fitted):
    estimator = make(name).fit(rows(60, 5, np.float32, d=8)[0]).fit(X)
    assert vars(estimator).keys() == vars(fitted).keys()
    assert_same(outputs(estimator), outputs(fitted))


def test_data_of_the_caller_are_neither_written_to_nor_kept(name, fitted):
    train, new = X.copy(), X_new.copy()
    train.flags.writeable = new.flags.writeable = False
    estimator = make(name).fit(train)
    outputs(estimator, new)
    assert_array_equal(train, X)
    assert_array_equal(new, X_new)
    train.flags.writeable = True
    train[:] = 0
    assert_same(outputs(estimator), outputs(fitted))


def test_read_only_memory_maps_are_legal(name, fitted, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_same(outputs(make(name).fit(mapped)), outputs(fitted))


def test_order_of_the_clusters_does_not_matter_to_the_score(name, fitted):
    assert fitted.score(X_new) == pytest.approx(fitted.score(X_new[::-1]), rel=1e-12)


def test_scores_of_a_search_are_the_same_in_parallel(name):
    pipeline = make_pipeline(FunctionTransformer(), make(name))
    step = pipeline.steps[-1][0]
    search = GridSearchCV(pipeline, {f"{step}__n_clusters": [2, 3]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = clone(search).fit(X)
        with joblib.parallel_config("loky", n_jobs=2):
            found = clone(search).fit(X)
    assert expected.best_params_ == {f"{step}__n_clusters": 3}
    for key in ("split0_test_score", "split1_test_score"):
        assert_array_equal(found.cv_results_[key], expected.cv_results_[key])


def test_fewer_rows_than_clusters_is_an_error(name):
    with pytest.raises(ValueError, match="n_samples=4 should be >= n_clusters=5"):
        instances.make(name, n_clusters=5).fit(X[:4])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_an_error(name, fitted, bad):
    broken = X.copy()
    broken[3, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        make(name).fit(broken)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fitted.predict(broken)


def test_zero_rows_are_given_to_the_nearest_subspace_with_a_warning(name):
    with_zeros = np.insert(X, [5, 40], 0, axis=0)
    estimator = make(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(with_zeros)
    said = [str(w.message) for w in caught if "rows are zero" in str(w.message)]
    assert bool(said) == estimator.normalize
    assert estimator.labels_.shape == (122,)
    assert clustering_accuracy(y, np.delete(estimator.labels_, [5, 41])) > 0.9
    assert np.isfinite(estimator.transform(np.zeros((1, 12)))).all()


def test_duplicate_rows_are_no_obstacle(name):
    doubled = np.vstack([X, X[:30]])
    labels = make(name).fit(doubled).labels_
    assert clustering_accuracy(np.r_[y, y[:30]], labels) > 0.85


def test_all_rows_zero_is_an_error(name):
    if make(name).normalize:
        with pytest.raises(ValueError, match="Every row of X is zero"):
            make(name).fit(np.zeros((20, 4)))


@pytest.mark.parametrize("bad", [12, 30])
def test_a_subspace_of_all_dimensions_is_an_error(name, bad):
    if "subspace_dim" in make(name).get_params():
        with pytest.raises(ValueError, match=r"subspace_dim=\d+ must be less than .* features"):
            make(name, subspace_dim=bad).fit(X)


def test_sparse_rows_are_taken_where_the_tags_say_so(name):
    estimator = make(name)
    thin = sparse.csr_matrix(np.where(np.abs(X) < 0.05, 0, X))
    if not estimator.__sklearn_tags__().input_tags.sparse:
        with pytest.raises(TypeError, match="dense data is required"):
            estimator.fit(thin)
        return
    before = thin.copy()
    estimator.fit(thin)
    assert clustering_accuracy(y, estimator.labels_) > 0.9
    assert_allclose(estimator.transform(thin), estimator.transform(thin.toarray()), atol=1e-12)
    assert_array_equal(thin.toarray(), before.toarray())


def test_one_feature_is_legal(name):
    values = np.linspace(-1, 1, 41)[:, None] + 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            labels = instances.make(name, n_clusters=2).fit(values).labels_
        except ValueError as error:
            assert "features" in str(error)
        else:
            assert labels.shape == (41,)


@pytest.mark.gpu
def test_on_a_gpu(name):
    if "device" not in make(name).get_params():
        return
    first, second = (make(name, device="cuda").fit(X) for _ in range(2))
    assert_same(outputs(first), outputs(second))
    assert clustering_accuracy(y, first.labels_) > 0.9
    assert torch.cuda.is_available()


def test_the_score_is_the_r2_of_projecting():
    """In units of X, with the mean of the training rows, for unit rows and for rows as given."""

    class Given(BaseSubspaceClustering):
        def __init__(self, n_clusters=3, *, subspace_dim=2, normalize=True):
            self.n_clusters = n_clusters
            self.subspace_dim = subspace_dim
            self.normalize = normalize

        def fit(self, X, y):
            keep_subspaces(self, training_rows(self, X), y)
            return self

    for normalize in (True, False):
        model = Given(normalize=normalize).fit(X, y)
        lengths = np.linalg.norm(X_new, axis=1) if normalize else np.ones(len(X_new))
        projected = []
        for row, length in zip(X_new, lengths, strict=True):
            centred = row / length - model.cluster_means_
            inside = [c @ B.T @ B for c, B in zip(centred, model.cluster_bases_, strict=True)]
            k = np.square(centred - inside).sum(axis=1).argmin()
            projected.append(length * (model.cluster_means_[k] + inside[k]))
        errors = np.square(X_new - projected).sum()
        expected = 1 - errors / np.square(X_new - X.mean(axis=0)).sum()
        assert model.score(X_new) == pytest.approx(expected, abs=1e-12)
        nearest = model.transform(X_new).argmin(axis=1)
        assert_array_equal(nearest, model.predict(X_new))
