"""The command `sksubspace cluster`: what it reads, writes, prints and refuses."""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from sksubspace.cli import main
from tests.cli.tables import blobs

pytest.importorskip("jinja2")
QUIET = ["--quiet", "--n-jobs", "1"]
FEW = ["--candidates", "k-means", "Ward"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster") / "table.csv"
    frame = blobs(n_rows=90).assign(sample_id=[f"s{i}" for i in range(90)])
    frame["donor"] = [f"d{i % 5}" for i in range(90)]
    frame.to_csv(path, index=False)
    return path


def cluster(table, *more):
    columns = ["--id", "sample_id", "--label", "kind", "--drop", "donor"]
    return main(["cluster", str(table), *columns, *QUIET, *more])


@pytest.fixture(scope="module")
def done(table):
    out = table.parent / "out"
    assert cluster(table, "--n-clusters", "2:4", *FEW, "--out", str(out)) == 0
    return out


def test_a_page_its_tables_and_figures_and_the_numbers_are_written(done):
    assert sorted(path.name for path in done.iterdir() if path.is_file()) == [
        "clusters.html", "clusters.json", "clusters_candidates.csv", "clusters_candidates.svg",
        "clusters_clusters.csv", "clusters_map.svg", "clusters_numbers.csv",
        "clusters_numbers.svg", "clusters_rows.csv",
    ]  # fmt: skip
    found = json.loads((done / "clusters.json").read_text(encoding="utf8"))
    assert [one["n_clusters"] for one in found["numbers"]] == [2, 3, 4]
    assert {one["name"] for one in found["results"]} == {"k-means", "Ward"}
    assert "sksubspace cluster" in (done / "clusters.html").read_text(encoding="utf8")


def test_what_was_taken_unsaid_stands_on_the_page(table, capsys):
    """Who reads the page has not seen the terminal."""
    frame = pd.read_csv(table)
    frame.iloc[3, 0] = np.nan
    path, out = table.parent / "holes.csv", table.parent / "holes"
    frame.to_csv(path, index=False)
    words = [str(path), "--id", "sample_id", "--label", "kind", "--drop", "donor"]
    words += ["--impute", "median", "--n-clusters", "2", *FEW, "--n-jobs", "1", "--out", str(out)]
    assert main(["cluster", *words]) == 0
    said = "missing values (1) are replaced by the medians of their columns over all rows"
    assert said in (out / "clusters.html").read_text(encoding="utf8")
    assert said in capsys.readouterr().err


def test_three_blobs_are_found_and_named_as_the_label_does(done, table):
    rows = pd.read_csv(done / "clusters_rows.csv")
    kinds = pd.read_csv(table)["kind"]
    assert rows["id"].tolist() == [f"s{i}" for i in range(90)]
    assert len(set(zip(rows["cluster"], kinds, strict=True))) == 3
    found = json.loads((done / "clusters.json").read_text(encoding="utf8"))
    assert found["results"][0]["accuracy"] == 1


def test_the_same_command_again_finds_the_same(done, table):
    before = (done / "clusters.json").read_bytes()
    assert cluster(table, "--n-clusters", "2:4", *FEW, "--out", str(done)) == 0
    assert (done / "clusters.json").read_bytes() == before


@pytest.mark.slow
def test_a_killed_run_goes_on_and_finds_what_a_whole_one_does(done, table, tmp_path):
    out = tmp_path / "out"
    words = ["--id", "sample_id", "--label", "kind", "--drop", "donor", *QUIET, *FEW]
    command = [sys.executable, "-m", "sksubspace", "cluster", str(table), *words]
    command += ["--n-clusters", "2:4", "--out", str(out)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    cache, end = out / ".sksubspace-cache", time.monotonic() + 120
    while not any(cache.rglob("*.npz")) and time.monotonic() < end:
        time.sleep(0.01)
    run.kill()
    run.wait()
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    assert kept
    assert not (out / "clusters.json").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert (out / "clusters.json").read_bytes() == (done / "clusters.json").read_bytes()
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_groups_are_neither_features_nor_neighbours(table, tmp_path):
    words = ["--id", "sample_id", "--label", "kind", "--groups", "donor", *FEW]
    out = ["--n-clusters", "3", "--out", str(tmp_path / "out")]
    assert main(["cluster", str(table), *words, *QUIET, *out]) == 0
    found = json.loads((tmp_path / "out" / "clusters.json").read_text(encoding="utf8"))
    assert found["n_groups"] == 5
    assert np.isfinite(found["results"][0]["lost_to_groups"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--n-clusters", "1"], "must be a number of at least 2"),
        (["--n-clusters", "5:3"], "a range such as 2:12"),
        (["--n-clusters", "two"], "got 'two'"),
        (["--n-clusters", "40"], "n_clusters must be"),
        (["--n-clusters", "3", "--candidates", "kmeans"], "none of: k-means, tied mixture"),
        ([], "--n-clusters"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(table, tmp_path, capsys, words, said):
    assert cluster(table, *words, "--out", str(tmp_path / "out")) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") <= 2
