"""Linear encoders from Stein's first moment with y = X, turned to uncorrelated scores."""

import numpy as np
from scipy import linalg

from sksubspace._linalg import largest_eigenpairs
from sksubspace.decomposition._stein._moments import first_moment


def gaussian_directions(centred, n_components):  # (n, d) -> (k, d)
    """The Stein subspace of a Gaussian with a shrunk covariance: leading principal directions.

    With S the sample covariance, a the share of the identity and m the mean eigenvalue, E[s x'] is
    ((1 - a) S + a m I)^-1 S. It has the eigenvectors of S, in the same order for every a > 0;
    unlike `principal_directions` of `_linalg` it has those of no variance, too.
    """
    n, d = centred.shape
    if n < d:
        return linalg.svd(centred, full_matrices=False, check_finite=False)[2][:n_components]
    return leading_eigenvectors(centred.T @ centred, n_components)


def leading_eigenvectors(matrix, n_components):  # (d, d) symmetric -> (k, d)
    """Eigenvectors of the largest eigenvalues as rows, the largest first."""
    return largest_eigenpairs(matrix, n_components)[1].T


def stein_directions(scores, centred, n_components):  # (n, d), (n, d) -> (k, d)
    """Leading left singular vectors of the mean of s(x) (x - mean)'."""
    moment = first_moment(scores, centred / len(centred))
    return linalg.svd(moment, check_finite=False)[0][:, :n_components].T


def principal_axes(directions, centred):  # (k, d), (n, d) -> (k, d), (k,)
    """Rotate orthonormal rows to uncorrelated scores; their variances, the largest first.

    The entry of each row that is largest in size is made positive.
    """
    scores = centred @ directions.T
    covariance = scores.T @ scores / (len(centred) - 1)
    variances, rotation = linalg.eigh(covariance, check_finite=False)
    components = rotation[:, ::-1].T @ directions
    largest = np.abs(components).argmax(axis=1)
    signs = np.where(components[np.arange(len(components)), largest] < 0, -1.0, 1.0)
    return signs[:, None] * components, np.maximum(variances[::-1], 0)


def loadings(components, variances, centred):  # (k, d), (k,), (n, d) -> (k, d)
    """Least-squares reconstruction of rows from uncorrelated scores, E[z (x - mean)'] / var(z).

    For principal components it is the components themselves, which also stand where a score has
    no variance.
    """
    scores = centred @ components.T
    covariance = scores.T @ centred / (len(centred) - 1)
    alive = variances > 1e-12 * variances.max(initial=0)
    slopes = covariance / np.where(alive, variances, 1.0)[:, None]
    return np.where(alive[:, None], slopes, components)
