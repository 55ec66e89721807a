"""Files written by earlier versions open, and what they hold says what it said then."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

import sksubspace

FOLDERS = sorted(path for path in (Path(__file__).parent / "written_by").iterdir())
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.skops"))]


def assert_says_what_it_said(estimator, name, folder):
    """Compare outputs to those of then; another BLAS may round sums otherwise."""
    expected = np.load(folder / "expected.npz")
    said = {key.split(".")[1]: expected[key] for key in expected if key.startswith(f"{name}.")}
    assert said
    for method, then in said.items():
        if method == "inverse_transform":
            given = said["transform"]
        else:
            given = expected["X_new"]
        now = getattr(estimator, method)(given)
        now = now.toarray() if sparse.issparse(now) else now
        assert_allclose(now, then, rtol=1e-6, atol=1e-9, err_msg=method)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_skops_file(path):
    pytest.importorskip("skops.io")
    assert_says_what_it_said(sksubspace.load(path), path.stem, path.parent)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_pickle(folder):
    for name, estimator in joblib.load(folder / "all.joblib").items():
        assert_says_what_it_said(estimator, name, folder)
