"""The default teacher. It compiles for seconds in every process, hence few tests."""

import subprocess
import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sksubspace import MEDAL
from tests._student.toy import blobs, radius

X, labels = blobs(150)
X_new, new_labels = blobs(60, seed=1)

LOAD_WITHOUT_UMAP = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("umap", "numba", "pynndescent"):
            raise ImportError(name + " is not installed here")

sys.meta_path.insert(0, Block())
import joblib, numpy as np

medal = joblib.load("medal.joblib")
X = np.load("X.npy")
np.save("placed.npy", medal.transform(X))
print(medal.detect_shift(X))
"""


@pytest.fixture(scope="module")
def medal():
    return MEDAL(max_iter=10, random_state=0).fit(X)


def test_the_default_follows_umap(medal):
    assert type(medal.teacher_).__name__ == "UMAP"
    assert isinstance(medal.teacher_.random_state, int)
    assert_array_equal(
        medal.teacher_.embedding_.astype(np.float64).round(4), medal.embedding_.round(4)
    )
    assert np.abs(medal.transform(X) - medal.embedding_).max() <= 1e-4 * radius(medal.embedding_)
    centres = np.array([medal.embedding_[labels == k].mean(axis=0) for k in range(4)])
    apart = np.linalg.norm(medal.transform(X_new)[:, None] - centres, axis=-1)
    assert (apart.argmin(axis=1) == new_labels).all()


@pytest.mark.slow
def test_the_encoder_agrees_with_umaps_own_transform(medal):
    parts = medal.score_components(X_new)
    assert parts.match_source == "transform" and parts.match_r2 > 0.9


def test_the_seed_of_medal_decides_umaps_map(medal):
    again = clone(medal).fit(X)
    assert_array_equal(again.embedding_, medal.embedding_)
    assert_array_equal(again.transform(X_new), medal.transform(X_new))


def test_without_its_teacher_a_file_loads_where_umap_is_missing(tmp_path):
    from umap import UMAP

    medal = MEDAL(UMAP(n_neighbors=5), keep_teacher=False, max_iter=2, random_state=0).fit(X)
    joblib.dump(medal, tmp_path / "medal.joblib")
    np.save(tmp_path / "X.npy", X_new)
    command = [sys.executable, "-c", LOAD_WITHOUT_UMAP]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    assert "shift found" in done.stdout
    assert_array_equal(np.load(tmp_path / "placed.npy"), medal.transform(X_new))
