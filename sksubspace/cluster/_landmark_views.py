r"""Several views of many rows, each tied to landmarks: the merged spectral step without a graph.

With the codes :math:`W_l` of view l on its landmarks, :math:`D_r, D_c` their row and column sums
and :math:`B_l = D_r^{-1/2} W_l D_c^{-1/2}`, the rows have the normalised affinity
:math:`S_l = B_l B_l^T`. What is merged is the same as without landmarks,
:math:`\sum_l w_l (S_l + \alpha U_l U_l^T) = F F^T`, and as :math:`U_l` is in the span of
:math:`B_l`, its eigenvectors follow from those of :math:`F^T F`, which is as large as there are
landmarks.
"""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator
from sklearn.preprocessing import normalize

from sksubspace._linalg import largest_eigenpairs
from sksubspace.cluster._spectral import connected, largest_eigenvectors, nearest_bridges
from sksubspace.neighbors import k_nearest

__all__ = ["bridged_codes", "landmark_ties", "merged_landmark_vectors", "normalized_codes"]

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


def bridged_codes(codes, landmarks, n_clusters):  # lists of csr (n, m), (m, d) -> csr (n + e, m)
    """Append weak rows where the landmarks of a view are in more pieces than clusters.

    A row with the weight 2 t at two landmarks ties them by t. The rows that are appended for one
    view have no ties in the others.
    """
    ties = [_bridges(*pair, n_clusters) for pair in zip(codes, landmarks, strict=True)]
    n_more = [rows.shape[0] for rows in ties]
    before = np.cumsum([0, *n_more])
    longer = []
    for place, (W, rows) in enumerate(zip(codes, ties, strict=True)):
        m = W.shape[1]
        empty = [sparse.csr_matrix((k, m)) for k in (before[place], before[-1] - before[place + 1])]
        parts = [W, empty[0], rows, empty[1]]
        longer.append(sparse.vstack(parts, format="csr") if before[-1] else W)
    return longer


def _bridges(W, landmarks, n_clusters):  # csr (n, m), (m, d) -> csr (e, m)
    used = np.flatnonzero(np.asarray(W.sum(axis=0)).ravel() > 0)
    if len(used) == 0:
        return W[:0]
    weighted = normalize(W, norm="l1").astype(np.float64)
    M = (W.T @ weighted).tocsr()[used][:, used]
    unit = normalize(landmarks[used])
    ties = sparse.triu(connected(M, n_clusters, partial(nearest_bridges, unit)) - M, k=1).tocoo()
    kept = ties.data > 0
    places = np.column_stack([used[ties.row[kept]], used[ties.col[kept]]])
    weights = np.repeat(2 * ties.data[kept], 2)
    pointers = np.arange(0, weights.size + 1, 2)
    return sparse.csr_matrix((weights, places.ravel(), pointers), shape=(len(places), W.shape[1]))


def normalized_codes(W):  # csr (n, m) -> csr (n, m)
    """D_r^-1/2 W D_c^-1/2; rows and landmarks without ties stay empty."""
    sums = [np.asarray(W.sum(axis=axis)).ravel().astype(np.float64) for axis in (1, 0)]
    scales = [np.where(s > 0, 1 / np.sqrt(np.where(s > 0, s, 1)), 0) for s in sums]
    return (sparse.diags(scales[0]) @ W.astype(np.float64) @ sparse.diags(scales[1])).tocsr()


def merged_landmark_vectors(codes, weights, alpha, n_clusters):  # list of csr (n, m_l)
    r"""Largest eigenpairs of :math:`\sum_l w_l (S_l + \alpha U_l U_l^T)`, (k + 1,) and (n, k).

    With :math:`B = [B_1, B_2, ...]`, :math:`U_l = B_l R_l` and the block diagonal
    :math:`T = [\sqrt{w_l} I, \sqrt{\alpha w_l} R_l]` it is :math:`(B T)(B T)^T`.
    """
    B = sparse.hstack([normalized_codes(W) for W in codes], format="csr")
    gram = (B.T @ B).tocsr()
    ends = np.cumsum([0, *(W.shape[1] for W in codes)])
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
    return values, B @ (T @ (vectors[:, :n_clusters] / roots))


def _own_directions(gram, k):  # (m, m) -> (m, k)
    """R such that the columns of B R are the leading left singular vectors of B."""
    values, vectors = largest_eigenpairs(gram, min(k, len(gram)))
    kept = values > _RANK * values[0]
    return vectors[:, kept] / np.sqrt(values[kept])
