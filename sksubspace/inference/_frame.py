"""The principal frame of rows, whether it has a subspace to speak of, and others seen from it."""

import warnings
from dataclasses import dataclass

import numpy as np

from sksubspace._linalg import column_means, covariance, fixed_signs, largest_eigenpairs
from sksubspace._typing import Floats
from sksubspace.inference._geometry import (
    degrees_of_freedom,
    gaussian_covariance,
    grassmann_log,
    sandwich_covariance,
)
from sksubspace.inference._null import NullDistribution
from sksubspace.inference._resampling import drawn_angles, resampled

__all__ = [
    "METHODS",
    "PrincipalFrame",
    "coordinates_of",
    "orthonormal_span",
    "principal_frame",
]

METHODS = ("bootstrap", "robust", "gaussian")
# ratio of neighbouring eigenvalues from which on asymptotics hold; rows for each degree of freedom
WIDE_GAP = 1.2
_ENOUGH_ROWS = 20
# rows beyond the degrees of freedom without which the covariance of the influence is singular or
# nearly so; scikit-learn's checks, which all estimators pass, have ten rows of three columns
_SPARE_ROWS = 8
# eigenvalues below this share of the largest are rounding, and nearer than that share are tied
_ROUNDING, _TIED = 1e-13, 1e-9
# smallest eigenvalue of a correlation matrix that is more than rounding
_SINGULAR = 1e-12
# smallest singular value of a basis over the largest, and length of a unit vector that may leave
# the span of the rows by rounding
_DEPENDENT = 1e-8
_LEAVES = 1e-6


@dataclass(frozen=True)
class PrincipalFrame:
    """Mean, all eigenvectors and eigenvalues of a covariance, and which of them are asked about.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the rows.

    vectors : ndarray of shape (n_features, r)
        Eigenvectors in which the rows vary, by descending variance.

    values : ndarray of shape (r,)
        The variances.

    rows : ndarray of shape (n_samples, r)
        Rows less their mean in these coordinates.

    n_inside : int
        Dimension of the subspace, which the first eigenvectors span.
    """

    mean: Floats
    vectors: Floats
    values: Floats
    rows: Floats
    n_inside: int

    @property
    def inside(self):  # -> (q,)
        """Numbers of the axes that span the subspace."""
        return np.arange(self.n_inside)

    @property
    def dof(self):
        """Degrees of freedom of the subspace."""
        return degrees_of_freedom(self.n_inside, len(self.values))

    @property
    def gap(self):
        """Variance of the last direction inside over that of the first outside."""
        return float(self.values[self.n_inside - 1] / self.values[self.n_inside])

    @property
    def separated_axes(self):  # -> list of int
        """Axes inside whose eigenvalue is a factor of `WIDE_GAP` from those beside it."""
        ratios = self.values[:-1] / self.values[1:]
        wide = np.r_[True, ratios[: self.n_inside] >= WIDE_GAP]
        return np.flatnonzero(wide[:-1] & wide[1:]).tolist()

    def covariance(self, method, inside):  # str, (q,) -> (m q, m q)
        """Covariance of vec T.

        Raises
        ------
        ValueError
            If it is singular, as where too few rows differ.
        """
        n = len(self.rows)
        if method == "gaussian":
            return gaussian_covariance(self.values, inside) / n
        C = sandwich_covariance(self.rows, np.ones(n), self.values, inside) / n
        scale = np.sqrt(np.diag(C))
        if not scale.min() > 0 or np.linalg.eigvalsh(C / scale[:, None] / scale)[0] <= _SINGULAR:
            raise ValueError(
                f"The covariance of the subspace, of {len(C)} degrees of freedom, is singular: too "
                f"few of the {n} rows of X differ."
            )
        return C

    def nulls(self, method, insides, n_resamples, rng):  # -> list of NullDistribution
        """What the statistics of several subspaces are compared with."""
        r, sizes = len(self.values), [len(inside) for inside in insides]
        dofs = [degrees_of_freedom(q, r) for q in sizes]
        if method == "bootstrap":
            both = resampled(self.rows, insides, n_resamples, rng)
            return [NullDistribution(*one) for one in zip(dofs, *both, strict=True)]
        C = [self.covariance(method, inside) for inside in insides]
        angles = [drawn_angles(one, r - q, q, rng) for one, q in zip(C, sizes, strict=True)]
        return [NullDistribution(dof, None, one) for dof, one in zip(dofs, angles, strict=True)]


