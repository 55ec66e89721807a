import json

import numpy as np
import pandas as pd
import pytest

import sksubspace
from sksubspace.cli import main
from tests.cli.tables import blobs

pytest.importorskip("skops")
pytest.importorskip("jinja2")

QUICK = ["--teachers", "pca", "isomap", "--grid", "isomap.n_neighbors=25", "--n-jobs", "1"]
QUICK += ["--cv", "2"]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("validate")
    frame = blobs(n_rows=80).assign(note="left out")
    frame.loc[3, "gene 1"] = np.nan
    frame.to_csv(folder / "data.csv")
    blobs(n_rows=40, seed=1, shift=3.0).to_csv(folder / "new.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def ran(folder):
    """The words of one run that writes everything."""
    words = ["validate", str(folder / "data.csv"), *QUICK, "--out", str(folder / "out")]
    words += ["--label", "kind", "--drop", "note", "--impute", "median", "--scale", "standard"]
    words += ["--new", str(folder / "new.csv")]
    assert main([*words, "--quiet"]) == 0
    return words


def test_everything_is_written_to_one_folder(ran, folder):
    expected = [
        ".sksubspace-cache", "audit.html", "audit.json", "audit_groups.csv", "audit_map.svg",
        "audit_marks.svg", "audit_panel.csv", "audit_rows.csv", "audit_verdict.csv", "best.skops",
        "report.html", "results.csv", "results.json",
    ]  # fmt: skip
    assert files(folder / "out") == expected


def test_the_results_are_those_of_the_comparison(ran, folder):
    results = json.loads((folder / "out" / "results.json").read_text())
    table = pd.read_csv(folder / "out" / "results.csv")
    scores = {row["name"]: row["score"] for row in results["results"]}
    assert set(scores) == {"PCA", "Isomap (n_neighbors=25)", "Mean (control)", "Permuted (control)"}
    assert scores == pytest.approx(dict(zip(table["name"], table["score"], strict=True)))
    assert results["n_samples"] == 80
    assert results["n_features"] == 4
    assert results["random_state"] == 0


def test_the_model_repeats_what_was_done_to_the_table(ran, folder):
    model = sksubspace.load(folder / "out" / "best.skops")
    frame = pd.read_csv(folder / "data.csv")[[f"gene {column}" for column in range(4)]]
    assert list(model.named_steps) == ["impute", "scale", "map"]
    assert list(model.feature_names_in_) == list(frame.columns)
    np.testing.assert_array_equal(model["impute"].statistics_, frame.median())
    scaled = model[:-1].transform(frame)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    assert np.isfinite(model.transform(frame)).all()


def test_the_report_knows_the_names_the_notes_and_the_command(ran, folder):
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    for text in ("data.csv", "new.csv", "gene 2", "kind", "medians of their columns", "--cv 2"):
        assert text in page


def test_the_table_the_verdict_and_the_places_are_printed(ran, capsys):
    assert main(ran) == 0  # everything was finished before, so that this is quick
    out, err = capsys.readouterr()
    assert "Permuted (control)" in out
    assert "new.csv: shift found" in out
    assert "best.skops" in out
    assert "note: missing values (1) are replaced" in err
    assert "row names" in err
    assert "\x1b" not in out + err


def test_the_same_command_again_computes_nothing_and_fresh_all(ran, folder, capsys):
    cache = folder / "out" / ".sksubspace-cache"
    mine = cache / "mine.txt"
    mine.write_text("of another program")

    def stamps():
        return {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}

    first, written = stamps(), (folder / "out" / "results.json").read_bytes()
    assert main([*ran, "--quiet"]) == 0
    assert stamps() == first
    out, err = capsys.readouterr()
    assert "chosen" in out
    assert err == ""  # --quiet
    assert main([*ran, "--quiet", "--fresh"]) == 0
    second = stamps()
    assert second.keys() == first.keys()
    assert all(second[path] > first[path] for path in first)
    assert (folder / "out" / "results.json").read_bytes() == written
    assert mine.exists()


def test_without_steps_the_model_is_the_bare_map_with_names(folder):
    frame = blobs(n_rows=50).drop(columns="kind")
    frame.to_parquet(folder / "plain.parquet")
    model_file, report = folder / "plain.skops", folder / "plain.html"
    words = ["validate", str(folder / "plain.parquet"), "--teachers", "pca", "--method", "loo"]
    words += ["--n-jobs", "1", "--out", str(folder / "plain"), "--quiet"]
    assert main([*words, "--model", str(model_file), "--report", str(report)]) == 0
    model = sksubspace.load(model_file)
    assert isinstance(model, sksubspace.MEDAL)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert report.exists()
    assert files(folder / "plain") == [
        ".sksubspace-cache", "audit.html", "audit.json", "audit_marks.svg", "audit_panel.csv",
        "audit_rows.csv", "audit_verdict.csv", "results.csv", "results.json",
    ]  # fmt: skip


def test_a_draw_ranks_and_all_rows_are_fitted(tmp_path, capsys):
    blobs(n_rows=200).drop(columns="kind").to_csv(tmp_path / "data.csv", index=False)
    words = ["validate", str(tmp_path / "data.csv"), *QUICK, "--out", str(tmp_path / "out")]
    assert main([*words, "--max-rows", "80", "--no-race"]) == 0
    out, err = capsys.readouterr()
    assert "of 80 rows that were drawn" in " ".join(out.split())
    assert "note: this takes at most about 1 minute of one core" in err
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (results["n_samples"], results["n_ranked"]) == (200, 80)
    assert all(row["dropped_after"] == 0 for row in results["results"])
    assert sksubspace.load(tmp_path / "out" / "best.skops").embedding_.shape == (200, 2)
    # of this run, and not of the data
    assert "at most about" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_names_are_escaped_in_the_page_and_on_the_terminal(tmp_path, capsys):
    evil = "<script>alert(1)</script>"
    frame = blobs(n_rows=40).rename(columns={"gene 0": evil, "kind": f"{evil}kind"})
    frame[f"{evil}kind"] = frame[f"{evil}kind"] + evil
    path = tmp_path / "<b>\x1b[31mdata.csv"
    frame.to_csv(path, index=False)
    words = ["validate", str(path), "--teachers", "pca", "--method", "loo", "--n-jobs", "1"]
    words += ["--label", f"{evil}kind", "--out", str(tmp_path / "<i>out"), "--new", str(path)]
    assert main(words) == 0
    out, err = capsys.readouterr()
    page = (tmp_path / "<i>out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>" not in page or "<b>\x1b" not in page
    assert "\x1b" not in page + out + err
    assert "<b>\\x1b[31mdata.csv: no shift" in out


def test_every_candidate_failing_ends_with_one_line(tmp_path, capsys):
    blobs(n_rows=20).drop(columns="kind").to_csv(tmp_path / "data.csv", index=False)
    words = ["validate", str(tmp_path / "data.csv"), "--teachers", "isomap", "--n-jobs", "1"]
    words += ["--grid", "isomap.n_neighbors=-1", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("sksubspace: error: ")]
    assert out == ""
    assert len(errors) == 1
    assert "n_neighbors" in errors[0]
    assert "Traceback" not in err


def test_a_candidate_that_fails_is_a_row_of_the_table(tmp_path, capsys):
    blobs(n_rows=20).drop(columns="kind").to_csv(tmp_path / "data.csv", index=False)
    words = ["validate", str(tmp_path / "data.csv"), "--teachers", "pca", "isomap", "--cv", "2"]
    words += ["--grid", "isomap.n_neighbors=15", "isomap.n_jobs=1", "isomap.p=-1", "--n-jobs", "1"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["best_name_"] == "PCA"
    assert [row["error"] != "" for row in results["results"] if row["group"] == "Isomap"] == [True]
    assert "failed" in capsys.readouterr().out


@pytest.mark.slow
def test_without_data_the_digits_are_compared(tmp_path, capsys):
    words = ["validate", "--teachers", "pca", "--method", "loo", "--out", str(tmp_path / "out")]
    assert main([*words, "--n-jobs", "1"]) == 0
    out, err = capsys.readouterr()
    assert "1797 rows x 64 features" in out.replace(",", "")
    assert "handwritten digits" in err
