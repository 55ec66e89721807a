import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.neighbors import _approximate, k_nearest, nearest_neighbors
from tests.neighbors.test_graph import assert_same, cloud


def propose(monkeypatch, candidates):
    """Put fixed candidates in the place of those of the descent, which compiles for seconds."""
    monkeypatch.setattr(_approximate, "_descend", lambda *args: candidates)


def test_the_first_candidates_by_exact_distance_are_taken(monkeypatch):
    X = cloud(40, 3)
    X[9] = X[4]
    rng = np.random.RandomState(0)
    candidates = np.array([rng.permutation(40)[:12] for _ in range(40)])
    propose(monkeypatch, candidates)
    queries = np.array([4, 30, 9])
    distances, indices = nearest_neighbors(
        X, 5, metric="euclidean", queries=queries, method="approximate"
    )
    for row, query in enumerate(queries):
        others = np.sort(candidates[query][candidates[query] != query])
        squared = np.square(X[others] - X[query]).sum(axis=1)
        order = np.argsort(squared, kind="stable")[:5]
        assert_array_equal(indices[row], others[order])
        assert_allclose(distances[row], np.sqrt(squared[order]))


def test_rows_with_too_few_candidates_are_searched_exactly(monkeypatch):
    X = cloud(30, 3)
    candidates = np.tile(np.arange(8), (30, 1))
    candidates[3, 4:] = -1
    candidates[5, 7] = -1  # six are left, one of which is row 5 itself
    propose(monkeypatch, candidates)
    squared, indices = _approximate.approximate_nearest(X, np.arange(30), 6)
    exact = k_nearest(X, X, 6, exclude_self=True)
    assert_array_equal(indices[3], exact[1][3])
    assert_array_equal(squared[3], exact[0][3])
    assert_array_equal(np.sort(indices[5]), [0, 1, 2, 3, 4, 6])
    assert (indices[8:] < 8).all()
    assert np.isfinite(squared).all()


def test_no_more_candidates_are_wanted_than_there_are_rows(monkeypatch):
    wanted = []

    def descend(X, n_candidates, n_jobs, random_state):
        wanted.append((n_candidates, n_jobs, random_state))
        return np.tile(np.arange(n_candidates), (len(X), 1))

    monkeypatch.setattr(_approximate, "_descend", descend)
    nearest_neighbors(cloud(5, 3), 4, method="approximate", n_jobs=2, random_state=7)
    nearest_neighbors(cloud(50, 3), 4, method="approximate")
    assert wanted == [(5, 2, 7), (11, None, None)]


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_most_approximate_neighbors_are_right_and_all_distances(metric):
    X = cloud(1500, 6)
    distances, indices = nearest_neighbors(
        X, 10, metric=metric, method="approximate", random_state=0
    )
    exact = nearest_neighbors(X, 10, metric=metric, method="exact")
    hits = [len(np.intersect1d(*pair)) for pair in zip(indices, exact[1], strict=True)]
    assert np.mean(hits) > 9.8
    assert (indices != np.arange(1500)[:, None]).all()
    first = np.linalg.norm(X[:, None] - X[indices], axis=2)
    if metric == "cosine":
        first = (
            1
            - np.einsum("nd,nkd->nk", X, X[indices])
            / np.outer(np.linalg.norm(X, axis=1), np.ones(10))
            / np.linalg.norm(X, axis=1)[indices]
        )
    assert_allclose(distances, first, atol=1e-13)
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.slow
def test_the_approximate_search_is_seeded_and_leaves_global_states_alone():
    torch = pytest.importorskip("torch")
    X = cloud(900, 25)
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    threads = torch.get_num_threads()
    first, again, other = (
        nearest_neighbors(X, 10, method="approximate", random_state=seed) for seed in (0, 0, 1)
    )
    nearest_neighbors(X, 10, method="approximate")
    assert_same(first, again)
    assert (first[1] != other[1]).any()
    assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_neighbors_that_the_descent_does_not_find_are_searched_exactly():
    """Of many equal rows it proposes too few others."""
    X = np.repeat(cloud(3, 4), 200, axis=0)
    distances, indices = nearest_neighbors(X, 12, method="approximate", random_state=0)
    assert_allclose(distances, 0, atol=1e-15)
    assert (indices != np.arange(600)[:, None]).all()
    assert (indices // 200 == np.arange(600)[:, None] // 200).all()
    few = nearest_neighbors(cloud(5, 3), 4, method="approximate", random_state=0)
    assert_same(few, nearest_neighbors(cloud(5, 3), 4))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_some_queries_have_the_approximate_neighbors_they_have_among_all(dtype):
    X, queries = cloud(400, 6).astype(dtype), np.array([17, 3, 399, 3])
    found = nearest_neighbors(X, 4, queries=queries, method="approximate", random_state=0)
    every = nearest_neighbors(X, 4, method="approximate", random_state=0)
    assert_same(found, [part[queries] for part in every])
    assert found[0].dtype == dtype
