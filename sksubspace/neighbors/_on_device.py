"""The search of candidates by matrix products, on a device."""

from functools import partial

import numpy as np
import torch

from sksubspace._linalg import row_blocks
from sksubspace._torch.device import as_memory_allows, no_room, resolve_device, to_tensor
from sksubspace.neighbors._candidates import centered_single

__all__ = ["nearest_on_device"]

# a quarter of a GiB of distances in single precision: rows that are looked up, and a span of others
_BLOCK_ELEMENTS = 2**26
_SPAN_ROWS = 2**17


def nearest_on_device(queries, reference, n_candidates, mean, scale, device):  # -> (m, c)
    r"""Find the rows with the smallest :math:`\|r\|^2 - 2 q^T r`, up to rounding, in any order.

    As `nearest_in_single_precision`, with the parameters of `propose`. Products are of doubles
    where torch was told that those of singles may round more than singles do (TF32).
    """
    device = resolve_device(device)
    exact = torch.get_float32_matmul_precision() == "highest"
    dtype = torch.float32 if exact else torch.float64
    try:
        rows = to_tensor(centered_single(reference, mean, scale), device).to(dtype)
        norms = rows.square().sum(dim=1)
    except torch.OutOfMemoryError as error:
        raise no_room(device, f"{len(reference)} rows of {reference.shape[1]} columns") from error

    def search(part, block):
        chosen = queries[block][part]
        doubled = to_tensor(-2 * centered_single(chosen, mean, scale), device).to(dtype)
        return _nearest_of_rows(doubled, rows, norms, n_candidates).cpu().numpy()

    found = []
    for block in row_blocks(len(queries), _BLOCK_ELEMENTS // min(_SPAN_ROWS, len(reference))):
        found += as_memory_allows(partial(search, block=block), block.stop - block.start, device)
    return np.concatenate(found)


def _nearest_of_rows(doubled, rows, norms, n_candidates):  # (b, d), (n, d), (n,) -> (b, c)
    """Merge the nearest rows of each span."""
    values, indices = [], []
    for span in row_blocks(len(rows), _SPAN_ROWS):
        squared = torch.addmm(norms[span], doubled, rows[span].T)
        smallest = squared.topk(min(n_candidates, squared.shape[1]), largest=False, sorted=False)
        values.append(smallest.values)
        indices.append(smallest.indices + span.start)
    best = torch.cat(values, dim=1).topk(n_candidates, largest=False, sorted=False).indices
    return torch.cat(indices, dim=1).gather(1, best)
