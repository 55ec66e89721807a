r"""K-subspaces in turns: rows to the nearest subspace, subspaces to their rows.

Bradley and Mangasarian, "k-Plane clustering", Journal of Global Optimization 2000; Tseng, "Nearest
q-flat to m points", Journal of Optimization Theory and Applications 2000.
"""

from dataclasses import dataclass

import numpy as np

from sksubspace._dask import Blocks
from sksubspace._linalg import leading_directions, leading_directions_of_gram
from sksubspace.cluster._rows import MemberSums, training_block
from sksubspace.cluster._subspaces import squared_residuals

__all__ = [
    "AssignedBlocks",
    "AssignedRows",
    "alternate",
    "fit_each",
    "nearest_of_block",
    "no_subspaces",
]

# 4 Mi numbers, 32 MiB: what a block of rows may take beside the data
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


def no_subspaces(n_clusters, dim, rows):  # (m, d) -> Subspaces
    """Zeros for all, of the type of the rows."""
    d = rows.shape[1]
    return Subspaces(
        np.zeros((n_clusters, d), rows.dtype), np.zeros((n_clusters, dim, d), rows.dtype)
    )


def alternate(rows, subspaces, *, max_iter, tol):  # -> Alternation
    """Give rows to the nearest subspace, fit subspaces to their rows, until nothing changes.

    Neither step raises the cost: the first picks each row's least distance, and principal
    directions have the least cost for the rows they are given. It ends when the cost falls by less
    than the share `tol`, or after `max_iter` fits. `rows` are `AssignedRows` or `AssignedBlocks`.
    """
    costs, given = [], None
    for n_iter in range(max_iter + 1):
        labels, cost, found = rows.to_nearest(subspaces)
        costs.append(cost)
        if given is not None and (np.array_equal(labels, given) or _settled(costs, tol)):
            return Alternation(subspaces, costs, True, n_iter)
        if n_iter < max_iter:
            given, subspaces = rows.fitted(labels, found, subspaces)
    return Alternation(subspaces, costs, False, max_iter)


def _settled(costs, tol):
    return costs[-2] - costs[-1] <= tol * costs[-2]


@dataclass(frozen=True)
class AssignedRows:
    """Rows in memory, near the origin.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.
    affine : bool
        Whether subspaces have a mean of their own.
    """

    X: np.ndarray
    affine: bool

    def to_nearest(self, subspaces):  # -> (n,), float, (n,)
        """Label of each row, the sum of squared distances, and these."""
        labels, least = nearest(self.X, subspaces)
        return labels, float(least.sum(dtype=np.float64)), least

    def fitted(self, labels, least, subspaces):  # -> (n,), Subspaces
        """Labels without empty clusters, and the subspaces of those."""
        if len(empty := _without_rows(labels, subspaces)):
            labels = _reseeded(labels, least, empty, subspaces.bases.shape[1] + self.affine)
        return labels, fit_each(self.X, labels, subspaces, affine=self.affine)


@dataclass(frozen=True)
class AssignedBlocks:
    """The same of rows in a dask collection, which are read once for each fit.

    Attributes
    ----------
    blocks : Blocks
        The rows as they were given.
    shift : ndarray of shape (n_features,)
        Taken off them, after they are of unit length with `normalize`.
    normalize, affine : bool
        As in `KSubspaces`.
    """

    blocks: Blocks
    shift: np.ndarray
    normalize: bool
    affine: bool

    def to_nearest(self, subspaces):  # -> (n,), float, MemberSums
        """Label of each row, the sum of squared distances, and sums of each cluster."""
        settings = (subspaces, self.shift, self.normalize)
        return self.blocks.total(nearest_with_sums, _one_after_the_other, *settings)

    def fitted(self, labels, sums, subspaces):  # -> (n,), Subspaces
        """Labels without empty clusters, and the subspaces of those."""
        if len(empty := _without_rows(labels, subspaces)):
            settings = (subspaces, self.shift, self.normalize)
            least = np.concatenate(self.blocks.gathered(least_of_block, *settings))
            labels = _reseeded(labels, least, empty, subspaces.bases.shape[1] + self.affine)
            given = (self.blocks.cut(labels),)
            sums = self.blocks.total(sums_of_labels, MemberSums.add, *settings, beside=given)
        return labels, _of_sums(sums, subspaces, self.affine)


