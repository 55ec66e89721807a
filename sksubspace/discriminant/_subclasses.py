"""The maths of subclass discriminants: subclasses, their target, its regression, the whitening.

Chumachenko, Raitoharju, Iosifidis and Gabbouj, "Speed-up and multi-view extensions to subclass
discriminant analysis", Pattern Recognition 111 (2021).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh, lstsq
from scipy.special import softmax

from sksubspace._linalg import fixed_signs, in_blocks

__all__ = [
    "SubclassModel",
    "discriminant_maps",
    "regression_maps",
    "split_into_subclasses",
    "subclass_model",
]

# of the mean variance of the projections, added to each before they are whitened
_WHITENING_RIDGE = 1e-3
# a subclass of fewer rows on average is not asked for
_FEWEST_ROWS = 5


def split_into_subclasses(X, codes, wanted, cluster):  # (n, d), (n,), (C,) -> (n,), (H,)
    """Number subclasses from 0, class by class: of each row, and the class of each subclass.

    ``cluster(rows, h)`` gives labels of rows in h clusters. A class gets fewer subclasses than are
    wanted where they would have less than five rows on average.
    """
    subclass, class_of = np.empty(len(X), dtype=np.intp), []
    for k, n_wanted in enumerate(wanted):
        members = np.flatnonzero(codes == k)
        h = max(1, min(n_wanted, len(members) // _FEWEST_ROWS))
        labels = np.zeros(len(members)) if h == 1 else cluster(X[members], h)
        found, numbers = np.unique(labels, return_inverse=True)
        subclass[members] = len(class_of) + numbers
        class_of += [k] * len(found)
    return subclass, np.array(class_of)


def laplacian(p, class_of):  # (H,), (H,) -> (H, H)
    """L = diag(A 1) - A with A_st = p_s p_t where the classes of s and t differ, else 0.

    M' L M is the scatter between subclasses of different classes whose means are the rows of M.
    """
    A = np.outer(p, p) * (class_of[:, None] != class_of)
    return np.diag(A.sum(axis=1)) - A


def subclass_targets(p, class_of):  # (H,), (H,) -> (H, H - 1)
    """Rows of N^{-1/2} V: the place of each subclass, for N = diag(p).

    V are the eigenvectors of N^{-1/2} L N^{-1/2} but the last one, whose eigenvalue is 0: it tells
    no subclasses apart. Weighted by p, places have mean zero and the identity as covariance.
    """
    roots = np.sqrt(p)
    vectors = eigh(laplacian(p, class_of) / np.outer(roots, roots))[1]
    return fixed_signs(vectors[:, :0:-1].T).T / roots[:, None]


def ridge_map(X, T, alpha):  # (n, d) centred, (n, q) centred -> (d, q)
    """W = (X'X + alpha tr(X'X) / d I)^{-1} X'T, by the smaller of X'X and X X'."""
    n, d = X.shape
    ridge = alpha * np.square(X).sum() / d
    wide = d > n and ridge > 0
    S = X @ X.T if wide else X.T @ X
    right = T if wide else X.T @ T
    S[np.diag_indices_from(S)] += ridge
    try:
        found = cho_solve(cho_factor(S), right)
    except LinAlgError:  # columns that depend on others, and no ridge: the shortest solution
        return lstsq(X, T)[0]
    return X.T @ found if wide else found


def regression_maps(X, subclass, class_of, views, alpha):
    """Regress the targets of the subclasses on each view: no eigenproblem of its columns.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Centred rows.
    subclass : ndarray of shape (n,)
        Subclass of each row.
    class_of : ndarray of shape (H,)
        Class of each subclass.
    views : list of ndarray
        Columns of each view.
    alpha : float
        Ridge, as a share of the mean variance.

    Returns
    -------
    maps : list of ndarray of shape (n_columns, H - 1)
        One of each view.
    """
    p = np.bincount(subclass) / len(X)
    T = subclass_targets(p, class_of)[subclass]
    return [ridge_map(X[:, columns], T, alpha) for columns in views]


def discriminant_maps(X, subclass, class_of, views, alpha):
    """Solve M' L M w = lambda (S + alpha tr(S) / d I) w in the columns of each view.

    S is the covariance within subclasses, M are their means; parameters and the maps are those of
    `regression_maps`.
    """
    p = np.bincount(subclass) / len(X)
    return [_eigen_map(X[:, columns], subclass, p, class_of, alpha) for columns in views]


def _eigen_map(X, subclass, p, class_of, alpha):
    M = means_of(X, subclass)
    S = within_covariance(X, subclass, M)
    S[np.diag_indices_from(S)] += max(alpha, np.finfo(float).eps) * np.trace(S) / len(S)
    q = min(len(p) - 1, len(S))
    between = M.T @ laplacian(p, class_of) @ M
    vectors = eigh(between, S, subset_by_index=[len(S) - q, len(S) - 1])[1]
    return np.ascontiguousarray(vectors[:, ::-1])


