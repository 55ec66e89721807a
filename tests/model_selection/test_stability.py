import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator
from sklearn.manifold import TSNE, Isomap

from sksubspace.model_selection import embedding_stability
from sksubspace.model_selection._stability import jaccard


class Shaky(BaseEstimator):
    """The first two columns with noise, of a part of the rows."""

    def __init__(self, noise=0.0, random_state=None, lost=0):
        self.noise, self.random_state, self.lost = noise, random_state, lost

    def fit_transform(self, X, y=None):
        rng = np.random.RandomState(self.random_state)
        X = X.toarray() if sparse.issparse(X) else X
        Z = X[:, :2] + self.noise * rng.randn(len(X), 2)
        Z[: self.lost] = np.nan
        return Z


def rows(n=120, n_kinds=5):
    rng = np.random.RandomState(0)
    y = np.arange(n) % n_kinds
    return rng.randn(n, 4) + 6 * rng.randn(n_kinds, 4)[y], y


def shares(Z, other, k):
    """Jaccard indices row by row, by sorting all distances."""

    found = []
    for i in range(len(Z)):
        sets = []
        for places in (Z, other):
            distances = np.linalg.norm(places - places[i], axis=1)
            distances[i] = np.inf
            sets.append(set(np.argsort(distances)[:k]))
        found.append(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
    return np.array(found)


def test_jaccard_is_what_sorting_gives():
    rng = np.random.RandomState(0)
    Z = rng.rand(60, 2)
    other = Z + 0.1 * rng.randn(60, 2)
    assert_allclose(jaccard(Z, other, 7), shares(Z, other, 7))


def test_the_same_map_shares_all_its_neighbors():
    X, y = rows()
    found = embedding_stability(X, Shaky(), y=y, n_seeds=2)
    assert_array_equal(found.seeds, 1)
    assert_array_equal(found.subsamples[np.isfinite(found.subsamples)], 1)
    assert_allclose(found.between, 1)


def test_seeds_are_compared_pair_by_pair():
    X, y = rows()
    found = embedding_stability(X, Shaky(1.0), y=y, n_seeds=3, n_neighbors=6)
    rng = np.random.RandomState(0)
    seeds = [int(rng.randint(2**31 - 1)) for _ in range(3)]
    maps = [Shaky(1.0, seed).fit_transform(X) for seed in seeds]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([shares(maps[a], maps[b], 6) for a, b in pairs], axis=0)
    assert_allclose(found.seeds, expected)

    def distances(places):
        centres = np.stack([places[y == k].mean(axis=0) for k in range(5)])
        return np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(5, 1)]

    agreement = [spearmanr(distances(maps[a]), distances(maps[b]))[0] for a, b in pairs]
    assert_allclose(found.between, (min(agreement), max(agreement)))
    own = [spearmanr(distances(Z), distances(X))[0] for Z in maps]
    assert_allclose(found.with_data, (min(own), max(own)))


def test_subsamples_are_compared_on_the_rows_of_both():
    X, _ = rows()
    found = embedding_stability(X, Shaky(1.0), n_seeds=2, n_neighbors=6, subsample=0.7)
    rng = np.random.RandomState(0)
    seed, _ = (int(rng.randint(2**31 - 1)) for _ in range(2))
    parts = [np.sort(rng.choice(120, 84, replace=False)) for _ in range(2)]
    maps = [Shaky(1.0, seed).fit_transform(X[part]) for part in parts]
    common = np.intersect1d(*parts)
    places = [Z[np.isin(part, common)] for Z, part in zip(maps, parts, strict=True)]
    assert_allclose(found.subsamples[common], shares(*places, 6))
    assert np.isnan(np.delete(found.subsamples, common)).all()


def test_a_teacher_without_a_seed_is_drawn_of_subsamples_alone():
    X, y = rows()
    found = embedding_stability(X, Isomap(n_neighbors=40), y=y, n_seeds=2)
    assert np.isnan(found.seeds).all()
    assert np.isfinite(found.subsamples).any()
    assert np.isfinite(found.with_data).all()
    assert "seeds" not in str(found)


def test_a_seed_that_is_set_is_set_anew_and_stays_the_callers():
    X, _ = rows()
    teacher = Shaky(1.0, random_state=3)
    found = embedding_stability(X, teacher, n_seeds=2)
    assert found.seeds.mean() < 1
    assert teacher.random_state == 3


def test_jobs_change_nothing():
    X, y = rows()
    one, two = (
        embedding_stability(X, TSNE(init="random"), y=y, n_seeds=2, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert_array_equal(one.seeds, two.seeds)
    assert_array_equal(one.subsamples, two.subsamples)
    assert one.between == two.between
    assert one.with_data == two.with_data


def test_sparse_rows_give_the_dense_result():
    X, y = rows()
    X[np.abs(X) < 1] = 0
    thin = embedding_stability(sparse.csr_matrix(X), Shaky(1.0), y=y, n_seeds=2)
    full = embedding_stability(X, Shaky(1.0), y=y, n_seeds=2)
    assert_array_equal(thin.seeds, full.seeds)
    assert_allclose(thin.with_data, full.with_data)


def test_rows_without_a_place_have_no_share():
    X, _ = rows()
    found = embedding_stability(X, Shaky(1.0, lost=3), n_seeds=2)
    assert_array_equal(np.flatnonzero(np.isnan(found.seeds)), [0, 1, 2])


def test_means_by_group():
    pytest.importorskip("pandas")
    X, y = rows()
    labels = np.array([f"kind {one}" for one in y], dtype=object)
    labels[:2] = None
    found = embedding_stability(X, Shaky(1.0), y=labels, n_seeds=2)
    table = found.by_group
    assert table["group"].tolist() == [*(f"kind {k}" for k in range(5)), "missing"]
    assert_allclose(table["seeds"][3], found.seeds[y == 3].mean())
    assert table["n_samples"].sum() == 120
    with pytest.raises(ValueError, match="y must be given"):
        _ = embedding_stability(X, Shaky(), n_seeds=2).by_group


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_seeds": 1}, ValueError, "n_seeds must be at least 2"),
        ({"n_seeds": 2.0}, TypeError, "n_seeds must be an integer"),
        ({"subsample": 1}, ValueError, "subsample must be a number between 0 and 1, got 1"),
        ({"subsample": 0.2}, ValueError, "subsample must be so large"),
        ({"n_neighbors": 120}, ValueError, "n_neighbors must be at least 1 and at most 119"),
        ({"y": [1, 2]}, ValueError, "y must hold a label for each of the 120 rows"),
        ({"teacher": "nonsense"}, ValueError, "must be one of"),
    ],
)
def test_bad_input_is_named(options, error, match):
    X, _ = rows()
    with pytest.raises(error, match=match):
        embedding_stability(X, **{"teacher": Shaky()} | options)
