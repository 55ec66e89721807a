"""How much of a unit row is noise, from the flat end of the spectra of local neighbourhoods."""

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from sksubspace.cluster._self_expression._pursuit import omp

__all__ = ["noise_floor"]

_N_NEIGHBORS = 20
_TAIL = 4
_QUANTILE = 0.1
_ROWS = 200
_POOL = 4000
_STEPS = 5
_LOWEST, _HIGHEST = 1 / 8, 2
_SIMULATED = 64
_MOST_DIMENSIONS = 2000


def noise_floor(X):
    r"""Estimate the expected squared length of the noise in a unit row, without labels.

    Around each of 200 rows, the 20 rows with the largest :math:`|\cos|` lie near a subspace of few
    dimensions, so the smallest quarter of the eigenvalues of their Gram matrix is noise. It is
    divided by what the same quarter is for white noise of unit energy. The lowest decile over the
    neighbourhoods counts: for white noise all agree, otherwise the residual has structure.

    Five greedy steps then have to bring the median residual near that floor. Where they stay above
    twice of it, what is left is structure; where they come below an eighth, the neighbourhoods mix
    subspaces and there is no floor. The answer is then zero.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows; of more than 4,000, evenly spaced ones are used.

    Returns
    -------
    energy : float
        Between 0 and 1.
    """
    n = X.shape[0]
    if n > _POOL:
        X, n = X[np.linspace(0, n - 1, _POOL).astype(np.intp)], _POOL
    X = normalize(X)
    n_neighbors = min(_N_NEIGHBORS, n - 1)
    rank = min(n_neighbors, X.shape[1])
    tail = rank // _TAIL
    if tail == 0:
        return 0.0
    rows = np.linspace(0, n - 1, min(n, _ROWS)).astype(np.intp)
    spectra = _spectra(X, _neighbors(X, rows, n_neighbors))[:, n_neighbors - rank :]
    energies = spectra[:, :tail].mean(axis=1) / _white_tail(n_neighbors, X.shape[1], rank, tail)
    energy = float(np.clip(np.quantile(energies, _QUANTILE), 0, 1))
    is_floor = _LOWEST * energy < _residual(X, rows) < _HIGHEST * energy
    return energy if is_floor else 0.0


def _neighbors(X, rows, n_neighbors):  # -> (len(rows), n_neighbors)
    similarity = X[rows] @ X.T
    similarity = np.abs(similarity.toarray() if sparse.issparse(similarity) else similarity)
    similarity[np.arange(len(rows)), rows] = -1
    return np.argpartition(-similarity, n_neighbors - 1, axis=1)[:, :n_neighbors]


def _spectra(X, neighbors):  # (n, d), (q, k) -> (q, k) ascending
    """Eigenvalues of the Gram matrix of each set of rows."""
    return np.array([np.linalg.eigvalsh(_gram(X[rows])) for rows in neighbors])


def _gram(rows):
    rows = rows.astype(np.float64)
    products = rows @ rows.T
    return products.toarray() if sparse.issparse(products) else products


def _white_tail(n_rows, d, rank, tail):
    """Mean of the smallest eigenvalues of such a Gram matrix of noise rows of unit energy."""
    d = min(d, _MOST_DIMENSIONS)
    noise = np.random.RandomState(0).standard_normal((_SIMULATED, n_rows, d)) / np.sqrt(d)
    spectra = np.linalg.eigvalsh(noise @ noise.transpose(0, 2, 1))
    return spectra[:, n_rows - rank : n_rows - rank + tail].mean()


def _residual(X, rows):
    """Median of what five greedy steps leave of a row."""
    codes = omp(X[rows], X, rows, min(_STEPS, X.shape[0] - 1))
    left = X[rows] - codes @ X
    squares = left.multiply(left) if sparse.issparse(left) else np.square(left)
    return float(np.median(np.asarray(squares.sum(axis=1))))
