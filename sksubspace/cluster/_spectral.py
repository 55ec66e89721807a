r"""The spectral step: from a graph, or from codes on landmarks, to labels.

Ng, Jordan and Weiss, "On spectral clustering: analysis and an algorithm", NIPS 2001.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.cluster import KMeans

from sksubspace._linalg import largest_eigenpairs, row_blocks

__all__ = [
    "CodeBlocks",
    "SpectralResult",
    "gram_of_codes",
    "inverse_row_sums",
    "summed_in_order",
    "landmark_labels",
    "largest_eigenvectors",
    "spectral_labels",
]

# the most that n_clusters="auto" looks for: so many eigenvectors are computed
MOST_CLUSTERS = 50
# eigenvectors beyond those wanted: Lanczos finds copies of repeated eigenvalues late
_SPARE = 5
# added above and below in ratios of gaps: eigenvalues that are 1 up to this make no gap
_GAP_FLOOR = 1e-3
# up to so many rows all eigenpairs of a dense matrix are cheap, and safer than Lanczos
_DENSE_ROWS = 600
# of codes, whose products are formed at a time
_GRAM_ROWS = 2**16
# of the entries of codes, beyond which their products are made dense
_DENSE_SHARE = 0.05
_DENSE_ELEMENTS = 2**18  # 2 MiB of doubles
# k-means takes its centres from at most so many rows
_KMEANS_ROWS = 50_000
# of the mean weight of the graph: bridges are weak ties
_BRIDGE_WEIGHT = 0.1
# bridges from each component, and rows of it that are asked for them
_BRIDGES = 5
_BRIDGE_QUERIES = 2000
_BRIDGE_ELEMENTS = 2**23  # 64 MiB of doubles: queries against all rows


@dataclass(frozen=True)
class SpectralResult:
    """Labels and what they were made from.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,)
        Clusters from 0; -1 for rows with no tie.
    eigenvalues : ndarray of shape (k,)
        Largest eigenvalues of the normalised affinity, descending, a few more than clusters.
    n_clusters : int
        Number of clusters.
    """

    labels: np.ndarray
    eigenvalues: np.ndarray
    n_clusters: int


def spectral_labels(A, n_clusters, *, n_init=10, random_state, bridges=None):
    """Cluster the nodes of a graph A, a symmetric CSR matrix (n, n) that is not negative.

    The leading eigenvectors of :math:`D^{-1/2} A D^{-1/2}`, rows at unit length, and k-means with
    `n_init` starts, of which alone something is random. An `n_clusters` of "auto" takes the largest
    relative gap between eigenvalues. Where the graph has more components than clusters,
    ``bridges(numbers)`` of the components (n,) are ties (CSR) of strength up to 1 between nearest
    rows of different ones. Returns a `SpectralResult`.
    """
    degrees = np.asarray(A.sum(axis=1)).ravel()
    tied = np.flatnonzero(degrees > 0)
    if len(tied) < A.shape[0]:
        A = A[tied][:, tied]
    A = connected(A, n_clusters, bridges and _of_rows(bridges, tied, len(degrees)))
    _check_enough(A.shape[0], n_clusters)
    values, vectors = normalized_eigenvectors(A, n_vectors(n_clusters, A.shape[0]))
    k = choose_n_clusters(values, n_clusters)
    labels = np.full(len(degrees), -1)
    labels[tied] = cluster_rows(vectors[:, :k], k, n_init, random_state)
    return SpectralResult(labels, values, k)


def landmark_labels(codes, n_clusters, *, n_init=10, random_state, bridges=None):
    """Cluster rows by their codes on landmarks: the spectral step of the bipartite graph.

    With :math:`D_r, D_c` the row and column sums of the codes W, a CSR matrix (n, m) that is not
    negative, the rows have the affinity :math:`W D_c^{-1} W^T`, whose eigenvectors follow from the
    m x m graph :math:`M = W^T D_r^{-1} W` of the landmarks. The rest, and the `SpectralResult`, are
    as in `spectral_labels`; bridges are between landmarks. In the place of codes that are too many
    to hold stands what has the methods of `CodeBlocks`.
    """
    if sparse.issparse(codes):
        codes = CodeBlocks(partial(_blocks_of_rows, codes))
    M, inverse_degrees = codes.gram()
    n_landmarks, used = M.shape[0], np.flatnonzero(M.diagonal() > 0)
    M = M if len(used) == n_landmarks else M[used][:, used]
    M = connected(M, n_clusters, bridges and _of_rows(bridges, used, n_landmarks))
    _check_enough(M.shape[0], n_clusters)
    values, vectors = normalized_eigenvectors(M, n_vectors(n_clusters, M.shape[0]), dense=True)
    k = choose_n_clusters(values, n_clusters)
    scaled = np.zeros((n_landmarks, k))
    scaled[used] = np.sqrt(_inverse(np.asarray(M.sum(axis=1)).ravel()))[:, None] * vectors[:, :k]
    scaled[used] /= np.sqrt(np.maximum(values[:k], 1e-6))
    embedding = codes.embedded(scaled)
    embedding *= inverse_degrees.astype(embedding.dtype)[:, None]
    labels = cluster_rows(embedding, k, n_init, random_state)
    labels[inverse_degrees == 0] = -1
    return SpectralResult(labels, values, k)


@dataclass(frozen=True)
class CodeBlocks:
    """Codes W (n, m) on landmarks, block by block.

    Attributes
    ----------
    blocks : callable
        Without arguments; returns an iterator over CSR matrices (b, m). It is called twice.
    """

    blocks: Callable[[], Iterator[sparse.csr_matrix]]

    def gram(self):  # -> csr (m, m), (n,)
        """W' D_r^-1 W, and the inverse row sums."""
        return summed_in_order(map(gram_of_codes, self.blocks()))

    def embedded(self, scaled):  # (m, k) -> (n, k)
        """Rows of W times the scaled eigenvectors."""
        return np.concatenate([W @ scaled.astype(W.dtype) for W in self.blocks()])


