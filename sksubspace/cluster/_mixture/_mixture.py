r"""Mixtures of low-rank Gaussians, and their denoiser.

Tipping and Bishop, "Mixtures of probabilistic principal component analysers", Neural Computation
1999; Wang et al., "Diffusion models learn low-dimensional distributions via subspace clustering",
2024.
"""

import warnings
from functools import partial
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from sksubspace._dask import is_collection, refuse_collection
from sksubspace._docs import fill_parameters
from sksubspace._linalg import fixed_signs, in_blocks
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Floats, Ints, Seed
from sksubspace.cluster._base import (
    BaseSubspaceClustering,
    new_rows,
    training_blocks,
    training_rows,
)
from sksubspace.cluster._k_subspaces._start import (
    has_rows_to_vote,
    labels_by_votes,
    rows_of_start,
    start_labels,
)
from sksubspace.cluster._mixture._em import (
    SharedBlocks,
    SharedRows,
    best_of_starts,
    from_labels,
    mixture_of_all,
    mixture_of_sums,
    within_rows,
)
from sksubspace.cluster._mixture._model import (
    LowRankGaussians,
    draw,
    n_free_parameters,
    posterior_mean,
    weighted_log_densities,
)
from sksubspace.cluster._rows import training_block

# of rank="auto", where features and rows allow it
_AUTO_RANK = 5


