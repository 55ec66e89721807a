"""Codes on landmarks whose products are formed on a device: dense there, block by block."""

from functools import partial

import numpy as np
import torch
from scipy import sparse

from sksubspace._linalg import row_blocks
from sksubspace._torch.device import as_memory_allows, to_tensor
from sksubspace.cluster._spectral import inverse_row_sums

__all__ = ["CodesOnDevice"]

# a quarter of a GiB of doubles
_BLOCK_ELEMENTS = 2**25


class CodesOnDevice:
    r"""What has the methods of `CodeBlocks`, with products in double precision on a device.

    With most entries of W zero, :math:`W^T D_r^{-1} W` takes a hundred times the multiplications of
    a sparse product, which a GPU does in less time. The blocks come from the memory of the host,
    and what goes back is as large as there are landmarks, or one row of the embedding for each row.

    Parameters
    ----------
    blocks : callable
        Without arguments; returns an iterator over CSR matrices W (b, m). It is called twice.
    device : torch.device
        With double precision.
    """

    def __init__(self, blocks, device):
        self.blocks = blocks
        self.device = torch.device(device)

    def gram(self):  # -> csr (m, m), (n,)
        """W' D_r^-1 W, and the inverse row sums."""
        total, weights = 0.0, []
        for W in self._pieces():
            weights.append(inverse_row_sums(W))
            for part in self._of_rows(_gram_of_rows, W, weights[-1]):
                total = total + part
        return sparse.csr_matrix(total.cpu().numpy()), np.concatenate(weights)

    def embedded(self, scaled):  # (m, k) -> (n, k)
        """Rows of W times the scaled eigenvectors."""
        scaled, parts = to_tensor(scaled.astype(np.float64), self.device), []
        for W in self._pieces():
            found = torch.cat(self._of_rows(_product_of_rows, W, scaled))
            parts.append(found.cpu().numpy().astype(W.dtype, copy=False))
        return np.concatenate(parts)

    def _pieces(self):
        """Blocks of as many rows as are made dense at a time."""
        for W in self.blocks():
            size = max(1, _BLOCK_ELEMENTS // W.shape[1])
            yield from (W[rows] for rows in row_blocks(W.shape[0], size))

    def _of_rows(self, work, W, values):
        """Results of ``work(device, W, values, rows)``, of fewer rows where there is no room."""
        return as_memory_allows(partial(work, self.device, W, values), W.shape[0], self.device)


def _gram_of_rows(device, W, weights, rows):  # csr (n, m), (n,), slice -> (m, m)
    D = dense_on_device(W[rows], device)
    D *= to_tensor(np.sqrt(weights[rows].astype(np.float64)), device)[:, None]
    return D.T @ D


def _product_of_rows(device, W, scaled, rows):  # csr (n, m), (m, k), slice -> (b, k)
    return dense_on_device(W[rows], device) @ scaled


def dense_on_device(W, device):  # csr (b, m) -> Tensor (b, m)
    """Make rows dense on the device: what goes there are their entries."""
    lengths, columns, values = (
        to_tensor(part, device)
        for part in (np.diff(W.indptr).astype(np.int64), W.indices.astype(np.int64), W.data)
    )
    rows = torch.repeat_interleave(torch.arange(W.shape[0], device=device), lengths)
    D = torch.zeros(W.shape, dtype=torch.float64, device=device)
    D[rows, columns] = values.double()
    return D
