"""Directions of X on which responses depend, in closed form by Stein's lemma.

Tian, Wu and Feng, "Nonlinear multiple response regression and learning of latent spaces", 2025.
"""

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sksubspace._dask import (
    Blocks,
    TakesCollections,
    in_memory,
    is_collection,
    refuse_collection,
)
from sksubspace._docs import fill_parameters
from sksubspace._linalg import column_means, fixed_signs, in_blocks
from sksubspace._pages import HasPage
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    HasMethods,
    Interval,
    StrOptions,
    TransformerMixin,
    _fit_context,
    available_if,
)
from sksubspace._typing import ArrayLike, Estimator, Floats, Labels, Matrix, Seed
from sksubspace._validation import validate_rows, which_target
from sksubspace.decomposition._score._base import shrunk_covariance
from sksubspace.decomposition._score._gaussian import score_of_moments
from sksubspace.decomposition._score._models import (
    SCORES,
    FittedScore,
    fisher_information,
    make_score_model,
)
from sksubspace.decomposition._score._sparse_gaussian import fit_sparse_gaussian
from sksubspace.decomposition._score._wide_gaussian import fit_wide_gaussian
from sksubspace.decomposition._stein._checks import (
    check_n_components,
    check_responses,
    check_size,
    checked_rows,
    checked_values,
    is_gaussian,
    is_identity,
    is_wide,
    needs_second,
    takes_sparse,
    uses_operator,
)
from sksubspace.decomposition._stein._moments import MatrixHessians, RowHessians, first_moment
from sksubspace.decomposition._stein._regression import explained_by
from sksubspace.decomposition._stein._responses import (
    add_batch,
    add_statistics,
    centre_responses,
    empty_statistics,
    encode_responses,
    moments_of_responses,
    moments_of_rows,
    statistics_of_block,
)
from sksubspace.decomposition._stein._solvers import find_directions


def _has_sufficient_statistics(estimator):
    if is_gaussian(estimator):
        return True
    raise AttributeError(
        f"partial_fit needs score_model='gaussian', got {estimator.score_model!r}: only a "
        "Gaussian's moments follow exactly from sums over rows. Use fit with all rows."
    )


