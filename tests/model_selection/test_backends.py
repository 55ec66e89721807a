"""One comparison, run in processes, in threads and on a cluster: the same to the last bit."""

import joblib
import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning

from sksubspace import MEDAL
from tests.model_selection.toys import LINEAR, Broken, Seeded, compare, digits

X, y = digits(80)


def run(student=LINEAR, **params):
    return compare(X, {"A": Seeded(0.3), "B": Seeded(0.1)}, student=student, y=y, **params)


@pytest.fixture(scope="module")
def sequential():
    return run(method="auto").to_json(timings=False)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_two_workers_say_what_one_says(sequential, backend):
    with joblib.parallel_config(backend):
        assert run(method="auto", n_jobs=2).to_json(timings=False) == sequential


def test_trained_encoders_too():
    one = run(student=MEDAL(), controls=False)
    two = run(student=MEDAL(), controls=False, n_jobs=2)
    assert one.to_json(timings=False) == two.to_json(timings=False)


def test_two_workers_share_a_memory(sequential, tmp_path):
    for _ in range(2):
        result = run(method="auto", n_jobs=2, memory=tmp_path)
        assert result.to_json(timings=False) == sequential


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_failures_come_back_from_workers(backend):
    with joblib.parallel_config(backend), pytest.warns(FitFailedWarning, match="no map at all"):
        result = compare(X, {"bad": Broken(), "good": Seeded()}, n_jobs=2)
    assert result.best_name_ == "good" and np.isnan(result.results[-1].score)


@pytest.mark.slow
def test_on_a_dask_cluster(sequential):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        assert run(method="auto").to_json(timings=False) == sequential


@pytest.mark.slow
def test_umap_in_threads_is_fitted_one_at_a_time():
    with joblib.parallel_config("threading"):
        threads = compare(X, ["umap"], n_jobs=2, controls=False)
    alone = compare(X, ["umap"], controls=False)
    assert threads.to_json(timings=False) == alone.to_json(timings=False)
