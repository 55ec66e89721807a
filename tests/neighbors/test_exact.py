import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sksubspace.neighbors import _candidates, _distances, k_nearest


def by_brute_force(queries, reference, n_neighbors, exclude_self=False):
    squared = np.square(queries[:, None] - reference[None]).sum(-1)
    if exclude_self:
        np.fill_diagonal(squared, np.inf)
    index = np.broadcast_to(np.arange(len(reference)), squared.shape)
    order = np.lexsort((index, squared), axis=1)[:, :n_neighbors]
    return np.take_along_axis(squared, order, axis=1), order


def cloud(n, d, seed=0):
    return np.random.RandomState(seed).randn(n, d)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_neighbors", [1, 7, 40])
def test_it_is_brute_force(make, dtype, n_neighbors):
    reference, queries = cloud(40, 5).astype(dtype), cloud(60, 5, 1).astype(dtype)
    squared, indices = k_nearest(make(queries), make(reference), n_neighbors)
    expected = by_brute_force(queries.astype(float), reference.astype(float), n_neighbors)
    np.testing.assert_array_equal(indices, expected[1])
    np.testing.assert_allclose(squared, expected[0], rtol=1e-6 if dtype == np.float32 else 1e-12)
    assert squared.dtype == np.float64


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_a_row_is_not_its_own_neighbor_but_its_twin_is(make):
    X = cloud(30, 3)
    X[20] = X[4]
    squared, indices = k_nearest(make(X), make(X), 5, exclude_self=True)
    np.testing.assert_array_equal(indices, by_brute_force(X, X, 5, exclude_self=True)[1])
    assert (indices != np.arange(30)[:, None]).all()
    assert (indices[4, 0], squared[4, 0], indices[20, 0], squared[20, 0]) == (20, 0, 4, 0)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_some_rows_of_the_reference_are_not_their_own_neighbors(make):
    X = cloud(30, 3)
    X[20] = X[4]
    rows = np.array([20, 3, 4, 29])
    squared, indices = k_nearest(make(X[rows]), make(X), 6, exclude_self=rows)
    all_squared, all_indices = k_nearest(make(X), make(X), 6, exclude_self=True)
    np.testing.assert_array_equal(indices, all_indices[rows])
    np.testing.assert_allclose(squared, all_squared[rows])
    with pytest.raises(ValueError, match="the 29 rows to choose from, got 30"):
        k_nearest(make(X[rows]), make(X), 30, exclude_self=rows)


def test_every_other_row_may_be_asked_for():
    X = cloud(9, 2)
    _, indices = k_nearest(X, X, 8, exclude_self=True)
    assert (np.sort(np.column_stack([indices, np.arange(9)]), axis=1) == np.arange(9)).all()


def test_rows_that_are_all_equal():
    X = np.ones((40, 3))
    squared, indices = k_nearest(X, X, 4, exclude_self=True)
    assert (squared == 0).all()
    assert (indices != np.arange(40)[:, None]).all()


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_ties_are_broken_by_index(make):
    """On binary data most distances are ties; the answer must not depend on the search."""
    X = (np.random.RandomState(0).rand(400, 12) < 0.3).astype(float)
    queries = (np.random.RandomState(1).rand(600, 12) < 0.3).astype(float)
    squared, indices = k_nearest(make(queries), make(X), 5)
    expected = by_brute_force(queries, X, 5)
    np.testing.assert_array_equal(squared, expected[0])
    np.testing.assert_array_equal(indices, expected[1])


@pytest.mark.parametrize("offset", [1e4, 1e6, 1e8])
def test_far_from_the_origin(offset):
    """A distance by matrix products, |x|^2 - 2xy + |y|^2, would cancel here."""
    X = cloud(300, 6) + offset
    squared, indices = k_nearest(X, X, 6)
    np.testing.assert_array_equal(indices, by_brute_force(X, X, 6)[1])
    np.testing.assert_array_equal(indices[:, 0], np.arange(300))
    assert (squared[:, 0] == 0).all()


