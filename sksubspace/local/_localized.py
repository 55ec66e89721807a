"""A regression that is fitted anew around each query, from its nearest rows.

Song, "The general theory of localization methods" (2026), whose local constant is kernel regression
and whose local line is that of Cleveland, "Robust locally weighted regression and smoothing
scatterplots", Journal of the American Statistical Association 74 (1979).
"""

import warnings
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sksubspace._ambient import OwnSettings
from sksubspace._docs import fill_parameters
from sksubspace._sklearn import BaseEstimator, HasMethods, Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Estimator, Floats
from sksubspace._validation import validate_rows
from sksubspace.local._fits import (
    means_of_neighborhoods,
    model_slopes,
    neighbor_models,
    neighbor_ridges,
    ridge_slopes,
    tricube,
)
from sksubspace.local._left_out import PENALTIES, choose_by_others, nearest_others, numbers_to_try
from sksubspace.neighbors import k_nearest

# rows that are left out one by one; models of the caller's take a fit for each
_MOST_LEFT_OUT, _MOST_MODELS = 600, 100


@fill_parameters
class LocalizedRegressor(OwnSettings, RegressorMixin, BaseEstimator):
    r"""Fit a small model to the nearest rows of each query, and answer with it.

    Between nearest neighbours, which answer with a mean, and a kernel machine: around each query a
    ridge regression with weights that fall with the distance. Its coefficients say which columns
    matter there, and leaving rows out one by one, exactly, chooses how far it looks.

    Parameters
    ----------
    estimator : {"ridge", "constant"} or estimator, default="ridge"
        What is fitted. "constant" is the weighted mean of the neighbours' targets. A regressor that
        takes sample weights is fitted anew for each query that differs, which is slow.

    n_neighbors : int or "loo", default="loo"
        Neighbours of a query. "loo" takes those of the best R2 of rows left out, of 10, 20, 40, 80,
        160 and 320, or all other rows where there are fewer.

    alpha : float or "loo", default="loo"
        Penalty of "ridge", as a multiple of the mean variance of the columns among the neighbours.
        "loo" chooses among the powers of ten from .01 to 1e6, of which the last is as good as
        "constant".

    n_jobs : int or None, default=None
        Processes for models of the caller's; None is one.

    Attributes
    ----------
    n_neighbors_ : int
        Neighbours that were taken.

    alpha_ : float or None
        Penalty that was taken; None for another estimator than "ridge".

    loo_score_ : float
        R2 of at most 600 rows (100 for models of the caller's), each predicted from the others; of
        several targets the mean. It is that of the best setting, and by that much optimistic.

    std_scale_ : ndarray of shape (n_targets,)
        By which the local residuals are multiplied in ``predict(return_std=True)``.

    {features_}

    See Also
    --------
    sklearn.neighbors.KNeighborsRegressor : Means of the nearest targets.
    sklearn.kernel_ridge.KernelRidge : One function for all queries; often better where it is
        smooth.

    Notes
    -----
    With the distances d_i of the k nearest rows, the weights are
    :math:`w_i = (1 - (d_i / d_k)^3)^3`, and all the same where the neighbours are equally far, as
    copies of the query are. With rows :math:`a_i = x_i - x` less their weighted mean
    :math:`\bar a` and targets less their mean :math:`\bar y`, the answer is

    .. math::
        \hat y = \bar y - \bar a^\top \beta, \qquad
        \beta = \Big( A^\top W A + \alpha \tfrac{\mathrm{tr} A^\top W A}{d} I \Big)^{-1}
        A^\top W (Y - \bar y) .

    Rows left out are left out with their copies, which would vouch for them. At most 600 rows are,
    always the same.

    Distances are Euclidean: scale the columns first. From about fifty columns on neighbours are far
    and local problems large; reduce them first. Outside of the rows it extrapolates a local line,
    which is no knowledge. There is no classifier: on indicators of classes it was no better than
    logistic regression.

    References
    ----------
    .. [1] William S. Cleveland, "Robust locally weighted regression and smoothing scatterplots",
       Journal of the American Statistical Association 74 (1979).
       https://doi.org/10.1080/01621459.1979.10481038
    .. [2] Congwei Song, "The general theory of localization methods" (2026).
       https://arxiv.org/abs/2605.20635

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.local import LocalizedRegressor
    >>> rng = np.random.RandomState(0)
    >>> X = rng.uniform(-2, 2, size=(500, 2))
    >>> y = X[:, 0] ** 2 + 3 * X[:, 1] + 0.1 * rng.randn(500)
    >>> local = LocalizedRegressor().fit(X, y)
    >>> bool(local.loo_score_ > 0.99)
    True
    >>> local.coef_at([[-1, 0], [1, 0]]).round(1)
    array([[-2.1,  2.7],
           [ 1.8,  3. ]])
    """

    n_neighbors_: int
    alpha_: float | None
    loo_score_: float
    std_scale_: Floats

    _parameter_constraints: dict = {
        "estimator": [StrOptions({"ridge", "constant"}), HasMethods(["fit", "predict"])],
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), StrOptions({"loo"})],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"loo"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Literal["ridge", "constant"] | Estimator = "ridge",
        *,
        n_neighbors: int | Literal["loo"] = "loo",
        alpha: float | Literal["loo"] = "loo",
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Keep the rows, and choose how many neighbours and what penalty.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or y has non-finite values, the estimator takes no weights, or `alpha` is 0 where a
            neighbourhood has too few rows for its columns.

        Warns
        -----
        UserWarning
            If `n_neighbors` is not below the number of rows: all but one are taken.
        """
        options = {"ensure_min_samples": 2, "multi_output": True, "y_numeric": True}
        X, y = validate_rows(self, X, y, **options)
        self._check_estimator()
        n, d = X.shape
        self._train_rows = np.array(X, dtype=np.float64)
        self._train_targets = np.array(y, dtype=np.float64).reshape(n, -1)
        self._one_target = y.ndim == 1
        wanted = self.n_neighbors
        if not isinstance(wanted, str) and wanted > n - 1:
            warnings.warn(
                f"n_neighbors={wanted} is not below the number of rows: {n - 1} are taken.",
                stacklevel=4,
            )
            wanted = n - 1
        most = _MOST_LEFT_OUT if isinstance(self.estimator, str) else _MOST_MODELS
        largest = max(numbers_to_try(wanted, n - 1))
        others = nearest_others(self._train_rows, largest, most)
        numbers = numbers_to_try(wanted, others.near.shape[1])
        if self.estimator == "ridge" and self.alpha == 0:
            numbers = _enough_for_lines(numbers, d)
        alphas = self._penalties()
        found = choose_by_others(
            self._train_rows, self._train_targets, numbers, alphas, others, self._answer
        )
        self.n_neighbors_ = found.n_neighbors if isinstance(wanted, str) else int(wanted)
        self.alpha_ = found.alpha if self.estimator == "ridge" else None
        self.loo_score_, self.std_scale_ = found.score, found.std_scale
        return self

    def _check_estimator(self):
        if isinstance(self.estimator, str) or has_fit_parameter(self.estimator, "sample_weight"):
            return
        raise ValueError(
            "estimator must take sample_weight in fit, which "
            f"{type(self.estimator).__name__} does not."
        )

    def _penalties(self):  # -> (a,)
        if self.estimator != "ridge":
            return (0.0,)
        return PENALTIES if isinstance(self.alpha, str) else (float(self.alpha),)

    def _answer(self, queries, near, weights, alphas):  # (m, d), (m, k) -> 2 x (a, m, q)
        """Predictions and local squared residuals."""
        X, Y = self._train_rows, self._train_targets
        if self.estimator == "constant":
            return means_of_neighborhoods(Y, near, weights)
        if self.estimator == "ridge":
            return neighbor_ridges(queries, X, Y, near, weights, alphas)
        return neighbor_models(self.estimator, queries, X, Y, near, weights, self.n_jobs)

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Predict by the model around each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        return_std : bool, default=False
            Whether to return how far off a prediction may be as well.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.

        y_std : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Only with `return_std`: root of the weighted mean squared residual of the neighbours,
            times `std_scale_`, so that on rows left out it is right on average. It is wide where
            the targets scatter, not where rows are few.
        """
        queries, near, weights, dtype = self._around(X)
        alphas = (0.0 if self.alpha_ is None else self.alpha_,)
        predictions, squares = self._answer(queries, near, weights, alphas)
        y = self._shaped(predictions[0], dtype)
        if not return_std:
            return y
        return y, self._shaped(np.sqrt(squares[0]) * self.std_scale_, dtype)

    def coef_at(self, X: ArrayLike) -> Floats:
        """Give the coefficients of the model around each row: which columns matter there.

        They are those of the line that is fitted, not the slope of `predict`, in which the weights
        change as well. A column that hardly varies among the neighbours has one of little meaning.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        coef : ndarray of shape (n_samples, n_features) or (n_samples, n_targets, n_features)
            Change of the prediction per unit of each column.

        Raises
        ------
        AttributeError
            If `estimator` is "constant", or one without ``coef_``.
        """
        queries, near, weights, dtype = self._around(X)
        rows, targets = self._train_rows, self._train_targets
        if self.estimator == "constant":
            raise AttributeError("estimator='constant' has no coefficients; 'ridge' has.")
        if self.estimator == "ridge":
            found = ridge_slopes(queries, rows, targets, near, weights, self.alpha_)
        else:
            found = model_slopes(self.estimator, queries, rows, targets, near, weights, self.n_jobs)
        return self._shaped(found, dtype)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R2 of the predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that ``fit`` has not seen; of those it has, the row itself is a neighbour.

        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            At most 1, which is a perfect fit; 0 is what the mean reaches, and without bound below.
            The mean over targets.
        """
        return float(super().score(X, y, sample_weight))

    def _around(self, X):  # (m, d) -> (m, d), (m, k), (m, k), dtype
        """Rows in double precision, their neighbours and the weights of these."""
        check_is_fitted(self)
        X = validate_rows(self, X, reset=False)
        queries = X.astype(np.float64, copy=False)
        squared, near = k_nearest(queries, self._train_rows, self.n_neighbors_)
        return queries, near, tricube(squared), X.dtype

    def _shaped(self, values, dtype):  # (m, q, ...) -> (m, ...) where there is one target
        return (values[:, 0] if self._one_target else values).astype(dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _enough_for_lines(numbers, d):
    """Numbers of neighbours of which all but the farthest determine a line in d columns."""
    enough = tuple(k for k in numbers if k >= d + 2)
    if not enough:
        raise ValueError(
            f"alpha must be positive where n_neighbors is below n_features + 2 = {d + 2}, got "
            f"alpha=0 with {max(numbers)} neighbors."
        )
    return enough
