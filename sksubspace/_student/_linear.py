"""Linear encoder: least squares from data to places, left out by groups in closed form."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from sklearn.linear_model import Ridge

from sksubspace._linalg import dense, gram, in_blocks, row_blocks
from sksubspace._student._block_leave_out import group_solver
from sksubspace._student._groups import (
    members_by_size,
    nearest_kinds,
    nearest_of_other_groups,
)
from sksubspace._student._median import (
    MEAN_POWER,
    mean_of_nearest,
    weighted_mean,
)
from sksubspace._student._part import Part, Setting
from sksubspace._typing import ArrayLike, Floats, Ints, Matrix, Sparse

# of the largest eigenvalue: from interpolation to a map that hardly moves
_PENALTIES = 10.0 ** np.arange(-8, 3)
# below it, relative to the largest, a direction of a Gram matrix has lost half of its digits
_SMALLEST_EIGENVALUE = 1e-8
# side up to which a Gram matrix is formed; above, an iterative solver is cheaper
_MAX_GRAM = 2000
# of the mean eigenvalue, for the iterative solver: the strong ones are found in a few steps, and
# the weak ones, which take hundreds, are tried only where data bear them
_PENALTIES_BY_ENERGY = 10.0 ** np.arange(2, -7, -1)
# its tolerance while it searches, and for the line that is kept
_ROUGH, _FINE = 1e-4, 1e-8
# residuals of the map, in units of its radius, that are worth correcting
_EXACT_ENOUGH = 1e-6
# nearest training rows whose residuals are added: so few that the correction stays local
_N_CORRECTING = 3
# neighbours of the second reading, as for the median
_N_MEAN = 10
# share of the places' squares that an exact line is off by
_ROUNDING = 1e-12


class LinearEncoder(Part):
    r"""Place rows by least squares.

    Where a row and its group would go without them is known in closed form.

    Parameters
    ----------
    exact : bool, default=True
        Whether the inverse-square-distance mean of the residuals of the three nearest training rows
        is added, so that training rows are where they were drawn. Without it the encoder holds no
        training rows.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_components)
        Slopes.

    intercept_ : ndarray of shape (n_components,)
        The place of a row of zeros.

    rows_, residuals_ : ndarray of shape (n_samples, ...) or None
        What the correction needs; None where there is none.

    kinds_ : ndarray of shape (n_kinds,) or None
        Numbers of the rows that it searches, one of each and its copies; None if all differ.

    See Also
    --------
    MedianEncoder : For maps that are torn or bent.

    Notes
    -----
    A ridge penalty a, chosen by the left-out errors, keeps the problem determined. With the centred
    data :math:`X = U \Lambda^{1/2} V^T` the hat matrix is
    :math:`H = 1/n + U \Lambda (\Lambda + a)^{-1} U^T`, and without its group g a row is placed at

    .. math:: z_{(-g)} = z_g - (I - H_{gg})^{-1} e_g .

    Where neither side of X is below 2,000, an iterative solver takes its place, and two halves of
    the groups, each placed by the other, that of :math:`H`; a follows from their errors.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.encoding import LinearEncoder
    >>> X = np.arange(6.0)[:, None]
    >>> LinearEncoder().fit(X, 10 * X).predict(np.array([[2.5]])).round(3)
    array([[25.]])
    """

    coef_: Floats
    intercept_: Floats
    rows_: Floats | Sparse | None
    residuals_: Floats | None
    kinds_: Ints | None

    name = "linear"
    kinds_ = None

    def __init__(self, exact: bool = True) -> None:
        self.exact = exact

    def fit(
        self,
        X: Matrix,
        Z: ArrayLike,
        groups: ArrayLike | None = None,
        setting: Setting | None = None,
    ) -> Self:
        """Fit places by rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Training rows.

        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.

        groups : ndarray of shape (n_samples,) or None, default=None
            Rows of a group are left out together; None for none.

        setting : Setting or None, default=None
            What a student hands over: units, the search of neighbours, the trainer.

        Returns
        -------
        self : object
            The fitted encoder.
        """
        groups = np.arange(len(Z)) if groups is None else groups
        rows = np.arange(len(Z)) if setting is None else setting.rows
        found = _fit(X, Z, groups)
        self.coef_, self.intercept_ = found.coef, found.intercept
        self.rows_ = self.residuals_ = None
        residuals = Z - self._line(X)
        if self.exact and np.abs(residuals).max() > _EXACT_ENOUGH:
            self.rows_, self.residuals_ = X, residuals
            if setting is not None and setting.kinds is not None:
                self.kinds_ = setting.kinds
        self._fitted = _Fitted(X, Z, groups, rows, found)
        return self

    def predict(self, X: Matrix) -> Floats:  # (m, d) -> (m, q)
        """Place rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.
        """
        if self.residuals_ is None:
            return self._line(X)
        return self._line(X) + interpolate_residuals(X, self.rows_, self.residuals_, self.kinds_)

    def left_out_line(self) -> Floats:  # -> (m, q)
        """Say where the line puts the training rows without their groups.

        Returns
        -------
        Z_out : ndarray of shape (n_left_out, n_components)
            Scaled places; available until the student lets go of the training rows.
        """
        return self._fitted.found.left_out[self._fitted.rows]

    def left_out(self) -> Floats:  # -> (m, q)
        """Say where the training rows go without their groups, the correction included.

        Returns
        -------
        Z_out : ndarray of shape (n_left_out, n_components)
            Scaled places; available until the student lets go of the training rows.
        """
        placed = self.left_out_line()
        if self.residuals_ is None or self._fitted.found.influence is None:
            return placed
        return placed + _left_out_correction(self._fitted, self.residuals_, self.kinds_)

    def left_out_mean(self) -> Floats:  # -> (m, q)
        """Average the nearest rows' places; a bare line is an average of its own.

        Returns
        -------
        Z_out : ndarray of shape (n_left_out, n_components)
            Scaled places; available until the student lets go of the training rows.
        """
        if self.residuals_ is None:
            return self.left_out_line()
        fitted = self._fitted
        squared, near = nearest_of_other_groups(
            fitted.X[fitted.rows], fitted.X, _N_MEAN, fitted.rows, fitted.groups, self.kinds_
        )
        return weighted_mean(squared, fitted.Z[near], MEAN_POWER)

    def predict_mean(self, X: Matrix) -> Floats:  # (m, d) -> (m, q)
        """Average the nearest rows' places for new rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.
        """
        if self.residuals_ is None:
            return self._line(X)
        places = self._line(self.rows_) + self.residuals_
        return mean_of_nearest(X, self.rows_, places, _N_MEAN, self.kinds_)

    def _line(self, X):  # (m, d) -> (m, q)
        if sparse.issparse(X):
            return X @ self.coef_ + self.intercept_
        return in_blocks(lambda rows: rows @ self.coef_, X) + self.intercept_


@dataclass(frozen=True)
class LeastSquares:
    """A line, where it puts rows without their groups, and W such that H = W W' + 1/n."""

    coef: np.ndarray  # (d, q)
    intercept: np.ndarray  # (q,)
    left_out: np.ndarray  # (n, q)
    influence: np.ndarray | None  # (n, r); None for the iterative solver


