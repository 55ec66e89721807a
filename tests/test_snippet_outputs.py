"""What the pages show of their snippets is what the snippets print."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "snippets"
pytest.importorskip("matplotlib")


def maker():
    spec = importlib.util.spec_from_file_location("make_snippets", FOLDER / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = maker()


def snippet(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("path", make.snippets(), ids=lambda path: path.name)
def test_a_snippet_prints_what_its_page_shows(path, tmp_path):
    if make.lacks(path):
        pytest.skip(f"needs {make.lacks(path)}")
    for file in make.make(path, tmp_path, replay=True):
        shown = FOLDER / file.name
        assert shown.is_file(), file.name
        if file.suffix == ".txt":
            assert make.same_text(shown.read_text(), file.read_text()), file.read_text()


def test_files_of_a_snippet_are_named_by_its_sections(tmp_path):
    code = "# data\nx = 2\nprint(x)\n# %% more\nprint(x + 1, ' ')\n# %% none\nx = 0\n"
    made = make.make(snippet(tmp_path, "page.py", code), tmp_path)
    assert [path.name for path in made] == ["page.txt", "page_more.txt"]
    assert [path.read_text() for path in made] == ["2\n", "3\n"]


def test_a_figure_that_is_open_is_kept_small(tmp_path):
    code = "import matplotlib.pyplot as plt\nplt.plot([0, 1])\n"
    (figure,) = make.make(snippet(tmp_path, "page.py", code), tmp_path)
    assert figure.name == "page.png" and 0 < figure.stat().st_size <= make.MOST_BYTES


def test_commands_stand_with_what_they_print(tmp_path):
    (text,) = make.make(snippet(tmp_path, "page.sh", "echo a \\\n  b\n\necho c >&2\n"), tmp_path)
    assert text.read_text() == "$ echo a \\\n  b\na b\n\n$ echo c\n".replace("c\n", "c >&2\nc\n")


def test_a_snippet_that_fails_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"page\.py failed"):
        make.make(snippet(tmp_path, "page.py", "1 / 0\n"), tmp_path)


def test_data_that_are_not_there_are_named(tmp_path, monkeypatch):
    path = snippet(tmp_path, "page.py", "# data: cells.npz\nprint(1)\n")
    monkeypatch.setenv("SKSUBSPACE_DATA", str(tmp_path))
    assert make.lacks(path) == "cells.npz"
    (tmp_path / "cells.npz").touch()
    assert make.lacks(path) is None


@pytest.mark.parametrize(
    ("other", "same"),
    [("R2 .72 of 1,797", True), ("R2 .73 of 1790", True), ("R2 .9 of 1,797", False),
     ("r2 .72 of 1,797", False), ("R2 .72 of 1,797 5", False)],
)  # fmt: skip
def test_texts_are_the_same_but_for_small_differences_of_numbers(other, same):
    assert make.same_text("R2 .72  of 1,797", other) is same
