"""The documentation as a reader meets it: what a page must have, and no cut code in a browser."""

import ast
import html
import importlib
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.report import browser

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = sorted(path for path in (DOCS / "user_guide").glob("*.rst") if path.stem != "index")
EXAMPLES = sorted((ROOT / "examples").glob("*/plot_*.py"))
# article and side bars beside each other, and a telephone
WIDTHS = (1280, 390)
# what is cut off, or reaches beyond the article where nothing can be scrolled
MEASURE = """(() => {
  const found = [], article = document.querySelector("article") || document.body;
  const edge = article.getBoundingClientRect().right + 1;
  const scrolls = box => ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
  const isHeld = box => {
    while (box && box !== article && !scrolls(box)) box = box.parentElement;
    return box && box !== article;
  };
  const note = (what, box) =>
    found.push(what + ": " + (box.src || box.textContent.trim().slice(0, 80)));
  for (const pre of article.querySelectorAll("pre"))
    if (pre.scrollWidth > pre.clientWidth + 1 && (innerWidth > 600 || !scrolls(pre)))
      note("cut code", pre);
  for (const table of article.querySelectorAll("table.benchmark")) {
    let box = table.parentElement;
    while (box !== article && !scrolls(box)) box = box.parentElement;
    if (innerWidth > 600 && box.scrollWidth > box.clientWidth + 1) note("cut table", table);
  }
  const boxes = "h1, h2, p, li, dt, table, img, mjx-container[display]";
  for (const box of article.querySelectorAll(boxes))
    if (box.getBoundingClientRect().right > edge && !isHeld(box)) note("too wide", box);
  for (const image of document.images)
    if (!image.complete || !image.naturalWidth) note("no picture", image);
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth + 1) found.push("the page is " + width + " wide");
  return found.slice(0, 5);
})()"""
FOUND = "[...document.querySelectorAll('#search-results .search li a')].map(a => a.href)"
IS_OVER = "document.querySelector('#search-results .search-summary')?.textContent.length > 0"
# what newcomers look for, and a page that must be among those found
SEARCHED = {
    "scanpy": "how_to/scanpy",
    "install": "start/install",
    "reproducib": "how_to/reproducibility",
    "duplicate": "faq",
    "which": "which_method",
}
needs_browser = pytest.mark.skipif(browser.find_browser() is None, reason="no chromium")


@pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.stem)
def test_a_guide_page_has_what_a_reader_looks_for(path):
    text = path.read_text(encoding="utf-8")
    pictures = re.findall(r"\.\. image:: (\S+)\n    :alt: (.+)", text)
    assert pictures
    assert all((path.parent / picture).is_file() for picture, _ in pictures)
    first, mathematics = text.index(f"../snippets/{path.stem}.txt"), text.find(".. math::")
    assert text.index(".. image::") < first < (mathematics if mathematics > 0 else len(text))
    linked = re.findall(r"<sphx_glr_auto_examples_(\w+?)_(plot_\w+)\.py>", text)
    assert linked
    for section, name in linked:
        assert (ROOT / "examples" / section / f"{name}.py").is_file()
    assert re.search(r"\n(What|Which)[^\n]* (does|do) not (do|say)\n=+\n", text)
    assert ".. benchmark-table::" in text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_links_back_to_the_guide(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    labels = {
        label
        for page in GUIDE
        for label in re.findall(r"^\.\. _(\w+):$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert set(re.findall(r":ref:`(\w+)`", text)) & labels


def test_every_example_has_a_place_in_the_gallery(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from gallery_order import EXAMPLES as listed

    names = {f"{section}/plot_{name}" for section, names in listed.items() for name in names}
    assert names == {f"{path.parent.name}/{path.stem}" for path in EXAMPLES}


def test_a_table_of_evidence_is_cut_down(monkeypatch):
    pytest.importorskip("docutils")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from benchmark_table import selected

    lines = ["section,what,reached", 'a,"x, y",1', "a,z,2", "b,z,3"]
    assert selected(lines, "section=a\nwhat=x, y", "what|reached") == ["what,reached", '"x, y",1']
    assert selected(lines, "section=a|b", "reached") == ["reached", "1", "2", "3"]
    assert selected(lines) == lines
    assert selected(["a,b", "0.123456789,0.1234"]) == ["a,b", "0.123,0.1234"]
    with pytest.raises(ValueError, match="rows must leave some"):
        selected(lines, "section=c")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the pages, without running the gallery."""
    pytest.importorskip("sphinx_gallery")
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "sphinx", "-q", "-D", "plot_gallery=0", "-d", f"{folder}/trees", "-b", "html"]
    subprocess.run(
        [sys.executable, *command, str(DOCS), f"{folder}/html"], check=True, cwd=ROOT, timeout=1800
    )
    return folder / "html"


@pytest.mark.slow
def test_pages_ask_nothing_of_other_hosts(site):
    asked = re.compile(r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)=\"(?:https?:)?//[^\"]+\"")
    found = {
        path.relative_to(site).as_posix(): asked.findall(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
    }
    assert not {name: links for name, links in found.items() if links}


@pytest.mark.slow
def test_links_within_the_pages_lead_somewhere(site):
    """To a file that is there, and to a place in it that is there."""
    pages = {path.resolve(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    anchors = {path: set(re.findall(r'\b(?:id|name)="([^"]+)"', pages[path])) for path in pages}
    broken = []
    for page, text in pages.items():
        for link in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', text):
            address, _, anchor = html.unescape(link).partition("#")
            if re.match(r"[a-z]+:", address):
                continue
            path = (page.parent / unquote(address)).resolve() if address else page
            inside = path not in anchors or not anchor or unquote(anchor) in anchors[path]
            if not path.is_file() or not inside:
                broken.append((page.relative_to(site).as_posix(), link))
    assert len(pages) > 100 and not broken


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.open_browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.mark.slow
@needs_browser
def test_nothing_is_cut_and_nothing_is_asked_of_other_hosts(site, tab):
    """No code, table, formula or picture is wider than its box, on a screen and on a telephone."""
    tab.requests.clear()
    found = []
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if not name.startswith("_static"):
            for width in WIDTHS:
                tab.load(path, width)
                found += [(name, width, what) for what in tab.evaluate(MEASURE)]
    assert not found
    assert tab.requests and all(one.startswith(("file:", "data:")) for one in tab.requests)


@pytest.mark.slow
@needs_browser
def test_cut_things_are_noticed(tab, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<article style='width: 300px'><pre style='overflow: auto'>" + 400 * "x" + "</pre>"
        "<table><tr><td>" + 400 * "y" + "</table>"
        "<div style='overflow: auto'><table class=benchmark><tr><td>"
        + 400 * "z"
        + "</table></div><img src='nowhere.png' alt=''></article>"
    )
    tab.load(path, WIDTHS[0])
    found = " ".join(tab.evaluate(MEASURE))
    for what in ("cut code: x", "too wide: y", "cut table: z", "no picture", "the page is"):
        assert what in found


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("word", SEARCHED)
def test_the_search_finds(word, site, tab):
    tab.load(site / "search.html", WIDTHS[0], query=f"?q={word}")
    end = time.monotonic() + 120
    while not tab.evaluate(IS_OVER) and time.monotonic() < end:
        time.sleep(0.2)
    pages = [one.partition(".html")[0] for one in tab.evaluate(FOUND)]
    assert any(page.endswith(f"/{SEARCHED[word]}") for page in pages), pages


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_pictures_of_an_example_lead_to_the_reference(path, monkeypatch):
    """The gallery names the file alone; its page lies as deep below the others as the file."""
    from sksubspace import _pages

    monkeypatch.syspath_prepend(DOCS / "_ext")
    monkeypatch.setattr(_pages, "documentation", None)
    importlib.import_module("elsewhere").lead_to_pages({}, path.name)
    page = DOCS / "auto_examples" / path.relative_to(ROOT / "examples")
    assert (page.parent / _pages.documentation()).resolve() == DOCS
