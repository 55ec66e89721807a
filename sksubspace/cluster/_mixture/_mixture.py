r"""Mixtures of low-rank Gaussians, and their denoiser.

Tipping and Bishop, "Mixtures of probabilistic principal component analysers", Neural Computation
1999; Wang et al., "Diffusion models learn low-dimensional distributions via subspace clustering",
2024.
"""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning

from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace.cluster._base import training_rows
from sksubspace.cluster._mixture._model import best_of_starts
from sksubspace.cluster._mixture._use import FittedMixture, joint

_AUTO_RANK = 5


@fill_parameters
class MixtureOfLowRankGaussians(FittedMixture):
    r"""Gaussian mixture whose covariances are low-rank and white noise, with its exact denoiser.

    The probabilistic form of clustering into affine subspaces: each cluster has a subspace with a
    variance in each of its directions, and noise of one variance in all others. It is fitted by EM
    with closed-form steps, gives densities and posterior probabilities, and removes white noise of
    a known level by the exact posterior mean.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of components.

    rank : int or "auto", default="auto"
        Dimension of each subspace, less than the number of features. "auto" is 5, or one less than
        the features, or as many as the rows of a mean cluster allow.

    max_iter : int, default=100
        Most EM steps.

    tol : float, default=1e-4
        EM ends when the mean log-likelihood of a row gains less than this, in nats.

    noise_floor : float, default=1e-6
        No variance falls below this share of the mean variance of a feature.

    init_params : {"auto", "ensemble", "k-means", "random"}, default="auto"
        Clusters to start from:

        - "ensemble": those of `EnsembleKSubspaces` on at most 3,000 rows, for subspaces through or
          near the origin;
        - "k-means": those of k-means, for components far apart;
        - "random": the nearest of the spans of random rows;
        - "auto": both of the first two.

    n_init : int, default=1
        Starts of each kind. Where there is more than one start, each gets ten EM steps and the one
        of the largest likelihood the rest.

    normalize : bool, default=False
        Whether rows are scaled to unit length first. Densities, samples and denoised rows are then
        those of unit rows.

    {random_state}
        Seeds the starts.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        The most probable component of each training row.

    n_clusters_ : int
        Number of components.

    weights_ : ndarray of shape (n_clusters,)
        Shares of the components.

    cluster_means_ : ndarray of shape (n_clusters, n_features)
        Means :math:`\mu_k`.

    cluster_bases_ : list of ndarray of shape (rank_k, n_features)
        Orthonormal rows :math:`U_k`, by decreasing variance; fewer than `rank` where the rows of a
        component span less.

    variances_ : ndarray of shape (n_clusters, rank)
        Variances :math:`\ell_k` in the directions of the subspace, descending, in squared units of
        X.

    noise_variances_ : ndarray of shape (n_clusters,)
        Variance :math:`s_k^2` in every other direction.

    lower_bounds_ : list of float
        Mean log-likelihood of a training row after each EM step, the start first. It never falls.

    lower_bound_ : float
        The last of them.

    n_iter_ : int
        EM steps of the start that was kept.

    converged_ : bool
        Whether the gain fell below `tol`.

    {features_}

    See Also
    --------
    KSubspaces : Clusters without probabilities.
    sklearn.mixture.GaussianMixture : Full, diagonal or spherical covariances.

    Notes
    -----
    The density is

    .. math:: p(x) = \sum_k w_k N\bigl(x; \mu_k, \Sigma_k\bigr), \qquad
              \Sigma_k = U_k^T \mathrm{diag}(\ell_k) U_k + s_k^2 (I - U_k^T U_k) .

    The M step takes the leading eigenpairs of the covariance weighted by the posterior, and for
    :math:`s_k^2` the mean of its other eigenvalues. It goes through a Gram matrix of rows where a
    component has fewer rows than features, so no matrix is larger than the number of rows.

    A component left with less than ``rank + 1`` rows' worth of posterior keeps its mean and
    covariance, and a warning tells how many components have no row at the end.

    References
    ----------
    Michael E. Tipping and Christopher M. Bishop, "Mixtures of probabilistic principal component
    analysers", Neural Computation 11(2), 1999, https://doi.org/10.1162/089976699300016728

    Peng Wang, Huijie Zhang, Zekai Zhang, Siyi Chen, Yi Ma and Qing Qu, "Diffusion models learn
    low-dimensional distributions via subspace clustering", 2024, https://arxiv.org/abs/2409.02426

    Examples
    --------
    Noise is taken off rows near three random planes in ten dimensions:

    >>> import numpy as np
    >>> from sksubspace.cluster import MixtureOfLowRankGaussians
    >>> rng = np.random.RandomState(0)
    >>> X = np.vstack([rng.randn(40, 2) @ rng.randn(2, 10) for _ in range(3)])
    >>> model = MixtureOfLowRankGaussians(3, rank=2, random_state=0).fit(X)
    >>> noisy = X + 0.3 * rng.randn(*X.shape)
    >>> errors = [np.square(Z - X).mean() for Z in (noisy, model.denoise(noisy, 0.3))]
    >>> print(f"{errors[0]:.3f} {errors[1]:.3f}")
    0.086 0.018
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "rank": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "noise_floor": [Interval(Real, 0, None, closed="neither")],
        "init_params": [StrOptions({"auto", "ensemble", "k-means", "random"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "normalize": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        rank="auto",
        max_iter=100,
        tol=1e-4,
        noise_floor=1e-6,
        init_params="auto",
        n_init=1,
        normalize=False,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.rank = rank
        self.max_iter = max_iter
        self.tol = tol
        self.noise_floor = noise_floor
        self.init_params = init_params
        self.n_init = n_init
        self.normalize = normalize
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Estimate the mixture by EM.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        Returns
        -------
        self : MixtureOfLowRankGaussians
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, if `rank` is not less than the number of features, or if
            there are fewer than ``n_clusters * (rank + 1)`` rows.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` steps were not enough, or components ended without rows.
        """
        rows = training_rows(self, X)
        rank = self._resolve_rank(*rows.shape)
        mean = rows.mean(axis=0, dtype=np.float64)
        Z, axes = _within_rows(rows - mean)
        variance = float(np.square(Z).sum() / rows.size) or 1.0
        kinds = ("ensemble", "k-means") if self.init_params == "auto" else (self.init_params,)
        fit = best_of_starts(
            rows.astype(np.float64, copy=False), Z, kinds * self.n_init, self.n_clusters, rank,
            isolated_random_state(self.random_state),
            floor=self.noise_floor * variance, max_iter=self.max_iter, tol=self.tol,
        )  # fmt: skip
        self._keep(fit, mean, axes, rows.dtype)
        self.labels_ = joint(self, rows).argmax(axis=1)
        self._warn_of_bad_ends()
        return self

    def _resolve_rank(self, n, d):
        rank = self.rank
        if rank == "auto":
            rank = max(1, min(_AUTO_RANK, d - 1, n // self.n_clusters - 1))
        if rank >= d:
            raise ValueError(
                f"rank={self.rank} must be less than the number of features, got n_features={d}."
            )
        least = self.n_clusters * (rank + 1)
        if self.rank != "auto" and n < least:
            raise ValueError(
                f"n_samples={n} should be >= n_clusters * (rank + 1) = {least}: a component needs "
                "more rows than dimensions."
            )
        return rank

    def _keep(self, fit, mean, axes, dtype):
        model = fit.model
        means, bases = model.means, model.bases
        if axes is not None:
            means, bases = means @ axes, bases @ axes
        self.n_clusters_ = self.n_clusters
        self.weights_ = model.weights.astype(dtype)
        self.cluster_means_ = (means + mean).astype(dtype)
        self.cluster_bases_ = [basis[basis.any(axis=1)].astype(dtype) for basis in bases]
        self.variances_ = model.variances.astype(dtype)
        self.noise_variances_ = model.noise.astype(dtype)
        self.lower_bounds_ = fit.lower_bounds
        self.lower_bound_ = fit.lower_bounds[-1]
        self.n_iter_ = len(fit.lower_bounds) - 1
        self.converged_ = fit.converged

    def _warn_of_bad_ends(self):
        n_empty = self.n_clusters - len(np.unique(self.labels_))
        if n_empty:
            warnings.warn(
                f"{n_empty} of the {self.n_clusters} components are the most probable one of no "
                "row; fewer clusters or a smaller rank may fit.",
                ConvergenceWarning,
                stacklevel=3,
            )
        if not self.converged_:
            warnings.warn(
                f"EM did not converge in max_iter={self.max_iter} steps: the last one gained "
                f"{self.lower_bounds_[-1] - self.lower_bounds_[-2]:.2g} nats a row.",
                ConvergenceWarning,
                stacklevel=3,
            )


def _within_rows(centred):  # (n, d) -> (n, q), (q, d) or None
    """Coordinates in the span of the rows, where there are fewer of them than features."""
    if len(centred) >= centred.shape[1]:
        return centred, None
    _, _, axes = linalg.svd(centred, full_matrices=False)
    return centred @ axes.T, axes
