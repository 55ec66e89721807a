"""One affine subspace for each cluster, and how far a row lies from each."""

import warnings

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import LinearOperator, svds

from sksubspace._linalg import (
    covariance,
    fixed_signs,
    in_blocks,
    largest_eigenpairs,
    row_blocks,
    total_squares,
)
from sksubspace._threads import small_work

__all__ = ["fit_subspaces", "fit_subspaces_of_sums", "squared_residuals"]

# share of the energy of the members that subspace_dim="auto" keeps, by at most so many directions
ENERGY = 0.99
LARGEST_AUTO_DIM = 15
# of the largest squared singular value: below it is rounding, not a direction of the members
_FLAT = 1e-10
# 4 Mi numbers, 32 MiB: sparse members up to this size are made dense
_DENSE_ELEMENTS = 2**22
# 2 MiB of doubles: blocks of residuals stay in the cache
_BLOCK_ELEMENTS = 2**18


def fit_subspaces(X, labels, n_clusters, subspace_dim="auto"):
    r"""Fit the affine subspace of each cluster of rows (n, d) by principal components of members.

    Cluster k, which has a member, gets the mean :math:`\mu_k` of its members and the leading right
    singular vectors :math:`U_k` of the centred members; rows with a negative label belong to none.
    A `subspace_dim` of "auto" keeps 99 % of the energy of the members, by at most 15 directions.
    Both are cut to one less than the members and the features, and to the directions in which
    members vary.

    Returns the means (K, d), and a list of orthonormal rows (r_k, d) by decreasing variance.
    """
    means, bases = [], []
    for k in range(n_clusters):
        members = X[np.flatnonzero(labels == k)]
        with small_work(4 * members.shape[0] * members.shape[1] * min(members.shape)):
            mean, basis = _affine_fit(members, subspace_dim)
        means.append(mean)
        bases.append(basis)
    _warn_of_short(bases, subspace_dim)
    return np.stack(means), bases


def fit_subspaces_of_sums(counts, totals, grams, origin, subspace_dim, dtype):
    """The same from sums of the members' x - origin (K, d), and of their products (K, d, d)."""
    means, bases = [], []
    for count, total, gram in zip(counts, totals, grams, strict=True):
        step = total / count
        scatter = gram - count * np.outer(step, step)
        largest = _most_directions(subspace_dim, count, len(step))
        squared, vectors = largest_eigenpairs(scatter, max(largest, 1))
        basis = _kept_directions(
            squared[:largest], vectors.T[:largest], np.trace(scatter), subspace_dim
        )
        means.append((origin + step).astype(dtype))
        bases.append(np.ascontiguousarray(basis, dtype=dtype))
    _warn_of_short(bases, subspace_dim)
    return np.stack(means), bases


def _warn_of_short(bases, subspace_dim):
    short = 0 if subspace_dim == "auto" else sum(len(basis) < subspace_dim for basis in bases)
    if short:
        warnings.warn(
            f"{short} of the {len(bases)} clusters have too few members for "
            f"subspace_dim={subspace_dim}, or vary in too few directions; they get a subspace of "
            "fewer dimensions.",
            stacklevel=3,
        )


def _affine_fit(members, subspace_dim):  # (m, d) -> (d,), (r, d)
    m, d = members.shape
    mean = np.asarray(members.mean(axis=0, dtype=np.float64)).reshape(-1)
    largest = _most_directions(subspace_dim, m, d)
    if largest == 0:
        return mean.astype(members.dtype), np.zeros((0, d), dtype=members.dtype)
    found = _member_directions(members, mean, largest)
    basis = _kept_directions(*found, total_squares(members, mean), subspace_dim)
    return mean.astype(members.dtype), np.ascontiguousarray(basis, dtype=members.dtype)


def _most_directions(subspace_dim, m, d):
    wanted = LARGEST_AUTO_DIM if subspace_dim == "auto" else subspace_dim
    return max(0, min(wanted, m - 1, d - 1))


def _kept_directions(squared, basis, total, subspace_dim):  # (r,), (r, d) -> (r', d)
    """Those in which members vary, of fixed sign; for "auto" so many as hold the energy."""
    if len(squared) == 0:
        return basis
    kept = squared > _FLAT * max(squared[0], 0)
    squared, basis = squared[kept], fixed_signs(basis[kept])
    return basis[: _n_for_energy(squared, total)] if subspace_dim == "auto" else basis


def _n_for_energy(squared, total):  # (r,) descending -> number that reaches 99 %, at least 1
    if total <= 0:
        return 0
    reached = np.cumsum(squared) >= ENERGY * total * (1 - 1e-9)
    return int(reached.argmax()) + 1 if reached.any() else len(squared)


def _member_directions(members, mean, r):
    """Squared singular values (r,) and right singular vectors (r, d) of the centred members."""
    m, d = members.shape
    if sparse.issparse(members):
        if m * d > _DENSE_ELEMENTS and r < min(m, d) - 1:
            return _sparse_directions(members, mean, r)
        members = members.toarray()
    if min(m, d) <= 2 * r or m * d <= _DENSE_ELEMENTS // 16:
        _, values, vectors = linalg.svd(members - mean, full_matrices=False)
        return np.square(values[:r]), vectors[:r]
    if m < d:
        centred = members - mean
        squared, left = largest_eigenpairs(centred @ centred.T, r)
        basis, _ = linalg.qr(centred.T @ left, mode="economic")
        return squared, basis.T
    variances, vectors = largest_eigenpairs(covariance(members, mean), r)
    return m * variances, vectors.T


def _sparse_directions(members, mean, r):
    m, d = members.shape
    ones = np.ones(m)
    centred = LinearOperator(
        (m, d),
        matvec=lambda v: members @ v.ravel() - ones * (mean @ v.ravel()),
        rmatvec=lambda u: members.T @ u.ravel() - mean * u.sum(),
        dtype=np.float64,
    )
    start = np.random.RandomState(0).uniform(-1, 1, size=min(m, d))
    _, values, vectors = svds(centred, k=r, v0=start, solver="arpack")
    order = values.argsort()[::-1]
    return np.square(values[order]), vectors[order]


def squared_residuals(X, means, bases):  # (n, d) -> (n, K)
    r"""Squared distance of each row from each subspace, in squared units of X.

    :math:`\|(I - U_k^T U_k)(x - \mu_k)\|^2`, for each row by the same operations in whatever batch
    it comes; `means` (K, d) and the orthonormal rows `bases`, a list, are those of `fit_subspaces`.
    """
    d = X.shape[1]
    size = int(np.clip(_BLOCK_ELEMENTS // d, 64, 2048))

    def of_block(block):  # (b, d) -> (b, K)
        columns = [_off(block - mean, basis) for mean, basis in zip(means, bases, strict=True)]
        return np.stack(columns, axis=1)

    if not sparse.issparse(X):
        return in_blocks(of_block, X, block_size=size)
    blocks = (X[rows].toarray() for rows in row_blocks(X.shape[0], size))
    return np.concatenate([in_blocks(of_block, block, block_size=size) for block in blocks])


def _off(centred, basis):  # (b, d), (r, d) -> (b,)
    if len(basis):
        centred = centred - (centred @ basis.T) @ basis
    return np.einsum("bd,bd->b", centred, centred)