def summed_in_order(parts):  # -> csr (m, m), (n,)
    """Sum of the products of blocks, and their inverse row sums one after the other."""
    gram, inverse_degrees = None, []
    for part, weights in parts:
        gram = part if gram is None else gram + part
        inverse_degrees.append(weights)
    return gram, np.concatenate(inverse_degrees)


def gram_of_codes(W):  # csr (b, m) -> csr (m, m), (b,)
    """W' D_r^-1 W and the inverse row sums, so that no second copy of the codes is made."""
    weights = inverse_row_sums(W)
    weighted = sparse.csr_matrix(
        (W.data * np.repeat(weights, np.diff(W.indptr)), W.indices, W.indptr), shape=W.shape
    )
    return _product(W, weighted), weights


def inverse_row_sums(W):  # csr (b, m) -> (b,)
    """1 over the sum of each row, and 0 where that is 0."""
    return _inverse(np.asarray(W.sum(axis=1)).ravel())


def _blocks_of_rows(W):
    if W.shape[0] <= _GRAM_ROWS:
        return iter([W])
    return (W[rows] for rows in row_blocks(W.shape[0], _GRAM_ROWS))


def _product(first, second):  # csr (b, m), csr (b, m) -> csr (m, m)
    """Product first' second; where many entries are no zeros, dense ones are faster."""
    if first.nnz <= _DENSE_SHARE * first.shape[0] * first.shape[1]:
        return (first.T @ second).tocsr()
    blocks = row_blocks(first.shape[0], max(1, _DENSE_ELEMENTS // first.shape[1]))
    return sparse.csr_matrix(sum(first[b].toarray().T @ second[b].toarray() for b in blocks))


def normalized_eigenvectors(A, k, *, dense=False):  # csr (n, n) -> (k,), (n, k)
    r"""Eigenpairs of D^-1/2 A D^-1/2, largest first.

    Each component has the eigenvalue 1 with the eigenvector D^1/2 1_component. Those are known, and
    Lanczos would miss some of these copies, so it looks for the others only.
    """
    degrees = np.asarray(A.sum(axis=1)).ravel()
    scale = sparse.diags(np.sqrt(_inverse(degrees)))
    M = (scale @ A @ scale).tocsr()
    if dense or A.shape[0] <= _DENSE_ROWS:
        return largest_eigenvectors(M.toarray(), k)
    n_components, numbers = connected_components(A, directed=False)
    n_known = min(n_components, k)
    columns = np.arange(A.shape[0]), numbers
    V = sparse.csr_matrix((np.sqrt(degrees), columns), shape=(A.shape[0], n_components))
    V = (V @ sparse.diags(1 / np.sqrt(np.asarray(V.multiply(V).sum(axis=0)).ravel()))).tocsr()
    known = np.ones(n_known), V[:, :n_known].toarray()
    if n_known == k:
        return known
    others = LinearOperator(
        M.shape, matvec=lambda x: M @ x.ravel() - 2 * (V @ (V.T @ x.ravel())), dtype=np.float64
    )
    values, vectors = largest_eigenvectors(others, k - n_known)
    return np.concatenate([known[0], values]), np.hstack([known[1], vectors])


def largest_eigenvectors(operator, k):  # (n, n) array, matrix or LinearOperator -> (k,), (n, k)
    """Largest eigenpairs of a symmetric operator, copies of repeated eigenvalues included.

    Lanczos sees one copy of a repeated eigenvalue until rounding brings the others in, so it is
    asked for more vectors than needed, in a large space and to full precision.
    """
    n = operator.shape[0]
    space = max(4 * k, 60)
    if isinstance(operator, np.ndarray) or n <= max(_DENSE_ROWS, space + 1):
        matrix = operator if isinstance(operator, np.ndarray) else _as_dense(operator)
        return largest_eigenpairs(matrix, min(k, n))
    start = np.random.RandomState(0).uniform(-1, 1, size=n)
    values, vectors = eigsh(operator, k=k + _SPARE, which="LA", ncv=space, tol=0, v0=start)
    order = values.argsort()[::-1][:k]
    return values[order], vectors[:, order]


def _as_dense(operator):
    if isinstance(operator, LinearOperator):
        return operator @ np.eye(operator.shape[0])
    return operator.toarray()


def n_vectors(n_clusters, n):
    """How many eigenvectors to compute: one more than clusters, at least to see the gap."""
    wanted = MOST_CLUSTERS if n_clusters == "auto" else n_clusters
    return min(wanted + 1, n)


def choose_n_clusters(values, n_clusters):  # (k,) descending -> int
    r"""Take what is given, or the number, at least two, of eigenvalues before the largest gap.

    The gap after k eigenvalues is relative,
    :math:`(1 - \lambda_{k+1} + \epsilon) / (1 - \lambda_k + \epsilon)`: by how much k + 1 clusters
    are harder to cut than k.
    """
    if n_clusters != "auto":
        return n_clusters
    cuts = 1 - np.clip(values, -1, 1) + _GAP_FLOOR
    ratios = cuts[2:] / cuts[1:-1]
    return int(ratios.argmax()) + 2 if len(ratios) else len(values)


def cluster_rows(vectors, k, n_init, random_state):  # (n, q) -> (n,)
    """k-means on rows of unit length; the centres come from at most 50,000 rows."""
    lengths = np.sqrt(np.einsum("nq,nq->n", vectors, vectors))
    unit = vectors / np.where(lengths > 0, lengths, 1)[:, None]
    seed = random_state.randint(2**31 - 1)
    kmeans = KMeans(k, n_init=n_init, random_state=seed)
    if len(unit) <= _KMEANS_ROWS:
        return kmeans.fit_predict(unit)
    rows = random_state.choice(len(unit), _KMEANS_ROWS, replace=False)
    return kmeans.fit(unit[np.sort(rows)]).predict(unit)


def connected(A, n_clusters, bridges):
    """Tie components together weakly where there are more of them than clusters."""
    wanted = MOST_CLUSTERS if n_clusters == "auto" else n_clusters
    n_components, numbers = connected_components(A, directed=False)
    if n_components <= wanted:
        return A
    warnings.warn(
        f"The affinity graph has {n_components} connected components, more than the {wanted} "
        f"clusters{' that are tried' if n_clusters == 'auto' else ''}; weak ties to the nearest "
        "rows decide which belong together. More neighbours, coefficients or landmarks, or a "
        "smaller tolerance, would connect it.",
        stacklevel=4,
    )
    while bridges is not None and n_components > wanted:
        ties = bridges(numbers)
        A = (A + _BRIDGE_WEIGHT * A.data.mean() * ties).tocsr()
        n_components, numbers = connected_components(A, directed=False)
    return A


def _of_rows(bridges, rows, n_all):
    """`bridges` of a graph of which only some rows are left."""

    def of_rows(numbers):
        everywhere = np.full(n_all, -1)
        everywhere[rows] = numbers
        return bridges(everywhere)[rows][:, rows]

    return of_rows


def nearest_bridges(X, numbers):  # (n, d), (n,) -> csr (n, n)
    """Tie each component to others by the few smallest angles between their rows.

    The ties are exp(-2 angle). Of a component at most 2,000 rows are looked at, evenly spaced;
    rows numbered -1 are left out.
    """
    n = len(numbers)
    rows, nearest, weights = [], [], []
    for c in range(numbers.max() + 1):
        queries = _evenly(np.flatnonzero(numbers == c), _BRIDGE_QUERIES)
        columns, cosines = _nearest_elsewhere(X, numbers, queries)
        best = np.argsort(-cosines, kind="stable")[:_BRIDGES]
        rows.append(queries[best])
        nearest.append(columns[best])
        weights.append(np.exp(-2 * np.arccos(cosines[best])))
    entries = (np.concatenate(rows), np.concatenate(nearest))
    ties = sparse.csr_matrix((np.concatenate(weights), entries), shape=(n, n))
    return ties.maximum(ties.T)


def _evenly(rows, most):
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def _nearest_elsewhere(X, numbers, queries):  # -> (q,), (q,) |cosine| of unit rows
    nearest = np.empty(len(queries), dtype=np.intp)
    cosines = np.empty(len(queries))
    step = max(1, _BRIDGE_ELEMENTS // len(numbers))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        product = X[rows] @ X.T
        product = np.abs(product.toarray() if sparse.issparse(product) else product)
        product[:, (numbers == numbers[rows[0]]) | (numbers < 0)] = -1
        part = slice(start, start + step)
        nearest[part] = product.argmax(axis=1)
        cosines[part] = product[np.arange(len(rows)), nearest[part]]
    return nearest, np.clip(cosines, 0, 1)


def _inverse(values):
    return np.where(values > 0, 1 / np.where(values > 0, values, 1), 0)


def _check_enough(n_tied, n_clusters):
    wanted = 2 if n_clusters == "auto" else n_clusters
    if n_tied < wanted:
        asked = "two" if n_clusters == "auto" else f"n_clusters={n_clusters}"
        raise ValueError(f"Only {n_tied} rows have ties in the affinity graph, fewer than {asked}.")
