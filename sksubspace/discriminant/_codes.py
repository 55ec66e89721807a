"""Codes of classes: what a regression is asked for instead of one output a class.

Rodriguez, Bautista, Gonzalez and Escalera, "Beyond one-hot encoding", Image and Vision Computing 75
(2018).
"""

import warnings

import numpy as np
from scipy.linalg import helmert
from sklearn.covariance import ledoit_wolf

from sksubspace._linalg import fixed_signs, largest_eigenpairs, unit_rows

__all__ = ["codes_of_distances", "codes_of_means", "random_codes", "simplex_codes"]

# of the largest: eigenvalues below are rounding
_RELATIVE_ZERO = 1e-9


def simplex_codes(n_classes):  # int -> (K, K - 1)
    """Vertices of a regular simplex, of unit length: all as far from each other.

    The one-hot codes, centred, in coordinates of their span.
    """
    return helmert(n_classes).T * np.sqrt(n_classes / (n_classes - 1))


def random_codes(n_classes, q, random_state):  # int, int -> (K, q)
    """Unit rows of random directions."""
    return unit_rows(random_state.standard_normal((n_classes, q)))


def codes_of_means(X, labels, q):  # (n, d), (n,), int -> (K, q)
    """Leading coordinates of the class means, whitened within classes, as unit rows.

    S^{-1/2} (m_k - m) for the covariance S within classes, shrunk by Ledoit and Wolf.
    """
    counts = np.bincount(labels)
    means = np.zeros((len(counts), X.shape[1]))
    np.add.at(means, labels, X)
    means /= counts[:, None]
    values, vectors = np.linalg.eigh(ledoit_wolf(X - means[labels], assume_centered=True)[0])
    centred = (means - means.mean(axis=0)) @ vectors
    # without any spread within classes there is nothing to whiten by
    scale = np.sqrt(np.maximum(values, _RELATIVE_ZERO * values[-1])) if values[-1] > 0 else 1.0
    U, s, _ = np.linalg.svd(centred / scale, full_matrices=False)
    kept = min(q, int((s > _RELATIVE_ZERO * s[0]).sum()))
    return unit_rows(fixed_signs((U * s)[:, : max(kept, 1)].T).T)


def codes_of_distances(distances, q):  # (K, K), int -> (K, q)
    """Classical scaling: places whose distances are those given, as far as q coordinates allow.

    Leading eigenvectors of -J D^2 J / 2 times the roots of their eigenvalues. Warns where distances
    are those of no Euclidean space: negative eigenvalues are left out.
    """
    squared = np.square(distances)
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = largest_eigenpairs(-centred / 2, len(distances))
    largest = np.abs(values).max()
    lost = -values[values < -_RELATIVE_ZERO * largest].sum() / np.abs(values).sum()
    if lost > 0:
        warnings.warn(
            f"distances are those of no Euclidean space: {lost:.1%} of the sum of the absolute "
            "eigenvalues is negative and left out.",
            stacklevel=5,
        )
    kept = min(q, int((values > _RELATIVE_ZERO * largest).sum()))
    return fixed_signs((vectors[:, :kept] * np.sqrt(values[:kept])).T).T
