"""Damaged files, full disks and workers that die change no answer, and take no memory."""

import errno
import io
import json
import os
import tracemalloc
import warnings
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning

import sksubspace
from sksubspace import MEDAL
from sksubspace._files import replace_file
from sksubspace.decoding import FourierRidge
from sksubspace.model_selection import compare_embeddings

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


def tried(path):
    """Return the model or what is said of the file, and the memory at the peak."""
    found = []

    def read():
        try:
            found.extend([sksubspace.load(path), None])
        except ValueError as error:
            found.extend([None, str(error)])

    _, peak = peak_of(read)
    return *found, peak


def test_a_file_with_a_turned_bit_is_refused_in_one_line_or_is_the_model(model, path):
    whole, expected = path.read_bytes(), model.transform(X)
    rng, refused = np.random.default_rng(1), 0
    # half of them in the directory at the end, where an archive says what it holds
    bits = [*rng.integers(8 * len(whole), size=75), *rng.integers(8 * 2500, size=75)]
    for i, bit in enumerate(bits):
        damaged = bytearray(whole)
        damaged[bit // 8 if i < 75 else -1 - bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        loaded, error, peak = tried(path)
        if error is None:
            np.testing.assert_array_equal(loaded.transform(X), expected)
        else:
            refused += 1
            assert str(path) in error and "\n" not in error
            assert peak < 20e6
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


def test_an_array_under_another_name_is_looked_into(path):
    def hide(name, part):
        return part.replace(b".npy", b".bin") if name == "schema.json" else part

    rewritten(path, hide)
    with zipfile.ZipFile(path, "a", compression=zipfile.ZIP_DEFLATED) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                archive.writestr(name.replace(".npy", ".bin"), header((2**22,)) + b"\0" * 48)
    text, peak = refusal(path)
    assert "says that it holds float64 of shape (4194304,)" in text and "\n" not in text
    assert peak < 20e6


def test_an_entry_that_holds_less_than_the_list_of_entries_says_is_refused(path):
    """Then header and list agree on 32 MB, of which the file has 48 bytes."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as new:
        forged = next(name for name in parts if name.endswith(".npy"))
        for name, part in parts.items():
            new.writestr(name, header((2**22,)) + b"\0" * 48 if name == forged else part)
            if name == forged:
                new.filelist[-1].file_size = len(header((2**22,))) + 2**25
    text, peak = refusal(path)
    assert "should have 33554560 bytes, and holds 176" in text and "\n" not in text
    assert peak < 20e6


def test_a_sparse_matrix_within_is_looked_into(tmp_path):
    skops_io = pytest.importorskip("skops.io")
    path = tmp_path / "sparse.skops"
    skops_io.dump({"X": sparse.eye(5, format="csr"), "a": np.ones(3)}, path)
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


# ---- comparisons ---------------------------------------------------------------------------------


class Faulty(BaseEstimator):
    """The first two columns, and the k-th fit of its kind meets a fault of the machine."""

    def __init__(self, log=None, fault=None, at=1):
        self.log = log
        self.fault = fault
        self.at = at

    def fit_transform(self, X, y=None):
        with open(self.log, "a") as file:
            file.write("fit\n")
        if self.fault is not None and len(Path(self.log).read_text().splitlines()) == self.at:
            FAULTS[self.fault]()
        return X[:, :2].copy()


def kills_its_worker():
    start = "fork" if hasattr(os, "fork") else "spawn"
    with ProcessPoolExecutor(1, mp_context=get_context(start)) as pool:
        pool.submit(os._exit, 1).result()


def raises(error):
    def fault():
        raise error

    return fault


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


FAULTS = {
    "disk": raises(OSError(errno.ENOSPC, "No space left on device")),
    "memory": raises(MemoryError("Unable to allocate 20. GiB")),
    "worker": kills_its_worker,
    "gpu": raises(OutOfMemoryError("CUDA out of memory")),
}


def compare(candidates, folder=None, **params):
    student = MEDAL(encoder="linear", decoder=FourierRidge(40), keep_teacher=False)
    params = {"method": "cv", "cv": 3, "student": student, "controls": False, **params}
    return compare_embeddings(X, candidates, memory=folder, **params)


@pytest.mark.parametrize("method", ["cv", "loo"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_machine_ends_a_comparison_that_goes_on_later(fault, method, tmp_path):
    log, folder = tmp_path / "log", tmp_path / "memory"

    def candidates(fault=None):
        # the fault is no parameter of what is remembered
        return {"linear": "pca", "columns": Faulty(log, fault, at=1)}

    with pytest.raises((OSError, MemoryError, RuntimeError)) as error:
        compare(candidates(fault), folder, method=method)
    assert "With memory=" in error.value.__notes__[0]
    assert "is not ranked" in error.value.__notes__[0]
    n_kept = len([*folder.rglob("*.npz")])
    assert n_kept > 0
    found = compare(candidates(), folder, method=method)
    assert [one.error for one in found.results] == ["", ""]
    assert found.to_json(timings=False) == compare(candidates(), method=method).to_json(
        timings=False
    )


def test_what_a_candidate_does_wrong_still_ranks_it_last(tmp_path):
    class Wrong(BaseEstimator):
        def fit_transform(self, X, y=None):
            raise RuntimeError("no map")

    with pytest.warns(FitFailedWarning, match="no map"):
        found = compare({"linear": "pca", "wrong": Wrong()})
    assert found.results[-1].error.endswith("no map")


@pytest.mark.parametrize("method", ["cv", "loo", "auto"])
def test_a_full_disk_is_said_once_and_changes_no_rank(method, tmp_path, monkeypatch):
    expected = compare(["pca", "isomap"], method=method)
    written = []

    def full(file):
        written.append(file)
        if len(written) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = compare(["pca", "isomap"], tmp_path, method=method)
    assert found.to_json(timings=False) == expected.to_json(timings=False)
    said = [str(one.message) for one in caught if "remembered" in str(one.message)]
    assert said == [
        f"Nothing more is remembered in {tmp_path / 'sksubspace'}: No space left on device."
    ]
    files = {file.suffix for file in tmp_path.rglob("*") if file.is_file()}
    assert files <= {".npz"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs limits of POSIX")
def test_a_disk_that_is_really_full_leaves_no_half_files(tmp_path):
    import resource

    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, former[1]))
        try:
            found = compare(["pca"], tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert found.results[0].error == "" and np.isfinite(found.results[0].score)
    (said,) = [str(one.message) for one in caught if "remembered" in str(one.message)]
    assert "File too large" in said
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


# ---- files ---------------------------------------------------------------------------------------


def test_a_write_that_fails_names_the_file_and_leaves_the_old_one(tmp_path, monkeypatch):
    path = replace_file(tmp_path / "file", b"old")

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        replace_file(path, b"new")
    assert error.value.filename == str(path) and error.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*no' to write") as error:
        replace_file(tmp_path / "no" / "file", b"new")
    assert error.value.filename == str(tmp_path / "no" / "file")
