"""Two worker processes: the same as here, also where one dies in the middle."""

import os
from multiprocessing import parent_process
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from sksubspace.cluster import KSubspaces
from sksubspace.decoding import FourierRidge
from sksubspace.metrics import embedding_reliability
from tests.distributed import fits
from tests.distributed.chunked import chunked
from tests.model_selection.toys import LINEAR, Seeded, compare
from tests.model_selection.toys import digits as few_digits

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.distributed

SETTINGS = {
    "n_workers": 2,
    "threads_per_worker": 1,
    "processes": True,
    "dashboard_address": None,
    "silence_logs": 50,
}


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(**SETTINGS) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def client(cluster):
    # one that died comes back; of a single one joblib takes the work to the caller's process
    cluster.wait_for_workers(SETTINGS["n_workers"])
    return cluster


def dies_once(block, mark):
    """The same block; the worker that asks for it first dies on the spot."""
    if not Path(mark).exists():
        assert parent_process() is not None, "the first is not where the tests run"
        Path(mark).touch()
        os._exit(1)
    return block


class Mortal(PCA):
    """A teacher whose first fit takes its worker along."""

    def __init__(self, mark=""):
        super().__init__(2)
        self.mark = mark

    def fit_transform(self, X, y=None):
        dies_once(X, self.mark)
        return super().fit_transform(X)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in fits.ONE_EACH else pytest.mark.slow)
        for name in fits.NAMES
    ],
)
def test_two_workers_find_what_one_process_finds(client, name):
    estimator, X, y = fits.make(name)
    expected = fits.found(estimator.fit(X, y), X)
    found = fits.found(fits.make(name)[0].fit(chunked(X, "four"), y), X)
    for what, value in expected.items():
        assert_allclose(found[what], value, rtol=1e-10, atol=1e-10, err_msg=what)


def test_rows_are_placed_by_workers(client):
    X, _ = fits.digits()
    medal = MEDAL("pca", random_state=0).fit(X[:300])
    for method in ("transform", "distortion", "score_samples"):
        found = getattr(medal, method)(chunked(X, "four")).compute()
        assert_array_equal(found, getattr(medal, method)(X), err_msg=method)


def test_rows_are_marked_by_workers(client, monkeypatch):
    monkeypatch.setattr("sksubspace.metrics._marks._blocks.MAX_SAMPLES", 200)
    X, _ = fits.near_subspaces()
    Z = PCA(2).fit_transform(X)
    student = MEDAL("pca", decoder=FourierRidge(30), random_state=0)
    found, alone = (
        embedding_reliability(chunked(X, cut), chunked(Z, cut), student=student)
        for cut in ("four", "one")
    )
    with dask.config.set(scheduler="sync"):
        alone = alone.compute()
    found = found.compute()
    for name in ("p_value", "tear", "overlap"):
        assert_allclose(getattr(found, name), getattr(alone, name), rtol=1e-10, atol=1e-10)
    assert_array_equal(found.mark, alone.mark)


def test_a_fit_outlives_a_worker(client, tmp_path):
    X, _ = fits.near_subspaces()
    mark = tmp_path / "died"
    rows = chunked(X, "two").map_blocks(dies_once, str(mark), dtype=X.dtype, meta=X[:0])
    found = KSubspaces(4, random_state=0).fit(rows)
    assert mark.exists()
    expected = KSubspaces(4, random_state=0).fit(X)
    assert_array_equal(found.labels_, expected.labels_)
    assert_allclose(found.inertia_, expected.inertia_, rtol=1e-10)


def test_a_comparison_outlives_a_worker(client, tmp_path):
    X, y = few_digits(80)
    mark = tmp_path / "died"

    def run(died):
        candidates = {"A": Seeded(0.3), "B": Mortal(str(died))}
        result = compare(X, candidates, student=LINEAR, y=y, method="auto")
        return result.to_json(timings=False).replace(str(died), "")

    with joblib.parallel_config("dask"):
        found = run(mark)
    assert mark.exists()
    (tmp_path / "before").touch()  # nobody dies here
    assert found == run(tmp_path / "before")


@pytest.mark.slow
def test_a_worker_that_always_dies_ends_in_an_error(client, tmp_path):
    X, _ = fits.near_subspaces()
    nowhere = tmp_path / "no folder" / "mark"
    rows = chunked(X, "two").map_blocks(_always_dies, str(nowhere), dtype=X.dtype, meta=X[:0])
    with pytest.raises(distributed.KilledWorker):
        KSubspaces(4, random_state=0).fit(rows)


def _always_dies(block, mark):
    os._exit(1)


@pytest.mark.slow
def test_a_comparison_runs_on_ray():
    ray = pytest.importorskip("ray")
    register = pytest.importorskip("ray.util.joblib").register_ray
    X, y = few_digits(80)

    def run():
        candidates = {"A": Seeded(0.3), "B": Seeded(0.1)}
        return compare(X, candidates, student=LINEAR, y=y, method="auto").to_json(timings=False)

    expected = run()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register()
        with joblib.parallel_config("ray"):
            assert run() == expected
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_rows_larger_than_the_memory_of_workers_are_spilled(tmp_path):
    import dask
    import dask.array as da

    limit, n_bytes = 1.5e9, 4e9
    n = int(n_bytes / 8 / 50)
    with (
        dask.config.set({"temporary-directory": str(tmp_path)}),
        distributed.LocalCluster(**SETTINGS, memory_limit=int(limit)) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(_spilled)  # this file and what it imports take half a gigabyte first
        rows = da.random.default_rng(0).standard_normal((n, 50), chunks=(50_000, 50)).persist()
        distributed.wait(rows)
        spilled = sum(client.run(_spilled).values())
        model = KSubspaces(3, subspace_dim=2, max_iter=2, random_state=0).fit(rows)
    assert spilled > n_bytes - 2 * limit
    assert len(model.labels_) == n and np.bincount(model.labels_).min() > n / 5


def _spilled(dask_worker):
    return dask_worker.data.spilled_total.disk
