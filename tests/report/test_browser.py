"""The page in a real browser: it asks for nothing, runs nothing, overflows nowhere and prints."""

import numpy as np
import pytest

from sksubspace.report import write_report
from tests.report import browser, data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.find_browser() is None, reason="needs chromium or chrome on PATH"),
]
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
BROKEN = "[...document.images].filter(i => !i.complete || i.naturalWidth === 0).length"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.open_browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module", params=["pictures", "hostile"])
def page(request, tmp_path_factory):
    """Return a page with all sections, and one in which every name is an attack."""
    X, y, X_new = data.digits()
    arguments = {"image_shape": "auto", "y": y}
    rows, names = data.candidates(), data.HOSTILE
    if request.param == "hostile":
        rows = data.renamed(rows, (*names[:4], "mean", names[4], names[11]))
        arguments = {
            "y": [names[i % 12] for i in range(len(X))], "label_name": names[11],
            "feature_names": (names * 6)[:64], "data_name": names[1], "new_name": names[0],
            "notes": names, "command": "\n".join(names),
        }  # fmt: skip
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(data.comparison(X, rows), path, X=X, X_new=X_new, **arguments)


def test_these_checks_notice_what_they_look_for(tab, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<meta charset=utf-8><div style='width:3000px'>wide</div><img src='http://127.0.0.1:9/x'>"
        "<script>throw new Error('ran')</script>"
    )
    tab.load(path, 390)
    assert tab.evaluate(OVERFLOW) > 0 or tab.evaluate("window.innerWidth") > 390
    assert tab.evaluate(BROKEN) == 1
    assert "http://127.0.0.1:9/x" in tab.requests
    assert "Runtime.exceptionThrown" in tab.complaints


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_page_fits_the_window(page, tab, width):
    tab.load(page, width)
    assert tab.evaluate("window.innerWidth") == width
    assert tab.evaluate(OVERFLOW) <= 0
    assert tab.evaluate(BROKEN) == 0
    assert tab.evaluate("document.images.length") > 4


def test_page_asks_for_nothing_and_runs_nothing(page, tab):
    tab.requests.clear()
    tab.complaints.clear()
    tab.load(page, 1280)
    tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    foreign = {url for url in tab.requests if not url.startswith("data:image/")}
    assert foreign == {page.resolve().as_uri()}
    assert tab.complaints == []
    assert tab.evaluate("document.scripts.length") == 0


def test_page_prints_on_a4(page, tab):
    tab.load(page, 1280)
    pdf = tab.pdf()
    assert pdf.startswith(b"%PDF")
    n_pages = pdf.count(b"/Type /Page\n") or pdf.count(b"/Type /Page ")
    assert 3 <= n_pages <= 20
    width, height = (float(x) for x in pdf.split(b"/MediaBox [0 0 ")[1].split(b"]")[0].split())
    np.testing.assert_allclose([width, height], [595, 842], atol=1.5)