@dataclass(frozen=True)
class _Fitted:
    X: Any
    Z: np.ndarray
    groups: np.ndarray
    rows: np.ndarray
    found: LeastSquares


def interpolate(squared, values):  # (m, k), (m, k, q) -> (m, q)
    """Inverse-square-distance mean; values at distance zero decide alone."""
    equal = squared == 0
    weights = 1 / np.where(equal, 1.0, squared)
    weights = np.where(equal.any(axis=1, keepdims=True), equal, weights)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkq->mq", weights, values)


def interpolate_residuals(X, rows, residuals, kinds=None):  # (m, d), (n, d), (n, q) -> (m, q)
    """What the three nearest training rows were off by."""
    squared, near = nearest_kinds(X, rows, _N_CORRECTING, kinds)
    return interpolate(squared, residuals[near])


def _fit(X, Z, groups):  # (n, d), (n, q), (n,) -> LeastSquares
    if min(X.shape) > _MAX_GRAM:
        return _fit_iteratively(X, Z, groups)
    mean, centre = np.asarray(X.mean(axis=0), dtype=np.float64).ravel(), Z.mean(axis=0)
    decompose = _primal if X.shape[1] <= X.shape[0] else _dual
    left, eigenvalues = decompose(X, mean)
    penalty, residuals = _choose_penalty(left, eigenvalues, Z - centre, members_by_size(groups))
    moment = left.T @ (Z - centre)
    weights = left @ (moment / (eigenvalues + penalty)[:, None])  # coef = Xc' weights
    coef = _transposed_product(X, mean, weights)
    influence = left * np.sqrt(eigenvalues / (eigenvalues + penalty))
    return LeastSquares(coef, centre - mean @ coef, Z - residuals, influence)


def _primal(X, mean):  # (n, d), (d,) -> (n, r), (r,)
    """Left singular vectors and eigenvalues through the (d, d) covariance."""
    products = np.zeros((X.shape[1],) * 2)
    for rows in row_blocks(X.shape[0]):
        centred = dense(X[rows], np.float64) - mean
        products += centred.T @ centred
    eigenvalues, vectors = _significant(*eigh(products))
    left = np.empty((X.shape[0], len(eigenvalues)))
    for rows in row_blocks(X.shape[0]):
        left[rows] = (dense(X[rows], np.float64) - mean) @ (vectors / np.sqrt(eigenvalues))
    return left, eigenvalues


def _dual(X, mean):  # (n, d), (d,) -> (n, r), (r,)
    """The same through the (n, n) Gram matrix, for fewer rows than features.

    Sparse rows stay sparse: their mean is taken off the products.
    """
    if sparse.issparse(X):
        along = np.asarray(X @ mean)
        products = gram(X.T, X.T, 0.0) - along[:, None] - along + mean @ mean
    else:
        centred = dense(X, np.float64) - mean
        products = centred @ centred.T
    eigenvalues, left = _significant(*eigh(products))
    return left, eigenvalues


