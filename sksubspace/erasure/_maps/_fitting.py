"""From moments or rows to directions and readers, by the method of an eraser."""

import numpy as np

from sksubspace._linalg import dense, total_squares
from sksubspace.erasure._maps._adversarial import adversarial_directions
from sksubspace.erasure._maps._leace import (
    leace_directions,
    solved_by_covariance,
    solved_by_rows,
)
from sksubspace.erasure._maps._nullspace import nullspace_directions
from sksubspace.erasure._maps._probe import (
    constant_reader,
    least_squares_reader,
    trained_reader,
)
from sksubspace.erasure._maps._spectral import spectral_directions
from sksubspace.erasure._maps._sums import widened

__all__ = [
    "BY_MOMENTS",
    "brought_together",
    "directions_of_moments",
    "directions_of_rows",
    "hidden_classes",
    "hidden_numbers",
    "reader_of_moments",
    "reader_of_rows",
]

BY_MOMENTS = ("leace", "sal")
# of the covariance of rows and concept: what is left below it is rounding
_NOTHING_LEFT = 1e-7


def directions_of_moments(estimator, moments):  # -> (d, q), (d, q)
    """Columns along which rows are moved, and by which they are read."""
    _, S_xx, S_xz, S_zz = moments
    most = np.sqrt(np.trace(S_xx) * np.trace(S_zz))
    if estimator.method == "leace":
        Q = solved_by_covariance(S_xx, S_xz, estimator.shrinkage)
        return leace_directions(S_xz, Q, most, estimator.n_components)
    U = spectral_directions(S_xz, most, estimator.n_components)
    return U, U


def directions_of_rows(estimator, X, Z, codes, moments):  # -> (d, q), (d, q), int
    """The same and the number of iterations, where rows are at hand.

    They may be fewer than features, or readers have to be trained.
    """
    mean, S_xx, S_xz, S_zz = moments
    k, alpha = estimator.n_components, estimator.alpha
    if S_xx is not None:
        return *directions_of_moments(estimator, moments), 1
    most = np.sqrt(total_squares(X, mean) / X.shape[0] * np.trace(S_zz))
    if estimator.method == "leace":
        Q = solved_by_rows(X, mean, Z, estimator.shrinkage)
        return *leace_directions(S_xz, Q, most, k), 1
    U, n_iter = spectral_directions(S_xz, most, k), 1
    if estimator.method == "sal" or U.shape[1] == 0:  # or one value
        return U, U, n_iter
    rows, target = np.asarray(X, np.float64) - mean, Z if codes is None else codes
    limits = (alpha, estimator.max_iter, estimator.tol)
    if estimator.method == "inlp":
        U, n_iter = nullspace_directions(rows, target, k, *limits)
    else:
        U, n_iter = adversarial_directions(rows, target, U, *limits)
    return U, U, n_iter


def reader_of_rows(A, B, X, Z, codes, moments, sums, alpha):  # -> (k, d), (k,)
    """The best linear reader of erased rows, less their mean."""
    mean, _, S_xz, _ = moments
    if _is_guarded(A, B, S_xz):
        return _constant(S_xz, codes is not None, sums)
    rows = dense(X, np.float64) - mean
    rows -= (rows @ B) @ A.T
    return trained_reader(rows, Z if codes is None else codes, alpha)


def reader_of_moments(A, B, moments, sums, alpha):  # -> (k, d), (k,)
    """The same by least squares, of one column for each class."""
    _, S_xx, S_xz, _ = moments
    if _is_guarded(A, B, S_xz):
        return _constant(S_xz, True, sums)
    R = np.eye(len(S_xx)) - A @ B.T
    n = sums.n
    return least_squares_reader(n * (R @ S_xx @ R.T), n * (R @ S_xz), n, alpha), sums.z / n


def _is_guarded(A, B, S_xz):
    left = np.linalg.norm(S_xz - A @ (B.T @ S_xz))
    return left <= _NOTHING_LEFT * np.linalg.norm(S_xz)


def _constant(S_xz, is_classes, sums):
    if is_classes:
        return constant_reader(len(S_xz), sums.z)
    return np.zeros(S_xz.T.shape), sums.z / sums.n


def brought_together(sums, classes, new_classes, Z):  # -> sums, classes, (n, k)
    """Former sums and the columns of a batch, by all classes seen so far."""
    if classes is None:
        if Z.shape[1] != len(sums.z):
            raise ValueError(
                f"The concept must have {len(sums.z)} columns, as before, got {Z.shape[1]}."
            )
        return sums, None, Z
    if (classes.dtype.kind in "US") != (new_classes.dtype.kind in "US"):
        raise ValueError(
            f"The concept must hold classes of the kind of {classes[0]!r}, as before, got "
            f"{new_classes[0]!r}."
        )
    together = np.union1d(classes, new_classes)
    columns = np.zeros((len(Z), len(together)))
    columns[:, np.searchsorted(together, new_classes)] = Z
    return widened(sums, classes, together), together, columns


def hidden_classes(codes, read):  # (n,), (n,) -> float
    """1 - (accuracy - majority) / (1 - majority), from 0 to 1."""
    majority = np.unique(codes, return_counts=True)[1].max() / len(codes)
    if majority == 1:
        return 1.0
    accuracy = np.mean(codes == read)
    return float(np.clip(1 - (accuracy - majority) / (1 - majority), 0, 1))


def hidden_numbers(Z, read):  # (n, k), (n, k) -> float
    """1 - R2, the mean over columns, from 0 to 1; a column without variance hides itself."""
    total = np.square(Z - Z.mean(axis=0)).sum(axis=0)
    errors = np.square(Z - read).sum(axis=0)
    hidden = np.divide(errors, total, out=np.ones(len(total)), where=total > 0)
    return float(np.clip(hidden, 0, 1).mean())
