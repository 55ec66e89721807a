"""From coefficients of self-expression to a graph."""

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import svds
from sklearn.preprocessing import normalize

from sksubspace.cluster._top_entries import largest_columns

__all__ = ["AFFINITIES", "coefficients_to_affinity", "nearest_ties", "with_nearest_ties"]

AFFINITIES = ("symmetrize", "sum", "knn", "angular", "doubly_stochastic")

# nearest rows, by code or by angle, that a row is tied to
_N_NEIGHBORS = 3
# the exponent a of "angular"; what is smaller after it is left out, so that the graph is sparse
_ANGULAR_POWER = 4
_ANGULAR_KEPT = 1e-3
# rank of the codes that "angular" keeps: five for each cluster, and one more
_DIMENSIONS_PER_CLUSTER = 5
# rows sum to one up to the tolerance; without a full support the iteration may never get there
_SINKHORN_STEPS = 500
_SINKHORN_TOL = 1e-6
# 4 Mi numbers, 32 MiB as doubles: a block of rows against all rows
_BLOCK_ELEMENTS = 2**22


def coefficients_to_affinity(C, method="symmetrize", *, n_clusters=None):
    r"""Make a symmetric graph from the coefficients of self-expression.

    Parameters
    ----------
    C : CSR matrix of shape (n_samples, n_samples)
        Row i has the coefficients that express row i by the others.
    method : {"symmetrize", "sum", "knn", "angular", "doubly_stochastic"}, default="symmetrize"
        - "symmetrize": the rows of :math:`|C|` at unit length, averaged with the transpose.
        - "sum": :math:`|C| + |C|^T`.
        - "knn": each row of C at unit length is tied to the three others that are nearest,
          averaged with the transpose.
        - "angular": :math:`(\tilde U \tilde U^T)_+^a`, where :math:`\tilde U` are the rows of
          :math:`U S^{1/2}` of the truncated singular value decomposition of C, at unit length.
        - "doubly_stochastic": :math:`D (|C| + |C|^T) D` with the diagonal D that makes rows and
          columns sum to one.
    n_clusters : int or None, default=None
        With "angular", the rank is five for each cluster and one more; 8 clusters with None.

    Returns
    -------
    A : CSR matrix of shape (n_samples, n_samples)
        Symmetric and not negative, with a zero diagonal but for "angular".
    """
    C = sparse.csr_matrix(C)
    if method == "knn":
        graph = nearest_codes(C, min(_N_NEIGHBORS, C.shape[0] - 1))
        return 0.5 * (graph + graph.T).tocsr()
    if method == "angular":
        return _angular(C, _DIMENSIONS_PER_CLUSTER * (n_clusters or 8) + 1)
    weights = abs(C)
    if method == "symmetrize":
        weights = normalize(weights, copy=False)
        return 0.5 * (weights + weights.T).tocsr()
    weights = (weights + weights.T).tocsr()
    return weights if method == "sum" else _doubly_stochastic(weights)


def nearest_codes(C, n_neighbors):  # csr (n, m) -> csr (n, n) of ones, k a row
    """Tie each row of C to the rows that point the same way, blockwise; ties by index."""
    n = C.shape[0]
    unit = normalize(C)
    dense = unit.nnz > 0.05 * n * unit.shape[1]
    other = unit.toarray().T if dense else unit.T.tocsc()
    step = max(1, _BLOCK_ELEMENTS // n)
    nearest = []
    for start in range(0, n, step):
        block = unit[start : start + step]
        similarity = (block.toarray() if dense else block) @ other
        similarity = similarity if dense else similarity.toarray()
        rows = np.arange(len(similarity))
        similarity[rows, start + rows] = -np.inf
        nearest.append(largest_columns(torch.from_numpy(similarity), n_neighbors).numpy())
    columns = np.concatenate(nearest)
    pointers = n_neighbors * np.arange(n + 1)
    return sparse.csr_matrix((np.ones(columns.size), columns.ravel(), pointers), shape=(n, n))


def _angular(C, rank):  # csr (n, n), int -> csr (n, n)
    rank = min(rank, C.shape[0] - 1)
    if rank < 1 or C.count_nonzero() == 0:
        return sparse.csr_matrix(C.shape)
    start = np.random.RandomState(0).uniform(-1, 1, size=C.shape[0])
    U, S, _ = svds(C.astype(np.float64), k=rank, v0=start)
    unit = normalize(U * np.sqrt(S))
    step = max(1, _BLOCK_ELEMENTS // len(unit))
    blocks = []
    for first in range(0, len(unit), step):
        weights = np.maximum(unit[first : first + step] @ unit.T, 0) ** _ANGULAR_POWER
        weights[weights < _ANGULAR_KEPT] = 0
        blocks.append(sparse.csr_matrix(weights))
    A = sparse.vstack(blocks, format="csr")
    return 0.5 * (A + A.T).tocsr()


def _doubly_stochastic(A):  # csr (n, n) symmetric -> csr (n, n)
    """Sinkhorn's scaling of a symmetric matrix, with one potential; empty rows stay empty."""
    degrees = np.asarray(A.sum(axis=1)).ravel()
    scale = np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1e-300)), 0)
    for _ in range(_SINKHORN_STEPS):
        sums = scale * (A @ scale)
        if np.abs(sums[degrees > 0] - 1).max(initial=0) < _SINKHORN_TOL:
            break
        scale = np.where(degrees > 0, scale / np.sqrt(np.maximum(sums, 1e-300)), 0)
    diagonal = sparse.diags(scale)
    return (diagonal @ A @ diagonal).tocsr()


def with_nearest_ties(A, X, weight):  # csr (n, n), (n, d) -> csr (n, n)
    r"""Add weak ties between nearest rows, of unit length, to a symmetric graph.

    A row that a few others express well is tied to those few only, so that the graph of a subspace
    falls into pieces that hang together by little, and a cut of few rows costs less than one
    between subspaces. The graph becomes :math:`A + w\,\bar a\,T / \bar t`, with the mean weights
    :math:`\bar a, \bar t` of the two graphs.
    """
    if weight == 0 or A.nnz == 0:
        return A
    ties = nearest_ties(X)
    return (A + weight * A.data.mean() / ties.data.mean() * ties).tocsr().astype(A.dtype)


def nearest_ties(X):  # (n, d) unit rows -> csr (n, n)
    """Tie by exp(-2 angle) each row to the three of smallest angle, averaged with the transpose.

    The angle is that between lines: opposite rows are near.
    """
    n = X.shape[0]
    k = min(_N_NEIGHBORS, n - 1)
    columns = np.empty((n, k), dtype=np.intp)
    weights = np.empty((n, k))
    step = max(1, _BLOCK_ELEMENTS // n)
    for start in range(0, n, step):
        product = X[start : start + step] @ X.T
        cosines = np.abs(product.toarray() if sparse.issparse(product) else product)
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -1
        chosen = largest_columns(torch.from_numpy(cosines), k).numpy()
        columns[start : start + step] = chosen
        found = np.clip(np.take_along_axis(cosines, chosen, axis=1), 0, 1)
        weights[start : start + step] = np.exp(-2 * np.arccos(found))
    pointers = np.arange(0, n * k + 1, k)
    ties = sparse.csr_matrix((weights.ravel(), columns.ravel(), pointers), shape=(n, n))
    return (0.5 * (ties + ties.T)).tocsr()
