import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.neighbors import _graph, nearest_neighbors


def cloud(n=60, d=5, seed=0):
    return np.random.RandomState(seed).standard_normal((n, d))


def binary(n, d, seed=0):
    """Rows with many equal ones, many ties and, for few columns, rows of zeros."""
    return (np.random.RandomState(seed).rand(n, d) < 0.3).astype(float)


def by_brute_force(distances, n_neighbors):
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]
    return np.take_along_axis(distances, order, axis=1), order


def cosine_distances(X):
    return np.array([[1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in X] for a in X])


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a, b)


def test_cosine_is_one_minus_the_cosine():
    X = cloud()
    distances, indices = nearest_neighbors(X, 7)
    expected = by_brute_force(cosine_distances(X), 7)
    assert_array_equal(indices, expected[1])
    assert_allclose(distances, expected[0], atol=1e-14)


def test_euclidean_is_in_units_of_the_input():
    X = cloud()
    distances, indices = nearest_neighbors(X, 7, metric="euclidean")
    expected = by_brute_force(np.linalg.norm(X[:, None] - X, axis=2), 7)
    assert_array_equal(indices, expected[1])
    assert_allclose(distances, expected[0])


@pytest.mark.parametrize("size", [1e-290, 1e-150, 1, 1e90])
def test_cosine_does_not_see_the_size_of_rows(size):
    X = cloud()
    rows = X * (size * 2.0 ** np.arange(-30, 30))[:, None]
    distances, indices = nearest_neighbors(rows, 5)
    expected = nearest_neighbors(X, 5)
    assert_array_equal(indices, expected[1])
    assert_allclose(distances, expected[0], rtol=1e-9)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_a_row_of_zeros_is_at_distance_one_from_the_others(make):
    X = cloud(8, 3)
    X[[2, 5]] = 0
    distances, indices = nearest_neighbors(make(X), 7)
    assert (indices[2, 0], indices[5, 0], *distances[[2, 5], 0]) == (5, 2, 0, 0)
    assert_allclose(distances[[2, 5], 1:], 1, rtol=1e-15)
    others = np.delete(np.arange(8), [2, 5])
    assert_allclose(distances[others][indices[others] == 2], 1, rtol=1e-15)
    alone = by_brute_force(cosine_distances(X[others]), 1)
    assert_array_equal(indices[others, 0], others[alone[1][:, 0]])
    assert_allclose(distances[others, 0], alone[0][:, 0])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_sparse_rows_have_the_same_neighbors(metric):
    X = binary(300, 30)
    X *= np.random.RandomState(1).randint(1, 4, size=X.shape)
    X[7] = 0
    distances, indices = nearest_neighbors(sparse.csr_matrix(X), 9, metric=metric)
    expected = nearest_neighbors(X, 9, metric=metric)
    assert_allclose(distances, expected[0], rtol=1e-12, atol=1e-14)
    if metric == "euclidean":  # whole numbers: the same ties
        assert_array_equal(indices, expected[1])


def test_sparse_rows_are_never_dense_as_a_whole():
    """As a dense table of 8-byte numbers these rows would take 80 GB."""
    columns = np.random.RandomState(0).randint(10**7, size=(500, 4))
    entries = np.ones(2000), (np.repeat(np.arange(500), 4), columns.ravel())
    half = sparse.csr_matrix(entries, shape=(500, 10**7))
    X = sparse.vstack([half, half[::-1]], format="csr")
    distances, indices = nearest_neighbors(X, 1)
    assert_array_equal(indices[:, 0], np.arange(1000)[::-1])
    assert_array_equal(distances, 0)


def test_some_queries_have_the_neighbors_they_have_among_all():
    X, queries = cloud(400, 6), np.array([17, 3, 399, 3])
    found, every = nearest_neighbors(X, 4, queries=queries), nearest_neighbors(X, 4)
    assert_same(found, [part[queries] for part in every])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_and_whole_numbers_become_double(dtype):
    distances, indices = nearest_neighbors(cloud().astype(dtype), 3)
    assert distances.dtype == dtype
    assert indices.dtype == np.intp
    whole = np.rint(10 * cloud()).astype(int)
    assert nearest_neighbors(whole, 3)[0].dtype == np.float64
    assert_same(nearest_neighbors(whole, 3), nearest_neighbors(whole.astype(float).tolist(), 3))


TABLES = {
    "ties": (binary(700, 9), "cosine"),
    "ties in euclidean distance": (binary(700, 9), "euclidean"),
    "sparse": (sparse.csr_matrix(binary(500, 9)), "cosine"),
    "single precision": (cloud(2600, 20).astype(np.float32), "cosine"),
    "fewer rows than shards times neighbors": (cloud(24, 3), "euclidean"),
}


