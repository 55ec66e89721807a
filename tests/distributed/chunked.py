"""Tables cut into blocks."""

import numpy as np

da = __import__("pytest").importorskip("dask.array")

CUTS = {"one": (1.0,), "two": (0.5, 1.0), "four": (0.1, 0.4, 0.4, 1.0)}  # of four one is empty


def chunked(X, cut):  # (n, ...) -> dask array
    """The same rows, in as many blocks as the cut has."""
    ends = [round(share * len(X)) for share in CUTS[cut]]
    blocks = [X[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    whole = [(len(block) or 0, *X.shape[1:]) for block in blocks]
    parts = [
        da.from_array(block, chunks=shape) if len(block) else da.zeros(shape, dtype=X.dtype)
        for block, shape in zip(blocks, whole, strict=True)
    ]
    return da.concatenate(parts)


def largest_difference(one, other):
    """Of two arrays."""
    return np.abs(np.asarray(one, float) - np.asarray(other, float)).max()
