"""The page of an audit: what is on it, what lies beside it, and what it never does."""

import csv
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sksubspace import audit_embedding
from sksubspace.report import write_audit
from sksubspace.report._dots import dots_shown, dots_svg
from tests.audit.data import NAMES, islands
from tests.report.data import HOSTILE, Page


@pytest.fixture(scope="module")
def audit():
    X, Z, y = islands()
    Z[:3] = Z[-3:]
    names = [f"row {i}" for i in range(len(X))]
    return audit_embedding(X, Z, y=pd.Series(y, name="kind"), ids=names, data_name="a plane")


@pytest.fixture(scope="module")
def path(audit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    return write_audit(audit, folder / "page.html", command="sksubspace audit", comparison="r.html")


@pytest.fixture(scope="module")
def html(path):
    return path.read_text(encoding="utf8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_verdict_panel_groups_and_rows_stand_in_tables(page, audit):
    assert [row[0] for row in page.rows(0)] == [one.question for one in audit.verdict]
    assert [row[1] for row in page.rows(0)] == [one.answer for one in audit.verdict]
    assert [row[0] for row in page.rows(1)] == [one.name for one in audit.panel.readings]
    assert [row[0] for row in page.rows(2)] == list(NAMES)
    first = page.rows(3)
    assert {row[0] for row in first} >= {"row 0"} or "row 0" in page.text
    assert all(row[2] in ("misplaced", "torn", "merged") for row in first)


def test_the_dimensions_of_the_data_stand_beside_those_of_the_map(page, audit, tmp_path):
    said = f"The data vary in about {audit.intrinsic_dimension:.1f} dimensions"
    assert said in page.text
    unknown = replace(audit, intrinsic_dimension=np.nan)
    text = write_audit(unknown, tmp_path / "page.html").read_text(encoding="utf8")
    assert "The data vary in about" not in text


def test_every_dot_says_who_it_is_without_a_script(page, html, audit):
    tips = re.findall(r"<title>(row \d+ · kind type \d · \w+ · p [^<]+)</title>", html)
    assert len(tips) == len(audit.ids)
    assert sum("misplaced" in tip for tip in tips) >= 3
    assert not {"script", "link", "iframe", "object", "form", "base"} & page.names()


def test_nothing_is_loaded_and_links_lead_to_the_page_and_its_files(page, path):
    assert all(re.match(r"data:image/", source) for source in page.attributes("src"))
    links = set(page.attributes("href"))
    anchors = {f"#{anchor}" for anchor in page.attributes("id")}
    beside = {file.name for file in path.parent.iterdir()} - {path.name}
    assert links - anchors == beside | {"r.html"}
    assert not [link for link in links if ":" in link]
    assert "default-src 'none'" in path.read_text(encoding="utf8")


def test_tables_and_figures_lie_beside(path, audit):
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == [
        "page.html", "page_groups.csv", "page_map.svg", "page_marks.svg", "page_panel.csv",
        "page_rows.csv", "page_verdict.csv",
    ]  # fmt: skip
    rows = pd.read_csv(path.parent / "page_rows.csv")
    assert rows["id"].tolist() == list(audit.ids)
    np.testing.assert_allclose(rows["p_value"], audit.reliability.p_value)
    assert b"<svg" in (path.parent / "page_marks.svg").read_bytes()


def test_hostile_names_stay_text(audit, tmp_path):
    labels = np.resize(np.array(HOSTILE), len(audit.ids))
    marks = replace(audit.reliability, group=labels, group_names=HOSTILE)
    scores = replace(audit.panel.scores, names=HOSTILE[:6])
    hostile = replace(
        audit, ids=tuple(labels), reliability=marks, panel=replace(audit.panel, scores=scores),
        data_name=HOSTILE[0], label_name=HOSTILE[1],
    )  # fmt: skip
    page = Page(write_audit(hostile, tmp_path / "p.html").read_text(encoding="utf8"))
    assert not {"script", "b", "i"} & (page.names() - {"b"})
    assert "onerror" not in {name for _, given in page.tags for name in given}
    assert "alert(1)" in page.text


def test_formulas_in_names_are_text_for_a_spreadsheet(audit, tmp_path):
    named = replace(audit, ids=("=1+1", *audit.ids[1:]))
    write_audit(named, tmp_path / "p.html")
    with open(tmp_path / "p_rows.csv", encoding="utf8") as file:
        assert [*csv.reader(file)][1][0] == "'=1+1"


def test_forty_groups_are_all_named(tmp_path):
    rng = np.random.RandomState(0)
    y = np.repeat(np.arange(40), 8)
    Z = np.column_stack([y % 8, y // 8]) * 6 + rng.randn(320, 2)
    X = Z @ rng.randn(2, 5) + 0.1 * rng.randn(320, 5)
    audit = audit_embedding(X, Z, y=[f"g{k}" for k in y])
    html = write_audit(audit, tmp_path / "p.html").read_text(encoding="utf8")
    named = set(re.findall(r'<text x="\d+" y="\d+">(g\d+)</text>', html))
    assert named == {f"g{k}" for k in range(40)}
    assert "other" not in named


def test_a_palette_colours_the_groups_and_leaves_missing_ones_grey(audit, tmp_path):
    group = audit.reliability.group.astype(object)
    names = sorted({*group})
    group[:5] = "missing"
    marks = replace(audit.reliability, group=group, group_names=(*names, "missing"))
    palette = {name: f"#1{k}2{k}3{k}" for k, name in enumerate(names)}
    own = replace(audit, reliability=marks, palette=palette)
    own.to_report(tmp_path / "own.html")
    drawn = (tmp_path / "own_map.svg").read_text(encoding="utf8")
    assert all(color in drawn for color in [*palette.values(), "#b8b8b8"])
    own.to_report(tmp_path / "other.html", palette=dict.fromkeys(names, "#abcdef"))
    drawn = (tmp_path / "other_map.svg").read_text(encoding="utf8")
    assert "#abcdef" in drawn and not any(color in drawn for color in palette.values())


def test_of_too_many_dots_the_marked_come_first(monkeypatch):
    monkeypatch.setattr("sksubspace.report._dots.MOST_DOTS", 50)
    mark = np.full(400, "ok", dtype="<U9")
    mark[::20] = "torn"
    mark[1] = "not drawn"
    shown = dots_shown(mark)
    assert len(shown) == 50
    assert set(np.flatnonzero(mark == "torn")) <= set(shown)
    assert 1 not in shown


def test_dots_keep_the_shape_of_the_map():
    Z = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 2.0]])
    svg = dots_svg(Z, np.array(["ok"] * 3), ["a", "b", "c"])
    places = np.array(re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg), dtype=float)
    across, up = places[1] - places[0], places[0] - places[2]
    assert across[0] == pytest.approx(2 * up[1], abs=0.2)  # and up is up
    assert across[1] == up[0] == 0


def test_a_page_needs_a_folder(audit, tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        audit.to_report(tmp_path / "none" / "page.html")
