"""Units: one radius for the embedding; one spread, or one per feature, for the data."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis


@dataclass(frozen=True)
class LatentScale:
    """Scaled embedding = (Z - centre) / radius, with radius = sqrt(mean_i ||z_i - centre||^2)."""

    centre: np.ndarray  # (q,)
    radius: float

    @classmethod
    def of(cls, Z):  # (n, q)
        """Measure the embedding; its spread must be positive and finite."""
        centre = Z.mean(axis=0, dtype=np.float64)
        radius = float(np.sqrt(np.square(Z - centre).sum(axis=1).mean()))
        floor = 1e-10 * float(np.abs(centre).max(initial=0))
        if not np.isfinite(radius) or radius <= floor:
            raise ValueError(
                "The embedding must spread over finite, distinct positions, but the root mean "
                f"squared distance to its centre is {radius}."
            )
        return cls(centre, radius)

    def scale(self, Z):
        """Bring Z of shape (n, q) to unit radius, as float64."""
        return (np.asarray(Z, dtype=np.float64) - self.centre) / self.radius

    def unscale(self, Z):
        """Bring Z of shape (n, q) back to the units of the embedding."""
        return Z * self.radius + self.centre


@dataclass(frozen=True)
class FeatureScale:
    """Working data = X / column_scale; standardised data = (working data - mean) / spread.

    Distances are measured in the working data, so that sparse rows stay sparse.
    """

    column_scale: np.ndarray | None  # (d,), only for scale="feature"
    mean: np.ndarray  # (d,), of the working data
    spread: float

    @classmethod
    def of(cls, X, mode):
        """Measure X of shape (n, d) for mode "global", "feature" or "none"."""
        mean, variance = _moments(X)
        _check_range(X, variance)
        if mode == "feature":
            column_scale = np.sqrt(variance)
            constant = column_scale <= 1e-10 * np.abs(mean)
            column_scale[constant] = 1
            return cls(column_scale, mean / column_scale, 1.0)
        spread = float(np.sqrt(variance.mean())) if mode == "global" else 1.0
        return cls(None, mean, spread if spread > 0 else 1.0)

    def work(self, X):
        """Working data of X of shape (n, d), in the dtype of X."""
        if self.column_scale is None:
            return X
        factor = (1 / self.column_scale).astype(X.dtype)
        return sparse.csr_matrix(X.multiply(factor)) if sparse.issparse(X) else X * factor

    def unwork(self, X):
        """Input units of working data X of shape (n, d)."""
        return X if self.column_scale is None else X * self.column_scale.astype(X.dtype)

    @property
    def squared_units(self):
        """Factor (d,) or None that turns squared errors of working data into input units."""
        return None if self.column_scale is None else self.column_scale**2


def _check_range(X, variance):
    """Squares of centred data must neither overflow nor vanish in the dtype of X."""
    largest, limits = float(variance.max()), np.finfo(X.dtype)
    vanishes = largest <= limits.tiny and np.any(_column_range(X) > 0)
    if vanishes or not largest * np.prod(X.shape, dtype=np.float64) < limits.max:
        raise ValueError(
            f"X has features with a standard deviation of {np.sqrt(largest):.3g}, whose square is "
            f"out of the range of {X.dtype}. Rescale X."
        )


def _column_range(X):  # (n, d) -> (d,)
    span = X.max(axis=0) - X.min(axis=0)
    return span.toarray() if sparse.issparse(span) else span


def _moments(X):  # (n, d) -> (d,), (d,)
    if sparse.issparse(X):
        mean, variance = mean_variance_axis(X.astype(np.float64), axis=0)
        return mean, np.maximum(variance, 0)
    return X.mean(axis=0, dtype=np.float64), X.var(axis=0, dtype=np.float64)
