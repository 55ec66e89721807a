r"""Votes of many short runs of K-subspaces, and the clusters they agree on.

Lipor, Hong, Tan and Balzano, "Subspace clustering using ensembles of K-subspaces", Information and
Inference 2021.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy import sparse

from sksubspace.cluster._base import row_norms
from sksubspace.cluster._k_subspaces._runs import compress, short_runs
from sksubspace.cluster._spectral import (
    SpectralResult,
    landmark_labels,
    nearest_bridges,
    spectral_labels,
)
from sksubspace.cluster._top_entries import largest_columns

__all__ = ["EnsembleOptions", "EnsembleResult", "cluster_by_votes"]

_BLOCK_ELEMENTS = 2**22


@dataclass(frozen=True)
class EnsembleOptions:
    """What an ensemble is made of.

    Attributes
    ----------
    n_candidates : int
        Subspaces of a run.
    candidate_dim : int
        Their dimension.
    n_estimators : int
        Number of runs.
    n_iter : int
        Steps of a run.
    n_neighbors : int
        Largest shares of votes that are kept of each row.
    n_landmarks : int or None
        Rows that the shares are taken with; None for all.
    n_init : int
        Starts of k-means in the spectral step.
    n_jobs : int or None
        Threads that work on the runs.
    """

    n_candidates: int
    candidate_dim: int
    n_estimators: int
    n_iter: int
    n_neighbors: int
    n_landmarks: int | None = None
    n_init: int = 10
    n_jobs: int | None = None


@dataclass(frozen=True)
class EnsembleResult:
    """Labels and what they were made from.

    Attributes
    ----------
    spectral : SpectralResult
        Labels, -1 for zero rows, and eigenvalues.
    shares : CSR matrix of shape (n_samples, n_samples) or (n_samples, n_landmarks)
        Share of the runs in which two rows are together; the largest of each row.
    landmarks : ndarray of shape (n_landmarks,) or None
        The rows of the columns.
    """

    spectral: SpectralResult
    shares: sparse.csr_matrix
    landmarks: np.ndarray | None


def cluster_by_votes(X, n_clusters, options, random_state):
    """Run, vote, keep the largest shares, cluster the graph.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    n_clusters : int
        Number of clusters.

    options : EnsembleOptions
        The ensemble.

    random_state : RandomState
        Seeds everything.

    Returns
    -------
    EnsembleResult
        Labels and votes.
    """
    norms = row_norms(X)
    labels = short_runs(
        compress(X, random_state),
        options.n_candidates,
        options.candidate_dim,
        options.n_estimators,
        options.n_iter,
        random_state,
        options.n_jobs,
    )
    labels[norms == 0] = -1
    indicators = one_hot(labels, options.n_candidates)
    landmarks, columns = None, np.arange(len(X))
    if options.n_landmarks is not None:
        drawn = random_state.permutation(np.flatnonzero(norms))[: options.n_landmarks]
        landmarks = columns = np.sort(drawn)
    shares = co_association(indicators, columns, options.n_estimators, options.n_neighbors)
    unit = X[columns] / np.where(norms > 0, norms, 1)[columns, None]
    step = landmark_labels if landmarks is not None else spectral_labels
    spectral = step(
        shares if landmarks is not None else symmetric(shares),
        n_clusters,
        n_init=options.n_init,
        random_state=random_state,
        bridges=partial(nearest_bridges, unit),
    )
    return EnsembleResult(spectral, shares, landmarks)


def symmetric(shares):  # csr (n, n) -> csr (n, n)
    """Average with the transpose, as the shares of the largest of rows and of columns."""
    return 0.5 * (shares + shares.T).tocsr()


def one_hot(labels, n_candidates):  # (n, B) -> csr (n, B K) with B ones a row
    """Indicators of the clusters of all runs, side by side; no entries for negative labels."""
    n, n_runs = labels.shape
    columns = labels + n_candidates * np.arange(n_runs)
    member = np.flatnonzero(labels[:, 0] >= 0)
    pointers = np.concatenate([[0], np.cumsum(labels[:, 0] >= 0) * n_runs])
    data = np.ones(len(member) * n_runs, dtype=np.float32)
    shape = (n, n_candidates * n_runs)
    return sparse.csr_matrix((data, columns[member].ravel(), pointers), shape=shape)


def co_association(indicators, columns, n_runs, n_neighbors):  # csr (n, p), (m,) -> csr (n, m)
    """Share of the runs in which two rows are together: the largest shares of each row.

    Parameters
    ----------
    indicators : CSR matrix of shape (n_samples, n_runs * n_candidates)
        As `one_hot` makes them.

    columns : ndarray of shape (n_columns,)
        The rows that make the columns. A row has no share with itself.

    n_runs : int
        Number of runs.

    n_neighbors : int
        Entries a row.

    Returns
    -------
    shares : CSR matrix of shape (n_samples, n_columns)
        Between 0 and 1, computed by blocks of rows.
    """
    n, m = indicators.shape[0], len(columns)
    own = np.full(n, -1)
    own[columns] = np.arange(m)
    others = indicators[columns].T.tocsr()
    step = max(1, _BLOCK_ELEMENTS // m)
    blocks = []
    for start in range(0, n, step):
        together = (indicators[start : start + step] @ others).toarray() / n_runs
        here = np.flatnonzero(own[start : start + step] >= 0)
        together[here, own[start + here]] = 0
        kept = largest_columns(torch.from_numpy(together), min(n_neighbors, m)).numpy()
        rows = np.repeat(np.arange(len(together)), kept.shape[1])
        values = np.take_along_axis(together, kept, axis=1).ravel().astype(np.float64)
        blocks.append(sparse.csr_matrix((values, (rows, kept.ravel())), shape=(len(together), m)))
    shares = sparse.vstack(blocks, format="csr")
    shares.eliminate_zeros()
    return shares
