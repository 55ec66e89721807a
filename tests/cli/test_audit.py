"""The command `sksubspace audit`: what it reads, writes, prints and refuses."""

import json

import numpy as np
import pandas as pd
import pytest

from sksubspace.cli import main
from sksubspace.cli._anndata import colors_of_column, drawn_from
from tests.cli.stored_cells import cells, store
from tests.cli.tables import blobs

pytest.importorskip("jinja2")
QUIET = ["--quiet", "--n-jobs", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    frame = blobs(n_rows=90).assign(sample_id=[f"s{i}" for i in range(90)])
    frame["donor"] = [f"d{i % 5}" for i in range(90)]
    frame.to_csv(folder / "table.csv", index=False)
    places = frame[["sample_id"]].assign(u=frame["gene 0"], v=frame["gene 1"])
    places.iloc[::-1].to_csv(folder / "map.csv", index=False)
    np.save(folder / "map.npy", places[["u", "v"]].to_numpy())
    places.assign(sample_id="x" + places["sample_id"]).to_csv(folder / "other.csv", index=False)
    return folder


def audit(folder, embedding, *more):
    words = ["audit", str(folder / "table.csv"), "--embedding", str(folder / embedding)]
    columns = ["--id", "sample_id", "--groups", "donor", "--label", "kind"]
    return main([*words, *columns, *QUIET, *more])


@pytest.fixture(scope="module")
def done(folder):
    out = folder / "out"
    assert audit(folder, "map.csv", "--out", str(out)) == 0
    return out


def test_a_page_its_tables_and_figures_and_the_numbers_are_written(done):
    assert sorted(path.name for path in done.iterdir()) == [
        "audit.html", "audit.json", "audit_groups.csv", "audit_map.svg", "audit_marks.svg",
        "audit_panel.csv", "audit_rows.csv", "audit_verdict.csv",
    ]  # fmt: skip
    found = json.loads((done / "audit.json").read_text(encoding="utf8"))
    assert found["rows"]["id"][:2] == ["s0", "s1"]
    assert found["by_group"]["group"] == ["blue", "green", "red"]
    assert (found["label_name"], found["group_name"]) == ("kind", "donor")
    assert found["data_name"] == "table.csv"
    assert "sksubspace audit" in (done / "audit.html").read_text(encoding="utf8")


def test_rows_of_the_map_are_found_by_name(done, folder):
    table = pd.read_csv(folder / "table.csv")
    found = json.loads((done / "audit.json").read_text(encoding="utf8"))
    np.testing.assert_allclose(found["embedding"], table[["gene 0", "gene 1"]])


def test_the_verdict_is_printed(folder, capsys, tmp_path):
    assert audit(folder, "map.npy", "--out", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "does it show the data?" in out
    page = (tmp_path / "audit.html").read_text(encoding="utf8")
    assert "the rows are taken in the order of" in page  # nobody said so
    assert "new groups" in out
    assert str(tmp_path / "audit.html") in out


@pytest.mark.parametrize(
    "embedding, more, message",
    [
        ("nothing.csv", [], "does not exist; check the name"),
        ("other.csv", [], "has no place for 90 of 90 rows"),
        ("map.csv", ["--label", "nothing"], "has no column 'nothing' for --label"),
        ("map.csv", ["--rep", "X_pca"], "--rep names a matrix of an .h5ad file"),
        ("map.csv", ["--surrogate"], "--surrogate needs --teacher"),
        ("map.csv", ["--teacher", "nothing"], "--teacher"),
    ],
)
def test_what_is_wrong_is_one_line_and_code_2(folder, tmp_path, capsys, embedding, more, message):
    assert audit(folder, embedding, "--out", str(tmp_path / "out"), *more) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_map_must_be_named(folder, capsys):
    assert main(["audit", str(folder / "table.csv")]) == 2
    assert "--embedding" in capsys.readouterr().err


def test_labels_on_a_scale_are_no_groups(folder, tmp_path, capsys):
    words = ["audit", str(folder / "table.csv"), "--embedding", str(folder / "map.csv")]
    words += ["--id", "sample_id", "--label", "gene 3", "--drop", "donor", "kind"]
    assert main([*words, "--out", str(tmp_path), "--n-jobs", "1"]) == 0
    captured = capsys.readouterr()
    assert "values on a scale, which are no groups" in captured.err
    assert "clusters" not in captured.out


@pytest.mark.parametrize(
    "uns, expected",
    [
        ({"neighbors": {"params": {"use_rep": "X_own"}}}, ("X_own", None)),
        ({"neighbors": {"params": {}}}, ("X_pca", None)),
        ({"neighbors": {"params": {"n_pcs": 3}}}, ("X_pca", 3)),
        ({"neighbors": {"params": {"n_pcs": 0}}}, (None, None)),
        ({"neighbors": {"params": {"use_rep": "gone"}}}, (None, None)),
        ({"umap": {"params": {"use_rep": "X_own", "n_pcs": 2}}}, ("X_own", 2)),
        (
            {
                "umap": {"params": {"neighbors_key": "own"}},
                "neighbors": {"params": {}},
                "own": {"params": {"use_rep": "X_own"}},
            },
            ("X_own", None),
        ),
        (None, (None, None)),
    ],
)
def test_the_file_says_what_its_map_was_drawn_from(tmp_path, monkeypatch, uns, expected):
    stored = cells()
    stored["obsm"]["X_own"] = stored["obsm"]["X_pca"]
    if uns is not None:
        stored["uns"] = uns
    path = tmp_path / "cells.h5ad"
    store(stored, path, monkeypatch)
    assert drawn_from(path, "X_umap") == expected


def test_the_page_takes_the_colours_of_the_file(tmp_path, monkeypatch):
    stored = cells()
    column = stored["obs"]["type"].astype("category")
    names = [*column.cat.categories]
    stored["obs"] = {"type": column.array}
    stored["uns"] = {"type_colors": np.array(["#ff0000", "#00ff00", "#0000ff"][: len(names)])}
    path = tmp_path / "cells.h5ad"
    store(stored, path, monkeypatch)
    assert colors_of_column(path, "type") == dict(
        zip(names, stored["uns"]["type_colors"], strict=True)
    )
    assert colors_of_column(path, "other") is None
    assert colors_of_column(tmp_path / "table.csv", "type") is None
