"""Closed-form decoder: ridge on random Fourier features, chosen by an honest leave-one-out.

The features approximate a Matern-3/2 kernel: Rahimi and Recht, "Random features for large-scale
kernel machines", NeurIPS 2007.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

from sksubspace._linalg import in_blocks

_N_FREQUENCIES = 400
_FIRST_SCALE = 3  # 2^3 = 8
_SCALE_EXPONENTS = range(-2, 7)
_PENALTIES = 10.0 ** np.arange(-4, 5)
_REFINEMENT = 10.0 ** np.array([-0.5, 0.5])
_SELECTION_ROWS = 3_000
_SELECTION_TARGETS = 48
_CHUNK = 4096


@dataclass(frozen=True)
class FourierRidge:
    """A fitted decoder x(z) = intercept + features(z) @ coef.

    Attributes
    ----------
    frequencies : ndarray of shape (n_components, n_frequencies)
        Radians per unit of the scaled embedding.

    coef : ndarray of shape (n_components + 2 * n_frequencies, n_features)
        Coefficients, in units of the target.

    intercept : ndarray of shape (n_features,)
        The prediction where all features are zero.

    penalty : float
        The ridge penalty chosen.

    scale : float
        The multiple of the Matern-3/2 frequencies chosen.
    """

    frequencies: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    penalty: float
    scale: float

    def predict(self, Z):
        """Decode points of the latent space.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components)
            Scaled points.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Reconstructions.
        """
        decoded = in_blocks(lambda rows: fourier_features(rows, self.frequencies) @ self.coef, Z)
        return (decoded + self.intercept).astype(self.intercept.dtype, copy=False)


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


def fourier_features(Z, frequencies):  # (n, q), (q, m) -> (n, q + 2m)
    """Features [z, cos(zB), sin(zB)] of each row, as float64; the intercept stands apart."""
    Z = np.asarray(Z, dtype=np.float64)
    phase = Z @ frequencies
    return np.hstack([Z, np.cos(phase), np.sin(phase)])


def fit_fourier_ridge(Z, Z_loo, X, *, random_state, feature_weights=None, rows=None):
    r"""Fit the ridge decoder and the leave-one-out error of the whole map.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
        Scaled embedding.

    Z_loo : ndarray of shape (n_left_out, n_components)
        Where the encoder puts each row when it must do without it.

    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Target.

    random_state : RandomState
        Draws the frequencies and, above 3,000 rows, the rows used to choose scale and penalty.

    feature_weights : ndarray of shape (n_features,) or None, default=None
        Weight of each feature in the squared errors that are returned.

    rows : ndarray of shape (n_left_out,) or None, default=None
        The rows that `Z_loo` and the errors belong to; None for all, in order.

    Returns
    -------
    decoder : FourierRidge
        Fitted on all rows.

    loo_squared_error : ndarray of shape (n_left_out,)
        (Weighted) sum over features of squared leave-one-out errors.

    Notes
    -----
    With f the features less their means, G = F'F + aI, B the coefficients,
    h_i = 1/n + f(z_i)' G^-1 f(z_i) and e_i = x_i - mean - f(z_i)' B, the ridge fitted without row i
    predicts x_i **at the position z_(-i)** with the error

    .. math:: r_i = x_i - \bar x - f(z_{(-i)})' B
              + \frac{1/n + f(z_{(-i)})' G^{-1} f(z_i)}{1 - h_i} e_i .

    The usual leave-one-out evaluates at z_i itself, which was placed with x_i in view.
    """
    unit = matern_frequencies(Z.shape[1], _N_FREQUENCIES, random_state)
    rows = np.arange(len(Z)) if rows is None else rows
    scale, penalty = _choose(Z, Z_loo, X, unit, random_state, rows)
    frequencies = scale * unit
    basis = _Basis.of(Z, frequencies)
    mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
    coef = basis.coefficients(Z, X, penalty)
    weights = np.ones(X.shape[1]) if feature_weights is None else feature_weights
    errors = np.empty(len(rows))
    for block in _chunks(len(rows)):
        target = _dense(X[rows[block]]) - mean
        residual = basis.loo_residual(Z[rows[block]], Z_loo[block], target, coef, penalty)
        errors[block] = np.square(residual) @ weights
    dtype = X.dtype
    decoder = FourierRidge(
        frequencies,
        coef.astype(dtype),
        (mean - basis.offset @ coef).astype(dtype),
        float(penalty),
        float(scale),
    )
    return decoder, errors


@dataclass(frozen=True)
class _Basis:
    """Eigenbasis of F'F, F the centred features: every ridge penalty is then a diagonal."""

    frequencies: np.ndarray  # (q, m)
    n_samples: int
    offset: np.ndarray  # (p,), mean of the features
    eigenvalues: np.ndarray  # (r,)
    eigenvectors: np.ndarray  # (p, r)

    @classmethod
    def of(cls, Z, frequencies):
        size = Z.shape[1] + 2 * frequencies.shape[1]
        if len(Z) < size:
            features = fourier_features(Z, frequencies)
            offset = features.mean(axis=0)
            return cls(frequencies, len(Z), offset, *_from_rows(features - offset))
        offset, gram = np.zeros(size), np.zeros((size, size))
        for rows in _chunks(len(Z)):
            features = fourier_features(Z[rows], frequencies)
            offset += features.sum(axis=0) / len(Z)
            gram += features.T @ features
        gram -= len(Z) * np.outer(offset, offset)
        eigenvalues, eigenvectors = eigh(gram, overwrite_a=True, check_finite=False)
        return cls(frequencies, len(Z), offset, np.maximum(eigenvalues, 0), eigenvectors)

    def rotate(self, Z):  # (n, q) -> (n, r)
        return (fourier_features(Z, self.frequencies) - self.offset) @ self.eigenvectors

    def coefficients(self, Z, X, penalty):  # -> (p, d)
        moment = np.zeros((len(self.eigenvectors), X.shape[1]))
        for rows in _chunks(len(Z)):
            moment += (fourier_features(Z[rows], self.frequencies) - self.offset).T @ X[rows]
        shrink = 1 / (self.eigenvalues + penalty)
        return self.eigenvectors @ (shrink[:, None] * (self.eigenvectors.T @ moment))

    def loo_residual(self, Z, Z_loo, target, coef, penalty):  # -> (n, d)
        here = fourier_features(Z, self.frequencies) - self.offset
        there = fourier_features(Z_loo, self.frequencies) - self.offset
        inverse = (self.eigenvectors / (self.eigenvalues + penalty)) @ self.eigenvectors.T
        solved = here @ inverse
        leverage = 1 / self.n_samples + np.einsum("np,np->n", solved, here)
        cross = 1 / self.n_samples + np.einsum("np,np->n", solved, there)
        correction = cross / np.maximum(1 - leverage, 1e-10)
        return target - there @ coef + correction[:, None] * (target - here @ coef)

    def correction(self, here, there, penalties):  # (n, r), (n, r), (k,) -> (n, k)
        """(1/n + f(z_(-i))' G^-1 f(z_i)) / (1 - h_i) for each penalty, in this basis."""
        inverse = 1 / (self.eigenvalues[:, None] + penalties)
        leverage = 1 / self.n_samples + np.square(here) @ inverse
        cross = 1 / self.n_samples + (here * there) @ inverse
        return cross / np.maximum(1 - leverage, 1e-10)


def _from_rows(features):  # (n, p) -> (r,), (p, r)
    """Eigenpairs of F'F with positive eigenvalue, through F F', for fewer rows than features."""
    eigenvalues, vectors = eigh(features @ features.T, check_finite=False)
    keep = eigenvalues > 1e-12 * eigenvalues[-1]
    eigenvalues, vectors = eigenvalues[keep], vectors[:, keep]
    return eigenvalues, features.T @ (vectors / np.sqrt(eigenvalues))


def _choose(Z, Z_loo, X, unit, random_state, rows):
    """Scale and penalty with the least leave-one-out error, by hill climbing over the scale."""
    Z, Z_loo, X = _subsample(Z, Z_loo, X, random_state, rows)
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

    def score(penalties):
        corrections = basis.correction(here, there, penalties).T
        for penalty, correction in zip(penalties, corrections, strict=True):
            coef = moment / (basis.eigenvalues + penalty)[:, None]
            residual = target - there @ coef + correction[:, None] * (target - here @ coef)
            yield float(np.einsum("nd,nd->", residual, residual)), float(penalty)

    best = min(score(_PENALTIES))
    return min(best, *score(best[1] * _REFINEMENT))


def _subsample(Z, Z_loo, X, random_state, rows):
    if len(rows) > _SELECTION_ROWS:
        drawn = np.sort(random_state.choice(len(rows), _SELECTION_ROWS, replace=False))
        rows, Z_loo = rows[drawn], Z_loo[drawn]
    return Z[rows], Z_loo, X[rows]


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
