"""The code of the how-to pages runs, block after block, in an empty folder."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[1] / "docs" / "how_to"
# pages that draw a map or start processes
SLOW = {"many_machines", "own_parts", "r", "reproducibility", "scanpy"}
BLOCK = re.compile(
    r"(?:^\.\. not run: needs (?P<needs>\w+).*\n\n)?"
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\w+)\n(?P<code>(?:(?P=indent)    .*\n|\n)+)",
    re.MULTILINE,
)


def blocks(page):
    """Return what each block needs, its language and its code."""
    found = BLOCK.finditer((PAGES / f"{page}.rst").read_text())
    return [(one["needs"], one["language"], textwrap.dedent(one["code"])) for one in found]


def pages():
    names = sorted({path.stem for path in PAGES.glob("*.rst")} - {"index"})
    return [pytest.param(one, marks=[pytest.mark.slow] * (one in SLOW)) for one in names]


def tables_from_r():
    """Write the tables that the R of its page writes."""
    import pandas as pd
    from sklearn.datasets import load_iris
    from sklearn.decomposition import PCA

    X, names = load_iris().data, [f"cell{i}" for i in range(150)]
    pd.DataFrame(X, names).to_csv("pca.csv")
    pd.DataFrame(PCA(2).fit_transform(X), names).to_csv("map.csv")


def run(page, language, code, space):
    if language == "python":
        exec(compile(code, f"{page}.rst", "exec"), space)
    elif page == "r" and language == "bash":
        from sksubspace.cli import main

        for command in filter(None, code.splitlines()):
            assert main(shlex.split(command)[1:]) == 0


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", pages())
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page == "r":
        tables_from_r()
    space = {"__name__": "how_to"}
    for needs, language, code in blocks(page):
        if needs:
            pytest.importorskip(needs)
        run(page, language, code, space)
    if page == "r":
        assert Path("audit/audit.html").is_file()
        assert Path("audit/audit_rows.csv").read_text().startswith("id,")


def test_every_page_shows_code_that_runs():
    for path in PAGES.glob("*.rst"):
        languages = [language for _, language, _ in blocks(path.stem)]
        assert path.stem == "index" or {"python", "bash"} & set(languages), path.name


def test_lines_of_code_fit_their_box():
    for path in PAGES.glob("*.rst"):
        for _, _, code in blocks(path.stem):
            assert max(map(len, code.splitlines())) <= 84, path.name


def test_every_page_is_in_the_index():
    listed = set((PAGES / "index.rst").read_text().split())
    assert listed >= {path.stem for path in PAGES.glob("*.rst")} - {"index"}
