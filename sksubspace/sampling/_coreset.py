"""A regressor that is fitted to few rows, drawn with weights."""

from typing import Self

import numpy as np
from sklearn import get_config
from sklearn.base import MetaEstimatorMixin, RegressorMixin, clone
from sklearn.linear_model import LinearRegression
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sksubspace._ambient import OwnSettings
from sksubspace._docs import fill_parameters
from sksubspace._sklearn import BaseEstimator, HasMethods, _fit_context
from sksubspace._typing import ArrayLike, Estimator, Floats, Matrix
from sksubspace._validation import validate_rows
from sksubspace.sampling._row_sampler import RowSampler


@fill_parameters
class CoresetRegressor(OwnSettings, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Draw rows, and fit a regressor to them with their weights.

    It is used like the regressor itself: in a pipeline, in a search, in cross-validation. Only
    ``fit`` sees fewer rows; `score` is the regressor's own on all rows that it is given.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Regressor with sample weights, or a pipeline that ends in one. None is linear regression.

    sampler : sampler or None, default=None
        What has ``fit_resample`` and leaves `sample_weight_` behind. None is `RowSampler` with its
        defaults, which draws a tenth of the rows.

    Attributes
    ----------
    estimator_ : estimator
        The regressor, fitted to the rows drawn.

    sampler_ : estimator
        The sampler, which drew them; `sample_indices_` are their numbers.

    {features_}

    See Also
    --------
    RowSampler : Draws the rows.

    Notes
    -----
    Rows are drawn from the columns of X. If the regressor is a pipeline that makes other columns of
    them, put the steps that do in front of this estimator instead, so that rows are drawn from what
    the regression sees. In a pipeline as `estimator`, only the last step is told the weights, if
    scikit-learn's metadata routing is off.

    It saves the time of the fit and not that of looking at all rows once, which leverage scores
    take. For ordinary least squares that is as much as the fit itself; it pays for fits that take
    longer, such as those of least absolute deviations, kernels or a search, and where targets
    are what costs.

    References
    ----------
    .. [1] David P. Woodruff and Taisuke Yasuda, "Sharper bounds for l_p sensitivity sampling", ICML
       2023. https://arxiv.org/abs/2306.00732

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from sksubspace.sampling import CoresetRegressor, RowSampler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> few = CoresetRegressor(Ridge(1e-3), RowSampler(100, random_state=0)).fit(X, y)
    >>> print(f"{few.score(X, y):.2f} from 100 rows, {Ridge(1e-3).fit(X, y).score(X, y):.2f}")
    0.46 from 100 rows, 0.52
    """

    estimator_: Estimator
    sampler_: Estimator

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "sampler": [HasMethods(["fit_resample"]), None],
    }

    def __init__(
        self, estimator: Estimator | None = None, sampler: Estimator | None = None
    ) -> None:
        self.estimator = estimator
        self.sampler = sampler

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Draw rows and fit the regressor to them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights that the rows would have in the fit to all.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the regressor takes no weights, X or y has non-finite values, or the sampler refuses
            what it is given.
        """
        regressor = LinearRegression() if self.estimator is None else self.estimator
        name = _weights_parameter(regressor)
        options = {"accept_sparse": "csr", "multi_output": True, "y_numeric": True}
        _, y = validate_rows(self, X, y, **options)
        sampler = clone(RowSampler() if self.sampler is None else self.sampler)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        # as it was given: the regressor may know columns by their names
        rows, targets = sampler.fit_resample(X, y, **weights)
        self.estimator_ = clone(regressor).fit(rows, targets, **{name: sampler.sample_weight_})
        self.sampler_ = sampler
        return self

    def predict(self, X: Matrix) -> Floats:
        """Predict by the regressor.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.
        """
        check_is_fitted(self)
        validate_rows(self, X, reset=False, accept_sparse="csr")
        return np.asarray(self.estimator_.predict(X))

    def score(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Score by the regressor, on all rows that are given.

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
            R2 for most: at most 1, a perfect fit; 0 is what a constant reaches, and without bound
            below.
        """
        check_is_fitted(self)
        validate_rows(self, X, reset=False, accept_sparse="csr")
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(self.estimator_.score(X, y, **weights))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        regressor = get_tags(LinearRegression() if self.estimator is None else self.estimator)
        sampler = get_tags(RowSampler() if self.sampler is None else self.sampler)
        tags.input_tags.sparse = regressor.input_tags.sparse and sampler.input_tags.sparse
        tags.target_tags.multi_output = regressor.target_tags.multi_output
        tags.regressor_tags.poor_score = True  # it is that of few rows
        return tags


def _weights_parameter(regressor):  # -> str
    """The name under which a regressor takes the weights of rows.

    Raises
    ------
    ValueError
        If it takes none.
    """
    steps = getattr(regressor, "steps", None)
    if steps and not get_config()["enable_metadata_routing"]:
        name, last = steps[-1]
        found, taken = f"{name}__sample_weight", has_fit_parameter(last, "sample_weight")
    else:
        found = "sample_weight"
        # a pipeline or a search hands on what it is told
        taken = has_fit_parameter(regressor, found) or has_fit_parameter(regressor, "params")
    if not taken:
        raise ValueError(
            f"estimator must take sample_weight in fit, which {type(regressor).__name__} does not."
        )
    return found
