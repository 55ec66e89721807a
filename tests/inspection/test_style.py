import subprocess
import sys

import pytest

from sksubspace.inspection import EmbeddingDisplay
from sksubspace.inspection._style import literal
from tests.inspection.data import cloud


def test_importing_the_displays_imports_neither_matplotlib_nor_torch():
    code = "import sksubspace.inspection, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"matplotlib", "torch", "skorch", "umap"} & set(out.stdout.split())


def test_missing_matplotlib_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"EmbeddingDisplay.plot needs .*sksubspace\[plot\]"):
        EmbeddingDisplay.from_predictions(cloud(5))


def test_literal_text_has_no_mathematics_and_stays_short():
    assert literal("cost in $ and $") == r"cost in \$ and \$"
    assert literal("two\nlines\tand tabs") == "two lines and tabs"
    assert literal("x" * 50) == "x" * 39 + "…"
    assert literal(7) == "7"
