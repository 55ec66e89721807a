import warnings

import numpy as np
import pytest
from scipy.stats import trim_mean
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from sksubspace.cluster import AutoSubspaceClustering
from sksubspace.cluster._auto._candidates import subspace_candidates
from sksubspace.cluster._auto._scores import (
    evaluate,
    folds,
    holdouts,
    interquartile_mean,
    paired_error,
    scored_dims,
    squared_off_nearest,
)
from sksubspace.cluster._base import auto_candidates
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy


class Given(ClusterMixin, BaseEstimator):
    """A clustering that knows the answer: column 0 of X holds the label, times 1e-9."""

    def __init__(self, shuffle=0.0, message=None, fail=False):
        self.shuffle = shuffle
        self.message = message
        self.fail = fail

    def fit(self, X, y=None):
        if self.fail:
            raise RuntimeError("cannot\ncluster")
        if self.message:
            warnings.warn(self.message, stacklevel=2)
        self.n_rows_ = len(X)
        labels = np.rint(X[:, 0] * 1e9).astype(int)
        rng = np.random.RandomState(0)
        wrong = rng.rand(len(X)) < self.shuffle
        labels[wrong] = rng.permutation(labels[wrong])
        self.labels_ = labels
        return self


@pytest.fixture(scope="module")
def problem():
    """Rows of four subspaces, with the label hidden in column 0; to be used unscaled."""
    X, y = make_union_of_subspaces(
        240, n_features=12, n_subspaces=4, subspace_dim=3, noise=0.02, random_state=0
    )
    return np.column_stack([y * 1e-9, X]), y


def auto(candidates, **params):
    params = {"normalize": False, "random_state": 0, "criterion": "r2", **params}
    return AutoSubspaceClustering(4, candidates, **params)


def test_candidates_are_ranked_by_how_many_rows_they_have_right(problem):
    X, y = problem
    names = ("all wrong", "right", "a tenth wrong", "half wrong")
    shares = (1.0, 0.0, 0.1, 0.5)
    candidates = {name: Given(share) for name, share in zip(names, shares, strict=True)}
    found = auto(candidates).fit(X)
    assert list(found.scores_["name"]) == ["right", "a tenth wrong", "half wrong", "all wrong"]
    assert found.best_name_ == "right"
    assert np.array_equal(found.labels_, y)
    assert list(found.scores_["tied"]) == [True, False, False, False]
    assert list(found.scores_["rank"]) == [1, 2, 3, 4]
    assert (np.diff(found.scores_["score"]) < 0).all()
    assert np.array_equal(
        found.scores_["difference"], found.scores_["score"] - found.scores_["score"][0]
    )


def test_residuals_are_those_of_subspaces_fitted_without_the_row(problem):
    X, y = problem
    parts = folds(np.arange(len(X)), 4, 1, np.random.RandomState(3))
    outcome = evaluate([Given()], X, parts, (1, 3), 4, whole=True)
    floor = 1e-6 * np.square(X - X.mean(axis=0)).sum(axis=1).mean()
    for rows in parts[:2]:
        others = np.setdiff1d(np.arange(len(X)), rows)
        for row in rows[:5]:
            logs = [np.log(brute_force(X[others], y[others], X[row], d) + floor) for d in (1, 3)]
            assert outcome.residuals[row] == pytest.approx(np.exp(np.mean(logs)), rel=1e-8)


def brute_force(X, labels, x, dim):
    squares = []
    for k in np.unique(labels):
        mean = X[labels == k].mean(axis=0)
        basis = np.linalg.svd(X[labels == k] - mean)[2][:dim]
        squares.append(np.square((x - mean) - basis.T @ (basis @ (x - mean))).sum())
    return min(squares)


def test_a_cluster_of_one_row_is_a_point():
    X = np.array([[0.0, 0, 0], [1, 1, 0], [2, 2, 0], [5, 5, 5]])
    squared = squared_off_nearest(
        X, np.array([7, 7, 7, 2]), np.array([[3.0, 3, 1], [5, 5, 4]]), (1, 2)
    )
    assert np.allclose(squared, [[1, 1], [1, 1]])
    without = squared_off_nearest(X, np.array([7, 7, 7, -1]), np.array([[5.0, 5, 4]]), (1,))
    assert np.allclose(without, [[16]])


def test_the_score_is_one_minus_a_ratio_of_interquartile_means(problem):
    X, _ = problem
    found = auto({"right": Given()}, subspace_dim=2).fit(X)
    parts = folds(np.arange(len(X)), 4, 1, np.random.RandomState(0))
    residuals = evaluate([Given()], X, parts, (2,), 4, whole=True).residuals
    spread = np.square(X - X.mean(axis=0)).sum(axis=1)
    expected = 1 - trim_mean(residuals, 0.25) / trim_mean(spread, 0.25)
    assert found.scores_["score"][0] == pytest.approx(expected, rel=1e-12)


def test_the_score_does_not_depend_on_the_unit(problem):
    X, _ = problem
    first = AutoSubspaceClustering(4, {"k-means": KMeans()}, normalize=False, random_state=0)
    second = AutoSubspaceClustering(4, {"k-means": KMeans()}, normalize=False, random_state=0)
    assert first.fit(X).scores_["score"] == pytest.approx(second.fit(64 * X).scores_["score"])


