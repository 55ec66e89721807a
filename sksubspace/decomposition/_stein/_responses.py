"""Responses as columns, and sums over rows from which Stein's moments follow exactly.

Numbers are columns as they are, classes by one-hot codes; all are centred and scaled. The sums are
of z = x - a and v = y - b, with the means a and b of the first batch, so that nothing is lost by
cancellation where the mean is far from zero.
"""

import numpy as np
from scipy import sparse

from sksubspace._validation import check_block


def encode_responses(y, kind, classes=None):  # (n,) or (n, L) -> (n, L), classes or None
    """Columns of float64, and the sorted classes where the responses are of the kind "classes"."""
    y = y.toarray() if sparse.issparse(y) else np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if kind == "numbers":
        return _as_numbers(y), None
    if y.ndim == 2:
        raise ValueError(f"y must be one column to hold classes, got {y.shape[1]} columns.")
    classes = np.unique(y) if classes is None else np.unique(classes)
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y holds {unknown[:5].tolist()}, which is not among the classes {classes.tolist()} "
            "given to the first call."
        )
    return (y[:, None] == classes).astype(np.float64), classes


def _as_numbers(y):
    try:
        Y = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y must hold numbers, or one column of classes, got {y.dtype} values that are no "
            "numbers."
        ) from error
    if not np.isfinite(Y).all():
        raise ValueError("y must be finite, got NaN or infinity.")
    return Y.reshape(len(Y), -1)


def centre_responses(Y, weights, scale):  # (n, L), (n,) -> (n, L)
    """Centred columns, of unit variance with `scale`, times weight over the sum of weights."""
    share = weights / weights.sum()
    centred = Y - share @ Y
    deviations = response_scales(share @ np.square(centred), np.abs(Y).max(axis=0), scale)
    return share[:, None] * (centred / deviations)


def response_scales(variances, sizes, scale):  # (L,), (L,) -> (L,), infinite for constants
    """Standard deviations, or 1 without `scale`; a column that is constant is left out."""
    constant = np.sqrt(variances) <= 1e-12 * sizes
    if constant.all():
        raise ValueError("y is constant: it says nothing about the directions of X.")
    return np.where(constant, np.inf, np.sqrt(variances) if scale else 1.0)


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


def add_statistics(sums, more):  # dict of arrays, dict of arrays -> dict of arrays
    """Sums of both sets of rows, which are shifted by the same means."""
    added = {name: value + more[name] for name, value in sums.items() if not name.endswith("shift")}
    return sums | added | {"size": np.maximum(sums["size"], more["size"])}


def statistics_of_block(rows, y, weights, none, kind, classes):
    """Sums of rows yet to be checked, which have responses (b,) or (b, L) and weights (b,)."""
    X = check_block(rows).astype(np.float64, copy=False)
    return add_batch(none, X, encode_responses(y, kind, classes)[0], weights)


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