def principal_frame(X, q, *, stacklevel):  # (n, d), int -> PrincipalFrame
    """Diagonalise the covariance of rows; errors and warnings say where no subspace is defined.

    Raises
    ------
    ValueError
        If the rows vary in no more than q directions, the eigenvalues on both sides of q are tied,
        or there are too few rows for a covariance of the subspace.

    Warns
    -----
    UserWarning
        If there are directions without variance, the gap is narrow, or rows are few.
    """
    n, d = X.shape
    mean = column_means(X)
    values, vectors = largest_eigenpairs(covariance(X, mean), d)
    r = int((values > _ROUNDING * max(values[0], 0)).sum())
    values, vectors = values[:r], fixed_signs(vectors[:, :r].T).T
    if q >= r:
        raise ValueError(
            f"n_components must be below the number of directions in which rows vary, {r} of {d} "
            f"columns with {n} rows, got {q}: the subspace would hold them all."
        )
    if values[q - 1] - values[q] <= _TIED * values[q - 1]:
        raise ValueError(
            f"Eigenvalues {q} and {q + 1} of the covariance are tied ({values[q - 1]:.6g} and "
            f"{values[q]:.6g}): no principal subspace of n_components={q} is defined."
        )
    rows = (X.astype(np.float64, copy=False) - mean) @ vectors
    frame = PrincipalFrame(mean, vectors, values, rows, q)
    _check_rows_suffice(n, frame.dof, q, r)
    _warn_of_weakness(frame, n, d, stacklevel + 1)
    return frame


def _check_rows_suffice(n, dof, q, r):
    if n < dof + _SPARE_ROWS:
        raise ValueError(
            f"X must have at least {dof + _SPARE_ROWS} rows for n_components={q} of {r} directions "
            f"in which they vary, {q} * ({r} - {q}) + {_SPARE_ROWS}, got {n}: with fewer the "
            "covariance of the subspace is singular or nearly so."
        )


def _warn_of_weakness(frame, n, d, stacklevel):
    r, q = len(frame.values), frame.n_inside
    said = []
    if r < d:
        said.append(
            f"Rows vary in {r} directions of {d} only, as with columns that are constant or follow "
            "from others; the other directions are ignored."
        )
    if frame.gap < WIDE_GAP:
        said.append(
            f"The gap between eigenvalues {q} and {q + 1} is {frame.gap:.3g}, below {WIDE_GAP}: "
            "the subspace may be any of many, and coverage is not what it says."
        )
    if n < _ENOUGH_ROWS * frame.dof:
        said.append(
            f"There are {n} rows for {frame.dof} degrees of freedom, fewer than {_ENOUGH_ROWS} for "
            "each: coverage is only rough."
        )
    for text in said:
        warnings.warn(text, UserWarning, stacklevel=stacklevel + 1)


def orthonormal_span(subspace, q, d, name):  # (q, d) -> (d, q)
    """Orthonormal columns of the span of checked rows.

    Raises
    ------
    ValueError
        If there are not q rows of d columns, or some depend on others.
    """
    if subspace.shape != (q, d):
        raise ValueError(
            f"{name} must have the shape (n_components, n_features) = ({q}, {d}), its rows the "
            f"directions, got {subspace.shape}."
        )
    lengths = np.linalg.norm(subspace, axis=1)
    unit = subspace / np.where(lengths > 0, lengths, 1)[:, None]
    sizes = np.linalg.svd(unit, compute_uv=False)
    rank = int((sizes > _DEPENDENT * max(sizes[0], 1)).sum())
    if rank < q:
        raise ValueError(f"{name} must have {q} rows that are independent, got {rank} that are.")
    return np.linalg.qr(unit.T)[0]


def coordinates_of(V, inner, outer):  # (d, q), (q, d), (m, d) -> (m, q) or None
    """The matrix T of a subspace in a frame; None where it leaves the span of the frame."""
    A, B = inner @ V, outer @ V
    if np.linalg.norm(V - inner.T @ A - outer.T @ B, axis=0).max() > _LEAVES:
        return None
    return grassmann_log(A, B)
