"""Sums over rows from which a Gaussian score and Stein's moments follow exactly, batch by batch.

The sums are of z = x - a and v = y - b, with the means a and b of the first batch, so that nothing
is lost by cancellation where the mean is far from zero.
"""

import numpy as np

from sksubspace.decomposition._stein._responses import response_scales


def empty_statistics(X, Y, second):  # (n, d), (n, L) -> dict of arrays
    """Sums of no rows, shifted by the means of these; `second` keeps those of the second order."""
    d, L = X.shape[1], Y.shape[1]
    shapes = {
        "total": (), "z": (d,), "v": (L,), "zz": (d, d), "vv": (L,), "zv": (d, L), "qz": (d,),
        "qq": (), "size": (L,), **({"vzz": (L, d, d)} if second else {}),
    }  # fmt: skip
    sums = {name: np.zeros(shape) for name, shape in shapes.items()}
    return {"x_shift": X.mean(axis=0), "y_shift": Y.mean(axis=0), **sums}


def add_batch(sums, X, Y, weights):  # (n, d), (n, L), (n,) -> dict of arrays
    """Sums of the rows so far and these, as new arrays; q is the square of the norm of z."""
    z, v = X - sums["x_shift"], Y - sums["y_shift"]
    q = np.einsum("nd,nd->n", z, z)
    wz, wv = weights[:, None] * z, weights[:, None] * v
    added = {
        "total": weights.sum(), "z": wz.sum(axis=0), "v": wv.sum(axis=0), "zz": wz.T @ z,
        "vv": np.einsum("nl,nl->l", wv, v), "zv": z.T @ wv, "qz": q @ wz,
        "qq": weights @ np.square(q),
    }  # fmt: skip
    result = sums | {name: sums[name] + value for name, value in added.items()}
    result["size"] = np.maximum(sums["size"], np.abs(Y).max(axis=0))
    if "vzz" in sums:
        result["vzz"] = sums["vzz"] + np.stack([z.T @ (column[:, None] * z) for column in wv.T])
    return result


def moments_of_rows(sums):  # -> (d,), (d, d), float
    r"""Mean, covariance, and the mean of :math:`\|x - m\|^4`."""
    n = sums["total"]
    shift = sums["z"] / n
    covariance = sums["zz"] / n - np.outer(shift, shift)
    square = shift @ shift
    fourth = sums["qq"] - 4 * shift @ sums["qz"] + 4 * shift @ sums["zz"] @ shift
    fourth += 2 * square * np.trace(sums["zz"]) - 4 * square * shift @ sums["z"] + n * square**2
    return sums["x_shift"] + shift, covariance, float(fourth / n)


def moments_of_responses(sums, scale):  # -> (d, L), (L, d, d) or None
    """Means of (x - m) y and of (x - m)(x - m)' y for centred, scaled responses."""
    n = sums["total"]
    e, f = sums["z"] / n, sums["v"] / n
    scales = response_scales(sums["vv"] / n - np.square(f), sums["size"], scale)
    first = (sums["zv"] / n - np.outer(e, f)) / scales
    if "vzz" not in sums:
        return first, None
    crossed = np.einsum("d,el->lde", e, sums["zv"] / n)
    third = sums["vzz"] / n - crossed - crossed.transpose(0, 2, 1)
    third += f[:, None, None] * (2 * np.outer(e, e) - sums["zz"] / n)
    return first, third / scales[:, None, None]