@fill_parameters
class MixtureOfLowRankGaussians(BaseSubspaceClustering):
    r"""Gaussian mixture whose covariances are low-rank and white noise, with its exact denoiser.

    The probabilistic form of clustering into affine subspaces: each cluster has a subspace with a
    variance in each of its directions, and noise of one variance in all others. It is fitted by EM
    with closed-form steps, gives densities and posterior probabilities, and removes white noise of
    a known level by the exact posterior mean.

    Parameters
    ----------
    {n_clusters}

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

    {normalize}
        Densities, samples and denoised rows are then those of unit rows.

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
        Orthonormal rows :math:`U_k`; fewer than `rank` where the rows of a component span less.

    variances_ : ndarray of shape (n_clusters, rank)
        Variances :math:`\ell_k` within the subspaces, descending, in squared units of X.

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
    sksubspace.metrics.intrinsic_dimension : How many dimensions the rows of a cluster vary in.

    Notes
    -----
    The density is

    .. math:: p(x) = \sum_k w_k N\bigl(x; \mu_k, \Sigma_k\bigr), \qquad
              \Sigma_k = U_k^T \mathrm{diag}(\ell_k) U_k + s_k^2 (I - U_k^T U_k) .

    The M step takes the leading eigenpairs of the covariance weighted by the posterior, and for
    :math:`s_k^2` the mean of its other eigenvalues. It goes through a Gram matrix of rows where a
    component has fewer rows than features, so no matrix is larger than the number of rows. The
    score is that of all subspace clusterings, with all `rank` directions; the mean log-likelihood,
    the score of the mixtures of scikit-learn, is ``score_samples(X).mean()``.

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
        n_clusters: int = 8,
        *,
        rank: int | Literal["auto"] = "auto",
        max_iter: int = 100,
        tol: float = 1e-4,
        noise_floor: float = 1e-6,
        init_params: Literal["auto", "ensemble", "k-means", "random"] = "auto",
        n_init: int = 1,
        normalize: bool = False,
        random_state: Seed = None,
    ) -> None:
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
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Estimate the mixture by EM.

        Parameters
        ----------
        X : {array-like, dask collection} of shape (n_samples, n_features)
            Training rows. Those of a dask array or frame are read once for each step and stay where
            they are; the start is then "ensemble", also for "auto", and only the rows of the start,
            and the labels, come into memory.

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
        if is_collection(X):
            return self._fit_blocks(X)
        rows = training_rows(self, X)
        rank = self._resolve_rank(*rows.shape)
        mean = rows.mean(axis=0, dtype=np.float64)
        Z, axes = within_rows(rows - mean)
        floor = self.noise_floor * (float(np.square(Z).sum() / rows.size) or 1.0)
        whole = mixture_of_all(Z, rank, rows.shape[1], floor)
        of_start = rows.astype(np.float64, copy=False)
        random_state = isolated_random_state(self.random_state)

        def start(kind):
            labels = start_labels(of_start, self.n_clusters, kind, random_state)
            return from_labels(Z, labels, self.n_clusters, whole, rows.shape[1], floor)

        kinds = ("ensemble", "k-means") if self.init_params == "auto" else (self.init_params,)
        starts = [partial(start, kind) for kind in kinds * self.n_init]
        fit = best_of_starts(
            SharedRows(Z, rows.shape[1], floor), starts, max_iter=self.max_iter, tol=self.tol
        )
        self._keep(fit, mean, axes, rows.dtype)
        self.labels_ = self._log_joint(rows).argmax(axis=1)
        self._warn_of_bad_ends()
        return self

    def _fit_blocks(self, X):
        """Fit by sums over the blocks of a dask collection, from votes of drawn rows."""
        if self.init_params not in ("auto", "ensemble"):
            refuse_collection(X, "X", f"with init_params={self.init_params!r}")
        blocks, sums = training_blocks(self, X)
        n, d = blocks.n_rows, blocks.n_columns
        if n < d or not has_rows_to_vote(sums.n - sums.n_zero, self.n_clusters):
            refuse_collection(X, "X", f"for {n} rows of {d} columns")
        rank = self._resolve_rank(n, d)
        scatter = sums.gram - np.outer(sums.total, sums.total) / n
        floor = self.noise_floor * (float(np.trace(scatter) / (n * d)) or 1.0)
        whole = mixture_of_sums(n, scatter, rank, floor)
        random_state = isolated_random_state(self.random_state)

        def start():
            numbers = rows_of_start(n, self.n_clusters, random_state)
            rows = training_block(blocks.rows(numbers), self.normalize)
            rows = rows.astype(np.float64, copy=False)
            labels = labels_by_votes(rows, self.n_clusters, random_state)
            return from_labels(rows - sums.mean, labels, self.n_clusters, whole, d, floor)

        fit = best_of_starts(
            SharedBlocks(blocks, sums.mean, self.normalize, floor), [start] * self.n_init,
            max_iter=self.max_iter, tol=self.tol,
        )  # fmt: skip
        self._keep(fit, sums.mean, None, blocks.dtype)
        self.labels_ = np.concatenate(blocks.gathered(_labels_of_block, self))
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
        self.weights_: Floats = model.weights.astype(dtype)
        self.cluster_means_ = (means + mean).astype(dtype)
        self.cluster_bases_ = [
            fixed_signs(basis[basis.any(axis=1)]).astype(dtype) for basis in bases
        ]
        self.variances_: Floats = model.variances.astype(dtype)
        self.noise_variances_: Floats = model.noise.astype(dtype)
        self.lower_bounds_: list[float] = fit.lower_bounds
        self.lower_bound_: float = fit.lower_bounds[-1]
        self.n_iter_: int = len(fit.lower_bounds) - 1
        self.converged_: bool = fit.converged

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

    def predict(self, X: ArrayLike) -> Ints:
        """Give each row to the most probable component.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            From 0 to ``n_clusters - 1``.
        """
        return self._log_joint(new_rows(self, X)[0]).argmax(axis=1)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Posterior probability of each component.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_clusters)
            Each row sums to 1.
        """
        X = new_rows(self, X)[0]
        return softmax(self._log_joint(X), axis=1).astype(X.dtype)

    def score_samples(self, X: ArrayLike) -> Floats:
        """Log-density of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        log_densities : ndarray of shape (n_samples,)
            In nats, as float64. Their mean is what `sklearn.mixture` calls the score.
        """
        return logsumexp(self._log_joint(new_rows(self, X)[0]), axis=1)

    def bic(self, X: ArrayLike) -> float:
        """Bayesian information criterion: the lower, the better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The training rows.

        Returns
        -------
        bic : float
            Number of free parameters times log(n_samples), less twice the log-likelihood.
        """
        likelihoods = self.score_samples(X)
        n_parameters = n_free_parameters(*self.variances_.shape, self.n_features_in_)
        return float(n_parameters * np.log(len(likelihoods)) - 2 * likelihoods.sum())

    def aic(self, X: ArrayLike) -> float:
        """Akaike information criterion: the lower, the better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The training rows.

        Returns
        -------
        aic : float
            Twice the number of free parameters, less twice the log-likelihood.
        """
        n_parameters = n_free_parameters(*self.variances_.shape, self.n_features_in_)
        return float(2 * n_parameters - 2 * self.score_samples(X).sum())

    def sample(self, n_samples: int = 1, *, random_state: Seed = None) -> tuple[Floats, Ints]:
        """Draw rows from the mixture.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        random_state : int, RandomState instance or None, default=None
            Seeds the draw.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Rows, component by component.

        labels : ndarray of shape (n_samples,)
            Their components.
        """
        check_is_fitted(self)
        X, labels = draw(self._density(), n_samples, isolated_random_state(random_state))
        return X.astype(self.cluster_means_.dtype), labels

    def denoise(self, X: ArrayLike, sigma: float | ArrayLike) -> Floats:
        r"""Remove white noise of a known level.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Noisy rows.

        sigma : float or array-like of shape (n_samples,)
            Standard deviation of the noise of a feature, of all rows or of each.

        Returns
        -------
        X_clean : ndarray of shape (n_samples, n_features)
            The exact posterior mean of :math:`x_0` given :math:`x = x_0 + \sigma \epsilon`, with
            :math:`x_0` of the mixture; X itself for ``sigma=0``.

        Raises
        ------
        ValueError
            If `sigma` is negative, not finite, or not one number or one for each row.

        Notes
        -----
        .. math:: E[x_0 | x] = \sum_k p_\sigma(k | x) \Bigl( \mu_k
                  + U_k^T \mathrm{diag}\Bigl(\frac{\ell_k}{\ell_k + \sigma^2}\Bigr) U_k z_k
                  + \frac{s_k^2}{s_k^2 + \sigma^2} (I - U_k^T U_k) z_k \Bigr), \quad
                  z_k = x - \mu_k

        with :math:`p_\sigma(k | x) \propto w_k N(x; \mu_k, \Sigma_k + \sigma^2 I)`. This is the
        denoiser of least squared error, the one a diffusion model of this mixture approximates.
        """
        X = new_rows(self, X)[0]
        sigma = np.asarray(sigma, dtype=np.float64)
        if sigma.shape not in ((), (len(X),)) or not (np.isfinite(sigma) & (sigma >= 0)).all():
            raise ValueError(
                f"sigma must be one finite number >= 0, or one for each of the {len(X)} rows; got "
                f"{sigma}."
            )
        model, d = self._density(), X.shape[1]
        noise = np.broadcast_to(np.square(sigma), len(X))
        rows = np.column_stack([X.astype(np.float64), noise])
        clean = in_blocks(lambda block: posterior_mean(block[:, :d], model, block[:, d]), rows)
        return np.where(noise[:, None] == 0, X, clean).astype(X.dtype)

    def _log_joint(self, X):  # (n, d) -> (n, K) float64, row by row the same in any batch
        model, d = self._density(), X.shape[1]
        return in_blocks(lambda rows: weighted_log_densities(rows, model, d), X)

    def _density(self):  # -> LowRankGaussians
        bases = np.zeros((*self.variances_.shape, self.n_features_in_))
        for padded, basis in zip(bases, self.cluster_bases_, strict=True):
            padded[: len(basis)] = basis
        parts = (self.weights_, self.cluster_means_, bases, self.variances_, self.noise_variances_)
        return LowRankGaussians(*(part.astype(np.float64) for part in parts))


def _labels_of_block(rows, mixture):  # (b, d) -> (b,)
    return mixture.predict(rows)
