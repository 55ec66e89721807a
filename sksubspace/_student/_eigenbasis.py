"""Random Fourier features of places, and the eigenbasis in which every ridge is diagonal.

The features approximate a Matern-3/2 kernel: Rahimi and Recht, "Random features for large-scale
kernel machines", NeurIPS 2007.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import eigh

from sksubspace._linalg import row_blocks

# rows whose 800 features are a few MiB
_CACHED = 1024


def matern_frequencies(n_components, n_frequencies, random_state):  # -> (q, m)
    """Draw frequencies of the Matern-3/2 kernel of unit length: normal / sqrt(chi2_3 / 3)."""
    normal = random_state.standard_normal((n_components, n_frequencies))
    return normal / np.sqrt(random_state.chisquare(3, size=n_frequencies) / 3)


def fourier_features(Z, frequencies):  # (n, q), (q, m) -> (n, q + 2m)
    """Features [z, cos(zB), sin(zB)] of each row, as float64; the intercept stands apart."""
    Z = np.asarray(Z, dtype=np.float64)
    phase = Z @ frequencies
    return np.hstack([Z, np.cos(phase), np.sin(phase)])


@dataclass(frozen=True)
class Eigenbasis:
    """Eigenbasis of F'F, F the centred features: every ridge penalty is then a diagonal."""

    frequencies: np.ndarray  # (q, m)
    n_samples: int
    offset: np.ndarray  # (p,), mean of the features
    eigenvalues: np.ndarray  # (r,)
    eigenvectors: np.ndarray  # (p, r)

    @classmethod
    def of(cls, Z, frequencies):
        """Basis of rows whose features are seen block by block."""
        size = Z.shape[1] + 2 * frequencies.shape[1]
        if len(Z) < size:
            return cls.of_features(fourier_features(Z, frequencies), frequencies)
        offset, gram = np.zeros(size), np.zeros((size, size))
        for rows in row_blocks(len(Z)):
            features = fourier_features(Z[rows], frequencies)
            offset += features.sum(axis=0) / len(Z)
            gram += features.T @ features
        return cls._of_gram(gram, offset, frequencies, len(Z))

    @classmethod
    def of_features(cls, features, frequencies):  # (n, p), (q, m)
        """Basis of rows whose features are at hand."""
        n, p = features.shape
        offset = features.mean(axis=0)
        if n < p:
            return cls(frequencies, n, offset, *_eigenpairs_of_few(features - offset))
        return cls._of_gram(features.T @ features, offset, frequencies, n)

    @classmethod
    def _of_gram(cls, gram, offset, frequencies, n):
        gram -= n * np.outer(offset, offset)
        eigenvalues, eigenvectors = eigh(gram, overwrite_a=True, check_finite=False)
        return cls(frequencies, n, offset, np.maximum(eigenvalues, 0), eigenvectors)

    def features(self, Z):  # (n, q) -> (n, p)
        return fourier_features(Z, self.frequencies) - self.offset

    def rotate(self, Z):  # (n, q) -> (n, r)
        return self.features(Z) @ self.eigenvectors

    def whiten(self, rotated, penalty):  # (n, r), float -> (n, r + 1)
        """S = A (L + a)^-1/2 with a column 1 / sqrt(n), so that S S' is the hat matrix."""
        S = rotated / np.sqrt(self.eigenvalues + penalty)
        return np.column_stack([S, np.full(len(S), self.n_samples**-0.5)])

    def moment(self, Z, X):  # (n, q), (n, d) -> (r, d)
        """F'X in the basis."""
        if sparse.issparse(X):
            return self.eigenvectors.T @ self._sparse_moment(Z, X).T
        found = np.zeros((len(self.eigenvectors), X.shape[1]))
        for rows in row_blocks(len(Z)):
            found += self.features(Z[rows]).T @ X[rows]
        return self.eigenvectors.T @ found

    def _sparse_moment(self, Z, X):  # (n, q), (n, d) -> (d, p)
        """X'F, feature by feature: few rows at once, whose features stay in the cache."""
        found = np.zeros((X.shape[1], len(self.eigenvectors)))
        for rows in row_blocks(len(Z), _CACHED):
            found += X[rows].T.tocsr() @ self.features(Z[rows])
        return found

    def shrink(self, moment, penalty):  # (r, d), float -> (r, d)
        """Coefficients of the ridge in the basis."""
        return moment / (self.eigenvalues + penalty)[:, None]


def _eigenpairs_of_few(features):  # (n, p) -> (r,), (p, r)
    """Eigenpairs of F'F with positive eigenvalue, through F F', for fewer rows than features."""
    eigenvalues, vectors = eigh(features @ features.T, check_finite=False)
    keep = eigenvalues > 1e-12 * eigenvalues[-1]
    eigenvalues, vectors = eigenvalues[keep], vectors[:, keep]
    return eigenvalues, features.T @ (vectors / np.sqrt(eigenvalues))
