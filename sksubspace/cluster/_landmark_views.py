r"""Several views of many rows, each tied to landmarks: the merged spectral step without a graph.

With the codes :math:`W_l` of view l on its landmarks, :math:`D_r, D_c` their row and column sums
and :math:`B_l = D_r^{-1/2} W_l D_c^{-1/2}`, the rows have the normalised affinity
:math:`S_l = B_l B_l^T`. What is merged is the same as without landmarks,
:math:`\sum_l w_l (S_l + \alpha U_l U_l^T) = F F^T`, and as :math:`U_l` is in the span of
:math:`B_l`, its eigenvectors follow from those of :math:`F^T F`, which is as large as there are
landmarks.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator
from sklearn.preprocessing import normalize

from sksubspace._dask import in_a_tree
from sksubspace._linalg import largest_eigenpairs
from sksubspace.cluster._spectral import connected, largest_eigenvectors, nearest_bridges
from sksubspace.neighbors import k_nearest

__all__ = [
    "CodesOfViewBlocks",
    "ViewCodes",
    "ViewProducts",
    "bridged",
    "landmark_ties",
    "merged_landmark_vectors",
]

# eigenvalues below this share of the largest are rounding
_RANK = 1e-12


def landmark_ties(view, landmarks, n_ties, skip_zeros):  # (n, d), (m, d) -> csr (n, m)
    """Tie each row to its nearest landmarks, with weight 1; itself too where it is one.

    With `skip_zeros`, rows of zeros, which have no direction, are tied to none.
    """
    rows = np.flatnonzero(view.any(axis=1)) if skip_zeros else np.arange(len(view))
    used = np.flatnonzero(landmarks.any(axis=1)) if skip_zeros else np.arange(len(landmarks))
    shape = len(view), len(landmarks)
    k = min(n_ties, len(used))
    if k < 1 or len(rows) == 0:
        return sparse.csr_matrix(shape, dtype=view.dtype)
    queries = view if len(rows) == len(view) else view[rows]
    nearest = used[k_nearest(queries, landmarks[used], k)[1].ravel()]
    lengths = np.zeros(len(view), dtype=np.int64)
    lengths[rows] = k
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_matrix((np.ones(nearest.size, view.dtype), nearest, pointers), shape=shape)


@dataclass(frozen=True)
class ViewProducts:
    r"""What the spectral step needs of codes W_l (n, m_l), side by side with M columns in all.

    With :math:`V = [D_{r,1}^{-1/2} W_1, ...]`, all of these are sums over rows.

    Attributes
    ----------
    gram : CSR matrix of shape (M, M)
        V'V; its blocks on the diagonal are the graphs of the landmarks of each view.

    sums : ndarray of shape (M,)
        Column sums of the codes.

    is_tied : ndarray of shape (n,) of bool
        Rows that have ties in a view.
    """

    gram: sparse.csr_matrix
    sums: np.ndarray
    is_tied: np.ndarray

    @classmethod
    def of(cls, codes):  # list of csr (n, m_l)
        """Products of rows that are at hand."""
        V = _halved(codes)
        sums = np.concatenate([_sums_along(W, 0) for W in codes])
        return cls((V.T @ V).tocsr(), sums, sum(_sums_along(W, 1) for W in codes) > 0)

    def add(self, other):
        """Products of these rows and of others below them."""
        is_tied = np.concatenate([self.is_tied, other.is_tied])
        return ViewProducts(self.gram + other.gram, self.sums + other.sums, is_tied)


class ViewCodes:
    """Codes of rows that are at hand.

    Parameters
    ----------
    codes : list of CSR matrix of shape (n, m_l)
        Of each view.
    """

    def __init__(self, codes):
        self.codes = codes

    def products(self):  # -> ViewProducts
        """Sums over the rows."""
        return ViewProducts.of(self.codes)

    def embedded(self, scaled):  # (M, k) -> (n, k)
        """V times a matrix."""
        return embedded_codes(self.codes, scaled)


@dataclass(frozen=True)
class CodesOfViewBlocks:
    """Codes of the rows of a dask collection, which stay where they were made.

    Attributes
    ----------
    parts : list of Delayed
        By block, codes of each view.
    """

    parts: list

    @classmethod
    def of(cls, parts):
        """Make them once; a worker that dies has its own made again."""
        from dask import persist

        return cls(list(persist(*parts)))

    def products(self):  # -> ViewProducts
        """As of `ViewCodes`."""
        from dask import delayed

        found = [delayed(ViewProducts.of)(part) for part in self.parts]
        return in_a_tree(found, ViewProducts.add).compute()

    def embedded(self, scaled):  # (M, k) -> (n, k)
        """As of `ViewCodes`."""
        from dask import compute, delayed

        scaled = delayed(scaled)
        parts = [delayed(embedded_codes)(part, scaled) for part in self.parts]
        return np.concatenate(compute(*parts))


def embedded_codes(codes, scaled):  # list of csr (n, m_l), (M, k) -> (n, k)
    """V times a matrix."""
    return _halved(codes) @ scaled


def _halved(codes):  # list of csr (n, m_l) -> csr (n, M)
    """D_r^-1/2 W of each view, side by side; rows without ties stay empty."""
    scales = [sparse.diags(_inverse_roots(_sums_along(W, 1))) for W in codes]
    parts = [scale @ W.astype(np.float64) for scale, W in zip(scales, codes, strict=True)]
    return sparse.hstack(parts, format="csr")


def _sums_along(W, axis):
    return np.asarray(W.sum(axis=axis)).ravel().astype(np.float64)


def _inverse_roots(sums):
    return np.where(sums > 0, 1 / np.sqrt(np.where(sums > 0, sums, 1)), 0)


def bridged(products, landmarks, n_clusters):  # ViewProducts, list of (m_l, d) -> ViewProducts
    """The same with weak rows where landmarks of a view are in more pieces than clusters.

    A row with the weight 2 t at two landmarks ties them by t; it has no ties in other views.
    """
    ends = np.cumsum([0, *(len(rows) for rows in landmarks)])
    for rows, start, end in zip(landmarks, ends[:-1], ends[1:], strict=True):
        graph = products.gram[start:end, start:end]
        ties = _bridges(graph, products.sums[start:end], rows, n_clusters)
        if ties.shape[0]:
            outside = [sparse.csr_matrix((ties.shape[0], k)) for k in (start, ends[-1] - end)]
            more = ViewProducts.of([outside[0], ties, outside[1]])
            products = replace(products.add(more), is_tied=products.is_tied)
    return products


def _bridges(M, sums, landmarks, n_clusters):  # csr (m, m), (m,), (m, d) -> csr (e, m)
    used = np.flatnonzero(sums > 0)
    if len(used) == 0:
        return sparse.csr_matrix((0, len(sums)))
    M = M.tocsr()[used][:, used]
    unit = normalize(landmarks[used])
    ties = sparse.triu(connected(M, n_clusters, partial(nearest_bridges, unit)) - M, k=1).tocoo()
    kept = ties.data > 0
    places = np.column_stack([used[ties.row[kept]], used[ties.col[kept]]])
    weights = np.repeat(2 * ties.data[kept], 2)
    pointers = np.arange(0, weights.size + 1, 2)
    return sparse.csr_matrix((weights, places.ravel(), pointers), shape=(len(places), len(sums)))


def merged_landmark_vectors(products, sizes, weights, alpha, n_clusters):
    r"""Largest eigenpairs of :math:`\sum_l w_l (S_l + \alpha U_l U_l^T)`, of all rows.

    With :math:`B = [B_1, B_2, ...] = V D_c^{-1/2}`, :math:`U_l = B_l R_l` and the block diagonal
    :math:`T = [\sqrt{w_l} I, \sqrt{\alpha w_l} R_l]` it is :math:`(B T)(B T)^T`. `sizes` are
    the numbers of landmarks of the views.

    Returns the eigenvalues (k + 1,), and E (M, k) such that the eigenvectors are V E.
    """
    scale = sparse.diags(_inverse_roots(products.sums))
    gram = (scale @ products.gram @ scale).tocsr()
    ends = np.cumsum([0, *sizes])
    parts = []
    for weight, start, end in zip(weights, ends[:-1], ends[1:], strict=True):
        parts.append(np.sqrt(weight) * sparse.identity(end - start))
        if alpha > 0:
            R = _own_directions(gram[start:end, start:end].toarray(), n_clusters)
            parts[-1] = sparse.hstack([parts[-1], np.sqrt(alpha * weight) * sparse.csr_matrix(R)])
    T = sparse.block_diag(parts, format="csr")
    size = T.shape[1]
    operator = LinearOperator(
        (size, size), matvec=lambda v: T.T @ (gram @ (T @ v)), dtype=np.float64,
        matmat=lambda V: T.T @ (gram @ (T @ V)),
    )  # fmt: skip
    values, vectors = largest_eigenvectors(operator, min(n_clusters + 1, size))
    values = np.maximum(values, 0)
    roots = np.sqrt(np.maximum(values, _RANK * values[0]))[:n_clusters]
    return values, scale @ (T @ (vectors[:, :n_clusters] / roots))


def _own_directions(gram, k):  # (m, m) -> (m, k)
    """R such that the columns of B R are the leading left singular vectors of B."""
    values, vectors = largest_eigenpairs(gram, min(k, len(gram)))
    kept = values > _RANK * values[0]
    return vectors[:, kept] / np.sqrt(values[kept])
