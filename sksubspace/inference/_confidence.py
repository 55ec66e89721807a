"""Principal components that know how well they are known.

Rabenoro and Pennec, "A geometric framework for asymptotic inference of principal subspaces in
PCA", with a bootstrap of the statistic.
"""

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Floats, Seed
from sksubspace._validation import validate_rows
from sksubspace.inference._frame import (
    METHODS,
    coordinates_of,
    orthonormal_span,
    principal_frame,
)
from sksubspace.inference._geometry import largest_lean, wald_statistic
from sksubspace.inference._linear_map import LinearMap
from sksubspace.inference._null import check_resamples


@fill_parameters
class PrincipalSubspaceConfidence(LinearMap):
    r"""Principal components with a region that holds the true subspace, at a confidence level.

    It is PCA: rows are placed on the directions of largest variance. Besides, `contains` says of
    any subspace whether the rows speak against its being the principal one of the population,
    `angle_` how far from the one that was found the true one may be, and `component_angle_` the
    same of each direction alone.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the subspace, less than the number of features.

    level : float, default=0.95
        Share of samples whose region holds the true subspace.

    method : {"bootstrap", "robust", "gaussian"}, default="bootstrap"
        What the statistic is compared with, and its covariance. "bootstrap" recomputes both on each
        resample. "robust" takes the chi-squared distribution, for many rows of any
        distribution. "gaussian" takes the covariance of Gaussian rows too; on real data it may be
        wrong however many rows there are, and is here to show that.

    n_resamples : int, default=199
        Resamples, at least ``1 / (1 - level) - 1``.

    {random_state}
        Draws the resamples, and T for the other methods.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal rows that span the subspace, by descending variance. The entry of largest
        size in each is positive.

    complement_ : ndarray of shape (n_outside, n_features)
        Orthonormal rows that span the other directions in which rows vary.

    explained_variance_ : ndarray of shape (n_components,)
        Variances along `components_`, of sums divided by n_samples.

    mean_ : ndarray of shape (n_features,)
        Mean of the rows.

    covariance_ : ndarray of shape (n_outside * n_components, n_outside * n_components)
        Covariance of how far `components_` lean to `complement_`: of the matrix T of the notes, row
        by row.

    threshold_ : float
        Largest statistic within the region. Infinite, so that the region is everything, if too few
        rows differ in resamples.

    angle_ : float
        How far the true subspace is at most, at this level, in degrees: the quantile of the largest
        principal angle over resamples, or over draws of T for the other methods.

    radius_ : float
        Largest principal angle between `components_` and any subspace within the region, in
        degrees, at most 90. It is larger than `angle_`: the region is one of all directions that
        the subspace may lean to, and this is its longest axis.

    component_angle_, component_radius_ : ndarray of shape (n_components,)
        The same of each direction alone, of a region of its own. NaN where an eigenvalue beside its
        own is nearer than a factor of 1.2: then the subspace may be known and its axes are not.

    gap_ : float
        Variance of the last direction inside over that of the first outside.

    dof_ : int
        Degrees of freedom of the subspace.

    n_components_ : int
        Its dimension.

    {features_}

    See Also
    --------
    principal_subspace_test : One subspace, with a p-value.
    sksubspace.model_selection.one_standard_error : How many components held-out rows ask for.
    sksubspace.metrics.intrinsic_dimension : How many dimensions rows vary in, curved ones too.

    Notes
    -----
    With the eigenvectors U (inside) and W (outside) of the covariance and its eigenvalues l, the
    influence of a row on the subspace and the region are

    .. math::
        f_{kj} = \frac{y_k y_j}{l_j - l_k}, \quad y = (U, W)'(x - \bar x), \qquad
        n \, \mathrm{vec}(T)' C^{-1} \mathrm{vec}(T) \le c, \quad C = \overline{f f'},

    for k outside and j inside, where T is the Riemannian logarithm of a subspace: its singular
    values are the principal angles. "gaussian" has :math:`l_k l_j / (l_j - l_k)^2` as the diagonal
    of C, and zeros beside. The threshold c is a quantile of the chi-squared distribution with
    q (n_features - q) degrees of freedom, or of the statistics of resamples.

    The largest angle of the region is found by turns over two unit vectors from several starts.
    Time grows with resamples, rows and the square of the degrees of freedom.

    The next sample of as many rows is as uncertain as this one: its subspace is within about
    :math:`\sqrt 2` times the angle.

    It does not choose `n_components` (the region is that of a number that was fixed before), does
    not hold where there are about as many features as rows, and takes columns as they are: what
    scaling them by their own standard deviations adds is left out. Rows must be independent.

    References
    ----------
    .. [1] Dimbihery Rabenoro and Xavier Pennec, "A geometric framework for asymptotic inference of
       principal subspaces in PCA", 2022. https://arxiv.org/abs/2209.02025
    .. [2] T. W. Anderson, "Asymptotic theory for principal component analysis", Annals of
       Mathematical Statistics 34 (1963). https://doi.org/10.1214/aoms/1177704248

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.inference import PrincipalSubspaceConfidence
    >>> X, _ = load_wine(return_X_y=True)
    >>> X = X[:, [0, 1, 5, 6, 7]]  # alcohol, acid, phenols
    >>> plane = PrincipalSubspaceConfidence(2, random_state=0).fit(X)
    >>> round(plane.angle_), round(plane.radius_), round(plane.gap_, 1)
    (13, 24, 2.0)
    >>> plane.contains(PCA(2).fit(X[::2]).components_)
    True
    >>> plane.contains([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    False
    """

    complement_: Floats
    explained_variance_: Floats
    covariance_: Floats
    threshold_: float
    angle_: float
    radius_: float
    component_angle_: Floats
    component_radius_: Floats
    gap_: float
    dof_: int

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "level": [Interval(Real, 0, 1, closed="neither")],
        "method": [StrOptions(set(METHODS))],
        "n_resamples": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        level: float = 0.95,
        method: Literal["bootstrap", "robust", "gaussian"] = "bootstrap",
        n_resamples: int = 199,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.level = level
        self.method = method
        self.n_resamples = n_resamples
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the subspace and its region.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Independent rows, at least 8 more than degrees of freedom.

        y : Ignored
            Not used.

        Returns
        -------
        self : PrincipalSubspaceConfidence
            The fitted estimator.

        Raises
        ------
        ValueError
            If rows vary in no more directions than `n_components`, the eigenvalues on both sides of
            it are tied, there are too few rows that differ, or too few resamples for the level.

        Warns
        -----
        UserWarning
            If the gap is below 1.2, there are fewer than 20 rows for each degree of freedom, or
            the rows vary in fewer directions than there are columns.
        """
        if self.method == "bootstrap":
            check_resamples(self.level, self.n_resamples)
        X = validate_rows(self, X, ensure_min_samples=2, ensure_min_features=2)
        q = self.n_components
        frame = principal_frame(X, q, stacklevel=3)
        C = frame.covariance(self.method, frame.inside)
        alone = [np.array([j]) for j in frame.separated_axes]
        nulls = frame.nulls(
            self.method,
            [frame.inside, *alone],
            self.n_resamples,
            isolated_random_state(self.random_state),
        )
        self.threshold_, self.angle_ = nulls[0].threshold(self.level), nulls[0].angle(self.level)
        self.radius_ = _degrees(C, self.threshold_, len(frame.values) - q, q)
        self.component_angle_, self.component_radius_ = np.full((2, q), np.nan)
        for inside, null in zip(alone, nulls[1:], strict=True):
            C_alone, threshold = frame.covariance(self.method, inside), null.threshold(self.level)
            self.component_angle_[inside] = null.angle(self.level)
            self.component_radius_[inside] = _degrees(C_alone, threshold, len(C_alone), 1)
        self.covariance_, self.mean_ = C, frame.mean
        self.components_, self.complement_ = frame.vectors.T[:q].copy(), frame.vectors.T[q:].copy()
        self.explained_variance_ = frame.values[:q].copy()
        self.gap_, self.dof_, self.n_components_ = frame.gap, frame.dof, q
        return self

    def contains(self, subspace: ArrayLike) -> bool:
        """Tell whether a subspace is within the region.

        Parameters
        ----------
        subspace : array-like of shape (n_components, n_features)
            Rows that span it; they need not be orthonormal.

        Returns
        -------
        contained : bool
            Whether `principal_subspace_test`, with the same parameters, has a p-value above
            1 - level. Never for one that leaves the span of the training rows.

        Raises
        ------
        ValueError
            If `subspace` is not of the dimension of this one, or of other features.
        """
        check_is_fitted(self)
        q, d = self.components_.shape
        rows = check_array(subspace, dtype=np.float64, input_name="subspace")
        V = orthonormal_span(rows, q, d, "subspace")
        T = coordinates_of(V, self.components_, self.complement_)
        return T is not None and bool(wald_statistic(T, self.covariance_) <= self.threshold_)


def _degrees(C, threshold, m, q):
    """Largest principal angle within a region, of which more than 90 degrees is everything."""
    return float(min(90.0, np.degrees(np.sqrt(threshold) * largest_lean(C, m, q))))