def test_interquartile_mean_leaves_out_a_quarter_at_each_end():
    values = np.array([100.0, 1, 2, 3, 4, -50, 5, 6])
    assert interquartile_mean(values) == 3.5
    assert np.array_equal(interquartile_mean(np.stack([values, 2 * values])), [3.5, 7.0])


def test_paired_error_is_that_of_the_bootstrap():
    rng = np.random.RandomState(0)
    common = rng.lognormal(size=800)
    a, b = common + 0.2 * rng.randn(800), common + 0.2 * rng.randn(800)
    drawn = rng.randint(800, size=(2000, 800))
    bootstrap = (interquartile_mean(a[drawn]) - interquartile_mean(b[drawn])).std()
    alone = np.arange(800)
    assert paired_error(a, b, alone) == pytest.approx(bootstrap, rel=0.15)
    assert paired_error(a, a, alone) == 0


@pytest.mark.parametrize(
    ("asked", "n", "d", "k", "dims"),
    [
        ("auto", 2000, 500, 10, (4, 8, 16)),
        ("auto", 400, 1024, 40, (3, 3, 3)),
        ("auto", 1000, 9, 5, (4, 8, 8)),
        ("auto", 50, 2, 3, (1, 1, 1)),
        ("auto", 20, 30, 10, (2, 2, 2)),
        (3, 2000, 500, 10, (3,)),
    ],
)
def test_dimensions_follow_the_rows_and_features(asked, n, d, k, dims):
    assert scored_dims(asked, n, d, k) == dims


def test_folds_leave_each_row_out_once_a_repeat():
    parts = folds(np.arange(57), 5, 2, np.random.RandomState(0))
    assert len(parts) == 20
    assert np.array_equal(np.sort(np.concatenate(parts[:10])), np.arange(57))
    assert np.array_equal(np.sort(np.concatenate(parts[10:])), np.arange(57))
    assert len(folds(np.arange(3000), 5, 1, np.random.RandomState(0))) == 3
    assert len(folds(np.arange(4), 2, 1, np.random.RandomState(0))) == 4


def test_equal_candidates_are_tied_and_the_first_listed_is_taken(problem):
    X, _ = problem
    found = auto([("second", Given(0.3)), ("a", Given()), ("b", Given())]).fit(X)
    assert list(found.scores_["name"]) == ["a", "b", "second"]
    assert list(found.scores_["tied"]) == [True, True, False]
    assert found.scores_["standard_error"][1] == 0


def test_failures_are_told_and_ranked_last(problem):
    X, _ = problem
    with pytest.warns(FitFailedWarning, match="1 of 2 .*bad: RuntimeError: cannot cluster"):
        found = auto({"bad": Given(fail=True), "good": Given()}).fit(X)
    assert list(found.scores_["name"]) == ["good", "bad"]
    assert list(found.scores_["error"]) == ["", "RuntimeError: cannot cluster"]
    assert np.isnan(found.scores_["score"][1])
    assert not found.scores_["tied"][1]
    with pytest.raises(ValueError, match=r"Every candidate failed\. bad: RuntimeError"):
        auto({"bad": Given(fail=True)}).fit(X)


def test_more_clusters_than_asked_for_are_a_failure(problem):
    X, _ = problem
    with pytest.raises(ValueError, match="found 4 clusters, where 1 to n_clusters=3"):
        AutoSubspaceClustering(3, {"four": Given()}, normalize=False).fit(X)


def test_validation_fraction_hides_rows_from_the_candidates(problem):
    X, y = problem
    sets = holdouts(np.arange(len(X)), 4, 0.25, 3, np.random.RandomState(0))
    assert [len(rows) for rows in sets] == [60, 60, 60]
    fits = [Given() for _ in sets]
    outcome = evaluate(fits, X, sets, (3,), 4, whole=False)
    assert [one.n_rows_ for one in fits] == [180, 180, 180]
    seen = np.unique(np.concatenate(sets))
    assert np.array_equal(np.flatnonzero(~np.isnan(outcome.residuals)), seen)
    candidates = {"wrong": Given(0.8), "right": Given()}
    found = auto(candidates, validation_fraction=0.25, n_repeats=3).fit(X)
    assert found.best_name_ == "right"
    assert found.best_estimator_.n_rows_ == 240
    assert np.array_equal(found.labels_, y)


def test_too_large_a_validation_fraction():
    X = np.random.RandomState(0).randn(20, 3)
    with pytest.raises(ValueError, match=r"validation_fraction=0\.9 leaves 2 of n_samples=20 rows"):
        AutoSubspaceClustering(3, validation_fraction=0.9).fit(X)


def test_only_the_chosen_candidate_is_heard(problem):
    X, _ = problem
    with pytest.warns(UserWarning, match="good news") as caught:
        auto({"bad": Given(0.5, "bad news"), "good": Given(message="good news")}).fit(X)
    assert [str(one.message) for one in caught] == ["good news"]


