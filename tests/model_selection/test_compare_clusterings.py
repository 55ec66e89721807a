"""Clusterings set beside each other, their halves, numbers of clusters, and what stops a run."""

import json
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from sksubspace._clusterings import named_candidates
from sksubspace.metrics import clustering_accuracy, neighbor_information
from sksubspace.metrics._halves import Halves
from sksubspace.metrics._neighbor_field import NeighborField
from sksubspace.model_selection import compare_clusterings, out_of_sample_information
from sksubspace.model_selection._halvings import found_again


class Given(ClusterMixin, BaseEstimator):
    """A clustering that finds the label in column 0, spoiled for a share of the rows."""

    def __init__(self, shuffle=0.0, fail=False, only=None):
        self.shuffle = shuffle
        self.fail = fail
        self.only = only

    def fit(self, X, y=None):
        if self.fail:
            raise RuntimeError("cannot\ncluster")
        labels = np.rint(X[:, 0] * 1e6).astype(int)
        rng = np.random.RandomState(0)
        wrong = rng.rand(len(X)) < self.shuffle
        labels[wrong] = rng.permutation(labels[wrong])
        self.labels_ = labels if self.only is None else np.full(len(X), self.only)
        return self


class Once(Given):
    """Stopped in its third fit."""

    n_fits = 0

    def fit(self, X, y=None):
        type(self).n_fits += 1
        if type(self).n_fits == 3:
            raise KeyboardInterrupt
        return super().fit(X)


@pytest.fixture(scope="module")
def problem():
    X, y = make_blobs([70, 60, 50], 5, cluster_std=1.5, random_state=3)
    return np.column_stack([y * 1e-6, X]), y


@pytest.fixture(scope="module")
def candidates():
    return {
        "half wrong": Given(0.5),
        "right": Given(),
        "k-means": make_pipeline(PCA(3), KMeans(7, n_init=3)),
        "mixture": GaussianMixture(),
        "Ward": AgglomerativeClustering(),
    }


@pytest.fixture(scope="module")
def found(problem, candidates):
    X, y = problem
    return compare_clusterings(X, candidates, n_clusters=3, y=y)


def row_of(found, name):
    return next(row for row in found.results if row.name == name)


def test_candidates_are_ranked_by_their_information(problem, found):
    X, _ = problem
    assert [row.rank for row in found.results] == [1, 2, 3, 4, 5]
    for row in found.results:
        own = neighbor_information(X, found.labels_[row.name], n_clusters=3)
        assert row.excess == pytest.approx(own.excess, abs=1e-12)
        assert row.metric == own.metric
    assert np.all(np.diff([row.excess for row in found.results]) <= 1e-12)
    assert found.results[-1].name == "half wrong"
    assert not found.results[-1].tied
    assert found.results[0].selected and found.best_name_ == found.results[0].name
    assert found.best_name_ in found.ties_


def test_the_number_of_clusters_is_given_to_steps_and_mixtures(found, candidates):
    assert {row.n_clusters for row in found.results} == {3}
    assert candidates["k-means"].get_params()["kmeans__n_clusters"] == 7
    assert candidates["mixture"].n_components == 1


def test_labels_of_y_are_shown_and_not_used(problem, found, candidates):
    X, y = problem
    assert row_of(found, "right").accuracy == 1
    for row in found.results:
        assert row.accuracy == clustering_accuracy(y, found.labels_[row.name])
    without = compare_clusterings(X, candidates, n_clusters=3)
    assert [row.excess for row in without.results] == [row.excess for row in found.results]
    assert np.isnan(without.results[0].accuracy)


def test_the_chosen_one_places_new_rows(problem, found):
    X, y = problem
    assert clustering_accuracy(y, found.predict(X)) == 1
    labels = found.labels_[found.best_name_]
    assert np.array_equal(found.best_estimator_.labels_, labels)
    ward = compare_clusterings(X, {"Ward": AgglomerativeClustering()}, n_clusters=3)
    assert ward.best_estimator_.predicts_by_ == "nearest row"
    assert np.array_equal(ward.predict(X), ward.labels_["Ward"])
    assert "no `predict`" in str(ward)


