"""The documentation as a reader meets it: what a page must have, and no cut code in a browser."""

import ast
import functools
import http.server
import importlib
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = sorted(path for path in (DOCS / "user_guide").glob("*.rst") if path.stem != "index")
EXAMPLES = sorted((ROOT / "examples").glob("*/plot_*.py"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip
# article and side bars beside each other, and a telephone
WIDE, NARROW = 1280, 390
MEASURE = """<!doctype html><meta charset="utf-8"><body><script>
const pages = PAGES, found = [];
async function measure(page, width) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900; frame.src = "/" + page;
  const loaded = new Promise(done => frame.onload = done);
  document.body.append(frame);
  await loaded;
  const inside = frame.contentDocument;
  await inside.fonts.ready;
  for (const pre of inside.querySelectorAll("article pre"))
    if (width == WIDE && pre.scrollWidth > pre.clientWidth + 1)
      found.push([page, width, pre.textContent.slice(0, 200)]);
  if (inside.documentElement.scrollWidth > width + 1)
    found.push([page, width, "the page is " + inside.documentElement.scrollWidth + " wide"]);
  for (const image of inside.querySelectorAll("article img"))
    if (!image.complete || !image.naturalWidth) found.push([page, width, image.src]);
  frame.remove();
}
(async () => {
  try { for (const page of pages) for (const width of [WIDE, NARROW]) await measure(page, width); }
  catch (error) { found.push(["", 0, String(error)]); }
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
})();
</script>"""


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
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_no_code_is_wider_than_its_box(site, tmp_path):
    pages = sorted(
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if path.relative_to(site).parts[0] not in ("api", "_static", "auto_examples")
        and path.stem not in ("genindex", "search", "py-modindex")
    )
    text = MEASURE.replace("PAGES", json.dumps(pages))
    text = text.replace("WIDE", str(WIDE)).replace("NARROW", str(NARROW))
    (site / "measure.html").write_text(text, encoding="utf-8")
    assert measured(site, tmp_path) == []


def measured(site, profile):
    """What the page `measure.html` posts from a browser."""
    found, done = [], threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_POST(self):
            found.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            done.set()

    handler = functools.partial(Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/measure.html"
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        browser = subprocess.Popen(
            [CHROMIUM, *options, "--remote-debugging-port=0", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert done.wait(600), "the browser did not answer"
        finally:
            browser.terminate()
            browser.wait(30)
            server.shutdown()
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_pictures_of_an_example_lead_to_the_reference(path, monkeypatch):
    """The gallery names the file alone; its page lies as deep below the others as the file."""
    from sksubspace import _pages

    monkeypatch.syspath_prepend(DOCS / "_ext")
    monkeypatch.setattr(_pages, "documentation", None)
    importlib.import_module("elsewhere").lead_to_pages({}, path.name)
    page = DOCS / "auto_examples" / path.relative_to(ROOT / "examples")
    assert (page.parent / _pages.documentation()).resolve() == DOCS