def means_of(X, subclass):  # (n, d), (n,) -> (H, d)
    """Mean of the rows of each subclass."""
    sums = np.zeros((subclass.max() + 1, X.shape[1]))
    np.add.at(sums, subclass, X)
    return sums / np.bincount(subclass)[:, None]


def within_covariance(X, subclass, means):  # (n, d), (n,), (H, d) -> (d, d)
    """Covariance of rows about the means of their subclasses."""
    rest = X - means[subclass]
    return rest.T @ rest / len(X)


@dataclass(frozen=True)
class SubclassModel:
    """Rows to outputs in which every subclass is a ball, and the subclasses there.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        Subtracted from rows.
    views : list of ndarray
        Columns of each view.
    maps : list of ndarray of shape (n_columns, q)
        Of each view.
    whitening : ndarray of shape (r, n_outputs)
        From the projections, of r = q for their mean or r = q times the number of views.
    centres : ndarray of shape (H, n_outputs)
        Means of the subclasses among the outputs.
    """

    mean: np.ndarray
    views: list
    maps: list
    whitening: np.ndarray
    centres: np.ndarray

    def places(self, X):  # (n, d) -> (n, n_outputs) float64
        """Outputs of rows; where a view is missing, the mean of the others stands for it."""
        return in_blocks(lambda rows: self._projected(rows) @ self.whitening, X)

    def class_shares(self, X, p, class_of):  # (n, d), (H,), (H,) -> (n, C) float64
        """Posterior of the classes: sums over their subclasses of p_s exp(-d_s^2 / 2), scaled."""
        members = (class_of[:, None] == np.arange(class_of[-1] + 1)).astype(np.float64)

        def shares(Z):
            squared = np.square(Z[:, None] - self.centres).sum(axis=2)
            return softmax(np.log(p) - squared / 2, axis=1) @ members

        return in_blocks(shares, self.places(X), block_size=64)

    def _projected(self, X):  # (n, d) -> (n, r)
        parts = [
            (X[:, columns] - self.mean[columns]) @ W
            for columns, W in zip(self.views, self.maps, strict=True)
        ]
        averages = len(self.whitening) == self.maps[0].shape[1]
        return fused(parts, averages)


def fused(parts, averages):  # list of (n, q) -> (n, q) or (n, v q)
    """Mean of the projections of views, or all side by side; NaN for a view that is missing.

    All views regress the same targets, so that the mean of the others can stand for one.
    """
    if len(parts) == 1:
        return parts[0]
    stacked = np.stack(parts, axis=1)
    missing = np.isnan(stacked)
    counts = (~missing).sum(axis=1)
    mean = np.where(missing, 0.0, stacked).sum(axis=1) / np.maximum(counts, 1)
    if averages:
        return mean
    return np.where(missing, mean[:, None], stacked).reshape(len(mean), -1)


def subclass_model(X, mean, subclass, class_of, views, maps, averages, n_components):
    """Whiten projections within subclasses, and turn the outputs by how well they tell classes.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Centred rows.
    mean : ndarray of shape (d,)
        What was subtracted.
    subclass, class_of, views : ndarray and list
        As in `regression_maps`.
    maps : list of ndarray
        Of each view.
    averages : bool
        Whether views are averaged, and not side by side.
    n_components : int
        Outputs, at most.

    Returns
    -------
    model : SubclassModel
        With as many outputs.
    separations : ndarray of shape (n_outputs,)
        Scatter between subclasses of different classes along each, descending.
    """
    Z = fused([X[:, columns] @ W for columns, W in zip(views, maps, strict=True)], averages)
    p, means = np.bincount(subclass) / len(Z), means_of(Z, subclass)
    C = within_covariance(Z, subclass, means)
    # without any spread within subclasses there is nothing to whiten by: that of all rows is taken
    C = C if np.trace(C) > 0 else np.cov(Z.T, ddof=0).reshape(C.shape)
    C[np.diag_indices_from(C)] += _WHITENING_RIDGE * np.trace(C) / len(C)
    between = means.T @ laplacian(p, class_of) @ means
    # along all others the means of the subclasses are equal
    n_outputs = min(n_components, len(p) - 1, len(C))
    values, W = eigh(between, C, subset_by_index=[len(C) - n_outputs, len(C) - 1])
    W = fixed_signs(W[:, ::-1].T).T
    return SubclassModel(mean, views, maps, W, means @ W), np.maximum(values[::-1], 0)
