"""Features passed along a graph: its normalised matrix, powers of it, and rows that join later."""

import warnings
from numbers import Integral

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import eigsh

from sksubspace._linalg import SMALL_SIDE, fixed_signs, largest_eigenpairs
from sksubspace._validation import in_order_of
from sksubspace.neighbors._graph import nearest_neighbors

__all__ = [
    "checked_powers",
    "distinct_rows",
    "given_graph",
    "joined",
    "leading_components",
    "mean_norm",
    "neighbors_there_are",
    "symmetric_steps",
    "own_graph",
    "propagated",
    "structural_of_joined",
    "weights_of_joined",
]

# of the largest that it can be: how far an eigenvalue is from that of a row alone, so that what is
# divided by the difference is not rounding
_LEAST_GAP = 0.05


def checked_powers(powers):  # -> list of int
    """The parameter `powers`: different whole numbers, not negative, at least one."""
    steps = list(powers)
    whole = all(isinstance(one, Integral) and not isinstance(one, bool) for one in steps)
    if not steps or not whole or min(steps) < 0 or len(set(steps)) < len(steps):
        raise ValueError(
            "powers must be a sequence of at least one int, each different and not negative, "
            f"got {powers!r}."
        )
    return [int(one) for one in steps]


def neighbors_there_are(n_neighbors, n_nodes):
    """At most all other nodes, and at least one, where there is only a single one."""
    n_others = max(n_nodes - 1, 1)
    if n_neighbors > n_others:
        warnings.warn(
            f"n_neighbors={n_neighbors} is more than the {n_nodes - 1} other rows of X that "
            f"differ; {n_others} are taken.",
            stacklevel=5,
        )
    return int(min(n_neighbors, n_others))


def distinct_rows(X):  # (n, d) -> (m,), (n,)
    """Number of the first row of each kind, in order, and the kind of each row."""
    _, first, kind = np.unique(X, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[kind.ravel()]


def own_graph(rows, n_neighbors):  # (n, d), int -> CSR (n, n)
    """The symmetric graph of nearest neighbours; exact but for very large tables."""
    if len(rows) == 1:
        return sparse.csr_matrix((1, 1))
    _, indices = nearest_neighbors(rows, n_neighbors, metric="euclidean", random_state=0)
    return graph_of_neighbors(indices)


def graph_of_neighbors(indices):  # (n, k) -> CSR (n, n)
    """1 where one of two rows is among the nearest of the other, else 0."""
    n, n_found = indices.shape
    starts = np.arange(n + 1) * n_found
    entries = np.ones(n * n_found), np.sort(indices, axis=1).ravel()
    directed = sparse.csr_matrix((*entries, starts), shape=(n, n))
    return directed.maximum(directed.T).tocsr()


def given_graph(adjacency, rows, n):  # (n, n), object, int -> CSR (n, n)
    """Check weights between rows: finite, not negative; the larger of two directions, no loops.

    Weights in a data frame are brought into the order of the rows by name, both ways.
    """
    if hasattr(adjacency, "columns"):
        for _ in range(2):
            adjacency = in_order_of(rows, adjacency, "adjacency").T
    try:
        A = sparse.csr_matrix(adjacency, dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"adjacency must be a matrix of numbers, got {adjacency!r:.100}."
        ) from error
    if A.shape != (n, n):
        raise ValueError(
            f"adjacency must be of shape ({n}, {n}), with a row and a column for each row of X, "
            f"got {A.shape}."
        )
    if not np.isfinite(A.data).all():
        raise ValueError("adjacency must hold finite weights, got NaN or infinity.")
    if (A.data < 0).any():
        raise ValueError(f"adjacency must not have negative weights, got {A.data.min():g}.")
    A.setdiag(0)
    A = A.maximum(A.T).tocsr()
    A.eliminate_zeros()
    return A


def symmetric_steps(A):  # CSR (n, n) -> CSR (n, n), (n,)
    """D^{-1/2} (A + I) D^{-1/2} and the degrees D of A + I; a row without neighbours has itself."""
    loops = (A + sparse.eye(A.shape[0], format="csr")).tocsr()
    loops.sort_indices()
    degrees = np.asarray(loops.sum(axis=1)).ravel()
    scaling = sparse.diags(1 / np.sqrt(degrees))
    return (scaling @ loops @ scaling).tocsr(), degrees


def propagated(S, X, highest):  # CSR (n, n), (n, d), int -> (highest + 1, n, d)
    """X, S X, ..., S^highest X."""
    found = np.empty((highest + 1, *X.shape))
    found[0] = X
    for power in range(highest):
        found[power + 1] = S @ found[power]
    return found


def leading_components(S, n_components, own):  # CSR (n, n), int, float -> (r,), (n, r)
    """Largest eigenvalues of S, descending, and their vectors.

    Only those that a new row can be given a value of: beyond `own`, its weight for itself.
    """
    n, r = S.shape[0], min(n_components, S.shape[0])
    if r == 0:
        return np.zeros(0), np.zeros((n, 0))
    if n <= max(SMALL_SIDE, 2 * r):
        values, vectors = largest_eigenpairs(S.toarray(), r)
    else:
        start = np.random.RandomState(0).standard_normal(n)
        values, vectors = eigsh(S, r, which="LA", v0=start)
        values, vectors = values[::-1], vectors[:, ::-1]
    kept = values - own > _LEAST_GAP * (1 - own)
    return values[kept], fixed_signs(vectors[:, kept].T).T


def weights_of_joined(near, degrees, weight):  # (m, k), (n,), float -> (m, k), float
    """What rows that join the graph, by edges of one weight, take of neighbours and of themselves.

    w / (d d_j)^{1/2} and 1 / d, with the degree d = 1 + k w; degrees in the graph stay.
    """
    own = 1 + near.shape[1] * weight
    return weight / np.sqrt(own * degrees[near]), 1 / own


def joined(X, near, weights, own, former):  # (m, d), (m, k), (m, k), _, (p, n, d) -> (p, m, d)
    """Powers for rows that join: h_0 = x, h_p = own h_{p-1} + sum_j w_j (S^{p-1} X)_j.

    A sum of products entry by entry, neighbour after neighbour: no row sees the others.
    """
    found = np.empty((len(former), *X.shape))
    found[0] = X
    for power in range(1, len(former)):
        found[power] = own * found[power - 1]
        for j in range(near.shape[1]):
            found[power] += weights[:, j, None] * former[power - 1][near[:, j]]
    return found


def structural_of_joined(near, weights, own, values, vectors):  # -> (m, r)
    """Values u of eigenvectors for rows that join, from l u = own u + sum_j w_j u_j."""
    found = np.zeros((len(near), len(values)))
    for j in range(near.shape[1]):
        found += weights[:, j, None] * vectors[near[:, j]]
    return found / (values - own)


def mean_norm(block):  # (n, d) -> float
    """Mean length of the rows, or 1 where all are zero."""
    return float(np.linalg.norm(block, axis=1).mean()) or 1.0
