"""Angles between two subspaces, and what is made of them."""

import numpy as np
from scipy.linalg import orth, svdvals

from sksubspace._typing import ArrayLike, Floats
from sksubspace.metrics._input import check_rows


def principal_angles(U: ArrayLike, V: ArrayLike) -> Floats:
    r"""Compute the principal angles between two subspaces.

    Parameters
    ----------
    U : array-like of shape (n_components_u, n_features)
        Rows that span the first subspace, as ``components_`` and ``cluster_bases_[k]`` do. They
        need not be orthonormal.

    V : array-like of shape (n_components_v, n_features)
        Rows that span the second one.

    Returns
    -------
    angles : ndarray of shape (n_angles,)
        In radians, from 0 to pi / 2, the smallest first. There are as many as the smaller
        subspace has dimensions.

    Raises
    ------
    ValueError
        If the numbers of features differ, a value is not finite, or the rows are all zero.

    See Also
    --------
    subspace_affinity : Mean of the squared cosines, under a root.
    subspace_distance : Distance between the projections.

    Notes
    -----
    :math:`\cos\theta_i` are the singular values of :math:`Q_U Q_V^T` for orthonormal bases. Small
    angles are computed from the sines, as Knyazev and Argentati do, so that an angle of 1e-10 is
    seen. Rows that depend linearly on others do not add dimensions.

    References
    ----------
    .. [1] A. Knyazev and M. Argentati, "Principal angles between subspaces in an A-based scalar
       product: algorithms and perturbation estimates", SIAM Journal on Scientific Computing 23
       (2002), https://doi.org/10.1137/S1064827500377332

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import principal_angles
    >>> np.degrees(principal_angles([[1, 0, 0], [0, 1, 0]], [[0, 1, 1], [1, 0, 0]])).round(6)
    array([ 0., 45.])
    """
    U, V = _check_span(U, "U"), _check_span(V, "V")
    if U.shape[1] != V.shape[1]:
        raise ValueError(
            f"U and V must have the same number of features, got {U.shape[1]} and {V.shape[1]}."
        )
    small, large = sorted((orth(U.T).T, orth(V.T).T), key=len)
    return _angles(small, large)


def _angles(U, V):  # (r, d), (s, d) orthonormal, r <= s -> (r,) ascending
    product = U @ V.T
    cosines = np.clip(svdvals(product), 0, 1)
    sines = np.clip(svdvals(U - product @ V)[::-1], 0, 1)
    return np.where(cosines**2 >= 0.5, np.arcsin(sines), np.arccos(cosines))


def subspace_affinity(U: ArrayLike, V: ArrayLike) -> float:
    r"""Measure how near two subspaces are, from 0 for orthogonal to 1 for nested ones.

    Parameters
    ----------
    U : array-like of shape (n_components_u, n_features)
        Rows that span the first subspace.

    V : array-like of shape (n_components_v, n_features)
        Rows that span the second one.

    Returns
    -------
    affinity : float
        From 0 to 1; 1 where one subspace lies in the other.

    Raises
    ------
    ValueError
        If the numbers of features differ, a value is not finite, or the rows are all zero.

    See Also
    --------
    principal_angles : The angles it is made of.
    subspace_distance : Which is zero for equal subspaces only.

    Notes
    -----
    .. math::
        \mathrm{aff}(U, V) = \sqrt{\frac{\cos^2\theta_1 + \dots + \cos^2\theta_r}{r}},
        \qquad r = \min(\dim U, \dim V)

    This is the affinity of [2]_; that of [1]_ is not divided by r.

    References
    ----------
    .. [1] M. Soltanolkotabi and E. J. Candes, "A geometric analysis of subspace clustering with
       outliers", Annals of Statistics 40 (2012), https://doi.org/10.1214/12-AOS1034
    .. [2] M. Soltanolkotabi, E. Elhamifar and E. J. Candes, "Robust subspace clustering", Annals of
       Statistics 42 (2014), https://doi.org/10.1214/13-AOS1199

    Examples
    --------
    >>> from sksubspace.metrics import subspace_affinity
    >>> subspace_affinity([[1, 0, 0], [0, 1, 0]], [[0, 0, 1]])
    0.0
    >>> round(subspace_affinity([[1, 0, 0], [0, 1, 0]], [[0, 1, 1], [1, 0, 0]]), 3)
    0.866
    """
    angles = principal_angles(U, V)
    # sin(pi / 2 - t) and not cos(t): exactly zero at a right angle
    return float(np.sqrt(np.mean(np.sin(np.pi / 2 - angles) ** 2)))


def subspace_distance(U: ArrayLike, V: ArrayLike) -> float:
    r"""Measure the distance between the projections on two subspaces.

    Parameters
    ----------
    U : array-like of shape (n_components_u, n_features)
        Rows that span the first subspace.

    V : array-like of shape (n_components_v, n_features)
        Rows that span the second one.

    Returns
    -------
    distance : float
        0 for equal subspaces only; sqrt(r) for two orthogonal ones of dimension r.

    Raises
    ------
    ValueError
        If the numbers of features differ, a value is not finite, or the rows are all zero.

    See Also
    --------
    principal_angles : The angles it is made of.
    subspace_affinity : Which does not see that dimensions differ.

    Notes
    -----
    The chordal distance, with P the orthogonal projections on the subspaces:

    .. math::
        \frac{1}{\sqrt 2} \| P_U - P_V \|_F
        = \sqrt{\sum_i \sin^2\theta_i + \tfrac12 |\dim U - \dim V|}

    References
    ----------
    .. [1] J. H. Conway, R. H. Hardin and N. J. A. Sloane, "Packing lines, planes, etc.: packings in
       Grassmannian spaces", Experimental Mathematics 5 (1996),
       https://doi.org/10.1080/10586458.1996.10504585

    Examples
    --------
    >>> from sksubspace.metrics import subspace_distance
    >>> subspace_distance([[1, 0]], [[0, 2]])
    1.0
    """
    angles = principal_angles(U, V)
    gap = abs(_dimension(U) - _dimension(V))
    return float(np.sqrt(np.sum(np.sin(angles) ** 2) + gap / 2))


def _dimension(U):
    return int(np.linalg.matrix_rank(_check_span(U, "U")))


def _check_span(U, name):
    U = check_rows(U, name).astype(np.float64, copy=False)
    if not U.any():
        raise ValueError(f"{name} must span a subspace, but all its rows are zero.")
    return U
