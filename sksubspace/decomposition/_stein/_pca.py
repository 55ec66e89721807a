"""Nonlinear principal components: a linear encoder with a nonlinear decoder.

Tian, Wu and Feng, "Nonlinear multiple response regression and learning of latent spaces", 2025.
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from sksubspace._linalg import in_blocks, r_squared
from sksubspace._parameters import check_widths, isolated_random_state
from sksubspace._sklearn import HasMethods, Interval, StrOptions, _fit_context
from sksubspace._torch.device import available_device
from sksubspace._trained import (
    TRAINED,
    TrainedTransformer,
    fit_task,
    make_trainer,
    training_constraints,
)
from sksubspace._typing import ArrayLike, Device, Estimator, Floats, Seed
from sksubspace._validation import validate_rows
from sksubspace.decomposition._score._denoiser import DenoiserScore
from sksubspace.decomposition._score._models import SCORES, make_score_model
from sksubspace.decomposition._stein._pca_decoder import (
    decoder_input,
    fit_decoder,
    former_decoder,
    resolve_decoder,
)
from sksubspace.decomposition._stein._pca_encoder import (
    gaussian_directions,
    leading_eigenvectors,
    loadings,
    principal_axes,
    stein_directions,
)


class SteinPCA(TrainedTransformer):
    r"""Nonlinear principal components: linear scores, and a nonlinear reconstruction from them.

    The encoder is a matrix, as in principal component analysis, and by default the same matrix. The
    decoder predicts from the scores also what the linear reconstruction leaves out, so that a few
    components reconstruct more of the data.

    Parameters
    ----------
    n_components : int, default=2
        Number of components, at most the number of rows and of features.

    score_model : str, callable or object, default="gaussian"
        Model of the density whose score :math:`s = -\nabla \log p` gives the subspace: "gaussian",
        "student_t", "gmm" or "denoiser"; see Notes. "gaussian" gives principal components, in
        closed form. A callable maps rows (n, d) to scores
        (n, d). An object has ``score_function``; if it is an unfitted estimator, a clone is fitted.

    decoder : {"auto", "linear", "ridge", "network"}, default="auto"
        What predicts the residual of the linear reconstruction. "linear" predicts none. "ridge" is
        a closed-form ridge regression on random Fourier features; "network" a multilayer
        perceptron. "auto" is ridge up to eight components and the network above.

    shrinkage : float or "auto", default="auto"
        Share of the identity in the covariances of the density, from 0 to 1; "auto" chooses it by
        Ledoit and Wolf's rule. The subspace of "gaussian" does not depend on it.

    hidden_layer_sizes : tuple of int, default=(256, 256)
        Hidden widths of the network decoder.

    learning_rate : float, default=0.002
        Highest learning rate of the one-cycle schedule of the network.

    batch_size : int, default=128
        Rows in a training step of the network.

    max_iter : int or "auto", default="auto"
        Epochs of the network; "auto" makes 1,000 steps, in at most 60 epochs.

    device : str or torch.device, default="auto"
        Where the network runs: "auto" is a CUDA device if there is one, else the CPU.

    random_state : int, RandomState instance or None, default=None
        Draws Fourier features, the weights of the network, and what the density needs.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal rows, by variance of their scores. The largest entry of each is positive.

    mean_ : ndarray of shape (n_features,)
        Mean of the training rows.

    loadings_ : ndarray of shape (n_components, n_features)
        The linear reconstruction is ``mean_ + transform(X) @ loadings_``. For principal components
        they are the components.

    explained_variance_ : ndarray of shape (n_components,)
        Variance of each score, in squared units of X.

    explained_variance_ratio_ : ndarray of shape (n_components,)
        Its share of the variance of all features.

    decoder_name_ : {"linear", "ridge", "network"}
        The decoder in use.

    score_model_ : object or None
        The fitted density; None for "gaussian", which needs the covariance only.

    loss_curve_ : list of float
        Training loss of the network decoder, by epoch; empty for another decoder.

    n_iter_ : int
        Number of these epochs; 1 for another decoder.

    n_components_ : int
        Number of components.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names.

    See Also
    --------
    SteinSubspace : The subspace on which responses depend.
    sklearn.decomposition.PCA : The same scores with the linear reconstruction.
    sksubspace.metrics.intrinsic_dimension : How many dimensions rows vary in, curved ones too.

    Notes
    -----
    Stein's lemma gives :math:`E[s(x) f(x)^T] = E[\nabla f(x)]`, whose columns span the subspace
    that responses f depend on. Here f(x) = x, and :math:`E[s(x) x^T] = I` for every smooth density:
    no direction is better than another. What orders directions is how a density that is fitted to
    the rows differs from theirs. The Gaussian with the covariance
    :math:`\Sigma = (1 - a) S + a \mu I`, shrunk towards the identity, gives

    .. math:: E[s(x) x^T] = \Sigma^{-1} S,

    which has the eigenvectors of the sample covariance S in the order of its eigenvalues: principal
    components, exactly. The Student-t gives those of a covariance in which rows far out count less.
    A mixture of several components has no such reading: what orders its directions is sampling
    noise, and its subspace is to be compared by its held-out score.
    The denoiser is the one other reading: with :math:`\tilde x = x + \sigma e` and
    :math:`D(\tilde x) = E[x | \tilde x]`,

    .. math:: E[s_\sigma(\tilde x) x^T] = E[\nabla D(\tilde x)]
              = E[\mathrm{Cov}(x | \tilde x)] / \sigma^2 ,

    and its leading eigenvectors are the directions that are hardest to tell from noisy rows. There
    is no second order: the Hessian of f(x) = x is zero.

    With scores :math:`z = C (x - m)`, turned so that they are uncorrelated, with loadings A by
    least squares and g the decoder's prediction of the residual,

    .. math:: \hat x(z) = m + A^T (z - C g(z)) + g(z),

    so that ``transform(inverse_transform(z))`` is z again. The decoder never moves the scores; it
    fills in the complement.

    References
    ----------
    .. [1] Ye Tian, Sanyou Wu and Long Feng, "Nonlinear multiple response regression and learning of
       latent spaces", 2025. https://arxiv.org/abs/2503.21608
    .. [2] Ali Rahimi and Benjamin Recht, "Random features for large-scale kernel machines", NeurIPS
       2007. https://papers.nips.cc/paper/3182-random-features-for-large-scale-kernel-machines

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sksubspace.decomposition import SteinPCA
    >>> X, _ = load_digits(return_X_y=True)
    >>> X_train, X_test = train_test_split(X, random_state=0)
    >>> pca = SteinPCA(8, random_state=0).fit(X_train)
    >>> pca.transform(X_test).shape
    (450, 8)
    >>> linear = SteinPCA(8, decoder="linear").fit(X_train)
    >>> print(f"{pca.score(X_test):.1f} {linear.score(X_test):.1f}")
    0.8 0.7
    """

    components_: Floats
    mean_: Floats
    loadings_: Floats
    explained_variance_: Floats
    explained_variance_ratio_: Floats
    decoder_name_: str
    score_model_: Estimator

    _kept = "_decoder"

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "score_model": [StrOptions(SCORES), callable, HasMethods("score_function")],
        "decoder": [StrOptions({"auto", "linear", "ridge", "network"})],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "hidden_layer_sizes": ["array-like"],
        **training_constraints(*TRAINED, auto=True),
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        score_model: Estimator = "gaussian",
        decoder: Literal["auto", "linear", "ridge", "network"] = "auto",
        shrinkage: float | Literal["auto"] = "auto",
        hidden_layer_sizes: Sequence[int] = (256, 256),
        learning_rate: float = 2e-3,
        batch_size: int = 128,
        max_iter: int | Literal["auto"] = "auto",
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.score_model = score_model
        self.decoder = decoder
        self.shrinkage = shrinkage
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.device = device
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the components, and learn to reconstruct the rows from their scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a value is not finite, all rows are equal, there are more components than rows or
            features, or a hidden width is not a positive integer.
        """
        X = validate_rows(self, X, ensure_min_samples=2)
        self._check_n_components(X.shape)
        widths = check_widths(self.hidden_layer_sizes, at_least_one=True)
        random_state = isolated_random_state(self.random_state)
        mean = X.mean(axis=0, dtype=np.float64)
        centred = X - mean
        total = float(np.square(centred).sum())
        if not 0 < total < np.inf:
            raise ValueError(
                "X must have rows that differ, and squares of their differences that are finite; "
                f"the sum of squares about the mean is {total:g}."
            )
        with fit_task(self, X, y) as context:
            directions = self._directions(X, centred, random_state)
            components, variances = principal_axes(directions, centred)
            self.mean_ = mean.astype(X.dtype)
            self.components_ = components.astype(X.dtype)
            self.loadings_ = loadings(components, variances, centred).astype(X.dtype)
            self.explained_variance_ = variances.astype(X.dtype)
            self.explained_variance_ratio_ = (variances * (len(X) - 1) / total).astype(X.dtype)
            self.n_components_ = len(components)
            self._learn(centred, X.dtype, widths, random_state, context)
        return self

    def _check_n_components(self, shape):
        if self.n_components > min(shape):
            raise ValueError(
                f"n_components={self.n_components} must be at most the number of rows and of "
                f"features of X, which has n_samples = {shape[0]} and n_features = {shape[1]}."
            )

    def _directions(self, X, centred, random_state):  # (n, d) -> (k, d)
        self.score_model_ = None
        if isinstance(self.score_model, str) and self.score_model == "gaussian":
            return gaussian_directions(centred, self.n_components)
        self.score_model_ = model = self._make_score_model(random_state).fit(X)
        if hasattr(model, "mean_jacobian_"):
            return leading_eigenvectors(model.mean_jacobian_, self.n_components)
        return stein_directions(model.score_function(X), centred, self.n_components)

    def _make_score_model(self, random_state):
        if isinstance(self.score_model, str) and self.score_model == "denoiser":
            return DenoiserScore(device=self.device, random_state=random_state)
        return make_score_model(
            self.score_model, shrinkage=self.shrinkage, random_state=random_state
        )

    def _learn(self, centred, dtype, widths, random_state, context):
        """Fit the decoder on what the linear reconstruction of centred rows (n, d) leaves out."""
        trainer = make_trainer(self, dtype, random_state, context)
        self.decoder_name_ = resolve_decoder(self.decoder, self.n_components_)
        Z = centred @ self.components_.astype(np.float64).T
        residual = (centred - Z @ self.loadings_.astype(np.float64)).astype(dtype)
        self._radius = float(np.sqrt(np.square(Z).sum(axis=1).mean())) or 1.0
        self._decoder, self.loss_curve_ = fit_decoder(
            self.decoder_name_, Z / self._radius, residual, widths, trainer
        )
        self.n_iter_ = max(1, len(self.loss_curve_))

    def transform(self, X: ArrayLike) -> Floats:
        """Compute the scores of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; each is placed without regard to the others.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Scores, in the units of X.
        """
        check_is_fitted(self)
        X = self._validated(X)
        return self._place(X).astype(X.dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """Reconstruct rows from scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Scores; they need not be those of rows.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, whose scores are X.
        """
        check_is_fitted(self)
        Z = check_array(X, dtype=[np.float64, np.float32])
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {Z.shape[1]} columns, but there are n_components_={self.n_components_}."
            )
        return self._decode(Z.astype(np.float64)).astype(Z.dtype, copy=False)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """R2 of the reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that were not in `fit`; on training rows the score is flattering.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            ``1 - sum ||x - xhat||^2 / sum ||x - mean_||^2``: 1 is perfect, 0 is as good as the mean
            of the training rows.
        """
        check_is_fitted(self)
        X = self._validated(X)
        error = np.square(X - self._decode(self._place(X))).sum()
        total = np.square(X - self.mean_.astype(np.float64)).sum()
        return r_squared(error, total)

    def _validated(self, X):
        return validate_rows(self, X, reset=False)

    def _place(self, X):  # (n, d) -> (n, k), float64
        mean, components = self.mean_.astype(np.float64), self.components_.astype(np.float64)
        return in_blocks(lambda rows: (rows - mean) @ components.T, X)

    def _decode(self, Z):  # (n, k) -> (n, d), float64
        components, A = self.components_.astype(np.float64), self.loadings_.astype(np.float64)
        g = 0.0
        if self._decoder is not None:
            g = self._decoder.predict(decoder_input(self._decoder, Z / self._radius))
            Z = Z - in_blocks(lambda rows: rows.astype(np.float64) @ components.T, g)
        return in_blocks(lambda rows: rows @ A, Z) + g + self.mean_

    def __setstate__(self, state):
        kept = state.get("_decoder")
        if kept is not None and "format" not in kept:
            widths = state["n_components_"], state["n_features_in_"]
            former = former_decoder(kept, *widths, available_device(state["device"]))
            state = {**state, "_decoder": former}
        super().__setstate__(state)
