"""What the pages show of their snippets is what the snippets print."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.manifold import TSNE

FOLDER = Path(__file__).parents[1] / "docs" / "snippets"
pytest.importorskip("matplotlib")


def module(name):
    spec = importlib.util.spec_from_file_location(f"{name}_snippets", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = module("make")


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


def test_maps_that_a_snippet_draws_are_recorded_and_given_back(tmp_path):
    """Another machine draws another map: what is said is compared for the map that was shown."""
    maps, file = module("_maps"), tmp_path / "maps" / "page.npz"
    X = load_iris().data[:40]

    def drawn(X=X, perplexity=5):
        return TSNE(perplexity=perplexity, random_state=0, max_iter=250).fit_transform(X)

    with maps.recorded("TSNE()", file):
        first, _ = drawn(), drawn()
    with np.load(file) as kept:
        raised = {name: kept[name] + (name != "squares") for name in kept.files}
    np.savez(file, **raised)
    with maps.replayed("TSNE()", file):
        assert_allclose(drawn(), first + 1)
        assert_allclose(drawn(), first + 1)
        for other in ({"X": 2 * X}, {"perplexity": 6}, {}):  # rows, settings, a third time
            with pytest.raises(RuntimeError, match=r"no map TSNE_.* of these rows; run make\.py"):
                drawn(**other)
    with pytest.raises(RuntimeError, match="maps that nobody asks for"):
        with maps.replayed("TSNE()", file):
            drawn()
    assert_allclose(drawn(), first)
    with maps.recorded("TSNE()", file):
        pass
    assert not file.exists()


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
