import sys

import pytest

from sksubspace.inspection import EmbeddingDisplay
from sksubspace.inspection._drawing.style import literal, literal_ends
from tests.inspection.data import cloud


def test_missing_matplotlib_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"EmbeddingDisplay.plot needs .*sksubspace\[plot\]"):
        EmbeddingDisplay.from_predictions(cloud(5))


def test_literal_text_has_no_mathematics_and_stays_short():
    assert literal("cost in $ and $") == r"cost in \$ and \$"
    assert literal("two\nlines\tand tabs") == "two lines and tabs"
    assert literal("x" * 50) == "x" * 39 + "…"
    assert literal(7) == "7"


def test_literal_ends_keeps_both_ends():
    assert literal_ends("UMAP (n_neighbors=15)", 30) == "UMAP (n_neighbors=15)"
    assert literal_ends("UMAP of something (n_neighbors=15)", 16) == "UMAP of …ors=15)"
    assert len(literal_ends("x" * 99, 16)) == len(literal_ends("x" * 99, 15)) + 1 == 16
