"""Nearly nearest rows by matrix products in single precision, on one pass over the rows."""

import numpy as np

_BLOCK_ROWS = 256
_SPAN_ROWS = 32768
_GROUP = 32
_FAR = 1e15


def centered_single(rows, mean, scale, n_padding=0):  # (n, d), (d,) -> (n + n_padding, d)
    """Compute (rows - mean) / scale in float32, followed by rows of zeros.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Any floats.

    mean : ndarray of shape (n_features,)
        In the units of `rows`, as float64.

    scale : float
        In the units of `rows`.

    n_padding : int, default=0
        Rows of zeros to append.

    Returns
    -------
    ndarray of shape (n_rows + n_padding, n_features)
        Within 1e15 of zero, so that no square overflows.
    """
    single = np.zeros((len(rows) + n_padding, rows.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _SPAN_ROWS):
        part = slice(start, min(start + _SPAN_ROWS, len(rows)))
        single[part] = np.clip((rows[part] - mean) / scale, -_FAR, _FAR)
    return single


def nearest_in_single_precision(queries, reference, n_candidates, mean, scale):
    r"""Find the rows with the smallest :math:`\|r\|^2 - 2 q^T r`, up to rounding.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_features)
        Rows to look up.

    reference : ndarray of shape (n_reference, n_features)
        Rows to find.

    n_candidates : int
        Rows to find for each query; at most ``n_reference``.

    mean : ndarray of shape (n_features,)
        What both are moved by, so that they round least.

    scale : float
        What both are divided by, so that nothing overflows.

    Returns
    -------
    ndarray of shape (n_queries, n_candidates)
        Rows of `reference`, in any order.
    """
    import torch

    n_padding = -len(reference) % _GROUP
    rows = torch.from_numpy(centered_single(reference, mean, scale, n_padding))
    norms = rows.square().sum(dim=1)
    norms[len(reference) :] = torch.inf
    buffer = torch.empty(_BLOCK_ROWS * min(_SPAN_ROWS, len(rows)))
    nearest = np.empty((len(queries), n_candidates), dtype=np.intp)
    for start in range(0, len(queries), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        moved = torch.from_numpy(centered_single(queries[block], mean, scale))
        nearest[block] = _nearest_of_block(moved, rows, norms, n_candidates, buffer).numpy()
    return nearest


def _nearest_of_block(queries, rows, norms, n_candidates, buffer):  # (b, d), (n, d), (n,) -> (b, c)
    """Merge the nearest rows of each span, whose distances are still in the cache."""
    import torch

    values, indices = [], []
    for start in range(0, len(rows), _SPAN_ROWS):
        span = rows[start : start + _SPAN_ROWS]
        squared = buffer[: len(queries) * len(span)].view(len(queries), len(span))
        torch.addmm(norms[start : start + len(span)], queries, span.T, alpha=-2, out=squared)
        smallest, columns = _smallest(squared, n_candidates)
        values.append(smallest)
        indices.append(columns + start)
    best = _top(torch.cat(values, dim=1), n_candidates).indices
    return torch.cat(indices, dim=1).gather(1, best)


def _smallest(squared, n_smallest):  # (b, w) -> (b, c), (b, c)
    """Smallest entries of each row; they are in the groups that have the smallest minima."""
    import torch

    n_groups = squared.shape[1] // _GROUP
    if n_smallest >= n_groups:
        return _top(squared, min(n_smallest, squared.shape[1]))
    minima = squared.view(len(squared), _GROUP, n_groups).amin(dim=1)
    groups = _top(minima, n_smallest).indices
    members = groups[:, None] + n_groups * torch.arange(_GROUP)[:, None]
    columns = members.flatten(1)
    values, places = _top(squared.gather(1, columns), n_smallest)
    return values, columns.gather(1, places)


def _top(values, n_smallest):
    return values.topk(n_smallest, dim=1, largest=False, sorted=False)
