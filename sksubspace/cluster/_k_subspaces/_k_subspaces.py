r"""K-subspaces: k-means with subspaces in place of centres.

Bradley and Mangasarian, "k-Plane clustering", Journal of Global Optimization 2000; Tseng, "Nearest
q-flat to m points", Journal of Optimization Theory and Applications 2000.
"""

import warnings
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sksubspace._docs import fill_parameters
from sksubspace._linalg import leading_directions
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Seed
from sksubspace.cluster._base import BaseSubspaceClustering, training_rows
from sksubspace.cluster._k_subspaces._start import auto_dim, start_labels
from sksubspace.cluster._subspaces import squared_residuals

# n_init="auto" for starts that are drawn: the end depends on the start
_SEVERAL_STARTS = 10
# 4 Mi numbers, 32 MiB: what a block of rows may take beside the data
_BLOCK_ELEMENTS = 2**22


@dataclass(frozen=True)
class Subspaces:
    """One subspace for each cluster.

    Attributes
    ----------
    means : ndarray of shape (n_clusters, n_features)
        A point of each; zero for subspaces through the origin.
    bases : ndarray of shape (n_clusters, dim, n_features)
        Orthonormal rows, followed by zero rows where there are fewer directions.
    """

    means: np.ndarray
    bases: np.ndarray


@dataclass(frozen=True)
class Alternation:
    """The end of one start.

    Attributes
    ----------
    subspaces : Subspaces
        The last ones fitted.
    costs : list of float
        Sum of squared distances from the nearest subspace, before each fit.
    converged : bool
        Whether the loop ended before `max_iter` fits.
    n_iter : int
        Number of fits.
    """

    subspaces: Subspaces
    costs: list
    converged: bool
    n_iter: int


def alternate(X, subspaces, *, affine, max_iter, tol):  # -> Alternation
    """Give rows to the nearest subspace, fit subspaces to their rows, until nothing changes.

    Neither step raises the cost: the first picks each row's least distance, and principal
    directions have the least cost for the rows they are given. It ends when the cost falls by less
    than the share `tol`, or after `max_iter` fits; with `affine` subspaces have a mean of their
    own.
    """
    costs, given = [], None
    for n_iter in range(max_iter + 1):
        squared = residuals(X, subspaces)
        labels = squared.argmin(axis=1)
        least = np.take_along_axis(squared, labels[:, None], axis=1).ravel()
        costs.append(float(least.sum(dtype=np.float64)))
        if given is not None and (np.array_equal(labels, given) or _settled(costs, tol)):
            return Alternation(subspaces, costs, True, n_iter)
        if n_iter < max_iter:
            given = _reseed(labels, least, subspaces.bases.shape[1] + affine, len(subspaces.means))
            subspaces = fit_each(X, given, subspaces, affine=affine)
    return Alternation(subspaces, costs, False, max_iter)


def _settled(costs, tol):
    return costs[-2] - costs[-1] <= tol * costs[-2]


def _reseed(labels, least, n_rows, n_clusters):  # (n,), (n,) -> (n,)
    """Give each empty cluster the rows that fit worst, as many as its subspace passes through."""
    empty = np.setdiff1d(np.arange(n_clusters), labels)
    if not len(empty):
        return labels
    labels = labels.copy()
    worst = np.argsort(-least, kind="stable")
    for i, k in enumerate(empty):
        labels[worst[i * n_rows : (i + 1) * n_rows]] = k
    return labels


def fit_each(X, labels, previous, *, affine):  # -> Subspaces
    """Principal directions of each cluster; one without members keeps its previous subspace.

    Rows with a negative label are left out; with `affine` the mean of the members is taken off.
    """
    means, bases = previous.means.copy(), previous.bases.copy()
    for k in range(len(means)):
        members = X[np.flatnonzero(labels == k)]
        if len(members):
            if affine:
                means[k] = members.mean(axis=0, dtype=np.float64)
                members = members - means[k]
            bases[k] = leading_directions(members, bases.shape[1])[1]
    return Subspaces(means, bases)


def residuals(X, subspaces):  # (n, d) -> (n, K)
    r"""Squared distances :math:`\|x - \mu_k\|^2 - \|U_k (x - \mu_k)\|^2` by one product.

    Not negative. The rows are near the origin.
    """
    means, bases = subspaces.means, subspaces.bases
    n_clusters, dim, d = bases.shape
    columns = bases.reshape(-1, d).T
    offsets = np.einsum("krd,kd->kr", bases, means)
    lengths = np.einsum("kd,kd->k", means, means)
    squared = np.empty((len(X), n_clusters), dtype=X.dtype)
    step = max(1, _BLOCK_ELEMENTS // (n_clusters * dim))
    for start in range(0, len(X), step):
        rows = X[start : start + step]
        inside = (rows @ columns).reshape(-1, n_clusters, dim) - offsets
        from_means = np.einsum("nd,nd->n", rows, rows)[:, None] - 2 * rows @ means.T + lengths
        squared[start : start + step] = from_means - np.einsum("nkr,nkr->nk", inside, inside)
    return np.maximum(squared, 0, out=squared)


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
        X : array-like of shape (n_samples, n_features)
            Training rows.

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
        X = training_rows(self, X)
        random_state = isolated_random_state(self.random_state)
        # in double precision: sums of single precision lose the digits of rows far out
        shift = X.mean(axis=0, dtype=np.float64) if self.affine else np.zeros(X.shape[1])
        centred = (X - shift).astype(X.dtype) if self.affine else X
        best = self._best_start(centred, random_state)
        if not best.converged:
            warnings.warn(
                f"K-subspaces did not come to rest in max_iter={self.max_iter} fits.",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.n_iter_ = best.n_iter
        self.n_clusters_ = self.n_clusters
        self.cluster_means_ = (best.subspaces.means + shift).astype(X.dtype)
        self.cluster_bases_ = [basis[basis.any(axis=1)] for basis in best.subspaces.bases]
        squared = squared_residuals(X, self.cluster_means_, self.cluster_bases_).astype(X.dtype)
        self.labels_ = squared.argmin(axis=1)
        self.inertia_ = float(squared.min(axis=1).sum(dtype=np.float64))
        return self

    def _best_start(self, X, random_state):
        n_init = self.n_init
        if n_init == "auto":
            n_init = 1 if self.init == "ensemble" else _SEVERAL_STARTS
        best = None
        for start in range(n_init):
            labels = start_labels(X, self.n_clusters, self.init, random_state)
            if start == 0:
                auto = self.subspace_dim == "auto"
                self.subspace_dim_ = auto_dim(X, labels) if auto else self.subspace_dim
            run = self._run(X, labels)
            if best is None or run.costs[-1] < best.costs[-1]:
                best = run
        return best

    def _run(self, X, labels):
        d, settings = X.shape[1], {"affine": self.affine}
        nothing = Subspaces(
            np.zeros((self.n_clusters, d), X.dtype),
            np.zeros((self.n_clusters, self.subspace_dim_, d), X.dtype),
        )
        first = fit_each(X, labels, nothing, **settings)
        return alternate(X, first, max_iter=self.max_iter, tol=self.tol, **settings)
