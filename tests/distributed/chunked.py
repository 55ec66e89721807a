"""Tables cut into blocks."""

import numpy as np
import pytest

da = pytest.importorskip("dask.array")

CUTS = {"one": (1.0,), "two": (0.5, 1.0), "four": (0.1, 0.4, 0.4, 1.0)}  # of four one is empty


def chunked(X, cut):  # (n, ...) -> dask array
    """The same rows, in as many blocks as the cut has."""
    ends = [round(share * len(X)) for share in CUTS[cut]]
    sizes = tuple(int(size) for size in np.diff([0, *ends]))
    return da.from_array(X, chunks=(sizes, *((size,) for size in X.shape[1:])))