def test_candidates_get_clusters_and_seeds_but_are_not_changed():
    X, _ = make_blobs(150, centers=4, n_features=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), KMeans(7, n_init=2))
    own = KMeans(7, random_state=5, n_init=2)
    candidates = {"pipeline": pipeline, "own": own}
    found = AutoSubspaceClustering(4, candidates, normalize=False, random_state=0).fit(X)
    assert list(found.scores_["n_clusters"]) == [4, 4]
    assert pipeline.get_params()["kmeans__n_clusters"] == own.n_clusters == 7
    assert pipeline.get_params()["kmeans__random_state"] is None
    only = AutoSubspaceClustering(4, {"own": own}, normalize=False).fit(X)
    assert only.best_estimator_.random_state == 5
    assert only.best_estimator_ is not own


def test_rows_of_no_cluster_join_the_nearest():
    X, y = make_blobs(120, centers=[[0, 0, 9], [0, 9, 0]], cluster_std=0.3, random_state=0)
    X[0] += 1
    dbscan = DBSCAN(eps=0.5, min_samples=3)
    assert (dbscan.fit(X).labels_ < 0).sum() >= 1
    found = AutoSubspaceClustering(2, {"d": dbscan}, normalize=False, subspace_dim=1).fit(X)
    assert clustering_accuracy(y, found.labels_) == 1


def test_results_do_not_depend_on_jobs_and_repeat():
    X, _ = make_union_of_subspaces(
        150, n_features=10, n_subspaces=3, subspace_dim=2, random_state=1
    )
    candidates = {"k-means": KMeans(n_init=2), "mini": KMeans(n_init=1, init="random")}
    fits = [
        AutoSubspaceClustering(3, candidates, n_jobs=n_jobs, random_state=0).fit(X)
        for n_jobs in (None, 2, None)
    ]
    for other in fits[1:]:
        assert other.best_name_ == fits[0].best_name_
        assert np.array_equal(other.labels_, fits[0].labels_)
        assert np.array_equal(other.scores_["score"], fits[0].scores_["score"])


def test_default_candidates_find_subspaces():
    X, y = make_union_of_subspaces(
        200, n_features=15, n_subspaces=4, subspace_dim=3, noise=0.02, random_state=0
    )
    before = X.copy()
    found = AutoSubspaceClustering(4, random_state=0).fit(X)
    assert len(found.scores_["name"]) == 9
    assert not any(found.scores_["error"])
    assert clustering_accuracy(y, found.labels_) >= 0.97
    assert found.scores_["name"][-1] == "k-means"
    assert np.array_equal(X, before)
    assert found.best_estimator_.labels_.shape == (200,)
    agreement = clustering_accuracy(found.labels_, found.predict(X))
    assert agreement >= 0.97
    assert 0.7 < found.score(X) < 1


def test_clusterings_say_themselves_as_what_they_are_tried():
    found = auto_candidates()
    assert [*found] == [
        "5 neighbors", "10 neighbors", "TSC 5", "TSC 10", "OMP 5", "OMP 10",
        "LSR symmetrize", "LSR knn",
    ]  # fmt: skip
    assert found["OMP 10"].n_nonzero == 10 and found["LSR knn"].affinity == "knn"


def test_candidates_see_unit_rows_unless_told_otherwise():
    X, _ = make_blobs(60, centers=3, n_features=4, random_state=0)
    for scaled in (True, False):
        candidates = {"k-means": KMeans(n_init=2, random_state=0)}
        found = AutoSubspaceClustering(3, candidates, normalize=scaled, random_state=0).fit(X)
        expected = KMeans(3, n_init=2, random_state=0).fit(normalize(X) if scaled else X)
        assert np.allclose(found.best_estimator_.cluster_centers_, expected.cluster_centers_)


def test_float32_stays_float32():
    X, _ = make_blobs(60, centers=3, n_features=4, random_state=0)
    found = AutoSubspaceClustering(3, {"k": KMeans(n_init=1)}, random_state=0)
    assert found.fit(X.astype(np.float32)).transform(X.astype(np.float32)).dtype == np.float32
    assert found.cluster_means_.dtype == np.float32


@pytest.mark.parametrize(
    ("candidates", "error", "match"),
    [
        ({}, ValueError, "at least one clustering"),
        ([("a", KMeans()), ("a", KMeans())], ValueError, "names of their own"),
        ([KMeans], TypeError, r"a dict, clusterings or pairs \(name, clustering\)"),
        ({1: KMeans()}, TypeError, "strings that are not empty"),
        ({"a": StandardScaler()}, TypeError, "'a' must be a clustering"),
        ({"a": KMeans}, TypeError, "'a' must be a clustering"),
        ("all", ValueError, "candidates"),
    ],
)
def test_bad_candidates(candidates, error, match):
    with pytest.raises(error, match=match):
        AutoSubspaceClustering(2, candidates).fit(np.eye(6))


def test_what_compares_all_pairs_is_not_tried_on_many_rows():
    few, many = subspace_candidates(20_000), subspace_candidates(20_001)
    assert set(few) - set(many) == {"LSR knn"}
    assert [name for name in few if name in many] == list(many)
