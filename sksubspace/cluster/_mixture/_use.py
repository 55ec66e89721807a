"""What a fitted mixture of low-rank Gaussians can do."""

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.utils.validation import check_is_fitted

from sksubspace._linalg import in_blocks
from sksubspace._parameters import isolated_random_state
from sksubspace.cluster._base import BaseSubspaceClustering, new_rows, squares_about_mean
from sksubspace.cluster._mixture._model import (
    LowRankGaussians,
    draw,
    n_free_parameters,
    posterior_mean,
    weighted_log_densities,
)


class FittedMixture(BaseSubspaceClustering):
    """Base class with all methods of the mixture but ``fit``."""

    def predict(self, X):
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
        return joint(self, new_rows(self, X)[0]).argmax(axis=1)

    def predict_proba(self, X):
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
        return softmax(joint(self, X), axis=1).astype(X.dtype)

    def score_samples(self, X):
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
        return logsumexp(joint(self, new_rows(self, X)[0]), axis=1)

    def score(self, X, y=None):
        r"""R2 of projecting each row on the nearest subspace, as of all subspace clusterings.

        All `rank` directions are used. The mean log-likelihood, which is the score of the mixtures
        of scikit-learn, is ``score_samples(X).mean()``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            :math:`1 - \sum_i \|x_i - \hat x_i\|^2 / \sum_i \|x_i - \bar x\|^2`, at most 1, with
            the mean :math:`\bar x` of the training rows.
        """
        rows, norms = new_rows(self, X)
        squared = self._squared_distances(rows).min(axis=1)
        if norms is not None:
            squared = squared * np.square(norms)
        return 1.0 - float(squared.sum(dtype=np.float64) / squares_about_mean(self, rows, norms))

    def bic(self, X):
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
        return float(self._n_parameters() * np.log(len(likelihoods)) - 2 * likelihoods.sum())

    def aic(self, X):
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
        return float(2 * self._n_parameters() - 2 * self.score_samples(X).sum())

    def _n_parameters(self):
        return n_free_parameters(self.n_clusters_, self.variances_.shape[1], self.n_features_in_)

    def sample(self, n_samples=1, *, random_state=None):
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
        X, labels = draw(fitted_model(self), n_samples, isolated_random_state(random_state))
        return X.astype(self.cluster_means_.dtype), labels

    def denoise(self, X, sigma):
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
        model, d = fitted_model(self), X.shape[1]
        noise = np.broadcast_to(np.square(sigma), len(X))
        rows = np.column_stack([X.astype(np.float64), noise])
        clean = in_blocks(lambda block: posterior_mean(block[:, :d], model, block[:, d]), rows)
        return np.where(noise[:, None] == 0, X, clean).astype(X.dtype)


def joint(mixture, X):  # (n, d) -> (n, K) float64, row by row the same in any batch
    """Logarithm of weight times density of each component of a fitted estimator."""
    model, d = fitted_model(mixture), X.shape[1]
    return in_blocks(
        lambda rows: weighted_log_densities(rows, model, d), X.astype(np.float64, copy=False)
    )


def fitted_model(mixture):  # -> LowRankGaussians
    """Gather the parameters of a fitted estimator."""
    bases = np.zeros((*mixture.variances_.shape, mixture.n_features_in_))
    for padded, basis in zip(bases, mixture.cluster_bases_, strict=True):
        padded[: len(basis)] = basis
    spread = mixture.variances_, mixture.noise_variances_
    parts = (mixture.weights_, mixture.cluster_means_, bases, *spread)
    return LowRankGaussians(*(part.astype(np.float64) for part in parts))
