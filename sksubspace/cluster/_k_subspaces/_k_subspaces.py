r"""K-subspaces: k-means with subspaces in place of centres.

Bradley and Mangasarian, "k-Plane clustering", Journal of Global Optimization 2000; Tseng, "Nearest
q-flat to m points", Journal of Optimization Theory and Applications 2000.
"""

import warnings
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sksubspace._dask import is_collection, refuse_collection
from sksubspace._docs import fill_parameters
from sksubspace._linalg import fixed_signs
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Seed
from sksubspace.cluster._base import BaseSubspaceClustering, training_blocks, training_rows
from sksubspace.cluster._k_subspaces._alternation import (
    AssignedBlocks,
    AssignedRows,
    alternate,
    fit_each,
    nearest_of_block,
    no_subspaces,
)
from sksubspace.cluster._k_subspaces._start import (
    auto_dim,
    has_rows_to_vote,
    labels_by_votes,
    rows_of_start,
    start_labels,
)
from sksubspace.cluster._rows import training_block
from sksubspace.cluster._subspaces import squared_residuals

# n_init="auto" for starts that are drawn: the end depends on the start
_SEVERAL_STARTS = 10
# of a cost: less is rounding, and the earlier start stays
_TIED = 1e-9


@fill_parameters
class KSubspaces(BaseSubspaceClustering):
    r"""K-means with subspaces in place of centres.

    Rows are given to the nearest subspace, subspaces are fitted to their rows, in turns. The end
    depends on the start, so the default start is the clustering that the votes of short runs from
    many random starts agree on.

    Parameters
    ----------
    {n_clusters}

    subspace_dim : int or "auto", default="auto"
        Dimension of every subspace, less than the number of features. "auto" takes the median over
        the clusters of the first start of the dimension that holds 99 % of the energy about the
        mean, at most 15.

    affine : bool, default=False
        Whether a subspace may lie off the origin.

    init : {"ensemble", "random", "k-means"}, default="ensemble"
        Where to start:

        - "ensemble": the clusters of `EnsembleKSubspaces` with 60 runs on at most 3,000 rows;
        - "random": the nearest of the spans of random rows;
        - "k-means": the clusters of k-means.

    n_init : int or "auto", default="auto"
        Number of starts, of which the one with the least cost is kept. "auto" is 1 for "ensemble"
        and 10 else.

    max_iter : int, default=100
        Most fits of a start.

    tol : float, default=1e-5
        A start ends when the cost falls by less than this share, or no row changes its cluster.

    {normalize}

    {random_state}
        Seeds the starts.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        The nearest subspace of each training row.

    n_clusters_ : int
        Number of clusters.

    inertia_ : float
        Sum of squared distances of the training rows from the nearest subspace, in squared units of
        X, or of unit rows with ``normalize=True``.

    n_iter_ : int
        Fits of the start that was kept.

    subspace_dim_ : int
        Dimension of the subspaces; those of fewer members have less.

    cluster_means_ : ndarray of shape (n_clusters, n_features)
        A point of each subspace; zero unless `affine`.

    cluster_bases_ : list of ndarray of shape (subspace_dim_k, n_features)
        Orthonormal rows that span each subspace, by decreasing variance.

    {features_}

    See Also
    --------
    EnsembleKSubspaces : The votes of many short runs.
    MixtureOfLowRankGaussians : The same with probabilities.
    sksubspace.metrics.intrinsic_dimension : How many dimensions the rows of a cluster vary in.

    Notes
    -----
    The cost is

    .. math:: \sum_i \min_k \|(I - U_k^T U_k)(x_i - \mu_k)\|^2

    over orthonormal rows :math:`U_k` and, with `affine`, points :math:`\mu_k` (zero else). Neither
    step can raise it. A cluster that loses all its rows is given those that fit worst, as many as a
    subspace passes through, which lowers the cost. `predict` gives the rows of `fit` their
    `labels_`.

    References
    ----------
    Paul S. Bradley and Olvi L. Mangasarian, "k-Plane clustering", Journal of Global Optimization
    16, 2000, https://doi.org/10.1023/A:1008324625522

    Paul Tseng, "Nearest q-flat to m points", Journal of Optimization Theory and Applications 105,
    2000, https://doi.org/10.1023/A:1004678431677

    Examples
    --------
    Rows near three random planes in ten dimensions:

    >>> import numpy as np
    >>> from sksubspace.cluster import KSubspaces
    >>> rng = np.random.RandomState(0)
    >>> X = np.vstack([rng.randn(40, 2) @ rng.randn(2, 10) for _ in range(3)])
    >>> model = KSubspaces(3, random_state=0).fit(X)
    >>> [len(set(model.labels_[start : start + 40])) for start in (0, 40, 80)]
    [1, 1, 1]
    >>> model.subspace_dim_
    2
    """

    inertia_: float
    n_iter_: int
    subspace_dim_: int

    _parameter_constraints: dict = {
        **BaseSubspaceClustering._parameter_constraints,
        "subspace_dim": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "affine": ["boolean"],
        "init": [StrOptions({"ensemble", "random", "k-means"})],
        "n_init": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        subspace_dim: int | Literal["auto"] = "auto",
        affine: bool = False,
        init: Literal["ensemble", "random", "k-means"] = "ensemble",
        n_init: int | Literal["auto"] = "auto",
        max_iter: int = 100,
        tol: float = 1e-5,
        normalize: bool = True,
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.subspace_dim = subspace_dim
        self.affine = affine
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.normalize = normalize
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the clusters and the subspace of each.

        Parameters
        ----------
        X : {array-like, dask collection} of shape (n_samples, n_features)
            Training rows. Those of a dask array or frame, with ``init="ensemble"``, are read once
            for each fit and stay where they are; only the rows of the start, and the labels, come
            into memory.

        y : Ignored
            Not used.

        Returns
        -------
        self : KSubspaces
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, fewer rows than clusters or, with `normalize`, only zero
            rows, or if `subspace_dim` is not less than the number of features.

        Warns
        -----
        ConvergenceWarning
            If the start that was kept took `max_iter` fits without coming to rest.
        """
        if is_collection(X):
            return self._fit_blocks(X)
        X = training_rows(self, X)
        random_state = isolated_random_state(self.random_state)
        # in double precision: sums of single precision lose the digits of rows far out
        shift = X.mean(axis=0, dtype=np.float64) if self.affine else np.zeros(X.shape[1])
        centred = (X - shift).astype(X.dtype) if self.affine else X
        self._best_start(
            lambda: (centred, start_labels(centred, self.n_clusters, self.init, random_state)),
            AssignedRows(centred, self.affine),
            shift,
        )
        squared = squared_residuals(X, self.cluster_means_, self.cluster_bases_).astype(X.dtype)
        self.labels_ = squared.argmin(axis=1)
        self.inertia_ = float(squared.min(axis=1).sum(dtype=np.float64))
        return self

    def _fit_blocks(self, X):
        """Fit by sums over the blocks of a dask collection."""
        if self.init != "ensemble":
            refuse_collection(X, "X", f"with init={self.init!r}")
        blocks, sums = training_blocks(self, X)
        if not has_rows_to_vote(sums.n - sums.n_zero, self.n_clusters):
            refuse_collection(X, "X", f"for {sums.n - sums.n_zero} rows that are not zero")
        random_state = isolated_random_state(self.random_state)
        shift = sums.mean if self.affine else np.zeros(blocks.n_columns)

        def drawn():
            numbers = rows_of_start(blocks.n_rows, self.n_clusters, random_state)
            rows = training_block(blocks.rows(numbers), self.normalize)
            rows = (rows - shift).astype(rows.dtype) if self.affine else rows
            return rows, labels_by_votes(rows, self.n_clusters, random_state)

        self._best_start(drawn, AssignedBlocks(blocks, shift, self.normalize, self.affine), shift)
        found = blocks.gathered(
            nearest_of_block, self.cluster_means_, self.cluster_bases_, self.normalize
        )
        self.labels_ = np.concatenate([labels for labels, _ in found])
        self.inertia_ = float(sum(cost for _, cost in found))
        return self

    def _best_start(self, start_rows, assigned, shift):
        """Keep the best of several starts, each from labels of all rows or of some."""
        n_init = self.n_init
        if n_init == "auto":
            n_init = 1 if self.init == "ensemble" else _SEVERAL_STARTS
        best = None
        for start in range(n_init):
            rows, labels = start_rows()
            if start == 0:
                auto = self.subspace_dim == "auto"
                self.subspace_dim_ = auto_dim(rows, labels) if auto else self.subspace_dim
            nothing = no_subspaces(self.n_clusters, self.subspace_dim_, rows)
            first = fit_each(rows, labels, nothing, affine=self.affine)
            run = alternate(assigned, first, max_iter=self.max_iter, tol=self.tol)
            if best is None or run.costs[-1] < (1 - _TIED) * best.costs[-1]:
                best = run
        if not best.converged:
            warnings.warn(
                f"K-subspaces did not come to rest in max_iter={self.max_iter} fits.",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.n_iter_ = best.n_iter
        self.n_clusters_ = self.n_clusters
        dtype = best.subspaces.bases.dtype
        self.cluster_means_ = (best.subspaces.means + shift).astype(dtype)
        bases = map(fixed_signs, best.subspaces.bases)
        self.cluster_bases_ = [basis[basis.any(axis=1)] for basis in bases]
