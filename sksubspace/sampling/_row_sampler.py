"""Rows drawn with weights, so that a regression on them is nearly that on all.

Woodruff and Yasuda, "Sharper bounds for l_p sensitivity sampling", ICML 2023; Nouy and Michel,
"Weighted least-squares approximation with determinantal point processes and generalized volume
sampling" (2024).
"""

import warnings
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import indexable
from sklearn.utils.validation import check_is_fitted

from sksubspace._ambient import OwnSettings
from sksubspace._docs import fill_parameters
from sksubspace._linalg import dense
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import (
    BaseEstimator,
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
    _safe_indexing,
)
from sksubspace._typing import ArrayLike, Floats, Ints, Matrix, Seed
from sksubspace._validation import validate_rows
from sksubspace.sampling._columns import (
    method_for,
    number_of_rows,
    numbers_of,
    regression_columns,
    rows_times,
    side_by_side,
)
from sksubspace.sampling._draw import (
    draw_by_volume,
    draw_with_replacement,
    draw_without_replacement,
)
from sksubspace.sampling._powers import lines_of_few, share_explained
from sksubspace.sampling._scores import orthonormal_coordinates, scores_by_method

_METHODS = ("auto", "uniform", "leverage", "root_leverage", "lewis", "sensitivity", "volume")