def test_halves_are_found_again_where_there_are_clusters(problem, found):
    X, _ = problem
    right, wrong = row_of(found, "right"), row_of(found, "half wrong")
    assert right.out_of_sample > 0.3 > wrong.out_of_sample
    assert right.out_of_sample == np.mean(right.halvings)
    assert found.evidence_ == pytest.approx(
        found.results[0].out_of_sample / np.sqrt(np.log(3)), rel=1e-12
    )
    alone = out_of_sample_information(X, Given(), n_clusters=3)
    assert alone.evidence > 0.3 and len(alone.halvings) == 2
    assert "find X = " in str(alone)


def test_information_of_halves_is_that_of_plain_loops(problem):
    X, y = problem
    halves = Halves(NeighborField(X), 0)
    first, second = halves.parts
    assert np.array_equal(np.sort(np.concatenate(halves.parts)), np.arange(180))
    metric = NeighborField(X).places["plain"]

    def one_way(a, b):
        p = np.zeros((3, 3))
        for i in a:
            near = b[np.square(metric[b] - metric[i]).sum(axis=1).argsort()[:3]]
            for j in near:
                p[y[i], y[j]] += 1 / (3 * len(a))
        of_rows, of_others = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
        at = p > 0
        information = (p[at] * np.log((p / of_rows / of_others)[at])).sum()
        return information / np.sqrt(-(of_rows * np.log(of_rows)).sum())

    both = (one_way(first, second) + one_way(second, first)) / 2
    constant = halves.excess([np.zeros(90, int)] * 2, 3)
    assert halves.excess([y[first], y[second]], 3) - constant <= both + 1e-12
    names = np.array([5, 9, 7])  # names of clusters need not agree
    assert halves.excess([names[y[first]], y[second]], 3) == halves.excess([y[first], y[second]], 3)


def test_groups_stay_in_one_half_and_copies_too(problem):
    X, _ = problem
    groups = np.arange(180) // 9
    for part in Halves(NeighborField(X, groups=groups), 1).parts:
        assert len(part) == 90
        assert np.bincount(groups[part]).max() == 9
    doubled = np.vstack([X, X])
    for part in Halves(NeighborField(doubled), 0).parts:
        assert np.array_equal(part[part < 180], part[part >= 180] - 180)


