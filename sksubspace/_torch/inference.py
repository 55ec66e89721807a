"""Rows through a trained module, such that a row's result does not depend on the rows beside it."""

import numpy as np
import torch

from .threads import small_work

__all__ = ["batched_forward", "in_blocks"]


def batched_forward(module, rows, *, chunk_size=256, device="cpu"):
    """Apply a module to all rows and return an array.

    Parameters
    ----------
    module : torch.nn.Module
        Maps (chunk_size, ...) to (chunk_size, ...), row by row. It is moved to `device`.
    rows : Rows
        As `as_rows` makes them.
    chunk_size : int, default=256
        Number of rows in every call of the module.
    device : str or torch.device, default="cpu"
        Where the module is applied.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        In the dtype the module returns.

    Notes
    -----
    Matrix products round differently for different numbers of rows. So the last chunk is filled up
    with copies of its rows and every call has the same shape; then
    ``batched_forward(X)[i] == batched_forward(X[i : i + 1])`` bit for bit.
    """
    was_training = module.training
    module.to(device).eval()
    flops = 2 * chunk_size * sum(p.numel() for p in module.parameters())
    try:
        with small_work(flops, device), torch.inference_mode():
            chunks = [
                _forward_chunk(module, rows[start : start + chunk_size].to(device), chunk_size)
                for start in range(0, len(rows), chunk_size)
            ]
    finally:
        module.train(was_training)
    return np.concatenate(chunks)


def _forward_chunk(module, chunk, size):
    n_rows = len(chunk)
    if n_rows < size:
        chunk = chunk[torch.arange(size, device=chunk.device) % n_rows]
    return module(chunk)[:n_rows].cpu().numpy()


def in_blocks(function, X, *, block_size=256):
    """Apply a function of arrays to blocks of rows that all have one size, for the same reason.

    Parameters
    ----------
    function : callable
        Maps (block_size, ...) to (block_size, ...), row by row.
    X : ndarray of shape (n_samples, ...)
        The rows; the last block is filled up with copies of its own.
    block_size : int, default=256
        Number of rows in every call.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        The results, one below the other.
    """
    blocks = []
    for start in range(0, len(X), block_size):
        rows = X[start : start + block_size]
        filled = rows if len(rows) == block_size else np.resize(rows, (block_size, *rows.shape[1:]))
        blocks.append(function(filled)[: len(rows)])
    return np.concatenate(blocks)
