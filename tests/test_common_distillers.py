"""What every distiller owes its users, beside the two batteries."""

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from tests.common import IGNORED, assert_unwritten, cases, rows_on_a_surface, unsorted

pytestmark = [pytest.mark.filterwarnings(warning) for warning in IGNORED]

CASES = cases("distillation")
X, X_new = rows_on_a_surface(60, 0)[0], rows_on_a_surface(23, 1)[0]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


def test_another_seed_is_another_fit_and_none_a_new_one_each_time(case):
    found = [case.fitted, *(case.fit(random_state=seed) for seed in (1, None, None))]
    places = {estimator.reconstruct(X_new).tobytes() for estimator in found}
    assert len(places) == len(found)


def test_single_precision_is_close_to_double(case):
    for method in ("reconstruct", "score"):
        found = getattr(case.single, method)(X_new.astype(np.float32))
        assert_allclose(found, case.said[method], atol=0.05, err_msg=method)


def test_skops_trusts_all_but_the_estimator_itself(case, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    path = tmp_path / "estimator.skops"
    skops_io.dump(case.fit(keep_teacher=False), path)
    untrusted = skops_io.get_untrusted_types(file=path)
    assert untrusted == ["sksubspace.distillation._medal.MEDAL"]
    case.assert_same(skops_io.load(path, trusted=untrusted))


def test_rows_given_back_stay_an_array(case):
    pytest.importorskip("pandas")
    estimator = case.fit().set_output(transform="pandas")
    assert list(estimator.transform(X_new).columns) == estimator.get_feature_names_out().tolist()
    assert isinstance(estimator.reconstruct(X_new), np.ndarray)


def test_calibration_is_forgotten_with_the_fit(case):
    estimator = case.fit(sparse.csr_matrix(X)).calibrate(X_new)
    assert estimator.calibration_ == "fresh"
    case.assert_same(estimator.fit(X))
    assert estimator.calibration_ == case.fitted.calibration_


@pytest.mark.parametrize("order", [1, -1], ids=["forwards", "backwards"])
def test_one_estimator_taken_through_all_configurations_forgets_each(order):
    estimator = CASES[0].make()
    for case in CASES[::order]:
        estimator.set_params(**case.params).fit(X)
        assert vars(estimator).keys() == vars(case.fitted).keys(), case.name
        found = estimator.reconstruct(X_new)
        assert_array_equal(found, case.said["reconstruct"], err_msg=case.name)


def test_no_method_writes_to_the_rows(case):
    new = X_new.copy()
    new.flags.writeable = False
    for method in ("calibrate", "detect_shift", "score_samples", "score_components"):
        getattr(case.fit(), method)(new)
    assert_array_equal(new, X_new)


def test_sparse_rows_are_not_written_to_and_do_not_depend_on_their_batch(case):
    thin, new = unsorted(X, below=0.4), unsorted(X_new, below=0.4).sorted_indices()
    before = thin.copy()
    estimator = case.make().fit(thin)
    estimator.transform(thin)
    assert_unwritten(thin, before)
    for method in ("transform", "reconstruct", "distortion"):
        call = getattr(estimator, method)
        alone = np.concatenate([call(new[i : i + 1]) for i in range(0, len(X_new), 3)])
        assert_array_equal(alone, call(new)[::3], err_msg=method)


@pytest.mark.slow
def test_a_search_is_the_same_in_threads_in_processes_and_on_a_cluster():
    distributed = pytest.importorskip("dask.distributed")
    array = pytest.importorskip("dask.array")
    search = GridSearchCV(CASES[0].make(), {"scale": ["global", "feature"]}, cv=2)
    expected = clone(search).fit(X)
    placed = expected.transform(X)

    def assert_same_search():
        found = clone(search).fit(X)
        for key in ("mean_test_score", "split0_test_score", "split1_test_score"):
            assert_array_equal(found.cv_results_[key], expected.cv_results_[key])
        assert_array_equal(found.transform(X), placed)

    for backend in ("loky", "threading"):
        with parallel_config(backend, n_jobs=2):
            assert_same_search()
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster):
        with parallel_config("dask"):
            assert_same_search()
        blocks = array.from_array(X, chunks=(7, 5))
        mapped = blocks.map_blocks(expected.transform, dtype=X.dtype, chunks=(blocks.chunks[0], 2))
        assert_array_equal(mapped.compute(), placed)


@pytest.mark.gpu
def test_rows_of_either_kind_on_a_gpu(case):
    for given in (X.astype(np.float32), sparse.csr_matrix(X)):
        estimator = case.make(device="cuda").fit(given)
        assert np.isfinite(estimator.score(given))
        assert estimator.transform(given).dtype == given.dtype
