"""Pairs of directions that vary together, by moments, and how they do on rows left out."""

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from scipy import linalg, sparse

from sksubspace._linalg import dense, gram, largest_eigenpairs, leading_eigenpairs

__all__ = [
    "Fold",
    "Spectra",
    "add_moments",
    "fitted_pairs",
    "fold_of",
    "held_out_moments",
    "loadings_of",
    "second_moments",
    "without_fold",
]

# canonical correlations below it are rounding of their squares
_SMALLEST_CORRELATION = 1e-7
# variances of which products are still numbers
_TINY = 1e-100


@dataclass(frozen=True)
class Fold:
    """Sums over the rows of a fold, of all views side by side, less an origin.

    Parameters
    ----------
    n : int
        Number of rows.
    total : ndarray of shape (d,)
        Sum of the rows.
    products : ndarray of shape (d, d)
        Sum of their products.
    """

    n: int
    total: Any
    products: Any


def fold_of(views, origins):  # list of (n, d_v), list of (d_v,) -> Fold
    """Sum up rows."""
    if any(sparse.issparse(X) for X in views):  # sparse rows have no origin
        rows = sparse.hstack([sparse.csr_matrix(X) for X in views], format="csr")
        total = dense(rows.sum(axis=0)).ravel().astype(np.float64)
        return Fold(rows.shape[0], total, gram(rows, rows, 0.0))
    rows = np.hstack([np.asarray(X, np.float64) - o for X, o in zip(views, origins, strict=True)])
    return Fold(len(rows), rows.sum(axis=0), rows.T @ rows)


def add_moments(folds):  # list of Fold -> Fold
    """The sums over all rows of some folds."""
    return Fold(
        sum(fold.n for fold in folds),
        sum(fold.total for fold in folds),
        sum(fold.products for fold in folds),
    )


def without_fold(whole, fold):  # Fold, Fold -> Fold
    """The sums over the rows of all other folds."""
    return Fold(whole.n - fold.n, whole.total - fold.total, whole.products - fold.products)


def second_moments(fold, mean):  # Fold, (d,) -> (d, d)
    """Mean products of the rows of a fold about a mean, which need not be their own."""
    own = fold.total / fold.n
    products = fold.products / fold.n - np.outer(own, own)
    return products + np.outer(own - mean, own - mean)


class Spectra:
    """Moments of training rows in the eigenvectors of each view, for any shrinkage.

    Parameters
    ----------
    fold : Fold
        Training rows.
    slices : list of slice
        Columns of each view.
    widths : list of int
        Number of columns of each view that vary, which the shrinkage is relative to.
    """

    def __init__(self, fold, slices, widths):
        self.mean = fold.total / fold.n
        S = second_moments(fold, self.mean)
        pairs = [leading_eigenpairs(S[one, one]) for one in slices]
        self.values = [values for values, _ in pairs]
        self.vectors = linalg.block_diag(*[vectors for _, vectors in pairs])
        self.units = [np.trace(S[one, one]) / d for one, d in zip(slices, widths, strict=True)]
        ends = np.cumsum([0, *map(len, self.values)])
        self.parts = [slice(a, b) for a, b in pairwise(ends)]
        self.crossed = self.turned(S)

    def turned(self, S):  # (d, d) -> (r, r)
        return self.vectors.T @ S @ self.vectors

    def pairs(self, shrinkage, n_components):  # -> list of (r_v, q), in the eigenvectors
        """Weights of the variates, whose shrunk variances are 1 (together, of more than two)."""
        roots = [
            1 / np.sqrt(values + shrinkage * unit)
            for values, unit in zip(self.values, self.units, strict=True)
        ]
        if len(roots) == 2:
            found = _two_views(self.crossed[self.parts[0], self.parts[1]], *roots, n_components)
        else:
            found = _many_views(self.crossed, self.parts, roots, n_components)
        return [root[:, None] * weights for root, weights in zip(roots, found, strict=True)]


def _two_views(C, root_a, root_b, n_components):
    """Singular vectors of (S_a + .)^{-1/2} C (S_b + .)^{-1/2}, by the smaller of KK' and K'K."""
    K = root_a[:, None] * C * root_b
    flipped = K.shape[0] < K.shape[1]
    K = K.T if flipped else K
    q = min(K.shape) if n_components is None else min(n_components, *K.shape)
    squared, V = largest_eigenpairs(K.T @ K, q)
    kept = squared > _SMALLEST_CORRELATION**2
    kept[:1] = True
    V = V[:, kept]
    U = K @ V / np.sqrt(np.maximum(squared[kept], np.finfo(float).tiny))
    return (V, U) if flipped else (U, V)


def _many_views(S, parts, roots, n_components):
    """MAXVAR: the leading eigenvectors of all whitened views side by side, cut by view."""
    scale = np.concatenate(roots)
    R = scale[:, None] * S * scale
    for part in parts:
        R[part, part] = np.eye(part.stop - part.start)
    smallest = min(part.stop - part.start for part in parts)
    q = smallest if n_components is None else min(n_components, smallest)
    _, vectors = largest_eigenpairs(R, q)
    return [vectors[part] for part in parts]


def fitted_pairs(fold, slices, widths, shrinkage, n_components):  # -> (d, d), list of (d_v, q)
    """Covariance of all rows, and the weights of the variates in the columns of views."""
    spectra = Spectra(fold, slices, widths)
    found = spectra.pairs(shrinkage, n_components)
    weights = [
        spectra.vectors[one, part] @ inside
        for one, part, inside in zip(slices, spectra.parts, found, strict=True)
    ]
    return second_moments(fold, spectra.mean), weights


def loadings_of(S, weights):  # (d, d), (d, q) -> (d, q)
    """Regression of the columns of a view on its variates: S W (W' S W)^+."""
    return S @ weights @ np.linalg.pinv(weights.T @ S @ weights, rcond=1e-10, hermitian=True)


def held_out_moments(spectra, turned, weights):  # -> (n_pairs, 3, q)
    """Variances and covariances of variates on other rows, whose moments are `turned`.

    For each pair of views, in the order of `itertools.combinations`, as in `PairMoments`.
    """
    parts = spectra.parts
    variances = [
        np.maximum(_diagonal(w, turned[part, part], w), _TINY)
        for w, part in zip(weights, parts, strict=True)
    ]
    return np.array(
        [
            [
                variances[a],
                variances[b],
                _diagonal(weights[a], turned[parts[a], parts[b]], weights[b]),
            ]
            for a, b in combinations(range(len(weights)), 2)
        ]
    )


def _diagonal(left, S, right):
    """diag(left' S right), column by column."""
    return np.einsum("iq,iq->q", left, S @ right)
