"""Sparse codes from dense ones: the largest entries of each row, block by block."""

import numpy as np
import torch
from scipy import sparse

from sksubspace._threads import small_work
from sksubspace._torch.device import to_tensor

__all__ = ["keep_largest", "largest_columns", "product_blocks"]

# batch_size="auto": 64 MiB of doubles, but enough rows for a fast product
_BLOCK_ELEMENTS = 2**23
_FEWEST_ROWS = 64
# in units of the rounding of the largest score: scores that are closer count as equal
_ROUNDING = 16


def product_blocks(X, matrix, batch_size, device):  # (n, d), (d, m)
    """Yield blocks of rows of a product that is too large to hold: slice, Tensor (b, m).

    The block is in the dtype of the matrix, and the next one is written over it. The matrix is
    sparse if X is, and may be on the device already. A `batch_size` of "auto" takes about 64 MiB.
    """
    step = batch_size
    if batch_size == "auto":
        step = max(_FEWEST_ROWS, _BLOCK_ELEMENTS // matrix.shape[1])
    n = X.shape[0]
    slices = [slice(start, min(start + step, n)) for start in range(0, n, step)]
    if sparse.issparse(matrix):
        for rows in slices:
            yield rows, torch.from_numpy((X[rows] @ matrix).toarray()).to(device)
        return
    matrix = matrix if isinstance(matrix, torch.Tensor) else to_tensor(matrix, device)
    buffer = matrix.new_empty(min(step, n), matrix.shape[1])
    for rows in slices:
        factor = to_tensor(X[rows], device).to(matrix.dtype)
        block = buffer[: len(factor)]
        with small_work(2 * block.numel() * len(matrix), device):
            torch.mm(factor, matrix, out=block)
        yield rows, block


def keep_largest(blocks, k, n_columns, dtype=None):  # -> csr (n, n_columns)
    """Stack dense blocks of rows into a sparse matrix of the k entries of each row of largest size.

    Blocks are Tensors (b, n_columns), none larger than the first; each is used before the next is
    asked for, so that they may share memory. Zeros are not kept; indices are sorted. Values are of
    `dtype`; None keeps that of the blocks.
    """
    values, columns, sizes = [], [], None
    for block in blocks:
        sizes = torch.empty_like(block) if sizes is None else sizes[: len(block)]
        chosen = largest_columns(torch.abs(block, out=sizes), k)
        found = block.gather(1, chosen).cpu().numpy()
        values.append(found if dtype is None else found.astype(dtype, copy=False))
        columns.append(chosen.to(torch.int32).cpu().numpy())
    values, columns = np.concatenate(values), np.concatenate(columns)
    pointers = np.arange(len(values) + 1, dtype=np.int64) * values.shape[1]
    C = sparse.csr_matrix(
        (values.ravel(), columns.ravel(), pointers), shape=(len(values), n_columns)
    )
    C.eliminate_zeros()
    return C


def largest_columns(scores, k):  # (b, m) -> (b, min(k, m))
    """Columns of the k largest scores of each row, ascending; among equal ones the first.

    Scores that differ by less than the rounding of a matrix product count as equal, so that the
    choice does not depend on the block a row was computed in.
    """
    n_columns = scores.shape[1]
    if k >= n_columns:
        return torch.arange(n_columns, device=scores.device).expand(len(scores), n_columns)
    largest, columns = scores.topk(k + 1, dim=1)
    rounding = _ROUNDING * torch.finfo(scores.dtype).eps * largest[:, :1]
    edge, next_one = largest[:, k - 1 : k], largest[:, k:]
    unsure = (edge - next_one <= rounding).ravel().nonzero().ravel()
    columns = columns[:, :k].sort(dim=1).values
    if len(unsure):
        columns[unsure] = _first_of_equals(scores[unsure], edge[unsure], rounding[unsure], k)
    return columns


def _first_of_equals(scores, edge, rounding, k):
    above = scores > edge + rounding
    at_edge = (scores >= edge - rounding) & ~above
    missing = k - above.sum(dim=1, keepdim=True)
    chosen = above | (at_edge & (at_edge.cumsum(dim=1) <= missing))
    return chosen.nonzero()[:, 1].reshape(len(scores), k)
