"""Devices, and the rows of a data set on a device.

`Rows` is what the engine trains and predicts on: something with a length, whose item at a tensor of
indices or at a slice is a dense tensor on the device. A resident tensor is one; `PinnedRows` copies
every batch from host memory and `SparseRows` makes every batch dense.
"""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from scipy import sparse

from sksubspace._machine import free_memory

__all__ = [
    "PinnedRows",
    "Rows",
    "SparseRows",
    "as_memory_allows",
    "as_rows",
    "available_device",
    "no_room",
    "resolve_device",
    "to_tensor",
]

# of the free memory of a device: data that take less are copied there once
RESIDENT_FRACTION = 0.25
# rows below which blocks are not halved: a device that has no room for them has none at all
_FEWEST_ROWS = 64


@runtime_checkable
class Rows(Protocol):
    """Rows of a data set; a tensor satisfies this protocol."""

    def __len__(self):
        """Return the number of rows."""

    def __getitem__(self, index):
        """Return the rows at `index` (int64 tensor or slice) as a dense tensor on the device."""


class PinnedRows:
    """Rows that stay in host memory and are copied to the device batch by batch.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        The rows; may be a read-only memory map. It is never written to.
    device : torch.device
        Where the batches go. Batches for a GPU pass through pinned memory.
    """

    def __init__(self, X, device):
        self.X = X
        self.device = torch.device(device)

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, index):
        return _send_batch(_native_copy(self.X[_host_index(index)]), self.device)


class SparseRows:
    """Rows of a sparse matrix, made dense batch by batch.

    Parameters
    ----------
    X : sparse matrix or sparse array of shape (n_samples, n_features)
        The rows; converted to CSR if it has another format.
    device : torch.device
        Where the batches go.
    """

    def __init__(self, X, device):
        self.X = X.tocsr()
        self.device = torch.device(device)

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, index):
        return _send_batch(self.X[_host_index(index)].toarray(), self.device)


def resolve_device(device):
    """Turn the `device` parameter of an estimator into a torch device.

    Parameters
    ----------
    device : str or torch.device
        "auto" is the first CUDA device if there is one, else the CPU; never "mps", which has no
        float64. Any other name is taken as torch understands it, for example "cpu" or "cuda:1".

    Returns
    -------
    torch.device
        A device that exists on this machine.

    Raises
    ------
    ValueError
        If the name is unknown to torch or the device is not present.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    resolved = _parse_device(device)
    if resolved.type == "cuda" and (resolved.index or 0) >= _n_cuda_devices():
        raise ValueError(
            f"device={str(device)!r} asks for a CUDA device, but this machine has "
            f"{_n_cuda_devices()} of them. Use device='auto' or device='cpu'."
        )
    if resolved.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device='mps' is not available here. Use device='auto' or device='cpu'.")
    return resolved


def _parse_device(device):
    allowed = "'auto', 'cpu', 'cuda', 'cuda:<index>', 'mps' or a torch.device of these types"
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be {allowed}, got {device!r}.") from error
    if resolved.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device must be {allowed}, got {device!r}.")
    return resolved


def _n_cuda_devices():
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def available_device(device):
    """Like `resolve_device`, but the CPU where the device is absent: for loading fitted models."""
    try:
        return resolve_device(device)
    except ValueError:
        return torch.device("cpu")


def to_tensor(X, device="cpu"):  # (n, ...) -> (n, ...)
    """Copy an array into a tensor on `device`, which shares no memory with it; the dtype is kept.

    Read-only, Fortran-ordered and memory-mapped arrays are legal.

    Examples
    --------
    >>> import numpy as np
    >>> to_tensor(np.array([1.5, 2.5], dtype=np.float32))
    tensor([1.5000, 2.5000])
    """
    return torch.from_numpy(_native_copy(X)).to(device)


def as_rows(X, device="cpu"):  # (n, ...) -> Rows
    """Make the rows of an array, sparse matrix or Tensor available on `device`, batch by batch.

    A dense array that takes less than a quarter of the free memory of the device is copied there
    once; a larger one is copied batch by batch. A sparse matrix stays sparse. A tensor is moved,
    not copied. The tensor, `PinnedRows` or `SparseRows` give the same batches.
    """
    device = torch.device(device)
    if isinstance(X, torch.Tensor):
        return X.to(device)
    if sparse.issparse(X):
        return SparseRows(X, device)
    X = np.asarray(X) if not isinstance(X, np.ndarray) else X
    if X.nbytes <= RESIDENT_FRACTION * _free_memory(device):
        return to_tensor(X, device)
    return PinnedRows(X, device)


def as_memory_allows(work, n_rows, device):  # slice -> anything; -> list
    """Results of ``work(rows)`` for all rows at once, or for halves where the device has no room.

    Halves are halved again down to 64 rows; then a MemoryError tells what there was room for.
    """
    pieces, done = [slice(0, n_rows)], []
    while pieces:
        rows = pieces.pop()
        try:
            done.append(work(rows))
        except torch.OutOfMemoryError as error:
            n = rows.stop - rows.start
            if n <= _FEWEST_ROWS:
                raise no_room(device, f"{n} rows at a time") from error
            if torch.device(device).type == "cuda":
                torch.cuda.empty_cache()
            middle = rows.start + n // 2
            pieces += [slice(middle, rows.stop), slice(rows.start, middle)]
    return done


def no_room(device, work):  # -> MemoryError
    """What to raise where a device has no room for `work`: what is free there, and what to do."""
    free, total = _memory(torch.device(device))
    return MemoryError(
        f"device={str(device)!r} has no room for {work}: {free / 2**30:.2f} of its "
        f"{total / 2**30:.2f} GiB are free, and others may use it. Use a smaller batch_size, "
        "single precision or device='cpu'."
    )


def _memory(device):  # -> bytes free, bytes in all
    """Of a device; infinite where the system does not tell."""
    return torch.cuda.mem_get_info(device) if device.type == "cuda" else (free_memory(), math.inf)


def _free_memory(device):
    return _memory(device)[0]


def _native_copy(X):
    """Copy in C order and native byte order, which is what torch can share."""
    X = np.asarray(X)
    return np.array(X, dtype=X.dtype.newbyteorder("="), order="C", copy=True)


def _host_index(index):
    return index.cpu().numpy() if isinstance(index, torch.Tensor) else index


def _send_batch(batch, device):
    tensor = torch.from_numpy(batch)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
