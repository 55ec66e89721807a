"""The library's own checks, which every public estimator passes beside those of scikit-learn."""

import pickle
import random
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from tests import instances

pytestmark = pytest.mark.filterwarnings("ignore:calibration='loo' needs")

OUTPUTS = ("transform", "inverse_transform", "reconstruct", "distortion", "score", "pvalue")


def rows(n, seed, dtype=np.float64, d=5):
    rng = np.random.RandomState(seed)
    Z = rng.uniform(-1.5, 1.5, size=(n, 2))
    X = np.hstack([Z, np.sin(2 * Z), Z.prod(axis=1, keepdims=True), rng.randn(n, 3)])
    return (X[:, :d] + 0.05 * rng.randn(n, d)).astype(dtype)


X, X_new = rows(60, 0), rows(23, 1)


@pytest.fixture(scope="module", params=instances.names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name):
    return instances.make(name).fit(X)


def outputs(estimator, X_new=X_new):
    """All that an estimator says about new rows."""
    found = {}
    for method in OUTPUTS:
        if hasattr(estimator, method):
            points = estimator.transform(X_new) if method == "inverse_transform" else X_new
            found[method] = getattr(estimator, method)(points)
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    for method in first:
        assert_array_equal(first[method], second[method], err_msg=method)


class GlobalState:
    """Random states and settings of the process."""

    def __init__(self):
        self.torch = torch.get_rng_state()
        self.numpy = np.random.get_state()[1].copy()
        self.python = random.getstate()
        self.settings = (torch.get_num_threads(), torch.get_default_dtype(), np.geterr())
        self.grad = torch.is_grad_enabled()

    def assert_untouched(self):
        now = GlobalState()
        assert torch.equal(now.torch, self.torch)
        assert_array_equal(now.numpy, self.numpy)
        assert now.python == self.python
        assert (now.settings, now.grad) == (self.settings, self.grad)


@pytest.mark.parametrize("seed", [0, None])
def test_global_random_states_and_settings_are_left_alone(name, seed):
    before = GlobalState()
    estimator = instances.make(name, random_state=seed)
    before.assert_untouched()
    estimator.fit(X)
    before.assert_untouched()
    outputs(estimator)
    pickle.loads(pickle.dumps(estimator))
    before.assert_untouched()


def test_importing_leaves_random_states_alone():
    """`sklearn.callback` is imported first: it imports rich, which draws a number at import."""
    code = [
        "import random, numpy as np, sklearn.callback, torch",
        "before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()",
        "import sksubspace.callbacks, sksubspace.distillation",
        "assert torch.equal(torch.get_rng_state(), before[0])",
        "assert (np.random.get_state()[1] == before[1]).all()",
        "assert random.getstate() == before[2]",
    ]
    done = subprocess.run([sys.executable, "-c", "; ".join(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_no_torch():
    code = "import sksubspace, sys; print('torch' in sys.modules, 'umap' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_two_fits_with_one_seed_are_the_same_bit_for_bit(name, fitted):
    again = instances.make(name).fit(X)
    assert_same(outputs(again), outputs(fitted))
    assert_array_equal(again.embedding_, fitted.embedding_)
    assert again.loss_curve_ == fitted.loss_curve_


def test_another_seed_is_another_fit(name):
    first, other = (instances.make(name, random_state=seed).fit(X) for seed in (0, 1))
    assert not np.array_equal(first.reconstruct(X_new), other.reconstruct(X_new))


def test_without_a_seed_fits_differ(name):
    first, other = (instances.make(name, random_state=None).fit(X) for _ in range(2))
    assert not np.array_equal(first.reconstruct(X_new), other.reconstruct(X_new))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(name, dtype):
    given = rows(60, 0, dtype)
    estimator = instances.make(name)
    assert estimator.fit_transform(given).dtype == dtype
    assert estimator.embedding_.dtype == dtype
    placed = estimator.transform(given)
    assert placed.dtype == dtype
    assert estimator.inverse_transform(placed).dtype == dtype
    assert estimator.reconstruct(given).dtype == dtype


def test_single_precision_is_close_to_double(name, fitted):
    single = instances.make(name).fit(X.astype(np.float32))
    for method, expected in outputs(fitted).items():
        if method in ("reconstruct", "score"):
            found = outputs(single, X_new.astype(np.float32))[method]
            assert_allclose(found, expected, atol=0.05, err_msg=method)


def test_pickle_and_joblib_round_trips(name, fitted, tmp_path):
    expected = outputs(fitted)
    assert_same(outputs(pickle.loads(pickle.dumps(fitted))), expected)
    joblib.dump(fitted, tmp_path / "estimator.joblib")
    assert_same(outputs(joblib.load(tmp_path / "estimator.joblib")), expected)
    twice = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(fitted))))
    assert_same(outputs(twice), expected)