@fill_parameters
class RowSampler(OwnSettings, BaseEstimator):
    r"""Draw few rows with weights, for a linear regression that is nearly that of all rows.

    Rows that a regression hangs on are drawn more often and count less each, so that weighted sums
    over the rows drawn are right on average. It has ``fit_resample``, the protocol of
    imbalanced-learn; as that hands on no weights, `CoresetRegressor` is what fits a regression.

    Parameters
    ----------
    n_rows : int or float, default=0.1
        Rows to draw, or their share. If there are no more than that, all are kept, with weight 1.

    p : float, default=2
        Power of the residuals that the regression sums: 2 for least squares, 1 for least absolute
        deviations; from 1 to below 4.

    method : str, default="auto"
        What makes a row likely: "uniform", "leverage", "root_leverage", "lewis", "sensitivity" or
        "volume"; see the notes. "auto" is "volume" for p = 2 and at most three rows for two
        coefficients, else "leverage", and "lewis" for any other p.

    replace : bool, default=False
        Whether rows are drawn independently, and one can be drawn twice. "volume" always may.

    include_y : bool, default=True
        Whether the target counts as a column, where there is one: rows with large residuals are
        then drawn more often. Not with "volume", whose estimate it would bias.

    fit_intercept : bool, default=True
        Whether the constant counts as a column, as it should where the regression fits one.

    max_iter : int, default=30
        Rounds of "lewis".

    {random_state}
        Draws the rows.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_rows,)
        Numbers of the rows drawn, ascending.

    sample_weight_ : ndarray of shape (n_rows,)
        Their weights.

    scores_ : ndarray of shape (n_samples,)
        What the chance of each row is proportional to, up to 1.

    n_rows_ : int
        Rows drawn.

    method_ : str
        The method taken.

    {features_}

    See Also
    --------
    CoresetRegressor : Draws rows and fits a regressor to them, with the weights.

    Notes
    -----
    The rows :math:`a_i` are those of X, the constant and y, times :math:`w_i^{1/p}` where they come
    with weights. Scores are 1 ("uniform");
    :math:`\tau_i(A) = a_i^\top (A^\top A)^{-1} a_i` ("leverage"); :math:`\tau_i^{p/2}`
    ("root_leverage", p < 2); the solution of
    :math:`w_i = \big( w_i^{2/p - 1} \tau_i(W^{1/2 - 1/p} A) \big)^{p/2}` ("lewis"); and
    :math:`\max_b |a_i^\top b| / \|A b\|_1` ("sensitivity", p = 1), by a linear programme for each
    of at most 5,000 rows. Row i is kept with probability :math:`q_i = \min(1, c s_i)`, with
    :math:`\sum_i q_i` the number of rows, and weighs :math:`1/q_i`.

    "volume" draws as many rows as there are coefficients by a determinantal point process, and the
    others by leverage. The weighted least-squares solution then is that of all rows on average,
    which for no other method it is.

    Sparse X is taken with "uniform", "leverage", "root_leverage" and "lewis", up to 5,000 columns.

    It does not help where a row is a row: of rows that are spread evenly, uniform ones are nearly
    as good. Nor does it see what a nonlinear model needs; put features in front.

    References
    ----------
    .. [1] David P. Woodruff and Taisuke Yasuda, "Sharper bounds for l_p sensitivity sampling", ICML
       2023. https://arxiv.org/abs/2306.00732
    .. [2] Michael B. Cohen and Richard Peng, "l_p row sampling by Lewis weights", STOC 2015.
       https://arxiv.org/abs/1412.0588
    .. [3] Anthony Nouy and Bertrand Michel, "Weighted least-squares approximation with
       determinantal point processes and generalized volume sampling", arXiv (2024).
       https://arxiv.org/abs/2312.14057
    .. [4] Michal Derezinski, Manfred K. Warmuth and Daniel Hsu, "Leveraged volume sampling for
       linear regression", NeurIPS 2018. https://arxiv.org/abs/1802.06749

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sksubspace.sampling import RowSampler
    >>> rng = np.random.RandomState(0)
    >>> X = rng.randn(10_000, 5)
    >>> X[:50] *= 30  # rows that a regression hangs on
    >>> y = X.sum(axis=1) + rng.randn(10_000)
    >>> for method in ("uniform", "leverage"):
    ...     sampler = RowSampler(60, method=method, random_state=0)
    ...     X_few, y_few = sampler.fit_resample(X, y)
    ...     model = LinearRegression().fit(X_few, y_few, sampler.sample_weight_)
    ...     print(f"{method}: off by {np.abs(model.coef_ - 1).max():.2f}")
    uniform: off by 0.17
    leverage: off by 0.05
    """

    sample_indices_: Ints
    sample_weight_: Floats
    scores_: Floats
    n_rows_: int
    method_: str

    _parameter_constraints: dict = {
        "n_rows": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "p": [Interval(Real, 1, 4, closed="left")],
        "method": [StrOptions(set(_METHODS))],
        "replace": ["boolean"],
        "include_y": ["boolean"],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_rows: float = 0.1,
        *,
        p: float = 2,
        method: Literal[
            "auto", "uniform", "leverage", "root_leverage", "lewis", "sensitivity", "volume"
        ] = "auto",
        replace: bool = False,
        include_y: bool = True,
        fit_intercept: bool = True,
        max_iter: int = 30,
        random_state: Seed = None,
    ) -> None:
        self.n_rows = n_rows
        self.p = p
        self.method = method
        self.replace = replace
        self.include_y = include_y
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Matrix, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Draw the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights that the rows have in the regression of all. Those drawn are multiplied by them.

        Returns
        -------
        self : RowSampler
            The fitted sampler.

        Raises
        ------
        TypeError
            If X is sparse and `method` needs it dense.

        ValueError
            If `method` does not go with `p` or with so many rows, `n_rows` is less than the rank
            for "volume", a weight is negative, no row counts, or y is not of numbers and should be
            included.

        Warns
        -----
        UserWarning
            If columns depend on each other; their rank is then what counts.

        ConvergenceWarning
            If Lewis weights still change after `max_iter` rounds.
        """
        if y is None:
            X, Y = validate_rows(self, X, accept_sparse="csr"), None
        else:
            X, y = validate_rows(self, X, y, accept_sparse="csr", multi_output=True)
            Y = numbers_of(y, needed=self.include_y)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        rows = regression_columns(X, self.fit_intercept)
        self.method_ = method_for(self, rows)
        target = Y if self.include_y and self.method_ != "volume" else None
        counted = rows_times(side_by_side(rows, target), weights ** (1 / self.p))
        self._draw(counted, weights, np.finfo(X.dtype).eps)
        self._drawn_rows = dense(rows[self.sample_indices_])
        self._drawn_targets = None if Y is None else Y[self.sample_indices_]
        return self

    def fit_resample(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> tuple[Any, Any]:
        """Draw the rows and return them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights that the rows have in the regression of all.

        Returns
        -------
        X_resampled : {array-like, sparse matrix} of shape (n_rows, n_features)
            The rows drawn, a data frame if X is one. Their weights are `sample_weight_`.

        y_resampled : array-like of shape (n_rows,) or (n_rows, n_targets)
            Their targets; None if there are none.
        """
        self.fit(X, y, sample_weight=sample_weight)
        rows = self.sample_indices_
        X, y = indexable(X, y)
        return _safe_indexing(X, rows), None if y is None else _safe_indexing(y, rows)

    def score(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Tell what a linear regression on the rows drawn explains of other rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            1 - the sum of the p-th powers of residuals over that of the best constant, which for
            p = 2 is R2; at most 1, which is a perfect fit. 0 is what the constant reaches, and few
            rows can fall below without bound. The mean over targets.

        Raises
        ------
        ValueError
            If ``fit`` had no targets of numbers.
        """
        check_is_fitted(self)
        if self._drawn_targets is None:
            raise ValueError("score needs targets of numbers in fit, as y; got none.")
        X, y = validate_rows(self, X, y, reset=False, accept_sparse="csr", multi_output=True)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        drawn, targets, own = self._drawn_rows, self._drawn_targets, self.sample_weight_
        B = lines_of_few(drawn, targets, own, self.p, self.fit_intercept)
        rows = regression_columns(X, self.fit_intercept)
        return share_explained(rows, numbers_of(y), weights, B, self.p)

    def _draw(self, A, weights, eps):
        """Score all rows and draw some."""
        n = A.shape[0]
        n_rows = number_of_rows(self.n_rows, n)
        T = None if self.method_ == "uniform" else orthonormal_coordinates(A, eps)
        if T is not None and T.shape[1] < A.shape[1]:
            warnings.warn(
                f"The columns, with those of the constant and of y, are {A.shape[1]} and have rank "
                f"{T.shape[1]}: scores are those of their span.",
                stacklevel=4,
            )
        self.scores_, at_rest = scores_by_method(self.method_, A, T, self.p, self.max_iter)
        self.scores_[weights == 0] = 0
        if not self.scores_.any():
            raise ValueError("X must have a row that is not zero and has a weight, got none.")
        if not at_rest:
            warnings.warn(
                f"Lewis weights still change after max_iter={self.max_iter} rounds.",
                ConvergenceWarning,
                stacklevel=4,
            )
        random_state = isolated_random_state(self.random_state)
        if n_rows >= n and not self.replace:
            at, own = np.arange(n), np.ones(n)
        elif self.method_ == "volume":
            at, own = draw_by_volume(A @ T, n_rows, random_state)
        else:
            draw = draw_with_replacement if self.replace else draw_without_replacement
            at, own = draw(self.scores_, n_rows, random_state)
        self.sample_indices_, self.sample_weight_ = at, own * weights[at]
        self.n_rows_ = len(at)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.method not in ("sensitivity", "volume")
        tags.target_tags.required = False
        tags.target_tags.multi_output = True
        return tags
