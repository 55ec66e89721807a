import os
import warnings

import numpy as np
import pytest
import torch
from scipy import sparse

from sksubspace import _machine
from sksubspace._torch import device as device_module
from sksubspace._torch.device import (
    PinnedRows,
    Rows,
    SparseRows,
    as_memory_allows,
    as_rows,
    available_device,
    resolve_device,
    to_tensor,
)


@pytest.fixture
def X():
    return np.random.RandomState(0).randn(20, 3)


def test_auto_is_cuda_only_where_there_is_cuda(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for present, expected in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        assert resolve_device("auto").type == expected


@pytest.mark.parametrize("device", ["gpu", "cuda:first", "meta", None, 1.5])
def test_unknown_device_is_named(device):
    with pytest.raises(ValueError, match=f"device must be 'auto'.*got {device!r}"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["cuda", "cuda:3", torch.device("cuda")])
def test_absent_cuda_device_raises(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="asks for a CUDA device, but this machine has 0"):
        resolve_device(device)


def test_available_device_falls_back_to_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert available_device("cuda:1") == available_device("cpu") == torch.device("cpu")


def test_absent_mps_raises(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device='mps' is not available"):
        resolve_device("mps")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_tensor_copies_and_keeps_dtype(X, dtype):
    X = X.astype(dtype)
    before = X.copy()
    tensor = to_tensor(X)
    assert tensor.numpy().dtype == dtype
    tensor += 1
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    "strange",
    [np.asfortranarray, lambda X: X[::-1], lambda X: X[:, ::2], lambda X: X.astype(">f8")],
    ids=["fortran", "reversed", "strided", "big-endian"],
)
def test_to_tensor_accepts_any_layout(X, strange):
    np.testing.assert_array_equal(to_tensor(strange(X)).numpy(), strange(X))


def test_read_only_memmap_is_legal_everywhere(X, tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(to_tensor(mapped).numpy(), X)
        np.testing.assert_array_equal(PinnedRows(mapped, "cpu")[2:5].numpy(), X[2:5])


def test_memory_decides_where_rows_stay(X, monkeypatch):
    monkeypatch.setattr(device_module, "_free_memory", lambda device: 4 * X.nbytes)
    assert isinstance(as_rows(X), torch.Tensor)
    monkeypatch.setattr(device_module, "_free_memory", lambda device: 4 * X.nbytes - 4)
    assert isinstance(as_rows(X), PinnedRows)


def test_free_memory_has_a_value_on_every_system(monkeypatch):
    assert device_module._free_memory(torch.device("cpu")) > 0
    monkeypatch.setitem(_machine.__dict__, "open", lambda path: (_ for _ in ()).throw(OSError))
    monkeypatch.setattr(
        os, "sysconf", {"SC_AVPHYS_PAGES": 7, "SC_PAGE_SIZE": 11}.get, raising=False
    )
    assert device_module._free_memory(torch.device("cpu")) == 77
    monkeypatch.delattr(os, "sysconf")
    assert device_module._free_memory(torch.device("cpu")) == float("inf")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "hold",
    [
        lambda X: PinnedRows(X, "cpu"),
        lambda X: as_rows(sparse.csr_matrix(X)),
        lambda X: as_rows(sparse.csc_array(X)),
    ],
    ids=["pinned", "csr", "csc"],
)
def test_all_rows_give_the_same_batches(X, dtype, hold):
    X = X.astype(dtype)
    X[X < 0] = 0
    resident, rows = as_rows(X), hold(X)
    assert len(rows) == len(resident) == 20
    for index in (torch.tensor([7, 0, 7, 19]), slice(3, 9), slice(15, 40)):
        batch = rows[index]
        assert isinstance(batch, torch.Tensor) and batch.layout == torch.strided
        assert torch.equal(batch, resident[index]) and batch.dtype == resident.dtype


def test_batches_do_not_share_memory_with_the_caller(X):
    before = X.copy()
    rows = PinnedRows(X, "cpu")
    rows[2:5].zero_()
    rows[torch.tensor([0, 1])].zero_()
    np.testing.assert_array_equal(X, before)


def test_rows_is_satisfied_by_all(X):
    for rows in (as_rows(X), PinnedRows(X, "cpu"), SparseRows(sparse.csr_matrix(X), "cpu")):
        assert isinstance(rows, Rows)


def test_a_tensor_is_taken_as_it_is(X):
    tensor = to_tensor(X)
    assert as_rows(tensor) is tensor


@pytest.mark.parametrize("room", [64, 100, 399, 400])
def test_a_device_without_room_for_all_rows_gets_fewer_at_a_time(room):
    asked = []

    def work(rows):
        asked.append(rows.stop - rows.start)
        if asked[-1] > room:
            raise torch.OutOfMemoryError("no room")
        return np.arange(rows.start, rows.stop)

    found = as_memory_allows(work, 400, "cpu")
    np.testing.assert_array_equal(np.concatenate(found), np.arange(400))
    assert asked[0] == 400 and max(map(len, found)) <= room
    assert asked.count(400) == 1 and len(asked) <= 2 * len(found)


def test_a_device_without_room_for_a_few_rows_says_how_much_it_has(monkeypatch):
    def work(rows):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3 * 2**28, 2**34))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    with pytest.raises(MemoryError, match=r"50 rows at a time: 0.75 of its 16.00 GiB") as error:
        as_memory_allows(work, 400, "cuda:0")
    assert "device='cuda:0'" in str(error.value) and "batch_size" in str(error.value)
    assert isinstance(error.value.__cause__, torch.OutOfMemoryError)


@pytest.mark.gpu
def test_rows_arrive_on_the_gpu(X):
    for rows in (
        as_rows(X, "cuda"),
        PinnedRows(X, "cuda"),
        SparseRows(sparse.csr_matrix(X), "cuda"),
    ):
        batch = rows[torch.tensor([3, 1])]
        assert batch.device.type == "cuda"
        np.testing.assert_array_equal(batch.cpu().numpy(), X[[3, 1]])
