"""Sums over rows and over their concept, from which moments follow exactly, batch by batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sksubspace._linalg import gram
from sksubspace._validation import check_block
from sksubspace.erasure._maps._concept import columns_of_codes

__all__ = [
    "ConceptSums",
    "add_sums",
    "concept_moments",
    "slope_of",
    "sums_of",
    "sums_of_block",
    "widened",
]


@dataclass(frozen=True)
class ConceptSums:
    """Sums of rows x less an origin, of concepts z, and of their products.

    Parameters
    ----------
    n : int
        Number of rows.
    origin : ndarray of shape (d,)
        Near the mean, so that squares lose no digits; zero where rows are sparse.
    x, z : ndarrays of shape (d,) and (k,)
        Sums.
    xx, xz, zz : ndarrays of shape (d, d), (d, k) and (k, k)
        Sums of products; xx is None where nobody needs it.
    """

    n: int
    origin: Any
    x: Any
    z: Any
    xx: Any
    xz: Any
    zz: Any


def sums_of(X, Z, origin, *, squares=True):  # (n, d), (n, k), (d,) -> ConceptSums
    """Sum up rows and their concepts, which are one-hot where they are classes."""
    rows = X.astype(np.float64) if sparse.issparse(X) else np.asarray(X, np.float64) - origin
    xz = rows.T @ np.hstack([Z, np.ones((len(Z), 1))])
    xx = gram(X, X, origin) if squares else None
    return ConceptSums(len(Z), origin, xz[:, -1], Z.sum(axis=0), xx, xz[:, :-1], Z.T @ Z)


def sums_of_block(rows, values, origin, n_classes):  # (b, d), (b,) or (b, k), (d,) -> ConceptSums
    """The same of rows yet to be checked; `values` are codes of classes where there are classes."""
    X = check_block(rows)
    Z = values.reshape(len(X), -1) if n_classes is None else columns_of_codes(values, n_classes)
    return sums_of(X, Z, origin)


def add_sums(former, more):  # ConceptSums, ConceptSums -> ConceptSums
    """Sums of both sets of rows, which have one origin and the same concepts."""
    return ConceptSums(
        former.n + more.n,
        former.origin,
        *(getattr(former, name) + getattr(more, name) for name in ("x", "z", "xx", "xz", "zz")),
    )


def widened(sums, old, new):  # (k,), (k',) -> ConceptSums
    """The same sums, with zeros for classes that came later."""
    at, k = np.searchsorted(new, old), len(new)
    z, xz, zz = np.zeros(k), np.zeros((len(sums.x), k)), np.zeros((k, k))
    z[at], xz[:, at], zz[np.ix_(at, at)] = sums.z, sums.xz, sums.zz
    return ConceptSums(sums.n, sums.origin, sums.x, z, sums.xx, xz, zz)


def concept_moments(sums):  # -> (d,), (d, d) or None, (d, k), (k, k)
    """Mean of the rows, and the covariances S_xx, S_xz and S_zz."""
    x, z = sums.x / sums.n, sums.z / sums.n
    S_xx = None if sums.xx is None else sums.xx / sums.n - np.outer(x, x)
    S_xz = sums.xz / sums.n - np.outer(x, z)
    return sums.origin + x, S_xx, S_xz, sums.zz / sums.n - np.outer(z, z)


def slope_of(S_xz, S_zz):  # (d, k), (k, k) -> (k, d)
    """Least squares of rows on concepts: S_zz^+ S_zx; for one-hot z, class means less the mean."""
    return np.linalg.pinv(S_zz, rcond=1e-10, hermitian=True) @ S_xz.T