@fill_parameters
class SteinSubspace(
    TakesCollections, HasPage, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Find the directions of X on which responses depend, whatever the links are.

    Responses are taken as unknown functions of a few linear combinations of the features,
    :math:`y = f(B^T x) + e`. The span of B follows in closed form from means of responses times
    scores of the density of X; the functions are never estimated.

    Parameters
    ----------
    n_components : int or "auto", default=2
        Number of directions. "auto" takes the largest ratio of neighbouring eigenvalues among the
        first ten, which is a heuristic.

    order : {1, 2, "both"}, default=1
        Moments that are used. Order 1 sees links that have a slope on average, order 2 those that
        have a curvature, such as even ones; "both" sees both.

    score_model : {"gaussian", "student_t", "gmm", "denoiser"} or object, default="gaussian"
        Model of the density of X, or a callable or an object that knows its score. A callable maps
        X to the scores S of shape (n_samples, n_features), and for second order to the tuple (S, J)
        with the gradients J of shape (n_samples, n_features, n_features). An object has a method
        `score_function` that returns S, and for second order `terms` or `score_jacobian`; an
        estimator that is not fitted, such as ``StudentTScore(df=5)``, is cloned and fitted to X.

    shrinkage : float or "auto", default="auto"
        Share of the identity in covariances, from 0 to 1. "auto" is the choice of Ledoit and Wolf.

    scale_y : bool, default=True
        Whether responses are scaled to unit variance, so that their units do not matter.

    svd_solver : {"auto", "full", "operator"}, default="auto"
        How the eigenvectors of second-order moments are computed. "full" makes matrices of
        (n_features, n_features) for each response; "operator" only multiplies, in single
        precision. "auto" is "operator" above 300 features and above 8
        features for each component. Order 1 is a small singular value
        decomposition in any case.

    target_type : {"auto", "classes", "numbers"}, default="auto"
        What the responses are. "auto" takes one column of strings, booleans or categories for
        classes, and one of integers with at most 50 different values, each on average in two rows
        or more; all else are numbers.

    random_state : int, RandomState instance or None, default=None
        Draws the start of "operator" and what the model of the density draws.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal rows that span the directions. The entry of largest size in each is positive.

    singular_values_ : ndarray of shape (n_components,)
        Singular values of the moments side by side: of M for order 1, of all :math:`H_j` for order
        2, and of all whitened :math:`m_j` and :math:`H_j / \sqrt 2` for "both". Directions that
        order 1 takes from the second order have those of order 2.

    mean_ : ndarray of shape (n_features,)
        The point that `transform` maps to zero, which is the mean of the model of the density.

    score_model_ : object
        The fitted model of the density, with `score_function`.

    target_type_ : {"classes", "numbers"}
        What the responses were taken for.

    classes_ : ndarray of shape (n_classes,) or None
        The classes in order; None where responses are numbers.

    n_components_ : int
        Number of directions.

    {features_}

    See Also
    --------
    SteinPCA : The unsupervised one, with a nonlinear decoder.
    GaussianScore : The default model of the density.
    sksubspace.metrics.intrinsic_dimension : How many dimensions rows vary in, whatever they cause.

    Notes
    -----
    With the score :math:`s(x) = -\nabla \log p(x)` and :math:`T(x) = s s^T - \nabla s`, integration
    by parts gives

    .. math::
        M = E[s(x) y^T] = B\, E[\nabla f]^T, \qquad
        H_j = E[y_j T(x)] = B\, E[\nabla^2 f_j] B^T .

    Order 1 takes the left singular vectors of M, order 2 the eigenvectors of
    :math:`\sum_j H_j^2`. For "both", scores are whitened by the Fisher information
    :math:`I = E[s s^T]`, the eigenvectors of :math:`\sum_j m_j m_j^T + H_j^2 / 2` are taken, the
    weights of the Hermite expansion, and mapped back by :math:`I^{1/2}`.

    Order 1 finds at most as many directions as there are responses, one less for classes; where
    more are asked for, they come from the second order, with a warning.

    Where responses are classes, each class is a response that is 1 for its rows and 0 for others.
    See `target_type` for what is taken for classes.

    `score` chooses the order and the number of directions, as in a search over them: it is highest,
    within a standard error, for the subspace that is nearest to the true one.

    With X itself as the responses there is nothing to find: :math:`E[s(x) x^T] = I` for every
    smooth density. What is left comes from the shrinkage, and is exactly PCA for a Gaussian score.
    `scale_y` is then ignored.

    With more than 5,000 features, fewer rows than features, the Gaussian score and no
    ``svd_solver="full"``, no matrix of (n_features, n_features) is made for any order: covariance,
    Fisher information and second-order moments are applied to vectors in the span of the rows, and
    the ``precision_`` of `score_model_` is None.

    `fit` takes sparse X for order 1 with the Gaussian score, and does not make it dense.

    References
    ----------
    .. [1] Ye Tian, Sanyou Wu and Long Feng, "Nonlinear multiple response regression and learning of
       latent spaces", 2025. https://arxiv.org/abs/2503.21608
    .. [2] Charles M. Stein, "Estimation of the mean of a multivariate normal distribution", Annals
       of Statistics 9 (1981). https://doi.org/10.1214/aos/1176345632
    .. [3] Ker-Chau Li, "On principal Hessian directions for data visualization and dimension
       reduction: another application of Stein's lemma", Journal of the American Statistical
       Association 87 (1992). https://doi.org/10.1080/01621459.1992.10476258

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.decomposition import SteinSubspace
    >>> from sksubspace.metrics import subspace_distance
    >>> rng = np.random.RandomState(0)
    >>> X = rng.randn(5000, 10)
    >>> Y = np.column_stack([X[:, 0] ** 2, np.tanh(X[:, 1])])  # an even and an odd link
    >>> first = SteinSubspace(1).fit(X, Y[:, 1])
    >>> subspace_distance(first.components_, np.eye(10)[[1]]) < 0.1
    True
    >>> both = SteinSubspace(2, order="both").fit(X, Y)
    >>> subspace_distance(both.components_, np.eye(10)[:2]) < 0.1
    True
    >>> both.transform(X).shape
    (5000, 2)
    """

    components_: Floats
    singular_values_: Floats
    mean_: Floats
    score_model_: Estimator
    classes_: Labels | None
    n_components_: int

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "order": [Interval(Integral, 1, 2, closed="both"), StrOptions({"both"})],
        "score_model": [StrOptions(SCORES), HasMethods("score_function"), callable],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "target_type": [StrOptions({"auto", "classes", "numbers"})],
        "scale_y": ["boolean"],
        "svd_solver": [StrOptions({"auto", "full", "operator"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int | Literal["auto"] = 2,
        *,
        order: Literal[1, 2, "both"] = 1,
        score_model: Estimator = "gaussian",
        shrinkage: float | Literal["auto"] = "auto",
        scale_y: bool = True,
        svd_solver: Literal["auto", "full", "operator"] = "auto",
        target_type: Literal["auto", "classes", "numbers"] = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.order = order
        self.score_model = score_model
        self.shrinkage = shrinkage
        self.scale_y = scale_y
        self.svd_solver = svd_solver
        self.target_type = target_type
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find the directions.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            Rows. Sparse ones only for order 1 with the Gaussian score, and those of a dask array or
            frame only with the Gaussian score: then by the sums of `partial_fit` over its blocks.

        y : array-like of shape (n_samples,) or (n_samples, n_responses)
            Responses, or classes.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A weight counts as that many repetitions of the row.

        Returns
        -------
        self : SteinSubspace
            The fitted estimator.

        Raises
        ------
        ValueError
            If `n_components` is above the number of features, y is constant, a value is not finite
            or a weight is negative, or the score has no second order and one is needed.

        MemoryError
            If matrices of (n_features, n_features) would not fit into memory.

        TypeError
            If X is sparse and the order is not 1 or the score not the Gaussian one.

        Warns
        -----
        UserWarning
            If order 1 finds fewer directions than asked for, or y is X itself.
        """
        self.__dict__.pop("_statistics", None)
        if is_collection(X):
            return self._fit_blocks(X, in_memory(y), in_memory(sample_weight))
        self.target_type_: str = which_target(y, self.target_type)
        X, y, weights = checked_rows(self, X, y, sample_weight, min_samples=2)
        Y, self.classes_ = encode_responses(y, self.target_type_)
        rng = isolated_random_state(self.random_state)
        Y = centre_responses(Y, weights, not is_identity(X, Y) and self.scale_y)
        k = self.n_components
        if sparse.issparse(X) or is_wide(self, *X.shape):
            fit_score = fit_sparse_gaussian if sparse.issparse(X) else fit_wide_gaussian
            model, term = fit_score(X, weights, self.shrinkage)
            M, make_second = term.rows.T @ Y, lambda: RowHessians([term], Y)
            found = find_directions(
                self.order, M, make_second, lambda: term.precision, True, k, rng
            )
            return _with_directions(self, model, *found, X.dtype)
        check_size(self, X.shape[1])
        rows = X.astype(np.float64, copy=False)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        model = make_score_model(self.score_model, shrinkage=self.shrinkage, random_state=seed)
        model.fit(rows, sample_weight=None if sample_weight is None else weights)
        S = model.score_function(rows)
        found = find_directions(
            self.order,
            first_moment(S, Y),
            lambda: RowHessians(model.terms(rows), Y),
            lambda: _information(model, S, weights, self.shrinkage),
            uses_operator(self, X.shape[1]),
            k,
            rng,
        )
        return _with_directions(self, model, *found, X.dtype)

    @available_if(_has_sufficient_statistics)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None,
            sample_weight: ArrayLike | None = None) -> Self:  # fmt: skip
        """Add a batch of rows; the result is that of `fit` on all rows so far.

        Exact sums are kept, of size (n_features, n_features), and for second order one such matrix
        for each response. The first call after `fit`, and the first of all, starts anew.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,) or (n_samples, n_responses)
            Responses, or classes.

        classes : array-like of shape (n_classes,), default=None
            All classes, needed in the first call if that does not have rows of each. Later calls
            may leave it out.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A weight counts as that many repetitions of the row.

        Returns
        -------
        self : SteinSubspace
            The fitted estimator.

        Raises
        ------
        ValueError
            If the number of features or of responses differs from that of earlier calls, a class
            is unknown, or all responses so far are equal.

        AttributeError
            If `score_model` is not "gaussian".
        """
        former = getattr(self, "_statistics", None)
        if former is None:
            given = self.target_type if classes is None else "classes"
            self.target_type_ = which_target(y, given)
        X, y, weights = checked_rows(
            self, X, y, sample_weight, reset=former is None, accept_sparse=False
        )
        known = classes if former is None else self.classes_
        Y, classes = encode_responses(y, self.target_type_, known)
        check_responses(former, Y, classes, getattr(self, "classes_", None))
        rows = X.astype(np.float64, copy=False)
        if former is None:
            second = needs_second(self, Y.shape[1], classes)
            check_size(self, rows.shape[1], 1 + second * Y.shape[1])
            former = empty_statistics(rows, Y, second)
        self._statistics, self.classes_ = add_batch(former, rows, Y, weights), classes
        return self._of_statistics(self._statistics, X.dtype)

    def _fit_blocks(self, X, y, sample_weight):
        """Fit by sums over the blocks of a dask collection."""
        if not is_gaussian(self):
            refuse_collection(X, "X", f"with score_model={self.score_model!r}")
        blocks = Blocks.of(self, X)
        check_n_components(self, blocks.n_columns)
        self.target_type_ = which_target(y, self.target_type)
        y, weights = checked_values(y, sample_weight, blocks.n_rows)
        Y, self.classes_ = encode_responses(y, self.target_type_)
        second = needs_second(self, Y.shape[1], self.classes_)
        check_size(self, blocks.n_columns, 1 + second * Y.shape[1])
        none = empty_statistics(blocks.first(column_means)[None], Y, second)
        total = blocks.total(
            statistics_of_block, add_statistics, none, self.target_type_, self.classes_,
            beside=(blocks.cut(y), blocks.cut(weights)),
        )  # fmt: skip
        return self._of_statistics(total, blocks.dtype)

    def _of_statistics(self, sums, dtype):
        first, third = moments_of_responses(sums, self.scale_y)
        moments = (*moments_of_rows(sums), sums["total"])
        model = score_of_moments(*moments, shrinkage=self.shrinkage)
        P = model.precision_
        second = None if third is None else lambda: MatrixHessians(P @ third @ P)
        k = self.n_components
        found = find_directions(self.order, P @ first, second, lambda: P, False, k, None)
        return _with_directions(self, model, *found, dtype)

    def transform(self, X: Matrix) -> Floats:
        """Project rows on the directions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            ``(X - mean_) @ components_.T``, in units of X.
        """
        check_is_fitted(self)
        X = validate_rows(
            self, X, accept_sparse="csr" if takes_sparse(self) else False, reset=False
        )
        return _projected(X, self.mean_, self.components_)

    def score(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        r"""Tell how well the responses follow from the projected rows.

        A kernel regression predicts the responses of each row from the other rows' places,
        uncorrelated and of unit variance, at the one of eleven bandwidths that has the least
        squared error of such left-out predictions. What it scores are the directions: their span
        and their number, as needless ones put rows far from each other.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that `fit` has not seen, at least three, best some hundreds. Of more than 3,000,
            that many are drawn, always the same.

        y : array-like of shape (n_samples,) or (n_samples, n_responses)
            Their responses, or classes.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            R2, the mean over responses; for classes the share of rows whose class is told right. On
            the training rows it flatters.

        Raises
        ------
        ValueError
            If there are fewer than three rows, y is constant, or a class is unknown.
        """
        check_is_fitted(self)
        X, y, weights = checked_rows(self, X, y, sample_weight, reset=False, min_samples=3)
        kind = "numbers" if self.classes_ is None else "classes"
        Y, _ = encode_responses(y, kind, self.classes_)
        Z = _projected(X, self.mean_, self.components_)
        return explained_by(Z, Y, weights, kind, X)

    @property
    def _n_features_out(self):
        return len(self.components_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = takes_sparse(self)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _projected(X, mean, components):  # (n, d), (d,), (k, d) -> (n, k)
    basis = components.T.astype(np.float64)
    if sparse.issparse(X):
        return (X @ basis - mean @ basis).astype(X.dtype)
    return in_blocks(lambda rows: (rows - mean) @ basis, X).astype(X.dtype)


def _with_directions(estimator, model, directions, values, dtype):
    """Keep what was found."""
    estimator.components_ = fixed_signs(directions).astype(dtype)
    estimator.singular_values_ = values.astype(dtype)
    estimator.mean_ = model.mean_.astype(dtype)
    estimator.score_model_ = model.score if isinstance(model, FittedScore) else model
    estimator.n_components_ = len(directions)
    return estimator


def _information(model, S, weights, shrinkage):  # (n, d), (n,) -> (d, d)
    """Fisher information: of the model where it has a formula, else of the scores, shrunk."""
    known = fisher_information(model)
    if known is not None:
        return known
    total = weights.sum()
    fourth = weights @ np.square(np.square(S).sum(axis=1)) / total
    return shrunk_covariance(S.T @ (weights[:, None] * S) / total, fourth, total, shrinkage)[0]