def test_skops_round_trip(name, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    estimator = instances.make(name, keep_teacher=False).fit(X)
    skops_io.dump(estimator, tmp_path / "estimator.skops")
    untrusted = skops_io.get_untrusted_types(file=tmp_path / "estimator.skops")
    kind = type(estimator)
    assert untrusted == [f"{kind.__module__}.{kind.__name__}"]
    loaded = skops_io.load(tmp_path / "estimator.skops", trusted=untrusted)
    assert_same(outputs(loaded), outputs(estimator))


def test_a_clone_is_unfitted_and_fits_the_same(name, fitted):
    copy = clone(fitted)
    assert not [key for key in vars(copy) if key.endswith("_")]
    assert_same(outputs(copy.fit(X)), outputs(fitted))


def test_fit_transform_is_fit_then_transform(name, fitted):
    assert_array_equal(instances.make(name).fit_transform(X), fitted.transform(X))


def test_rows_do_not_depend_on_their_batch(name):
    for given, new in [(X, X_new), (X.astype(np.float32), X_new.astype(np.float32))]:
        estimator = instances.make(name).fit(given)
        for method in ("transform", "reconstruct", "distortion", "pvalue"):
            call = getattr(estimator, method)
            alone = np.concatenate([call(new[i : i + 1]) for i in range(0, len(new), 3)])
            assert_array_equal(alone, call(new)[::3], err_msg=method)
            assert_array_equal(call(new[::-1]), call(new)[::-1], err_msg=method)
            many = np.concatenate([new] * 30)
            assert_array_equal(call(many)[-len(new) :], call(new), err_msg=method)
        points = estimator.transform(new)[::3]
        alone = np.concatenate([estimator.inverse_transform(point[None]) for point in points])
        assert_array_equal(alone, estimator.inverse_transform(points))


def test_rows_of_sparse_data_do_not_depend_on_their_batch(name):
    def thin(X):
        return sparse.csr_matrix(np.where(np.abs(X) < 0.4, 0, X))

    estimator = instances.make(name).fit(thin(X))
    new = thin(X_new)
    for method in ("transform", "reconstruct", "distortion"):
        call = getattr(estimator, method)
        alone = np.concatenate([call(new[i : i + 1]) for i in range(0, new.shape[0], 3)])
        assert_array_equal(alone, call(new)[::3], err_msg=method)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(name, fitted, library):
    frames = pytest.importorskip(library)
    estimator = instances.make(name).set_output(transform=library)
    for frame in (estimator.fit_transform(X), estimator.transform(X_new)):
        assert isinstance(frame, frames.DataFrame)
        assert list(frame.columns) == estimator.get_feature_names_out().tolist()
    assert_array_equal(estimator.transform(X_new).to_numpy(), fitted.transform(X_new))
    assert_array_equal(estimator.fit(X).transform(X_new).to_numpy(), fitted.transform(X_new))
    assert isinstance(estimator.reconstruct(X_new), np.ndarray)


def test_a_second_fit_forgets_the_first(name, fitted):
    estimator = instances.make(name)
    estimator.fit(sparse.csr_matrix(rows(40, 5, np.float32, d=8)))
    estimator.calibrate(rows(40, 6, np.float32, d=8))
    estimator.fit(X)
    assert vars(estimator).keys() == vars(fitted).keys()
    assert_same(outputs(estimator), outputs(fitted))
    assert estimator.n_features_in_ == 5
    assert estimator.calibration_ == fitted.calibration_


def test_a_second_fit_forgets_another_configuration(name, fitted):
    for other in instances.names():
        estimator = instances.make(other).fit(rows(40, 5, d=8))
        estimator.set_params(**instances.make(name).get_params(deep=False)).fit(X)
        assert vars(estimator).keys() == vars(fitted).keys(), other
        assert_array_equal(estimator.reconstruct(X_new), fitted.reconstruct(X_new), err_msg=other)


def test_feature_names_of_an_earlier_fit_are_forgotten(name):
    pandas = pytest.importorskip("pandas")
    estimator = instances.make(name).fit(pandas.DataFrame(X, columns=list("abcde")))
    assert estimator.feature_names_in_.tolist() == list("abcde")
    assert not hasattr(estimator.fit(X), "feature_names_in_")


def test_data_of_the_caller_are_not_written_to(name):
    train, new = X.copy(), X_new.copy()
    train.flags.writeable = new.flags.writeable = False
    estimator = instances.make(name).fit(train)
    placed = estimator.transform(new)
    placed.flags.writeable = False
    estimator.inverse_transform(placed)
    for method in (*OUTPUTS, "calibrate", "detect_shift", "score_samples"):
        if method != "inverse_transform":
            getattr(estimator, method)(new)
    assert_array_equal(train, X)
    assert_array_equal(new, X_new)


def test_sparse_data_of_the_caller_are_not_written_to(name):
    rows_ = sparse.csr_matrix(np.where(np.abs(X) < 0.4, 0, X))
    unsorted = sparse.csr_matrix(
        (rows_.data[::-1].copy(), rows_.indices[::-1].copy(), rows_.indptr), shape=rows_.shape
    )
    before = [part.copy() for part in (unsorted.data, unsorted.indices, unsorted.indptr)]
    estimator = instances.make(name).fit(unsorted)
    estimator.transform(unsorted)
    for part, kept in zip((unsorted.data, unsorted.indices, unsorted.indptr), before, strict=True):
        assert_array_equal(part, kept)


def test_a_fitted_estimator_shares_no_memory_with_the_data(name):
    data = X.copy()
    estimator = instances.make(name).fit(data)
    expected = outputs(estimator)
    data[:] = 0
    assert_same(outputs(estimator), expected)


def test_read_only_memory_maps_are_legal(name, fitted, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_same(outputs(instances.make(name).fit(mapped)), outputs(fitted))


@pytest.mark.filterwarnings("error")
def test_a_map_that_is_itself_memory_mapped_still_works(name, fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "estimator.joblib")
    loaded = joblib.load(tmp_path / "estimator.joblib", mmap_mode="r")
    assert_same(outputs(loaded), outputs(fitted))


def search(name):
    return GridSearchCV(instances.make(name), {"scale": ["global", "feature"]}, cv=2)


@pytest.fixture(scope="module")
def sequential(name):
    return search(name).fit(X)


def assert_same_search(found, expected):
    for key in ("mean_test_score", "split0_test_score", "split1_test_score"):
        assert_array_equal(found.cv_results_[key], expected.cv_results_[key])
    assert_same(outputs(found.best_estimator_), outputs(expected.best_estimator_))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_scores_of_a_search_are_the_same_in_parallel(name, sequential, backend):
    with joblib.parallel_config(backend, n_jobs=2):
        assert_same_search(search(name).fit(X), sequential)


def test_results_are_the_same_on_a_cluster():
    distributed = pytest.importorskip("dask.distributed")
    array = pytest.importorskip("dask.array")
    first = instances.names()[0]
    expected = search(first).fit(X)
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster):
        with joblib.parallel_config("dask"):
            assert_same_search(search(first).fit(X), expected)
        blocks = array.from_array(X, chunks=(7, 5))
        placed = blocks.map_blocks(expected.transform, dtype=X.dtype, chunks=(blocks.chunks[0], 2))
        assert_array_equal(placed.compute(), expected.transform(X))


def test_threads_may_share_a_fitted_estimator(name, fitted):
    expected = fitted.transform(X_new)
    parallel = joblib.Parallel(n_jobs=4, backend="threading")
    for placed in parallel(joblib.delayed(fitted.transform)(X_new) for _ in range(8)):
        assert_array_equal(placed, expected)


@pytest.mark.gpu
def test_on_a_gpu(name):
    before = torch.cuda.get_rng_state()
    first, second = (instances.make(name, device="cuda").fit(X) for _ in range(2))
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert_same(outputs(first), outputs(second))
    loaded = pickle.loads(pickle.dumps(first))
    assert_same(outputs(loaded), outputs(first))
    for given in (X.astype(np.float32), sparse.csr_matrix(X)):
        estimator = instances.make(name, device="cuda").fit(given)
        assert np.isfinite(estimator.score(given))
        assert estimator.transform(given).dtype == given.dtype
