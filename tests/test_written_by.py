"""Files that former versions wrote still open, and say the same."""

import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest

import sksubspace

pytest.importorskip("skops.io")

_FOLDERS = sorted((Path(__file__).parent / "written_by").iterdir())
_FILES = [path for folder in _FOLDERS for path in sorted(folder.glob("*.skops"))]


def expected_of(folder, name):
    """Rows, and what the model of a name made of them, by method."""
    with np.load(folder / "expected.npz") as arrays:
        wanted = {key: arrays[key] for key in arrays if key.rpartition(".")[0] == name}
        return arrays["X_new"], {key.rpartition(".")[2]: value for key, value in wanted.items()}


def check(model, folder, name):
    X, wanted = expected_of(folder, name)
    assert wanted
    for method, value in wanted.items():
        given = wanted["transform"] if method == "inverse_transform" else X
        found = getattr(model, method)(given)
        found = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
        assert found.dtype == value.dtype
        # another processor rounds products otherwise than the one that wrote the file
        np.testing.assert_allclose(found, value, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_model_file_opens(path):
    check(sksubspace.load(path), path.parent, path.stem)


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda folder: folder.name)
def test_pickles_open(folder):
    with warnings.catch_warnings():
        # those of scikit-learn's own parts say which version pickled them
        warnings.simplefilter("ignore")
        models = joblib.load(folder / "all.joblib")
    for name, model in models.items():
        check(model, folder, name)


def test_a_pickle_opens_in_a_new_process_and_no_import_draws_a_random_number(tmp_path):
    """`sklearn.callback` is imported first: it imports rich, which draws a number at import."""
    code = f"""
import random, sys, joblib, numpy as np, sklearn.callback, torch
before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
assert "sksubspace" not in sys.modules
joblib.load({str(_FOLDERS[0] / "all.joblib")!r})
import sksubspace.callbacks, sksubspace.distillation
assert torch.equal(torch.get_rng_state(), before[0])
assert (np.random.get_state()[1] == before[1]).all()
assert random.getstate() == before[2]
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_was_read_is_written_in_the_present_format(tmp_path):
    for path in _FILES:
        model = sksubspace.load(path)
        again = sksubspace.load(sksubspace.save(model, tmp_path / path.name))
        check(again, path.parent, path.stem)