@pytest.mark.parametrize("table", TABLES)
def test_shards_change_nothing(table):
    X, metric = TABLES[table]
    queries = np.random.RandomState(0).permutation(X.shape[0])[:450]
    expected = nearest_neighbors(X, 11, metric=metric, queries=queries, method="exact")
    for shard in ["queries", "index"]:
        for n_shards in [1, 2, 5]:
            found = nearest_neighbors(
                X, 11, metric=metric, queries=queries, n_shards=n_shards, shard=shard
            )
            assert_same(found, expected)


@pytest.mark.parametrize("shard", ["queries", "index"])
def test_more_shards_than_rows_are_as_many_as_rows(shard):
    X = cloud(6, 2)
    assert_same(nearest_neighbors(X, 5, n_shards=50, shard=shard), nearest_neighbors(X, 5))


@pytest.mark.parametrize("shard", ["queries", "index"])
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_jobs_change_nothing(shard, backend):
    X = binary(300, 12)
    with joblib.parallel_config(backend):
        found = nearest_neighbors(X, 8, n_shards=3, shard=shard, n_jobs=2)
    assert_same(found, nearest_neighbors(X, 8))


def test_the_graph_is_the_same_on_a_cluster():
    distributed = pytest.importorskip("dask.distributed")
    X = binary(300, 12)
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        found = [nearest_neighbors(X, 8, n_shards=3, shard=shard) for shard in ["queries", "index"]]
    for graph in found:
        assert_same(graph, nearest_neighbors(X, 8))


def test_auto_is_exact_for_small_tables_and_approximate_for_large_ones(monkeypatch):
    X = cloud(200, 6)
    called = []

    def approximate(*args, **kwargs):
        called.append(args)
        return np.zeros((200, 3)), np.zeros((200, 3), dtype=int)

    monkeypatch.setattr(_graph, "approximate_nearest", approximate)
    monkeypatch.setattr(_graph, "_LARGEST_EXACT", 200 * 200 * 6)
    nearest_neighbors(X, 3)
    assert called == []
    monkeypatch.setattr(_graph, "_LARGEST_EXACT", 200 * 200 * 6 - 1)
    nearest_neighbors(sparse.csr_matrix(X), 3)
    nearest_neighbors(X, 3, n_shards=2)
    nearest_neighbors(X, 3, queries=np.arange(199))
    assert called == []
    nearest_neighbors(X, 3)
    assert len(called) == 1


def test_the_callers_rows_are_left_alone(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, cloud(50, 4))
    X = np.load(path, mmap_mode="r")
    assert_same(nearest_neighbors(X, 3), nearest_neighbors(cloud(50, 4), 3))
    entries = sparse.csr_matrix((np.ones(3), [1, 1, 0], [0, 2, 3]), shape=(2, 2))
    nearest_neighbors(entries, 1)
    assert_array_equal(entries.data, 1)


SPARSE = sparse.csr_matrix(cloud())


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        ({"n_neighbors": 60}, ValueError, "n_neighbors must be .* at most 59, .* got 60"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be at least 1 .* got 0"),
        ({"n_neighbors": 2.0}, TypeError, r"n_neighbors must be an integer, got 2\.0"),
        ({"n_neighbors": True}, TypeError, "n_neighbors must be an integer, got True"),
        ({"n_shards": 0}, ValueError, "n_shards must be at least 1, got 0"),
        ({"n_shards": "2"}, TypeError, "n_shards must be an integer, got '2'"),
        ({"metric": "l1"}, ValueError, "metric must be one of 'cosine', 'euclidean', got 'l1'"),
        ({"shard": None}, ValueError, "shard must be one of 'queries', 'index', got None"),
        ({"method": "fast"}, ValueError, "method must be one of 'auto', .*, got 'fast'"),
        ({"queries": [0.0, 1.0]}, TypeError, "queries must hold integers, .* got float64"),
        ({"queries": [True] * 60}, TypeError, "queries must hold integers, .* got bool"),
        ({"queries": []}, ValueError, r"queries must be .* shape \(0,\)"),
        ({"queries": [[1]]}, ValueError, r"queries must be .* shape \(1, 1\)"),
        ({"queries": [3, 60]}, ValueError, "queries must be .* at most 59, .* from 3 to 60"),
        ({"queries": [-1, 6]}, ValueError, "queries must be at least 0 .* from -1 to 6"),
        ({"X": np.full((4, 2), np.nan)}, ValueError, "X contains NaN"),
        ({"X": np.zeros((1, 2))}, ValueError, "minimum of 2"),
        ({"X": 1e101 * cloud()}, ValueError, "The largest absolute value in X .* got .*e\\+101"),
        (
            {"X": SPARSE, "method": "approximate"},
            ValueError,
            "method='approximate' searches dense rows in one piece, got sparse rows",
        ),
        (
            {"n_shards": 2, "method": "approximate"},
            ValueError,
            "method='approximate' searches dense rows in one piece, got n_shards=2",
        ),
    ],
)
def test_bad_input_is_named(bad, kind, message):
    with pytest.raises(kind, match=message):
        nearest_neighbors(**({"X": cloud(), "n_neighbors": 5} | bad))
