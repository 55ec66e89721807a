r"""Ensembles of K-subspaces.

Lipor, Hong, Tan and Balzano, "Subspace clustering using ensembles of K-subspaces", Information and
Inference 2021.
"""

from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Literal, Self

import numpy as np
import torch
from scipy import sparse

from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Floats, Ints, Seed, Sparse
from sksubspace.cluster._base import (
    BaseSubspaceClustering,
    keep_subspaces,
    training_rows,
)
from sksubspace.cluster._k_subspaces._runs import auto_candidate_dim, compress, short_runs
from sksubspace.cluster._rows import row_norms
from sksubspace.cluster._spectral import (
    SpectralResult,
    landmark_labels,
    nearest_bridges,
    spectral_labels,
)
from sksubspace.cluster._top_entries import largest_columns

# votes of all pairs of rows take time with the square of their number
_LANDMARKS_ABOVE = 10_000
_AUTO_LANDMARKS = 1_000
# largest shares kept of a row, without landmarks and with them
_AUTO_NEIGHBORS = 8
_AUTO_LANDMARK_NEIGHBORS = 16
# 4 Mi numbers: shares of a block of rows with all others
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


def cluster_by_votes(X, n_clusters, options, random_state):  # -> EnsembleResult
    """Run, vote, keep the largest shares, cluster the graph of the rows (n, d)."""
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
    """Share, from 0 to 1, of the runs in which two rows are together: the largest of each row.

    The indicators are as `one_hot` makes them; `columns` are the rows that make the columns. A row
    has no share with itself. Computed by blocks of rows.
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


@fill_parameters
class EnsembleKSubspaces(BaseSubspaceClustering):
    r"""Subspace clustering by the votes of many short runs of K-subspaces.

    A single run of K-subspaces depends on its start. Many runs from random starts, stopped after a
    few steps, agree on which rows belong together. The share of the runs in which two rows are
    together is a similarity; its largest values of each row make a graph, which spectral clustering
    cuts.

    Parameters
    ----------
    {n_clusters}

    n_estimators : int, default=200
        Number of runs.

    n_candidates : int or None, default=None
        Number of subspaces of a run; None for `n_clusters`.

    candidate_dim : int or "auto", default="auto"
        Dimension of the subspaces of a run. It may well be larger than that of the clusters. "auto"
        is 9, but less than the number of features and at most ``n_samples / (2 * n_candidates)``.

    n_iter : int, default=3
        Steps of a run. With 0, each row goes to the nearest of the random subspaces.

    n_neighbors : int or "auto", default="auto"
        How many of the largest shares of each row are kept; "auto" is 8, or 16 with
        landmarks.

    n_landmarks : int, "auto" or None, default="auto"
        Number of rows that all rows are compared with. None compares all pairs, in blocks, at a
        cost of ``n_estimators * n_samples**2 / n_candidates``. "auto" is None up to 10,000 rows and
        1,000 above.

    {subspace_dim}

    {normalize}

    {n_init}

    n_jobs : int or None, default=None
        Threads that work on the runs. None is one, or as told by `joblib.parallel_config`. The
        result does not depend on it.

    {random_state}
        Seeds the starts, the landmarks and k-means.

    Attributes
    ----------
    {subspaces_}

    affinity_matrix_ : CSR matrix of shape (n_samples, n_samples) or None
        Kept shares, averaged with the transpose; None with landmarks.

    co_association_ : CSR matrix of shape (n_samples, n_samples) or (n_samples, n_landmarks)
        Share of the runs in which two rows are together; the largest of each row.

    {landmark_indices_}

    {eigenvalues_}

    {features_}

    See Also
    --------
    KSubspaces : One run, to the end.
    sksubspace.metrics.intrinsic_dimension : How many dimensions the rows of a cluster vary in.
    ThresholdedSubspaceClustering : A graph of the largest cosines themselves.

    Notes
    -----
    With :math:`c_b(i)` the cluster of row i in run b of B, the similarity is

    .. math:: A_{ij} = \frac{1}{B} \#\{b : c_b(i) = c_b(j)\} .

    A run starts from the spans of disjoint random sets of rows, not from uniformly random
    subspaces: where rows share a direction, as images do, the latter are nearly equally far from
    all of them. In a run, a basis :math:`U` of a cluster with members :math:`X_k` (as rows) is not
    replaced by the principal directions but turned towards them, by two steps
    :math:`U \leftarrow \mathrm{qr}(X_k^T X_k U)`, and above 64 features the runs see the leading
    principal coordinates that hold 99 % of the energy, at most 300.

    References
    ----------
    John Lipor, David Hong, Yan Shuo Tan and Laura Balzano, "Subspace clustering using ensembles of
    K-subspaces", Information and Inference: A Journal of the IMA 10(1), 2021,
    https://arxiv.org/abs/1709.04744

    Examples
    --------
    Rows near three random planes in ten dimensions:

    >>> import numpy as np
    >>> from sksubspace.cluster import EnsembleKSubspaces
    >>> rng = np.random.RandomState(0)
    >>> X = np.vstack([rng.randn(40, 2) @ rng.randn(2, 10) for _ in range(3)])
    >>> model = EnsembleKSubspaces(3, n_estimators=50, random_state=0).fit(X)
    >>> [len(set(model.labels_[start : start + 40])) for start in (0, 40, 80)]
    [1, 1, 1]
    >>> np.unique(model.labels_).size
    3
    """

    affinity_matrix_: Sparse | None
    co_association_: Sparse
    landmark_indices_: Ints | None
    eigenvalues_: Floats

    _parameter_constraints: dict = {
        **BaseSubspaceClustering._parameter_constraints,
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "candidate_dim": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_iter": [Interval(Integral, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_landmarks": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_estimators: int = 200,
        n_candidates: int | None = None,
        candidate_dim: int | Literal["auto"] = "auto",
        n_iter: int = 3,
        n_neighbors: int | Literal["auto"] = "auto",
        n_landmarks: int | Literal["auto"] | None = "auto",
        subspace_dim: int | Literal["auto"] = "auto",
        normalize: bool = True,
        n_init: int = 10,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_estimators = n_estimators
        self.n_candidates = n_candidates
        self.candidate_dim = candidate_dim
        self.n_iter = n_iter
        self.n_neighbors = n_neighbors
        self.n_landmarks = n_landmarks
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the clusters and the subspace of each.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        Returns
        -------
        self : EnsembleKSubspaces
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, fewer rows than clusters or only zero rows, if
            `candidate_dim` is not less than the number of features, or if there are fewer landmarks
            than clusters.
        """
        X = training_rows(self, X)
        options = self._resolve(X)
        random_state = isolated_random_state(self.random_state)
        result = cluster_by_votes(X, self.n_clusters, options, random_state)
        self.co_association_ = result.shares
        self.landmark_indices_ = result.landmarks
        self.affinity_matrix_ = symmetric(result.shares) if result.landmarks is None else None
        self.eigenvalues_ = result.spectral.eigenvalues
        keep_subspaces(self, X, result.spectral.labels)
        return self

    def _resolve(self, X):
        n, d = X.shape
        n_candidates = self.n_candidates or self.n_clusters
        dim = self.candidate_dim
        if dim == "auto":
            dim = auto_candidate_dim(X, n_candidates)
        elif dim >= d or dim > n:
            raise ValueError(
                f"candidate_dim={dim} must be less than the number of features, {d}, and at most "
                f"the number of rows, {n}."
            )
        n_landmarks = self._resolve_n_landmarks(n)
        n_neighbors = self.n_neighbors
        if n_neighbors == "auto":
            n_neighbors = _AUTO_NEIGHBORS if n_landmarks is None else _AUTO_LANDMARK_NEIGHBORS
        return EnsembleOptions(
            n_candidates, dim, self.n_estimators, self.n_iter, n_neighbors, n_landmarks,
            self.n_init, self.n_jobs,
        )  # fmt: skip

    def _resolve_n_landmarks(self, n):
        if self.n_landmarks == "auto":
            return max(_AUTO_LANDMARKS, self.n_clusters) if n > _LANDMARKS_ABOVE else None
        if self.n_landmarks is None or self.n_landmarks >= n:
            return None
        if self.n_landmarks < self.n_clusters:
            raise ValueError(
                f"n_landmarks={self.n_landmarks} must be at least n_clusters={self.n_clusters}."
            )
        return self.n_landmarks
