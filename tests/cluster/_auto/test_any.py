"""The choice among clusterings of any kind."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs, make_moons
from sklearn.exceptions import FitFailedWarning
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from sksubspace.cluster import (
    AutoClustering,
    AutoSubspaceClustering,
    default_clusterings,
    subspace_r2,
)
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy, neighbor_information


class Fails(ClusterMixin, BaseEstimator):
    def fit(self, X, y=None):
        raise RuntimeError("cannot\ncluster")


@pytest.fixture(scope="module")
def blobs():
    return make_blobs([60, 50, 40], 8, cluster_std=2.0, random_state=1)


@pytest.fixture(scope="module")
def fitted(blobs):
    candidates = {"k-means": KMeans(7, n_init=3), "mixture": GaussianMixture(), "2": KMeans(2)}
    return AutoClustering(3, candidates, random_state=0).fit(blobs[0])


def test_the_highest_information_is_kept(blobs, fitted):
    X, y = blobs
    best = neighbor_information(X, fitted.labels_, n_clusters=3)
    assert fitted.scores_["name"][0] == fitted.best_name_ == fitted.ties_[0]
    assert best.information["plain"] > 0.9
    np.testing.assert_allclose(fitted.scores_["difference"][0], 0)
    assert clustering_accuracy(y, fitted.labels_) == 1
    assert fitted.evidence_ > 0.1 and fitted.n_clusters_ == 3
    np.testing.assert_allclose(
        fitted.cluster_means_, [X[fitted.labels_ == k].mean(axis=0) for k in range(3)]
    )


def test_the_score_is_the_r2_of_the_means_of_clusters(blobs, fitted):
    X, _ = blobs
    new = X[::3] + 0.5
    at = fitted.cluster_means_[fitted.predict(new)]
    expected = 1 - np.square(new - at).sum() / np.square(new - X.mean(axis=0)).sum()
    assert fitted.score(new) == pytest.approx(expected, rel=1e-12)


def test_rows_are_placed_by_the_chosen_one_or_by_the_nearest_row(blobs, fitted):
    X, _ = blobs
    assert fitted.predicts_by_ == "estimator"
    assert np.array_equal(fitted.predict(X), fitted.labels_)
    ward = AutoClustering(3, {"Ward": AgglomerativeClustering()}, random_state=0).fit(X)
    assert ward.predicts_by_ == "nearest row"
    assert np.array_equal(ward.predict(X), ward.labels_)
    new = X[::2] + 0.01
    near = NearestNeighbors(n_neighbors=1).fit(X).kneighbors(new, return_distance=False)[:, 0]
    assert (ward.predict(new) == ward.labels_[near]).mean() > 0.95


def test_rows_of_noise_are_given_to_the_nearest_cluster():
    X, y = make_moons(200, noise=0.03, random_state=0)
    X = np.vstack([X, [[3.0, 1.0]]])
    found = AutoClustering(2, {"d": DBSCAN(0.3)}, n_halvings=0, random_state=0).fit(X)
    assert found.best_estimator_.labels_[-1] == -1
    assert found.labels_[-1] in (0, 1)
    assert clustering_accuracy(y, found.labels_[:-1]) == 1
    assert found.predicts_by_ == "nearest row" and np.isnan(found.evidence_)


def test_copies_have_one_label(blobs):
    X, _ = blobs
    candidates = {"k": KMeans(n_init=2, random_state=0)}
    found = AutoClustering(3, candidates, random_state=0).fit(np.vstack([X, X]))
    assert np.array_equal(found.labels_[:150], found.labels_[150:])
    alone = AutoClustering(3, candidates, random_state=0).fit(X)
    assert found.scores_["score"][0] == pytest.approx(alone.scores_["score"][0], abs=1e-12)


def test_no_evidence_is_warned_of():
    X = np.random.RandomState(0).randn(300, 6)
    with pytest.warns(UserWarning, match="There is no evidence of clusters"):
        found = AutoClustering(4, {"k": KMeans(n_init=2)}, random_state=0).fit(X)
    assert found.evidence_ < 0.1


def test_few_rows_a_cluster_are_warned_of(blobs):
    with pytest.warns(UserWarning, match="n_clusters=5 is more than a quarter of the 12 rows"):
        AutoClustering(5, {"k": KMeans(n_init=1)}, n_halvings=0).fit(blobs[0][:12])
    with pytest.raises(ValueError, match="n_samples=4 should be >= n_clusters=5"):
        AutoClustering(5).fit(blobs[0][:4])


def test_failures_are_told_and_ranked_last(blobs):
    X, _ = blobs
    bad = {"bad": Fails(), "one": DBSCAN(1e9), "many": DBSCAN(1e-9, min_samples=1)}
    with pytest.warns(FitFailedWarning, match="3 of 4 .*bad: RuntimeError: cannot cluster"):
        found = AutoClustering(3, {**bad, "good": KMeans(n_init=1)}, random_state=0).fit(X)
    assert list(found.scores_["name"]) == ["good", "bad", "one", "many"]
    assert found.scores_["error"][2] == (
        "ValueError: found 1 clusters, where 2 to n_clusters=3 can be compared."
    )
    with pytest.raises(ValueError, match="Every candidate failed"):
        AutoClustering(3, bad).fit(X)


def test_groups_are_no_neighbours(blobs):
    X, _ = blobs
    groups = np.arange(150) // 10
    found = AutoClustering(3, {"k": KMeans(n_init=2)}, random_state=0).fit(X, groups=groups)
    alone = AutoClustering(3, {"k": KMeans(n_init=2)}, random_state=0).fit(X)
    assert np.array_equal(found.labels_, alone.labels_)
    assert found.scores_["score"][0] != alone.scores_["score"][0]
    with pytest.raises(ValueError, match="at least 4 different values"):
        AutoClustering(3).fit(X, groups=groups % 3)


def test_results_do_not_depend_on_jobs(blobs):
    X, _ = blobs
    candidates = {"k-means": KMeans(n_init=2), "mixture": GaussianMixture()}
    first, second = (
        AutoClustering(3, candidates, n_jobs=n_jobs, random_state=0).fit(X) for n_jobs in (1, 2)
    )
    assert np.array_equal(first.labels_, second.labels_)
    assert np.array_equal(first.scores_["score"], second.scores_["score"])
    assert first.evidence_ == second.evidence_


def test_defaults_find_islands_that_share_a_covariance():
    rng = np.random.RandomState(0)
    spread = rng.randn(10, 10) * np.linspace(0.3, 3, 10)
    y = rng.randint(4, size=400)
    X = 4 * rng.randn(4, 10)[y] + rng.randn(400, 10) @ spread
    found = AutoClustering(4, random_state=0).fit(X)
    assert clustering_accuracy(y, found.labels_) > 0.98
    assert not any(error for error in found.scores_["error"] if "found" not in error)


def test_defaults_depend_on_size_and_kind():
    every = list(default_clusterings(np.zeros((100, 20))))
    assert len(every) == 12
    many = default_clusterings(sparse.csr_matrix((20_000, 30)))
    assert list(many) == ["k-means", "tied mixture", "tied, unit rows", "full mixture"]
    assert list(default_clusterings(np.zeros((20_000, 3)))) == [*many, "K-subspaces 4"]
    assert set(many) < set(every)
    assert isinstance(many["k-means"].steps[-1][1], KMeans)
    components = [default_clusterings(np.zeros(shape))["Ward"].steps[0][1].n_components
                  for shape in ((30, 100), (500, 7), (500, 100))]  # fmt: skip
    assert components == [14, 7, 50]


def test_a_default_that_finds_more_clusters_is_no_reason_to_warn(blobs):
    X = np.vstack([blobs[0], blobs[0] + 40])
    assert HDBSCAN(copy=True).fit(X).labels_.max() > 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", FitFailedWarning)
        found = AutoClustering(2, n_halvings=0, random_state=0).fit(X)
    assert "HDBSCAN" in found.scores_["name"][np.isnan(found.scores_["score"])]


@pytest.mark.parametrize(
    ("candidates", "error", "match"),
    [
        ({}, ValueError, "at least one clustering"),
        ([("a", KMeans()), ("a", KMeans())], ValueError, "names of their own"),
        ({"a": KMeans}, TypeError, "'a' must be a clustering"),
        ("all", ValueError, "candidates"),
    ],
)
def test_bad_candidates(blobs, candidates, error, match):
    with pytest.raises(error, match=match):
        AutoClustering(3, candidates).fit(blobs[0])


def test_equal_rows_are_an_error():
    with pytest.raises(ValueError, match="at least 4 rows that differ"):
        AutoClustering(2, {"k": KMeans(n_init=1)}).fit(np.ones((20, 3)))


def test_subspace_clustering_is_chosen_by_information():
    X, y = make_union_of_subspaces(
        240, n_features=20, n_subspaces=3, subspace_dim=3, noise=0.02, random_state=0
    )
    found = AutoSubspaceClustering(3, normalize=False, random_state=0).fit(X)
    names = list(found.scores_["name"])
    assert clustering_accuracy(y, found.labels_) > 0.97
    labels = found.best_estimator_.labels_
    own = neighbor_information(X, labels, n_clusters=3, random_state=0)
    assert found.scores_["score"][0] == pytest.approx(own.excess, abs=0.05)
    assert names[-1] == "k-means"
    by_r2 = AutoSubspaceClustering(3, criterion="r2", normalize=False, random_state=0).fit(X)
    assert set(names) == set(by_r2.scores_["name"])
    assert not np.array_equal(by_r2.scores_["score"], found.scores_["score"])


def test_a_validation_fraction_is_of_the_other_criterion(blobs):
    X, _ = blobs
    arguments = {"candidates": {"k": KMeans(n_init=1)}, "random_state": 0}
    given, named = (
        AutoSubspaceClustering(3, validation_fraction=0.2, criterion=one, **arguments).fit(X)
        for one in ("auto", "r2")
    )
    assert np.array_equal(given.scores_["score"], named.scores_["score"])
    with pytest.raises(ValueError, match="validation_fraction is of criterion='r2'"):
        AutoSubspaceClustering(
            3, validation_fraction=0.2, criterion="information", **arguments
        ).fit(X)


def test_what_was_fitted_before_there_were_two_criteria_opens():
    X, _ = make_blobs(60, centers=3, n_features=4, random_state=0)
    old = AutoSubspaceClustering(3, {"k": KMeans(n_init=1)}, criterion="r2", random_state=0).fit(X)
    state = old.__getstate__()
    del state["criterion"]
    opened = AutoSubspaceClustering.__new__(AutoSubspaceClustering)
    opened.__setstate__(state)
    assert opened.get_params()["criterion"] == "r2"
    assert np.array_equal(opened.predict(X), old.predict(X))


def test_r2_of_subspaces_is_that_of_the_criterion():
    X, y = make_union_of_subspaces(
        200, n_features=20, n_subspaces=3, subspace_dim=3, noise=0.05, random_state=0
    )

    class Known(ClusterMixin, BaseEstimator):
        def fit(self, X, _=None):
            self.labels_ = y
            return self

    auto = AutoSubspaceClustering(3, {"y": Known()}, criterion="r2", random_state=0).fit(X)
    score, by_row = subspace_r2(X, y, per_row=True)
    assert score == pytest.approx(auto.scores_["score"][0], abs=0.01)
    assert by_row.shape == (200,) and score > 0.9
    assert subspace_r2(X, y[::-1]) < score
    assert np.isfinite(subspace_r2(X, y, per_row=True, max_samples=100)[1]).sum() == 100
    with pytest.raises(ValueError, match="same number of rows"):
        subspace_r2(X, y[:-1])
