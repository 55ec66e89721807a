"""The page of a comparison of clusterings: what is on it, what lies beside it."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import FitFailedWarning

from sksubspace.model_selection import compare_clusterings
from sksubspace.report import write_clusters
from tests.report.data import HOSTILE, Page

pytest.importorskip("jinja2")
X, Y = make_blobs(160, 5, centers=4, random_state=0)
NAMES = [f"row {i}" for i in range(len(X))]


class Broken(KMeans):
    """Fails whatever it is given."""

    def fit_predict(self, X, y=None, sample_weight=None):
        raise RuntimeError(HOSTILE[0])


@pytest.fixture(scope="module")
def comparison():
    candidates = {
        "k-means": KMeans(n_init=2),
        **{name: AgglomerativeClustering() for name in HOSTILE},
        "broken": Broken(),
    }
    with pytest.warns(FitFailedWarning, match="broken"):
        return compare_clusterings(X, candidates, n_clusters=[2, 4], y=Y)


@pytest.fixture(scope="module")
def path(comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clusters")
    return write_clusters(
        comparison, folder / "page.html", embedding=X[:, :2], ids=NAMES, data_name="blobs",
        command="sksubspace cluster",
    )  # fmt: skip


@pytest.fixture(scope="module")
def html(path):
    return path.read_text(encoding="utf8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_candidates_numbers_and_clusters_stand_in_tables(page, comparison):
    first = page.rows(0)
    excess = [f"{one.excess:.3f}" for one in comparison.results if not one.error]
    assert [row[1] for row in first[:-1]] == excess
    assert first[0][0].split()[-1] == "chosen"
    assert "RuntimeError" in first[-1][1]
    assert [row[0] for row in page.rows(1)] == ["2", "4"]
    clusters = page.rows(2)
    assert [int(row[1]) for row in clusters] == [one.n_samples for one in comparison.clusters]
    assert "There are clusters." in page.text


def test_nothing_is_run_or_loaded_whatever_names_there_are(page, html, path):
    assert not {"script", "link", "iframe", "object", "form", "base"} & page.names()
    assert all(re.match(r"data:image/", source) for source in page.attributes("src"))
    anchors = {f"#{anchor}" for anchor in page.attributes("id")}
    beside = {file.name for file in path.parent.iterdir()} - {path.name}
    assert set(page.attributes("href")) - anchors == beside
    assert "default-src 'none'" in html


def test_tables_and_figures_lie_beside(path, comparison):
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "page.html", "page_candidates.csv", "page_candidates.svg", "page_clusters.csv",
        "page_map.svg", "page_numbers.csv", "page_numbers.svg", "page_rows.csv",
    ]  # fmt: skip
    rows = pd.read_csv(path.parent / "page_rows.csv")
    assert rows["id"].tolist() == NAMES
    np.testing.assert_array_equal(rows["cluster"], comparison.labels_[comparison.best_name_])
    np.testing.assert_array_equal(rows["by k-means"], comparison.labels_["k-means"])
    np.testing.assert_allclose(rows["agreement"], comparison.row_agreement_)
    numbers = pd.read_csv(path.parent / "page_numbers.csv")
    np.testing.assert_allclose(
        numbers["out_of_sample"], [one.out_of_sample for one in comparison.numbers]
    )


def test_doubtful_rows_are_those_with_most_neighbours_elsewhere(tmp_path):
    rng = np.random.RandomState(0)
    middle = X[Y == 0].mean(axis=0) / 2 + X[Y == 1].mean(axis=0) / 2
    rows = np.concatenate([X, middle + rng.randn(12, 5)])
    found = compare_clusterings(rows, {"k-means": KMeans(n_init=2)}, n_clusters=4)
    page = Page(found.to_report(tmp_path / "p.html").read_text(encoding="utf8"))
    doubtful = np.flatnonzero(found.row_agreement_ < 0.5)
    listed = [int(row[0]) for row in page.rows(2)]
    assert len(doubtful)
    assert set(listed) <= set(doubtful.tolist())
    assert f"{len(doubtful)} rows have most of their neighbours in other clusters" in page.text
    assert "map" not in {file.stem.split("_")[-1] for file in tmp_path.iterdir()}


def test_one_gaussian_is_said_to_be_one(tmp_path):
    rows = np.random.RandomState(0).randn(300, 4)
    with pytest.warns(UserWarning, match="no more structure"):
        found = compare_clusterings(rows, {"k-means": KMeans(n_init=2)}, n_clusters=4)
    page = Page(found.to_report(tmp_path / "p.html").read_text(encoding="utf8"))
    assert "No more structure than one Gaussian has" in page.text
    assert "There are clusters." not in page.text


def test_undecided_is_said_of_what_is_known_alone(comparison, tmp_path):
    other = replace(comparison.results[0], name="other", rank=2, selected=False, out_of_sample=0.5)
    results = (*comparison.results, other)
    for evidence, said in ((0.0, "Undecided"), (np.nan, "Evidence of clusters is not known")):
        told = replace(comparison, results=results, evidence_=evidence)
        page = Page(told.to_report(tmp_path / f"{said}.html").read_text(encoding="utf8"))
        assert said in page.text
        assert ("Undecided" in page.text) is (said == "Undecided")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"embedding": X[:5, :2]}, r"embedding must have shape \(160, 2\), got \(5, 2\)"),
        ({"embedding": X[:, :3]}, r"embedding must have shape \(160, 2\), got \(160, 3\)"),
        ({"ids": ["a"]}, "ids must be 160 names, one for each row, got 1"),
    ],
)
def test_what_does_not_fit_the_rows_is_named(comparison, tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        comparison.to_report(tmp_path / "p.html", **given)
