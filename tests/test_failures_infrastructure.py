"""Damaged files, full disks and workers that die change no answer, and take no memory."""

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA

import sksubspace
from sksubspace import MEDAL

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)) + 4 * np.eye(3, 4)[RNG.integers(3, size=40)]


# ---- model files ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("skops")
    return MEDAL(PCA(2), encoder="linear", random_state=0).fit(X)


@pytest.fixture
def path(model, tmp_path):
    return sksubspace.save(model, tmp_path / "model.skops")


def peak_of(call):
    """Call, and return what came and the bytes that were in use at most."""
    tracemalloc.start()
    try:
        return call(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refusal(path):
    def read():
        with pytest.raises(ValueError) as error:
            sksubspace.load(path)
        return str(error.value)

    text, peak = peak_of(read)
    assert str(path) in text and "\n" not in text
    return text, peak


def test_a_file_with_a_turned_bit_is_refused_in_one_line_or_is_the_model(model, path):
    whole, expected = path.read_bytes(), model.transform(X)
    rng, refused = np.random.default_rng(1), 0
    # half of them in the directory at the end, where an archive says what it holds
    bits = [*rng.integers(8 * len(whole), size=75), *rng.integers(8 * 2500, size=75)]
    for i, bit in enumerate(bits):
        damaged = bytearray(whole)
        damaged[bit // 8 if i < 75 else -1 - bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        try:
            loaded = sksubspace.load(path)
        except ValueError:
            refused += 1
            _, peak = refusal(path)
            assert peak < 20e6
        else:
            np.testing.assert_array_equal(loaded.transform(X), expected)
    assert refused > 75


def rewritten(path, change):
    """Write the archive anew, with each part as `change(name, part)` returns it."""
    with zipfile.ZipFile(path) as old:
        parts = {name: change(name, old.read(name)) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as new:
        for name, part in parts.items():
            new.writestr(name, part)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(shape):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def test_a_small_file_of_a_large_array_is_refused_before_it_is_unpacked(path):
    large = npy(np.zeros(34_000_000))
    done = []

    def swap(name, part):
        if name.endswith(".npy") and not done:
            done.append(name)
            return large
        return part

    rewritten(path, swap)
    assert path.stat().st_size < 1e6
    text, peak = refusal(path)
    assert "would take 272 MB of memory" in text
    assert peak < 20e6


def test_an_array_that_is_named_often_counts_as_often(path):
    rows = npy(np.zeros((1000, 1000)))

    def swap(name, part):
        if name == "schema.json":
            schema = json.loads(part)
            node = {
                "__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode",
                "type": "numpy", "file": "many.npy",
            }  # fmt: skip
            schema["more"] = [{**node, "__id__": i} for i in range(100)]
            return json.dumps(schema)
        return part

    rewritten(path, swap)
    with zipfile.ZipFile(path, "a", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("many.npy", rows)
    assert "would take 800 MB" in refusal(path)[0]


@pytest.mark.parametrize("shape", [(2**40,), (3, 2**37), (7,)])
def test_an_array_that_is_not_of_its_size_is_refused(shape, path):
    def lie(name, part):
        return header(shape) + b"\0" * 48 if name.endswith(".npy") else part

    rewritten(path, lie)
    text, peak = refusal(path)
    assert "says that it holds float64 of shape" in text
    assert peak < 20e6


def test_a_sparse_matrix_within_is_looked_into(tmp_path):
    skops_io = pytest.importorskip("skops.io")
    path = tmp_path / "sparse.skops"
    skops_io.dump({"X": sparse.eye_array(5, format="csr"), "a": np.ones(3)}, path)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", npy(np.zeros(34_000_000)))
    rewritten(path, lambda name, part: inner.getvalue() if name.endswith(".npz") else part)
    assert "272 MB" in refusal(path)[0]


def test_models_that_shrink_well_still_open(tmp_path):
    pytest.importorskip("skops")
    pca = PCA(1).fit(X)
    pca.zeros_ = np.zeros((1500, 1500))
    path = sksubspace.save(pca, tmp_path / "zeros.skops")
    assert path.stat().st_size < 200_000
    assert sksubspace.load(path).zeros_.shape == (1500, 1500)