def _significant(eigenvalues, vectors):
    keep = eigenvalues > _SMALLEST_EIGENVALUE * max(eigenvalues[-1], 1e-300)
    return eigenvalues[keep], vectors[:, keep]


def _choose_penalty(left, eigenvalues, Z, members):  # (n, r), (r,), (n, q) -> float, (n, q)
    """Penalty with the least left-out error, and its left-out residuals (I - H_gg)^-1 e_g."""
    moment = left.T @ Z
    squares = np.square(left)
    outside = 1 - 1 / len(Z) - squares.sum(axis=1)  # of the unit vector of row i, outside of U
    outside[outside < 1e-9] = 0
    beyond = Z - left @ moment
    best = (np.inf, 1.0, Z)
    for penalty in _PENALTIES * max(eigenvalues, default=1.0):
        kept_out = penalty / (eigenvalues + penalty)  # of 1 - H, without cancellation
        residuals = beyond + left @ (kept_out[:, None] * moment)
        alone = np.maximum(outside + squares @ kept_out, 1e-12)
        _divide(residuals, alone, left * np.sqrt(1 - kept_out), members)
        # below, errors are rounding, and the first of equally good penalties is taken
        error = max(np.square(residuals).sum(), _ROUNDING * np.square(Z).sum())
        if error < best[0]:
            best = (error, penalty, residuals)
    return best[1:]


def _divide(residuals, alone, influence, members):
    """Turn residuals e_g into (I - H_gg)^-1 e_g, in place; H = W W' + 1/n = S S'."""
    mean = np.full(len(residuals), len(residuals) ** -0.5)
    for rows in members:
        if rows.shape[1] == 1:
            residuals[rows[:, 0]] /= alone[rows[:, 0], None]
            continue
        for group in rows:
            S = np.column_stack([influence[group], mean[group]])
            residuals[group] = group_solver(S)(residuals[group])


def _transposed_product(X, mean, weights):  # (n, d), (d,), (n, q) -> (d, q)
    """Xc' weights; the weights add up to zero, so that the mean drops out."""
    return np.asarray(X.T @ weights) - np.outer(mean, weights.sum(axis=0))


def _fit_iteratively(X, Z, groups):
    """Two halves by whole groups place each other, by the penalty that does it best."""
    squared_norm = X.multiply(X).sum() if sparse.issparse(X) else np.square(X).sum()
    energy = max(float(squared_norm) / min(X.shape), 1e-300)
    half = np.random.RandomState(0).permutation(groups.max() + 1)[groups] % 2
    least, chosen, left_out = np.inf, energy, np.zeros_like(Z)
    for penalty in _PENALTIES_BY_ENERGY * energy:
        placed = np.empty_like(Z)
        for fold in (0, 1):
            coef, intercept = _iterate(X[half != fold], Z[half != fold], penalty, _ROUGH)
            placed[half == fold] = X[half == fold] @ coef + intercept
        error = np.square(Z - placed).sum()
        if error >= least:
            break
        least, chosen, left_out = error, penalty, placed
    return LeastSquares(*_iterate(X, Z, chosen, _FINE), left_out, None)


def _iterate(X, Z, penalty, tolerance):  # (n, d), (n, q) -> (d, q), (q,)
    model = Ridge(alpha=penalty, solver="lsqr", tol=tolerance, max_iter=300).fit(X, Z)
    return np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)


def _left_out_correction(fitted, residuals, kinds):  # _Fitted, (n, q), (c,) -> (m, q)
    """What the correction adds at row i when it and the line are made without the group of i.

    The residual of row j under the fit without group g is e_j + H_jg (I - H_gg)^-1 e_g.
    """
    X, Z, groups, rows = fitted.X, fitted.Z, fitted.groups, fitted.rows
    influence, without = fitted.found.influence, Z - fitted.found.left_out
    squared, near = nearest_of_other_groups(X[rows], X, _N_CORRECTING, rows, groups, kinds)
    values = np.empty((*near.shape, residuals.shape[1]))
    if groups.max() + 1 == len(Z):
        for block in row_blocks(len(rows)):
            here = rows[block]
            hat = np.einsum("np,nkp->nk", influence[here], influence[near[block]]) + 1 / len(Z)
            values[block] = residuals[near[block]] + hat[:, :, None] * without[here, None, :]
        return interpolate(squared, values)
    moved = np.zeros(
        (groups.max() + 1, influence.shape[1] + 1, Z.shape[1])
    )  # S_g'(I - H_gg)^-1 e_g
    S = np.column_stack([influence, np.full(len(Z), len(Z) ** -0.5)])
    np.add.at(moved, groups, S[:, :, None] * without[:, None, :])
    for block in row_blocks(len(rows), 64):
        shift = np.einsum("nkp,npq->nkq", S[near[block]], moved[groups[rows[block]]])
        values[block] = residuals[near[block]] + shift
    return interpolate(squared, values)
