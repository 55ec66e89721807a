"""Closed-form decoder: ridge on random Fourier features, chosen by an honest leave-one-out.

The features approximate a Matern-3/2 kernel: Rahimi and Recht, "Random features for large-scale
kernel machines", NeurIPS 2007.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

_N_FREQUENCIES = 400
_FIRST_SCALE = 3  # 2^3 = 8
_SCALE_EXPONENTS = range(-2, 7)
_PENALTIES = 10.0 ** np.arange(-4.0, 4.01, 0.5)
_SELECTION_ROWS = 10_000
_SELECTION_TARGETS = 48
_CHUNK = 4096


@dataclass(frozen=True)
class FourierRidge:
    """A fitted decoder x(z) = mean + features(z) @ coef.

    Attributes
    ----------
    frequencies : ndarray of shape (n_components, n_frequencies)
        Radians per unit of the scaled embedding.

    coef : ndarray of shape (1 + n_components + 2 * n_frequencies, n_features)
        Coefficients, in units of the target.

    mean : ndarray of shape (n_features,)
        Mean of the target.

    penalty : float
        The ridge penalty chosen.

    scale : float
        The multiple of the Matern-3/2 frequencies chosen.
    """

    frequencies: np.ndarray
    coef: np.ndarray
    mean: np.ndarray
    penalty: float
    scale: float

    def predict(self, Z):
        """Decode Z of shape (n, n_components) into shape (n, n_features)."""
        out = np.empty((len(Z), self.coef.shape[1]), dtype=self.coef.dtype)
        for rows in _chunks(len(Z)):
            out[rows] = fourier_features(Z[rows], self.frequencies) @ self.coef + self.mean
        return out


def matern_frequencies(n_components, n_frequencies, random_state):
    """Draw frequencies of the Matern-3/2 kernel: normal / sqrt(chi2_3 / 3).

    Parameters
    ----------
    n_components : int
        Dimension of the latent space.

    n_frequencies : int
        How many to draw.

    random_state : RandomState
        Source of the draw.

    Returns
    -------
    frequencies : ndarray of shape (n_components, n_frequencies)
        Spectral samples of the kernel with unit length scale.
    """
    normal = random_state.standard_normal((n_components, n_frequencies))
    return normal / np.sqrt(random_state.chisquare(3, size=n_frequencies) / 3)


def fourier_features(Z, frequencies):  # (n, q), (q, m) -> (n, 1 + q + 2m)
    """Features [1, z, cos(zB), sin(zB)] of each row, as float64."""
    Z = np.asarray(Z, dtype=np.float64)
    phase = Z @ frequencies
    return np.hstack([np.ones((len(Z), 1)), Z, np.cos(phase), np.sin(phase)])


def fit_fourier_ridge(Z, Z_loo, X, *, random_state, feature_weights=None):
    r"""Fit the ridge decoder and the leave-one-out error of the whole map.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
        Scaled embedding.

    Z_loo : ndarray of shape (n_samples, n_components)
        Where the encoder puts each row when it must do without it.

    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Target.

    random_state : RandomState
        Draws the frequencies and, above 10,000 rows, the rows used to choose scale and penalty.

    feature_weights : ndarray of shape (n_features,) or None, default=None
        Weight of each feature in the squared errors that are returned.

    Returns
    -------
    decoder : FourierRidge
        Fitted on all rows.

    loo_squared_error : ndarray of shape (n_samples,)
        (Weighted) sum over features of squared leave-one-out errors.

    Notes
    -----
    With f the features, G = F'F + aI, h_i = f(z_i)' G^-1 f(z_i) and e_i = x_i - f(z_i)' B, the
    ridge fitted without row i predicts x_i **at the position z_(-i)** with the error

    .. math:: r_i = x_i - f(z_{(-i)})' B
              + \frac{f(z_{(-i)})' G^{-1} f(z_i)}{1 - h_i} e_i .

    The usual leave-one-out evaluates at z_i itself, which was placed with x_i in view.
    """
    unit = matern_frequencies(Z.shape[1], _N_FREQUENCIES, random_state)
    scale, penalty = _choose(Z, Z_loo, X, unit, random_state)
    frequencies = scale * unit
    basis = _Basis.of(Z, frequencies)
    mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
    coef = basis.coefficients(Z, X, mean, penalty)
    weights = np.ones(X.shape[1]) if feature_weights is None else feature_weights
    errors = np.empty(len(Z))
    for rows in _chunks(len(Z)):
        target = _dense(X[rows]) - mean
        residual = basis.loo_residual(Z[rows], Z_loo[rows], target, coef, penalty)
        errors[rows] = np.square(residual) @ weights
    dtype = X.dtype
    decoder = FourierRidge(
        frequencies, coef.astype(dtype), mean.astype(dtype), float(penalty), float(scale)
    )
    return decoder, errors


@dataclass(frozen=True)
class _Basis:
    """Eigenbasis of F'F: every ridge penalty is then a diagonal."""

    frequencies: np.ndarray  # (q, m)
    eigenvalues: np.ndarray  # (r,)
    eigenvectors: np.ndarray  # (p, r)

    @classmethod
    def of(cls, Z, frequencies):
        size = 1 + Z.shape[1] + 2 * frequencies.shape[1]
        if len(Z) < size:
            return cls(frequencies, *_from_rows(fourier_features(Z, frequencies)))
        gram = np.zeros((size, size))
        for rows in _chunks(len(Z)):
            features = fourier_features(Z[rows], frequencies)
            gram += features.T @ features
        eigenvalues, eigenvectors = eigh(gram, overwrite_a=True, check_finite=False)
        return cls(frequencies, np.maximum(eigenvalues, 0), eigenvectors)

    def rotate(self, Z):  # (n, q) -> (n, r)
        return fourier_features(Z, self.frequencies) @ self.eigenvectors

    def coefficients(self, Z, X, mean, penalty):  # -> (p, d)
        moment = np.zeros((len(self.eigenvectors), X.shape[1]))
        for rows in _chunks(len(Z)):
            features = fourier_features(Z[rows], self.frequencies)
            moment += features.T @ X[rows] - np.outer(features.sum(axis=0), mean)
        shrink = 1 / (self.eigenvalues + penalty)
        return self.eigenvectors @ (shrink[:, None] * (self.eigenvectors.T @ moment))

    def loo_residual(self, Z, Z_loo, target, coef, penalty):  # -> (n, d)
        here, there = self.rotate(Z), self.rotate(Z_loo)
        rotated_coef = self.eigenvectors.T @ coef
        return _loo_residual(here, there, target, rotated_coef, self.eigenvalues + penalty)


def _from_rows(features):  # (n, p) -> (r,), (p, r)
    """Eigenpairs of F'F with positive eigenvalue, through F F', for fewer rows than features."""
    eigenvalues, vectors = eigh(features @ features.T, check_finite=False)
    keep = eigenvalues > 1e-12 * eigenvalues[-1]
    eigenvalues, vectors = eigenvalues[keep], vectors[:, keep]
    return eigenvalues, features.T @ (vectors / np.sqrt(eigenvalues))


def _loo_residual(here, there, target, coef, denominator):  # (n, p), (n, p), (n, d), (p, d), (p,)
    """r_i = x_i - f(z_(-i))'B + f(z_(-i))'G^-1 f(z_i) / (1 - h_i) e_i, in the eigenbasis of G."""
    weighted = here / denominator
    leverage = np.einsum("np,np->n", weighted, here)
    cross = np.einsum("np,np->n", weighted, there)
    correction = cross / np.maximum(1 - leverage, 1e-10)
    return target - there @ coef + correction[:, None] * (target - here @ coef)


def _choose(Z, Z_loo, X, unit, random_state):
    """Scale and penalty with the least leave-one-out error, by hill climbing over the scale."""
    Z, Z_loo, X = _subsample(Z, Z_loo, X, random_state)
    target = _leading_targets(X, random_state)

    def best_at(exponent):
        return _best_penalty(Z, Z_loo, target, 2.0**exponent * unit)

    tried = {_FIRST_SCALE: best_at(_FIRST_SCALE)}
    for step in (1, -1):
        exponent = min(tried, key=tried.get) + step
        while exponent in _SCALE_EXPONENTS and exponent not in tried:
            tried[exponent] = best_at(exponent)
            if tried[exponent] > min(tried.values()):
                break
            exponent += step
    exponent = min(tried, key=tried.get)
    return 2.0**exponent, tried[exponent][1]


def _best_penalty(Z, Z_loo, target, frequencies):  # -> (squared error, penalty)
    basis = _Basis.of(Z, frequencies)
    here, there = basis.rotate(Z), basis.rotate(Z_loo)
    moment = here.T @ target
    scored = []
    for penalty in _PENALTIES:
        denominator = basis.eigenvalues + penalty
        coef = moment / denominator[:, None]
        residual = _loo_residual(here, there, target, coef, denominator)
        scored.append((float(np.einsum("nd,nd->", residual, residual)), float(penalty)))
    return min(scored)


def _subsample(Z, Z_loo, X, random_state):
    if len(Z) <= _SELECTION_ROWS:
        return Z, Z_loo, X
    rows = np.sort(random_state.choice(len(Z), _SELECTION_ROWS, replace=False))
    return Z[rows], Z_loo[rows], X[rows]


def _leading_targets(X, random_state):  # (n, d) -> (n, min(d, 48))
    """Leading principal scores of the target: a map of few dimensions explains hardly any other."""
    if min(X.shape) <= _SELECTION_TARGETS:
        X = _dense(X)
        return X - X.mean(axis=0)
    centred = X if sparse.issparse(X) else X - X.mean(axis=0)
    left, singular, _ = randomized_svd(
        centred, _SELECTION_TARGETS, n_iter=2, random_state=random_state
    )
    scores = (left * singular).astype(np.float64)
    return scores - scores.mean(axis=0)


def _dense(X):
    return X.toarray().astype(np.float64) if sparse.issparse(X) else np.asarray(X, np.float64)


def _chunks(n_rows):
    return (slice(start, start + _CHUNK) for start in range(0, n_rows, _CHUNK))