def nearest_with_sums(rows, subspaces, shift, normalize):  # -> (b,), float, MemberSums
    """Labels of the rows of a block, their cost, and sums of each cluster."""
    X = _near_origin(rows, shift, normalize)
    labels, least = nearest(X, subspaces)
    return labels, float(least.sum(dtype=np.float64)), MemberSums.of(X, labels, subspaces.means)


def _one_after_the_other(first, second):
    """What is found in two sets of rows, the second behind the first."""
    labels = np.concatenate([first[0], second[0]])
    return labels, first[1] + second[1], first[2].add(second[2])


def least_of_block(rows, subspaces, shift, normalize):  # -> (b,)
    """Squared distances of the rows of a block from the nearest subspace."""
    return nearest(_near_origin(rows, shift, normalize), subspaces)[1]


def sums_of_labels(rows, labels, subspaces, shift, normalize):  # -> MemberSums
    """Sums of each cluster where labels are given."""
    return MemberSums.of(_near_origin(rows, shift, normalize), labels, subspaces.means)


def nearest_of_block(rows, means, bases, normalize):  # -> (b,), float
    """Labels of the rows of a block and their cost, by the operations of `predict`."""
    X = training_block(rows, normalize)
    squared = squared_residuals(X, means, bases).astype(X.dtype)
    return squared.argmin(axis=1), float(squared.min(axis=1).sum(dtype=np.float64))


def _near_origin(rows, shift, normalize):  # (b, d) -> (b, d)
    X = training_block(rows, normalize)
    return (X - shift).astype(X.dtype) if shift.any() else X


def _of_sums(sums, previous, affine):  # -> Subspaces
    """What `fit_each` finds, from sums over the members."""
    means, bases = previous.means.copy(), previous.bases.copy()
    for k in np.flatnonzero(sums.counts):
        gram = sums.grams[k]
        if affine:
            step = sums.totals[k] / sums.counts[k]
            gram = gram - sums.counts[k] * np.outer(step, step)
            means[k] = previous.means[k] + step
        most = min(bases.shape[1], int(sums.counts[k]))  # so many rows span no more
        bases[k] = 0
        bases[k, :most] = leading_directions_of_gram(gram, most)[1]
    return Subspaces(means, bases)


def nearest(X, subspaces):  # (n, d) -> (n,), (n,)
    """Label of the nearest subspace, and the squared distance from it."""
    squared = residuals(X, subspaces)
    labels = squared.argmin(axis=1)
    return labels, np.take_along_axis(squared, labels[:, None], axis=1).ravel()


def _without_rows(labels, subspaces):  # (n,) -> (m,)
    return np.setdiff1d(np.arange(len(subspaces.means)), labels)


def _reseeded(labels, least, empty, n_rows):  # (n,), (n,), (m,) -> (n,)
    """Give each empty cluster the rows that fit worst, as many as its subspace passes through."""
    labels = labels.copy()
    worst = np.argsort(-least, kind="stable")
    for i, k in enumerate(empty):
        labels[worst[i * n_rows : (i + 1) * n_rows]] = k
    return labels


def fit_each(X, labels, previous, *, affine):  # -> Subspaces
    """Principal directions of each cluster; one without members keeps its previous subspace.

    Rows with a negative label are left out; with `affine` the mean of the members is taken off.
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


def residuals(X, subspaces):  # (n, d) -> (n, K)
    r"""Squared distances :math:`\|x - \mu_k\|^2 - \|U_k (x - \mu_k)\|^2` by one product.

    Not negative. The rows are near the origin.
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
