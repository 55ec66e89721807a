"""The test of a principal subspace.

Rabenoro and Pennec, "A geometric framework for asymptotic inference of principal subspaces in
PCA", with a bootstrap of the statistic.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sksubspace._parameters import check_choice, check_integer, isolated_random_state
from sksubspace._typing import ArrayLike, Seed
from sksubspace._validation import check_squares
from sksubspace.inference._frame import (
    METHODS,
    coordinates_of,
    orthonormal_span,
    principal_frame,
)
from sksubspace.inference._geometry import wald_statistic
from sksubspace.metrics._input import check_rows


@dataclass(frozen=True)
class SubspaceTest:
    """What a test of a principal subspace found.

    Attributes
    ----------
    statistic : float
        Squared distance of the subspace from the one of the rows, in units of its uncertainty;
        infinite, with a p-value of 0, for one that leaves the span of the rows.

    p_value : float
        Probability of a statistic as large where the subspace is the true one. A small one speaks
        against it; a large one does not speak for it.

    dof : int
        Degrees of freedom: about what the statistic is for the true subspace.

    gap : float
        Eigenvalue of the last direction inside over that of the first outside. Below 1.2 no p-value
        is to be relied on.

    method : {"bootstrap", "robust", "gaussian"}
        What it was compared with.
    """

    statistic: float
    p_value: float
    dof: int
    gap: float
    method: str


def principal_subspace_test(
    X: ArrayLike,
    n_components: int,
    subspace: ArrayLike,
    *,
    method: Literal["bootstrap", "robust", "gaussian"] = "bootstrap",
    n_resamples: int = 199,
    random_state: Seed = 0,
) -> SubspaceTest:
    r"""Test whether a subspace is the principal one of the population that rows come from.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Independent rows, at least 8 more than degrees of freedom.

    n_components : int
        Dimension of the principal subspace, less than the number of features.

    subspace : array-like of shape (n_components, n_features)
        Rows that span the subspace in question. They need not be orthonormal. It must not come from
        the same rows.

    method : {"bootstrap", "robust", "gaussian"}, default="bootstrap"
        What the statistic is compared with. "bootstrap" is the same statistic of resamples, with
        their own covariance. "robust" is the chi-squared distribution, right for very many rows of
        any distribution. "gaussian" takes the covariance too that Gaussian rows would have; on real
        data it may be wrong however many rows there are.

    n_resamples : int, default=199
        Resamples; the smallest p-value is ``1 / (n_resamples + 1)``.

    random_state : int, RandomState instance or None, default=0
        Draws the resamples.

    Returns
    -------
    test : SubspaceTest
        With `statistic`, `p_value`, `dof`, `gap` and `method`.

    Raises
    ------
    TypeError
        If `n_components` or `n_resamples` is not an integer.

    ValueError
        If X is not a table of finite numbers with enough rows, the eigenvalues on both sides of
        `n_components` are tied, `subspace` is not of its dimension, or a parameter is none of its
        values.

    Warns
    -----
    UserWarning
        If the gap is below 1.2, there are fewer than 20 rows for each degree of freedom, or
        the rows vary in fewer directions than there are columns.

    See Also
    --------
    PrincipalSubspaceConfidence : All subspaces that would not be rejected.
    sksubspace.metrics.principal_angles : How far two subspaces are apart, without a test.

    Notes
    -----
    With the eigenvectors U (inside) and W (outside) of the covariance and its eigenvalues l, a
    subspace is seen as its Riemannian logarithm T, a matrix of (n_features - q, q) whose singular
    values are the principal angles. A row's influence on it is

    .. math:: f_{kj} = \frac{y_k y_j}{l_j - l_k}, \qquad y = (U, W)'(x - \bar x),

    for k outside and j inside. With C the mean of ff', :math:`n \, \mathrm{vec}(T)' C^{-1}
    \mathrm{vec}(T)` has in the limit a chi-squared distribution with q (n_features - q) degrees of
    freedom [1]_. Convergence is slow where rows have heavy tails: "bootstrap" takes T and C of each
    resample, about U of all rows.

    It does not choose `n_components`, and does not hold where there are about as many features as
    rows. Columns must not have been scaled by the standard deviations of the same rows: what
    that adds is left out.

    References
    ----------
    .. [1] Dimbihery Rabenoro and Xavier Pennec, "A geometric framework for asymptotic inference of
       principal subspaces in PCA", 2022. https://arxiv.org/abs/2209.02025

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.inference import principal_subspace_test
    >>> X = np.random.RandomState(0).randn(500, 5) * [3, 2, 1, 1, 1]
    >>> true, tilted = np.eye(5)[:2], [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0.5]]
    >>> test = principal_subspace_test(X, 2, true)
    >>> test.p_value > 0.05, test.dof
    (True, 6)
    >>> principal_subspace_test(X, 2, tilted).p_value
    0.005
    """
    check_choice(method, "method", METHODS)
    check_integer(n_components, "n_components", 1)
    check_integer(n_resamples, "n_resamples", 1)
    X = check_rows(X, "X")
    check_squares(X)
    subspace = check_rows(subspace, "subspace")
    frame = principal_frame(X, n_components, stacklevel=2)
    V = orthonormal_span(subspace, n_components, X.shape[1], "subspace")
    inside = frame.inside
    C = frame.covariance(method, inside)
    null = frame.nulls(method, [inside], n_resamples, isolated_random_state(random_state))[0]
    T = coordinates_of(V, frame.vectors[:, :n_components].T, frame.vectors[:, n_components:].T)
    if T is None:
        return SubspaceTest(np.inf, 0.0, null.dof, frame.gap, method)
    statistic = wald_statistic(T, C)
    return SubspaceTest(statistic, null.p_value(statistic), null.dof, frame.gap, method)