def test_groups_are_no_neighbours_and_what_they_cost_is_told(problem, candidates):
    X, _ = problem
    found = compare_clusterings(X, candidates, n_clusters=3, groups=np.arange(180) // 9)
    assert found.n_groups == 20
    for row in found.results:
        alone = neighbor_information(X, found.labels_[row.name], n_clusters=3)
        assert row.lost_to_groups == pytest.approx(alone.excess - row.excess, abs=1e-12)
    assert "in 20 groups" in str(found)


def test_stability_is_the_largest_jaccard_index():
    codes = np.array([0, 0, 0, 1, 1, 1, 2])
    part = np.array([0, 1, 2, 3, 4])
    labels = np.array([4, 4, 7, 7, -1])
    again = found_again(codes, part, labels)
    assert again[:2] == pytest.approx([2 / 3, 1 / 3])
    assert np.isnan(again[2])


def test_each_cluster_is_reported(found):
    labels = found.best_estimator_.labels_
    assert [one.n_samples for one in found.clusters] == np.bincount(labels).tolist()
    for one in found.clusters:
        members = labels == one.cluster
        assert one.stability == found.results[0].stability[one.cluster]
        assert one.information == pytest.approx(found.row_information_[members].mean())
        assert one.disagreeing == pytest.approx((found.row_agreement_[members] < 0.5).mean())
        assert one.rival != one.cluster
        assert 0 <= one.rival_share <= 1 - found.row_agreement_[members].mean() + 1e-12


def test_failures_are_told_and_ranked_last(problem):
    X, _ = problem
    bad = {"bad": Given(fail=True), "one": Given(only=0), "many": DBSCAN(0.01, min_samples=1)}
    with pytest.warns(FitFailedWarning, match="3 of 4 .*bad: RuntimeError: cannot cluster"):
        found = compare_clusterings(X, {**bad, "good": Given()}, n_clusters=3)
    assert [row.name for row in found.results] == ["good", "bad", "one", "many"]
    assert found.results[2].error.startswith("ValueError: found 1 clusters, where 2 to")
    assert found.results[3].error.startswith("ValueError: found 180 clusters")
    assert np.isnan(found.results[1].excess) and not found.results[1].tied
    assert "bad failed: RuntimeError" in str(found)
    with pytest.raises(ValueError, match=r"Every candidate failed\. bad: RuntimeError"):
        compare_clusterings(X, bad, n_clusters=3)


def test_a_half_that_cannot_be_clustered_leaves_evidence_unknown(problem):
    class OnlyAll(Given):
        def fit(self, X, y=None):
            if len(X) < 180:
                raise RuntimeError("too few")
            return super().fit(X)

    X, _ = problem
    found = compare_clusterings(X, {"all": OnlyAll()}, n_clusters=3)
    assert np.isnan(found.evidence_) and np.isnan(found.results[0].out_of_sample)
    assert "Evidence of clusters is not known" in str(found)
    with pytest.raises(ValueError, match="failed on half of the rows"):
        out_of_sample_information(X, OnlyAll(), n_clusters=3)


def test_one_gaussian_is_no_evidence():
    X = np.random.RandomState(0).randn(300, 8)
    with pytest.warns(UserWarning, match="no more structure than one Gaussian"):
        found = compare_clusterings(X, {"k-means": KMeans(n_init=2)}, n_clusters=4)
    assert abs(found.evidence_) < 0.1
    assert "K = 1 is an answer. No other K was tried." in " ".join(str(found).split())


def test_one_heap_with_axes_of_nearly_one_length_is_no_evidence():
    """Its halves are cut along the same axis by chance; those of one Gaussian were not: .21."""
    X = np.random.RandomState(0).randn(300, 13) * np.linspace(0.3, 2, 13)
    kmeans = KMeans(n_init=10, random_state=0)
    found = out_of_sample_information(X, kmeans, n_clusters=2, random_state=4)
    assert found.evidence < 0.1


def test_another_clustering_with_evidence_leaves_it_undecided(problem):
    """The chosen one may find nothing where another, that the labels do not tell from it, does."""
    X, _ = problem
    found = compare_clusterings(X, {"k-means": KMeans(n_init=3)}, n_clusters=3)
    assert found.evidence_ > 0.1
    blind = replace(found.results[0], name="blind", out_of_sample=0.0)
    other = replace(found.results[0], rank=2, selected=False, tied=True)
    doubtful = replace(found, results=(blind, other), evidence_=0.0, best_name_="blind")
    said = " ".join(str(doubtful).split())
    assert "Undecided at K = 3: blind, the chosen one, finds no more structure than one" in said
    assert "but there is more by k-means (see X)." in said
    assert "K = 1 is an answer" not in said
    silent = replace(doubtful, results=(blind, replace(other, out_of_sample=0.05)))
    assert "K = 1 is an answer" in " ".join(str(silent).split())


def test_several_numbers_make_a_curve(problem):
    X, _ = problem
    two = {"k-means": KMeans(n_init=3), "Ward": AgglomerativeClustering()}
    found = compare_clusterings(X, two, n_clusters=(4, 2, 3))
    assert [one.n_clusters for one in found.numbers] == [2, 3, 4]
    best = max(found.numbers, key=lambda one: one.out_of_sample)
    assert found.n_clusters == best.n_clusters
    assert found.evidence_ == best.evidence
    assert "a hint" in str(found) and "number of clusters is" not in str(found)
    alone = compare_clusterings(X, two, n_clusters=best.n_clusters)
    assert alone.results[0].excess == found.results[0].excess
    assert alone.results[0].halvings == found.results[0].halvings == best.halvings


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_counts_tell_the_number_of_clusters(kind):
    rng = np.random.RandomState(0)
    rates = rng.gamma(0.5, 4, size=(3, 60))
    y = np.arange(240) % 3
    counts = rng.poisson(rates[y])
    X = PCA(10).fit_transform(np.log1p(counts))
    found = compare_clusterings(
        X, {"k-means": KMeans(n_init=3)}, n_clusters=range(2, 8), counts=kind(counts), y=y
    )
    assert found.has_counts and found.n_clusters == 3
    unseen = [one.deviance_explained for one in found.numbers]
    seen = [one.deviance_seen for one in found.numbers]
    assert np.argmax(unseen) <= 2 and np.all(np.diff(seen) > 0)
    assert unseen[1] > unseen[0] + 0.1
    assert "an estimate" in str(found) and "D2" in str(found)
    assert found.results[0].accuracy == 1


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_the_same_for_any_number_of_jobs(problem, candidates, found, backend):
    X, y = problem
    with joblib.parallel_config(backend):
        other = compare_clusterings(X, candidates, n_clusters=3, y=y, n_jobs=2)
    assert other.to_json(timings=False) == found.to_json(timings=False)


class FailsOnCountsAtTwo(KMeans):
    """Finds two clusters in rows of ten columns only."""

    def fit_predict(self, X, y=None, sample_weight=None):
        if self.n_clusters == 2 and X.shape[1] != 10:
            raise RuntimeError("not of counts")
        return super().fit_predict(X)


def test_a_number_that_counts_cannot_score_is_not_taken():
    rng = np.random.RandomState(0)
    y = np.arange(240) % 3
    counts = rng.poisson(rng.gamma(0.5, 4, size=(3, 60))[y])
    X = PCA(10).fit_transform(np.log1p(counts))
    candidates = {"k-means": FailsOnCountsAtTwo(n_init=3)}
    found = compare_clusterings(X, candidates, n_clusters=[2, 3, 4], counts=counts)
    assert np.isnan(found.numbers[0].deviance_explained)
    assert found.n_clusters == 3


def test_the_same_on_a_dask_cluster(problem, candidates, found):
    distributed = pytest.importorskip("dask.distributed")
    X, y = problem
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        other = compare_clusterings(X, candidates, n_clusters=3, y=y)
    assert other.to_json(timings=False) == found.to_json(timings=False)


def test_a_run_that_was_stopped_goes_on(problem, tmp_path):
    X, _ = problem
    (tmp_path / "memory").mkdir()

    Once.n_fits = 0
    arguments = {"n_clusters": 3, "memory": tmp_path / "memory"}
    with pytest.raises(KeyboardInterrupt):
        compare_clusterings(X, {"once": Once()}, **arguments)
    first = compare_clusterings(X, {"once": Once()}, **arguments)
    n_fits = Once.n_fits
    second = compare_clusterings(X, {"once": Once()}, **arguments)
    assert n_fits == 3 + 3 + 1  # two were remembered; the last fits the chosen one
    assert Once.n_fits == n_fits + 1
    assert first.to_json() == second.to_json()
    assert not list((tmp_path / "memory").rglob("*.pkl"))


def test_defaults_find_blobs_without_a_word():
    X, y = make_blobs(90, centers=3, n_features=6, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FitFailedWarning)
        found = compare_clusterings(X, n_clusters=3, n_halvings=1)
    assert len(found.results) == 12
    assert clustering_accuracy(y, found.predict(X)) == 1


def test_sparse_rows_are_compared():
    X, y = make_blobs(120, centers=3, n_features=20, random_state=0)
    X = sparse.csr_matrix(np.where(X < 2, 0, X))
    before = X.copy()
    found = compare_clusterings(X, n_clusters=3, n_halvings=1)
    assert not any(row.error for row in found.results if row.name != "HDBSCAN")
    assert clustering_accuracy(y, found.predict(X)) == 1
    assert (X != before).nnz == 0


def test_tables_and_words(found):
    text = str(found)
    assert all(len(line) <= 110 for line in text.splitlines())
    assert "Which clustering? 180 rows x 6 features; K = 3" in text
    page = found._repr_html_()
    assert page.count("<table>") == 2 and "<caption>" in page
    told = json.loads(found.to_json())
    assert told["best_name_"] == found.best_name_ and len(told["results"]) == 5
    assert found.to_json(timings=False).count("seconds") == 0
    methods = found.methods_text()
    assert "180 rows of 6 features" in methods and found.best_name_ in methods


def test_html_is_escaped(problem):
    X, _ = problem
    page = compare_clusterings(X, {"<b>": Given()}, n_clusters=3)._repr_html_()
    assert "<b>" not in page and "&lt;b&gt;" in page


def test_a_data_frame(problem, found, tmp_path):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(problem[0], columns=list("abcdef"))
    named = compare_clusterings(X, {"right": Given()}, n_clusters=3)
    assert named.best_estimator_.feature_names_in_.tolist() == list("abcdef")
    frame = found.to_frame()
    assert frame["name"].tolist() == [row.name for row in found.results]
    found.to_json(tmp_path / "found.json")
    assert (tmp_path / "found.json").read_text(encoding="utf8") == found.to_json()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"n_clusters": 1}, ValueError, "n_clusters must be at least 2"),
        ({"n_clusters": 46}, ValueError, "at most 45, a quarter of the 180 rows of X, got 46"),
        ({"n_clusters": 3.0}, TypeError, "n_clusters must be an integer"),
        ({"n_clusters": "auto"}, TypeError, "n_clusters must be an integer"),
        ({"n_clusters": ()}, ValueError, "got none"),
        ({"n_halvings": 0}, ValueError, "n_halvings must be at least 1"),
        ({"candidates": {"a": PCA()}}, TypeError, "'a' must be a clustering"),
        ({"candidates": {"a": KMeans}}, TypeError, "'a' must be a clustering"),
        ({"candidates": {}}, ValueError, "at least one clustering"),
        ({"candidates": [PCA()]}, TypeError, r"clusterings or pairs \(name, clustering\), got PCA"),
        (
            {"candidates": [KMeans]},
            TypeError,
            r"clusterings or pairs \(name, clustering\), got <cl",
        ),
        ({"candidates": "all"}, TypeError, "candidates must be 'default'"),
        ({"X": np.ones((180, 6))}, ValueError, "at least 4 rows that differ"),
        ({"X": np.full((180, 6), np.nan)}, ValueError, "X must be a table of finite numbers"),
        ({"groups": np.arange(180) % 3}, ValueError, "at least 4 different values"),
        ({"y": np.arange(179)}, ValueError, "same number of rows"),
        ({"counts": np.full((180, 3), 0.5)}, ValueError, "counts must be raw counts"),
        ({"counts": np.ones((179, 3), int)}, ValueError, "same number of rows"),
        ({"random_state": -1}, ValueError, "random_state must be from 0"),
        ({"memory": 3}, TypeError, "memory must be a folder"),
    ],
)
def test_bad_input(problem, change, error, match):
    given = {"X": problem[0], "candidates": {"g": Given()}, "n_clusters": 3, **change}
    with pytest.raises(error, match=match):
        compare_clusterings(given.pop("X"), given.pop("candidates"), **given)


def test_clusterings_without_names_are_called_by_their_class():
    given = [
        KMeans(),
        ("KMeans 2", KMeans(n_init=3)),
        make_pipeline(PCA(2), KMeans(n_init=2)),
        KMeans(n_init=1),
        AgglomerativeClustering(),
    ]
    named = named_candidates(given)  # a name that is given is not taken
    assert [*named] == ["KMeans", "KMeans 2", "KMeans 3", "KMeans 4", "AgglomerativeClustering"]
    assert named["KMeans 3"] is given[2] and named["KMeans 2"] is given[1][1]