def test_a_query_does_not_depend_on_its_batch():
    reference, queries = cloud(200, 7), cloud(150, 7, 1)
    squared, indices = k_nearest(queries, reference, 4)
    for i in range(0, 150, 10):
        alone = k_nearest(queries[i : i + 1], reference, 4)
        np.testing.assert_array_equal(alone[0][0], squared[i])
        np.testing.assert_array_equal(alone[1][0], indices[i])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_blocks_change_nothing(monkeypatch, make):
    X = make(cloud(50, 4))
    whole = k_nearest(X, X, 3, exclude_self=True)
    monkeypatch.setattr(_distances, "_BLOCK_ELEMENTS", 1)
    for part, expected in zip(k_nearest(X, X, 3, exclude_self=True), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize(
    ("n_neighbors", "exclude_self", "available"), [(6, False, 5), (5, True, 4), (0, False, 5)]
)
def test_impossible_numbers_of_neighbors_raise(n_neighbors, exclude_self, available):
    X = cloud(5, 2)
    message = f"between 1 and the {available} rows to choose from, got {n_neighbors}."
    with pytest.raises(ValueError, match=re.escape(message)):
        k_nearest(X, X, n_neighbors, exclude_self=exclude_self)


def many_rows(rng):
    return rng.standard_normal((2500, 30)).astype(np.float32)


def far_apart_tight_clusters(rng):
    centres = 1e3 * rng.standard_normal((50, 20))
    return (centres[rng.randint(50, size=2500)] + 1e-2 * rng.standard_normal((2500, 20))).astype(
        np.float32
    )


@pytest.mark.parametrize("make", [many_rows, far_apart_tight_clusters])
def test_search_in_single_precision_gives_the_exact_neighbours(make):
    X = make(np.random.RandomState(0))
    squared, indices = k_nearest(X[:40], X, 5)
    wide = X.astype(np.float64)
    distances = np.square(wide[:40, None] - wide).sum(axis=2)
    order = np.lexsort((np.broadcast_to(np.arange(2500), distances.shape), distances), axis=1)
    np.testing.assert_array_equal(indices, order[:, :5])
    np.testing.assert_allclose(squared, np.take_along_axis(distances, order[:, :5], axis=1))


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("exclude_self", [False, True])
def test_more_equal_rows_than_any_search_proposes(make, exclude_self):
    """The first by index are nearest, wherever the search looks first."""
    X = np.ones((1700, 18))
    X[np.random.RandomState(0).permutation(1700)[:200], 0] = 2
    X = X.repeat(2, axis=0)
    for dtype in [np.float64, np.float32]:
        rows = make(X.astype(dtype))
        squared, indices = k_nearest(rows, rows, 5, exclude_self=exclude_self)
        for value in [1, 2]:
            alike = np.flatnonzero(X[:, 0] == value)
            for row in alike[[0, 2, 9, -1]]:
                others = alike[alike != row] if exclude_self else alike
                np.testing.assert_array_equal(indices[row], others[:5])
        assert (squared == 0).all()


def test_rows_that_are_all_equally_far():
    X = np.eye(60)
    squared, indices = k_nearest(X, X, 3, exclude_self=True)
    assert (squared == 2).all()
    for row in range(60):
        np.testing.assert_array_equal(indices[row], np.delete(np.arange(60), row)[:3])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("queries", ["near", "far"])
def test_one_row_far_from_all_others(dtype, queries):
    """Which makes single precision useless for the others, or for the queries."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((2300, 17)).astype(dtype)
    X[5] = 1e18
    rows = X[:30] if queries == "near" else 1e16 * np.sign(X[:30])
    squared, indices = k_nearest(rows, X, 4)
    wide = X.astype(np.float64)
    difference = rows.astype(np.float64)[:, None] - wide
    distances = np.einsum("mnd,mnd->mn", difference, difference)
    order = np.argsort(distances, axis=1, kind="stable")[:, :4]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(squared, np.take_along_axis(distances, order, axis=1))


def test_ties_of_many_rows_are_broken_by_index():
    """Whole numbers in more columns than are searched in double precision."""
    X = np.random.RandomState(0).randint(2, size=(2200, 16)).astype(np.float32)
    squared, indices = k_nearest(X[:200], X, 40)
    expected = by_brute_force(X[:200], X, 40)
    np.testing.assert_array_equal(squared, expected[0])
    np.testing.assert_array_equal(indices, expected[1])


def test_spans_and_blocks_of_the_search_in_single_precision_change_nothing(monkeypatch):
    X = cloud(2217, 19)
    whole = k_nearest(X[:70], X, 6)
    proposed = _candidates.nearest_in_single_precision(X[:70], X, 6, X.mean(axis=0), 1.0)
    np.testing.assert_array_equal(np.sort(proposed), np.sort(whole[1]))
    monkeypatch.setattr(_candidates, "_SPAN_ROWS", 640)
    monkeypatch.setattr(_candidates, "_BLOCK_ROWS", 9)
    for n_candidates in [6, 30, 900, 2217]:
        found = _candidates.nearest_in_single_precision(
            X[:70], X, n_candidates, X.mean(axis=0), 1.0
        )
        expected = by_brute_force(X[:70], X, n_candidates)[1]
        np.testing.assert_array_equal(np.sort(found), np.sort(expected))
    for part, expected in zip(k_nearest(X[:70], X, 6), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


def test_compared_pairs_are_few_at_a_time_and_blocks_change_nothing(monkeypatch):
    X = np.random.RandomState(0).randint(2, size=(300, 5)).astype(float)
    whole = k_nearest(X, X, 20, exclude_self=True)
    monkeypatch.setattr(_distances, "_BLOCK_ELEMENTS", 1)
    for part, expected in zip(k_nearest(X, X, 20, exclude_self=True), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


def outside_by_brute_force(queries, reference, n_neighbors, query_groups, reference_groups):
    squared = np.square(queries[:, None].astype(float) - reference[None]).sum(-1)
    squared[query_groups[:, None] == reference_groups] = np.inf
    index = np.broadcast_to(np.arange(len(reference)), squared.shape)
    order = np.lexsort((index, squared), axis=1)[:, :n_neighbors]
    return np.take_along_axis(squared, order, axis=1), order


def ties(n, d, seed=0):
    return np.random.RandomState(seed).randint(3, size=(n, d)).astype(float)


GROUPS = {
    "one row": lambda n, rng: np.arange(n),
    "few rows": lambda n, rng: rng.randint(n // 4, size=n),
    "large": lambda n, rng: rng.randint(3, size=n) - 1,
    "small and large": lambda n, rng: np.where(rng.rand(n) < 0.6, rng.randint(n, size=n), -7),
}


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("kind", GROUPS)
@pytest.mark.parametrize(("n", "d"), [(150, 4), (2200, 17)])
@pytest.mark.parametrize("rows", [cloud, ties])
def test_rows_of_the_own_group_are_not_found(make, kind, n, d, rows):
    X, groups = rows(n, d), GROUPS[kind](n, np.random.RandomState(1))
    queries, query_groups = np.vstack([X[:40], rows(9, d, 1)]), groups[np.r_[:40, 50:59]]
    found = k_nearest(make(queries), make(X), 5, groups=(query_groups, groups))
    expected = outside_by_brute_force(queries, X, 5, query_groups, groups)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    for i in [0, 7, 45]:
        alone = k_nearest(make(queries[i : i + 1]), make(X), 5, groups=(query_groups[[i]], groups))
        np.testing.assert_array_equal(alone[0][0], found[0][i])
        np.testing.assert_array_equal(alone[1][0], found[1][i])


@pytest.mark.parametrize("kind", GROUPS)
def test_neither_rows_of_the_own_group_nor_the_own_row_are_found(kind):
    """The queries stand in other groups than the reference rows that they are."""
    X, rng = ties(160, 3), np.random.RandomState(1)
    groups = GROUPS[kind](160, rng)
    own = np.array([5, 77, 3, 150])
    query_groups = groups[rng.permutation(160)[:4]]
    squared, indices = k_nearest(X[own], X, 5, exclude_self=own, groups=(query_groups, groups))
    distances = np.square(X[own][:, None] - X).sum(-1)
    distances[query_groups[:, None] == groups] = np.inf
    distances[np.arange(4), own] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(squared, np.take_along_axis(distances, order, axis=1))
    everyone = k_nearest(X, X, 5, exclude_self=True, groups=(groups, groups))
    for part, expected in zip(everyone, k_nearest(X, X, 5, groups=(groups, groups)), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_groups_that_leave_too_few_rows_raise():
    X, groups = cloud(9, 2), np.array([3, 3, 3, 3, 3, 3, 8, 8, 8])
    message = "n_neighbors must be between 1 and the 3 rows to choose from outside of group 3, got"
    with pytest.raises(ValueError, match=message):
        k_nearest(X, X, 4, groups=(groups, groups))
    assert k_nearest(X[6:], X, 6, groups=(groups[6:], groups))[1].max() == 5
    message = "the 5 rows to choose from outside of group 8, got 6"
    with pytest.raises(ValueError, match=message):
        own = np.array([0])
        k_nearest(X[:1], X, 6, exclude_self=own, groups=(np.array([8]), groups))
    with pytest.raises(ValueError, match=r"groups must hold .* \(9,\) and \(8,\)"):
        k_nearest(X, X, 2, groups=(groups, groups[:8]))


def in_pairs(n=2100, d=20):
    """Rows away from the origin, half of which have another one that is very near."""
    X = 5 + cloud(n, d)
    X[: n // 4] = X[n // 4 : n // 2] + 1e-3 * cloud(n // 4, d, 1)
    return X


def assert_same_found(X, device="cpu", **given):
    queries = np.arange(0, len(X), 7)
    expected = k_nearest(X[queries], X, 5, **given)
    found = k_nearest(X[queries], X, 5, device=device, **given)
    for one, other in zip(expected, found, strict=True):
        assert_array_equal(other, one)


@pytest.mark.parametrize("precision", ["highest", "high"])
@pytest.mark.parametrize("elements", [2**26, 2**15], ids=["at once", "in spans"])
def test_a_search_on_a_device_finds_the_same(precision, elements, monkeypatch):
    """The products are torch's, here on the CPU; what is found is certified as without them."""
    import torch

    monkeypatch.setattr("sksubspace.neighbors._on_device._BLOCK_ELEMENTS", elements)
    monkeypatch.setattr("sksubspace.neighbors._on_device._SPAN_ROWS", elements // 64)
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: precision)
    X = in_pairs()
    assert_same_found(X)
    assert_same_found(X.astype(np.float32), exclude_self=np.arange(0, 2100, 7))
    groups = np.arange(2100) // 5
    assert_same_found(X, groups=(groups[::7], groups))


def test_products_are_formed_on_the_device(monkeypatch):
    from sksubspace.neighbors import _on_device

    asked = []
    search = _on_device._nearest_of_rows
    monkeypatch.setattr(
        _on_device, "_nearest_of_rows", lambda *given: asked.append(given[0]) or search(*given)
    )
    assert_same_found(in_pairs())
    assert sum(map(len, asked)) == 300
    k_nearest(in_pairs()[:9], in_pairs(), 5)
    assert sum(map(len, asked)) == 300


def test_a_device_without_room_for_a_block_gets_fewer_rows(monkeypatch):
    import torch

    from sksubspace.neighbors import _on_device

    search, sizes = _on_device._nearest_of_rows, []

    def cramped(doubled, *others):
        sizes.append(len(doubled))
        if len(doubled) > 100:
            raise torch.OutOfMemoryError("no room")
        return search(doubled, *others)

    monkeypatch.setattr(_on_device, "_nearest_of_rows", cramped)
    assert_same_found(in_pairs())
    assert max(sizes) == 300 and 0 < min(sizes) <= 100

    def full(*given):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(_on_device, "to_tensor", full)
    with pytest.raises(MemoryError, match="no room for 2100 rows of 20 columns"):
        k_nearest(in_pairs()[:9], in_pairs(), 5, device="cpu")


def test_a_device_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="device must be 'auto'"):
        k_nearest(in_pairs()[:9], in_pairs(), 5, device="abacus")


@pytest.mark.gpu
def test_a_search_on_a_gpu_finds_the_same():
    assert_same_found(in_pairs(), device="cuda")
