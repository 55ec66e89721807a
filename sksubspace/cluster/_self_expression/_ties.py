"""Ties between nearest rows, which keep a sparse graph of self-expression in one piece."""

import numpy as np
import torch
from scipy import sparse

from sksubspace.cluster._top_entries import largest_columns

__all__ = ["nearest_ties", "with_nearest_ties"]

_N_NEIGHBORS = 3
_BLOCK_ELEMENTS = 2**22


def with_nearest_ties(A, X, weight):
    r"""Add weak ties between nearest rows to a graph.

    A row that a few others express well is tied to those few only, so that the graph of a subspace
    falls into pieces that hang together by little, and a cut of few rows costs less than one
    between subspaces. The graph becomes :math:`A + w\,\bar a\,T / \bar t`, with the mean weights
    :math:`\bar a, \bar t` of the two graphs.

    Parameters
    ----------
    A : CSR matrix of shape (n_samples, n_samples)
        Symmetric weights.

    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Unit rows.

    weight : float
        Weight of a mean tie in units of the mean weight of the graph.

    Returns
    -------
    A : CSR matrix of shape (n_samples, n_samples)
        The graph with the ties.
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
