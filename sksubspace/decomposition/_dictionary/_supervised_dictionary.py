"""Supervised dictionary learning: a few components that both rebuild the rows and tell classes.

Lee, Lyu and Yao, "Supervised matrix factorization: local landscape analysis and applications",
ICML 2024; "Supervised dictionary learning with auxiliary covariates", 2022.
"""

import warnings
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Floats, Labels, Matrix, Seed
from sksubspace._validation import validate_rows
from sksubspace.decomposition._dictionary._base import (
    BaseSupervisedDictionary,
    check_aux,
    check_signs,
)
from sksubspace.decomposition._dictionary._bcd import solve_bcd
from sksubspace.decomposition._dictionary._lbfgs import solve_over_bases
from sksubspace.decomposition._dictionary._lpgd import solve_lpgd
from sksubspace.decomposition._dictionary._problem import (
    CentredRows,
    Problem,
    as_targets,
    unit_side,
)


@fill_parameters
class SupervisedDictionaryLearning(BaseSupervisedDictionary):
    r"""Find components that rebuild the rows and tell the classes apart.

    Between principal components with a logistic regression on them, which is the limit of a large
    `reconstruction_weight`, and logistic regression of low rank, which is the limit of zero.

    Parameters
    ----------
    n_components : int, default=10
        Number of components. It is cut, with a warning, to the number of rows or features.

    variant : {"filter", "feature"}, default="filter"
        What is classified: responses of the components as filters, :math:`W^T x`, or the codes h
        of the reconstruction. The codes of the training rows know the labels, so the classifier
        of "feature" is fitted anew to codes that do not. It is rarely the better one.

    reconstruction_weight : float, default=3.0
        Weight of the share of the squared norm of the rows that is not rebuilt, beside the mean
        cross-entropy.

    alpha : float, default=1e-4
        Weight of the squared coefficients, of the components in units of X and of the auxiliary
        covariates at unit variance. It is 1 / (2 n C) for the C of scikit-learn, and as there rows
        in smaller units need a smaller one: for ``X / s`` it is ``alpha / s**2`` that gives the
        same predictions. Standardise rows whose units are arbitrary.

    nonnegative : bool, default=False
        Whether components and codes must not be negative, as for topics. X must not be negative
        either, and is not centred. Needs ``solver="bcd"``.

    solver : {"lbfgs", "lpgd", "bcd"}, default="lbfgs"
        "lbfgs" searches over orthonormal bases, with the codes given by the basis. "lpgd" is
        projected gradient on a convex problem with a constraint on the rank; it is slower. Both are
        for filters without constraint on the sign. "bcd" is block coordinate descent, for all.

    max_iter : int, default=300
        Iterations, at most; of "bcd", rounds over all blocks.

    tol : float, default=1e-6
        Relative decrease of the objective in one iteration below which the search ends; for "lbfgs"
        a tenth of it, as its single steps can be short.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the cross-entropy, as in scikit-learn.

    random_state : int, RandomState instance or None, default=None
        Draws the start of randomised singular value decompositions.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal rows with uncorrelated codes, the largest variance first; with `nonnegative`
        rows of length one, the largest codes first.

    coef_ : ndarray of shape (n_outputs, n_components)
        Coefficients of the components. There is one output for two classes, else one a class.

    intercept_ : ndarray of shape (n_outputs,)
        Intercepts.

    aux_coef_ : ndarray of shape (n_outputs, n_aux) or None
        Coefficients of the auxiliary covariates, by unit of each; None without them.

    classes_ : ndarray of shape (n_classes,)
        The classes in order.

    mean_ : ndarray of shape (n_features,)
        Mean of the training rows; zero with `nonnegative`.

    n_iter_ : int
        Number of iterations.

    loss_curve_ : list of float
        Objective after every iteration.

    n_components_ : int
        Number of components.

    {features_}

    See Also
    --------
    SteinSubspace : Directions on which responses depend, in closed form.

    Notes
    -----
    With centred rows Z, a dictionary W, codes H and auxiliary covariates A, the objective is

    .. math::
        \frac{1}{n} \sum_i \mathrm{CE}(y_i, a_i) + \xi \frac{\|Z - H W^T\|^2}{\|Z\|^2}
        + \alpha (\|b\|^2 + \|g\|^2), \qquad a_i = b^T W^T z_i + g^T A_i + c,

    for filters; for features :math:`a_i = b^T h_i + g^T A_i + c`. CE is the cross-entropy of the
    softmax. Without a constraint on the sign, the best codes of orthonormal W are :math:`Z W`, and
    the second term is that of principal component analysis.

    `transform` returns the codes. With `nonnegative` they are a non-negative least squares fit,
    and the responses that filters classify are something else, ``X @ components_.T``.

    "lpgd" lowers its objective in every iteration. Its theorem of fast convergence to the best
    solution needs so large an `alpha` that classes are no longer told apart well.

    Sparse X stays sparse: the mean enters as a correction of rank one.

    Auxiliary covariates go with metadata routing through pipelines and searches: see
    ``set_fit_request(X_aux=True)``, and the same for `predict`, `score` and others.

    References
    ----------
    .. [1] Joowon Lee, Hanbaek Lyu and Weixin Yao, "Supervised dictionary learning with auxiliary
       covariates", 2022. https://arxiv.org/abs/2206.06774
    .. [2] Julien Mairal, Francis Bach, Jean Ponce, Guillermo Sapiro and Andrew Zisserman,
       "Supervised dictionary learning", NeurIPS 2008. https://arxiv.org/abs/0809.3083

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace.decomposition import SupervisedDictionaryLearning
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SupervisedDictionaryLearning(10, random_state=0).fit(X[:1000] / 16, y[:1000])
    >>> model.score(X[1000:] / 16, y[1000:]) > 0.9
    True
    >>> codes = model.transform(X[1000:] / 16)
    >>> codes.shape, model.inverse_transform(codes).shape
    ((797, 10), (797, 64))
    """

    components_: Floats
    coef_: Floats
    intercept_: Floats
    aux_coef_: Floats | None
    classes_: Labels
    mean_: Floats
    n_iter_: int
    loss_curve_: list[float]
    n_components_: int

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "variant": [StrOptions({"filter", "feature"})],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "nonnegative": ["boolean"],
        "solver": [StrOptions({"lbfgs", "lpgd", "bcd"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 10,
        *,
        variant: Literal["filter", "feature"] = "filter",
        reconstruction_weight: float = 3.0,
        alpha: float = 1e-4,
        nonnegative: bool = False,
        solver: Literal["lbfgs", "lpgd", "bcd"] = "lbfgs",
        max_iter: int = 300,
        tol: float = 1e-6,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.variant = variant
        self.reconstruction_weight = reconstruction_weight
        self.alpha = alpha
        self.nonnegative = nonnegative
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: ArrayLike, X_aux: ArrayLike | None = None) -> Self:
        """Learn components and a classifier on them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,)
            Classes.

        X_aux : array-like of shape (n_samples, n_aux), default=None
            Auxiliary covariates, which help to tell classes and are not rebuilt. If they are given
            here, they are needed for predictions too.

        Returns
        -------
        self : SupervisedDictionaryLearning
            The fitted estimator.

        Raises
        ------
        ValueError
            If y is continuous or has one class, X or X_aux is not finite, X is negative with
            `nonnegative`, or the solver is not for the variant.

        Warns
        -----
        UserWarning
            If there are fewer rows or features than `n_components`.

        sklearn.exceptions.ConvergenceWarning
            If `max_iter` iterations were not enough.
        """
        X, y = validate_rows(self, X, y, accept_sparse="csr", ensure_min_samples=2)
        check_classification_targets(y)
        check_signs(X, self.nonnegative)
        self._check_solver()
        X_aux = None if X_aux is None else check_aux(X_aux, X)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least two classes, got one class: {self.classes_}.")
        shares = compute_sample_weight(self.class_weight, y)
        side, aux_mean, aux_unit = unit_side(X_aux, len(y))
        problem = Problem(
            rows=CentredRows(X, centre=not self.nonnegative),
            target=as_targets(codes, len(self.classes_)),
            shares=shares / shares.sum(),
            side=side,
            weight=float(self.reconstruction_weight),
            alpha=float(self.alpha),
        )
        solution = self._solve(problem)
        self._set_head(solution.h, aux_mean, aux_unit, X.dtype)
        atoms, b = _ordered(problem.rows, solution, self.nonnegative)
        self.n_components_ = atoms.shape[1]
        self.components_ = np.ascontiguousarray(atoms.T, dtype=X.dtype)
        self.coef_ = np.ascontiguousarray(b.T, dtype=X.dtype)
        self.mean_ = problem.rows.mean.astype(X.dtype)
        return self

    def _check_solver(self):
        if self.solver != "bcd" and (self.nonnegative or self.variant == "feature"):
            raise ValueError(
                f"solver={self.solver!r} is for variant='filter' and nonnegative=False, got "
                f"variant={self.variant!r} and nonnegative={self.nonnegative}: use solver='bcd'."
            )

    def _solve(self, problem):
        """Run the solver and keep what it says about its search."""
        n_components = min(self.n_components, *problem.rows.shape)
        if n_components < self.n_components:
            warnings.warn(
                f"n_components={self.n_components} is more than n_samples or n_features, "
                f"{problem.rows.shape}; {n_components} are used.",
                UserWarning,
                stacklevel=4,
            )
        rng = isolated_random_state(self.random_state)
        options = {"max_iter": self.max_iter, "tol": self.tol, "rng": rng}
        if self.solver == "bcd":
            options |= {"variant": self.variant, "nonnegative": self.nonnegative}
        solve = {"lbfgs": solve_over_bases, "lpgd": solve_lpgd, "bcd": solve_bcd}[self.solver]
        solution = solve(problem, n_components, **options)
        self.loss_curve_, self.n_iter_ = solution.losses, len(solution.losses)
        if not solution.converged:
            warnings.warn(
                f"Maximum number of iterations (max_iter={self.max_iter}) reached before the "
                f"objective fell by less than tol={self.tol} of itself.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return solution

    def _set_head(self, h, aux_mean, aux_unit, dtype):
        """Intercepts and coefficients by units of the auxiliary covariates."""
        slopes = h[1:].T / aux_unit
        self.intercept_ = (h[0] - slopes @ aux_mean).astype(dtype)
        self.aux_coef_ = slopes.astype(dtype) if len(aux_mean) else None


def _ordered(rows, solution, nonnegative):  # -> (d, r), (r, L)
    """Rotate an orthonormal dictionary to uncorrelated codes; order atoms by their codes."""
    scores, b, atoms = rows.project(solution.W), solution.b, solution.W
    if nonnegative:
        order = np.argsort(-np.square(scores).sum(axis=0), kind="stable")
        return atoms[:, order], b[order]
    rotation = linalg.eigh(scores.T @ scores)[1][:, ::-1]
    turned = atoms @ rotation
    largest = np.abs(turned).argmax(axis=0)
    signs = np.where(turned[largest, np.arange(len(largest))] < 0, -1.0, 1.0)
    return turned * signs, (rotation * signs).T @ b
