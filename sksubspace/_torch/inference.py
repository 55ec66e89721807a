"""Rows through a trained module, such that a row's result does not depend on the rows beside it."""

import numpy as np
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from sksubspace._threads import small_work

__all__ = ["batched_forward"]

# bytes
_CACHE_LINE = 64
_MATMULS = {torch.matmul, torch.mm, torch.Tensor.matmul, torch.Tensor.mm, torch.Tensor.__matmul__}


def batched_forward(module, rows, *, chunk_size=256, device="cpu"):  # (n, ...) -> (n, ...)
    """Apply a module to all rows, as `as_rows` makes them, and return an array in its dtype.

    The module maps (chunk_size, ...) to (chunk_size, ...), row by row, and is moved to `device`.

    Matrix products round differently for different numbers of rows, and on some processors for rows
    that begin elsewhere within a cache line. So the last chunk is filled up with copies of its
    rows, every call has the same shape, and the rows of every product begin with a cache line; then
    ``batched_forward(X)[i] == batched_forward(X[i : i + 1])`` bit for bit.
    """
    was_training = module.training
    module.to(device).eval()
    flops = 2 * chunk_size * sum(p.numel() for p in module.parameters())
    try:
        with small_work(flops, device), torch.inference_mode(), _AlignedRows():
            chunks = [
                _forward_chunk(module, rows[start : start + chunk_size].to(device), chunk_size)
                for start in range(0, len(rows), chunk_size)
            ]
    finally:
        module.train(was_training)
    return np.concatenate(chunks)


class _AlignedRows(TorchFunctionMode):
    """Fill up the rows of matrix products with zeros, such that each begins with a cache line.

    MKL, on processors that are not Intel's, adds up the products of a row in an order that depends
    on the alignment of the row, of factors and product.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is F.linear and len(args) > 1:
            x, weight, *bias = args
            args = (_widened(x, x, -1), _widened(weight, x, -1), *bias)
        elif func in _MATMULS and len(args) == 2 and args[1].ndim > 1:
            x, other = args
            wide = _widened(_widened(other, x, -2), other, -1)
            return func(_widened(x, x, -1), wide, **kwargs)[..., : other.shape[-1]]
        return func(*args, **kwargs)


def _widened(tensor, like, dim):
    """Append zeros along a dimension until a row of `like` fills whole cache lines."""
    missing = -like.shape[-1] % (_CACHE_LINE // like.element_size())
    if missing == 0 or like.device.type != "cpu":
        return tensor
    return F.pad(tensor, (0, missing) if dim == -1 else (0, 0, 0, missing))


def _forward_chunk(module, chunk, size):
    n_rows = len(chunk)
    if n_rows < size:
        chunk = chunk[torch.arange(size, device=chunk.device) % n_rows]
    return module(chunk)[:n_rows].cpu().numpy()
