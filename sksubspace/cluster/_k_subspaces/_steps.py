"""The two alternating steps of K-subspaces, and the loop of them."""

from dataclasses import dataclass

import numpy as np

from sksubspace._linalg import leading_directions

__all__ = ["Alternation", "Subspaces", "alternate", "fit_each", "residuals"]

_BLOCK_ELEMENTS = 2**22


@dataclass(frozen=True)
class Subspaces:
    """One subspace for each cluster.

    Attributes
    ----------
    means : ndarray of shape (n_clusters, n_features)
        A point of each; zero for subspaces through the origin.
    bases : ndarray of shape (n_clusters, dim, n_features)
        Orthonormal rows, followed by zero rows where there are fewer directions.
    """

    means: np.ndarray
    bases: np.ndarray


@dataclass(frozen=True)
class Alternation:
    """The end of one start.

    Attributes
    ----------
    subspaces : Subspaces
        The last ones fitted.
    costs : list of float
        Sum of squared distances from the nearest subspace, before each fit.
    converged : bool
        Whether the loop ended before `max_iter` fits.
    n_iter : int
        Number of fits.
    """

    subspaces: Subspaces
    costs: list
    converged: bool
    n_iter: int


def alternate(X, subspaces, *, affine, max_iter, tol):
    """Give rows to the nearest subspace, fit subspaces to their rows, until nothing changes.

    Neither step raises the cost: the first picks each row's least distance, and principal
    directions have the least cost for the rows they are given.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    subspaces : Subspaces
        The start.

    affine : bool
        Whether subspaces have a mean of their own.

    max_iter : int
        Most fits.

    tol : float
        Stop when the cost falls by less than this share.

    Returns
    -------
    Alternation
        The last subspaces and the costs.
    """
    costs, given = [], None
    for n_iter in range(max_iter + 1):
        squared = residuals(X, subspaces)
        labels = squared.argmin(axis=1)
        least = np.take_along_axis(squared, labels[:, None], axis=1).ravel()
        costs.append(float(least.sum(dtype=np.float64)))
        if given is not None and (np.array_equal(labels, given) or _settled(costs, tol)):
            return Alternation(subspaces, costs, True, n_iter)
        if n_iter < max_iter:
            given = _reseed(labels, least, subspaces.bases.shape[1] + affine, len(subspaces.means))
            subspaces = fit_each(X, given, subspaces, affine=affine)
    return Alternation(subspaces, costs, False, max_iter)


def _settled(costs, tol):
    return costs[-2] - costs[-1] <= tol * costs[-2]


def _reseed(labels, least, n_rows, n_clusters):  # (n,), (n,) -> (n,)
    """Give each empty cluster the rows that fit worst, as many as its subspace passes through."""
    empty = np.setdiff1d(np.arange(n_clusters), labels)
    if not len(empty):
        return labels
    labels = labels.copy()
    worst = np.argsort(-least, kind="stable")
    for i, k in enumerate(empty):
        labels[worst[i * n_rows : (i + 1) * n_rows]] = k
    return labels


def fit_each(X, labels, previous, *, affine):
    """Principal directions of each cluster; a cluster without members keeps its subspace.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    labels : ndarray of shape (n_samples,)
        Their clusters; rows with a negative label are left out.

    previous : Subspaces
        Of the shapes and dtype wanted.

    affine : bool
        Whether the mean of the members is taken off.

    Returns
    -------
    Subspaces
        The new ones.
    """
    means, bases = previous.means.copy(), previous.bases.copy()
    for k in range(len(means)):
        members = X[np.flatnonzero(labels == k)]
        if len(members):
            if affine:
                means[k] = members.mean(axis=0, dtype=np.float64)
                members = members - means[k]
            bases[k] = leading_directions(members, bases.shape[1])[1]
    return Subspaces(means, bases)


def residuals(X, subspaces):
    r"""Squared distances :math:`\|x - \mu_k\|^2 - \|U_k (x - \mu_k)\|^2` by one product.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows, near the origin.

    subspaces : Subspaces
        The subspaces.

    Returns
    -------
    squared : ndarray of shape (n_samples, n_clusters)
        Not negative.
    """
    means, bases = subspaces.means, subspaces.bases
    n_clusters, dim, d = bases.shape
    columns = bases.reshape(-1, d).T
    offsets = np.einsum("krd,kd->kr", bases, means)
    lengths = np.einsum("kd,kd->k", means, means)
    squared = np.empty((len(X), n_clusters), dtype=X.dtype)
    step = max(1, _BLOCK_ELEMENTS // (n_clusters * dim))
    for start in range(0, len(X), step):
        rows = X[start : start + step]
        inside = (rows @ columns).reshape(-1, n_clusters, dim) - offsets
        from_means = np.einsum("nd,nd->n", rows, rows)[:, None] - 2 * rows @ means.T + lengths
        squared[start : start + step] = from_means - np.einsum("nkr,nkr->nk", inside, inside)
    return np.maximum(squared, 0, out=squared)
