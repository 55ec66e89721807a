"""Local ridge regression: many small weighted problems at once, in coordinates about the query.

Of query x and its neighbours x_i with weights w_i that sum to 1, rows a_i = x_i - x less their mean
a_w, targets less their mean y_w:

    beta = (A'WA + alpha tr(A'WA) / d I)^{-1} A'W(Y - y_w),    prediction  y_w - a_w' beta.

The products are those of one query at a time, so that no answer depends on the other queries.
"""

from typing import NamedTuple

import numpy as np

# of the largest: an eigenvalue below is a direction in which the neighbours do not differ
_FLAT = 1e-12


class LocalRidge(NamedTuple):
    """The problems of b queries with k neighbours, d columns and q targets, solved for any alpha.

    By the eigenvalues l and vectors V of A'WA, in whose coordinates c = V'A'W(Y - y_w).
    """

    values: np.ndarray  # (b, d), l
    vectors: np.ndarray  # (b, d, d), V
    turned: np.ndarray  # (b, d, q), c
    mean_row: np.ndarray  # (b, d), a_w
    mean_target: np.ndarray  # (b, q), y_w
    total: np.ndarray  # (b, q), sum of w (y - y_w)^2

    @classmethod
    def of(cls, queries, X, Y, near, weights):  # (b, d), (n, d), (n, q), (b, k), (b, k)
        """Set up and turn the problems; weights sum to 1."""
        w = weights[:, None, :]
        A, T = X[near] - queries[:, None, :], Y[near]
        mean_row, mean_target = (w @ A)[:, 0], (w @ T)[:, 0]
        root = np.sqrt(weights)[:, :, None]
        A = (A - mean_row[:, None]) * root
        T = (T - mean_target[:, None]) * root
        across = A.swapaxes(1, 2)
        values, V = np.linalg.eigh(across @ A)
        values = np.maximum(values, 0)
        turned = V.swapaxes(1, 2) @ (across @ T)
        turned[values <= _FLAT * values[:, -1:]] = 0
        return cls(values, V, turned, mean_row, mean_target, np.square(T).sum(axis=1))

    def _penalised(self, alpha):  # -> (b, d), (b, 1)
        """1 / (l + r), 0 for flat directions without a penalty, and r = alpha tr(A'WA) / d."""
        penalty = alpha * self.values.mean(axis=1, keepdims=True)
        largest = self.values[:, -1:]
        kept = self.values + penalty > _FLAT * largest
        inverse = np.zeros_like(self.values)
        return np.divide(1, self.values + penalty, out=inverse, where=kept), penalty

    def slopes(self, alpha):  # -> (b, d, q)
        """The coefficients beta = V (l + r)^{-1} c."""
        return self.vectors @ (self._penalised(alpha)[0][:, :, None] * self.turned)

    def predictions(self, alpha):  # -> (b, q)
        """y_w - a_w' beta."""
        return self.mean_target - (self.mean_row[:, None, :] @ self.slopes(alpha))[:, 0]

    def residual_squares(self, alpha):  # -> (b, q)
        """Give sum w (y - y_w - a' beta)^2: the total less sum c^2 (l + 2r) / (l + r)^2."""
        inverse, penalty = self._penalised(alpha)
        share = (self.values + 2 * penalty) * inverse**2
        explained = (share[:, None, :] @ np.square(self.turned))[:, 0]
        return np.maximum(self.total - explained, 0)
