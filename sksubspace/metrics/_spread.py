"""How evenly the variance of rows is spread over directions, and whether two tables share it."""

import numpy as np

from sksubspace._linalg import column_means, dense
from sksubspace._typing import Matrix, Seed
from sksubspace._validation import check_squares, in_order_of
from sksubspace.metrics._input import check_rows, check_same_length, sample_rows

# rows that are compared pair by pair by default
_MAX_SAMPLES = 2_000
# as its formula divides by n - 3
_FEWEST_ROWS = 4


def participation_ratio(X: Matrix) -> float:
    r"""Count the directions that carry the variance, large ones first of all.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.

    Returns
    -------
    ratio : float
        From 1, all variance in one direction, to the smaller of ``n_samples - 1`` and
        ``n_features``, as much in each. NaN for rows that are all equal.

    Raises
    ------
    ValueError
        If X is not a table of finite numbers.

    See Also
    --------
    effective_rank : Counts small directions too.

    Notes
    -----
    With the eigenvalues :math:`\lambda` of the covariance, it is
    :math:`(\sum \lambda)^2 / \sum \lambda^2`. With fewer rows than directions it is too small.

    Examples
    --------
    >>> from sksubspace.metrics import participation_ratio
    >>> round(participation_ratio([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 6)
    2.0
    """
    values = _variances(X)
    return float(values.sum() ** 2 / np.square(values).sum()) if values.any() else np.nan


def effective_rank(X: Matrix) -> float:
    r"""Count the directions in which rows differ, small ones too.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.

    Returns
    -------
    rank : float
        From 1 to the smaller of ``n_samples - 1`` and ``n_features``. NaN for rows that are all
        equal.

    Raises
    ------
    ValueError
        If X is not a table of finite numbers.

    See Also
    --------
    participation_ratio : Counts large directions first of all.

    Notes
    -----
    With the singular values of the centred rows over their sum, p, it is
    :math:`\exp(-\sum p \log p)` [1]_.

    References
    ----------
    .. [1] O. Roy and M. Vetterli, "The effective rank: a measure of effective dimensionality",
       EUSIPCO 2007.

    Examples
    --------
    >>> from sksubspace.metrics import effective_rank
    >>> round(effective_rank([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 6)
    2.0
    """
    p = np.sqrt(_variances(X))
    if not p.any():
        return np.nan
    p = p[p > 0] / p.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def centered_kernel_alignment(
    X: Matrix,
    Y: Matrix,
    *,
    max_samples: int | None = _MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Tell whether rows that are near each other in one table are so in another.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows of one representation.

    Y : {array-like, sparse matrix} of shape (n_samples, n_others)
        The same rows in another.

    max_samples : int or None, default=2000
        Rows that are drawn; None for all. Memory grows with their square.

    random_state : int, RandomState instance or None, default=0
        Draws rows.

    Returns
    -------
    alignment : float
        At most 1, of tables that differ by a rotation, a shift and a scale; around 0, on either
        side, of tables that tell nothing of each other. NaN for rows that are all equal.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer.

    ValueError
        If X or Y is not a table of finite numbers, or they have not the same number of rows, at
        least four.

    See Also
    --------
    distance_correlation : Compares distances.

    Notes
    -----
    With the Gram matrices K and L of the centred rows, their diagonal set to zero, and

    .. math::
        H(K, L) = \frac{1}{n(n-3)} \Big( \mathrm{tr}\, K L
        + \frac{1'K1 \; 1'L1}{(n-1)(n-2)} - \frac{2}{n-2} 1' K L 1 \Big),

    the alignment is :math:`H(K, L) / \sqrt{H(K, K) H(L, L)}` [1]_, with the estimate of H that has
    no bias [2]_. The usual one is near 1 for *any* two tables with more columns than rows.

    Copies of a row agree with each other in every table: leave them out before.

    References
    ----------
    .. [1] S. Kornblith, M. Norouzi, H. Lee and G. Hinton, "Similarity of neural network
       representations revisited", ICML 2019, https://arxiv.org/abs/1905.00414

    .. [2] L. Song, A. Smola, A. Gretton, J. Bedo and K. Borgwardt, "Feature selection via
       dependence maximization", Journal of Machine Learning Research 13 (2012).

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import centered_kernel_alignment
    >>> X = np.random.RandomState(0).randn(50, 200)
    >>> round(centered_kernel_alignment(X, 3 * X[:, ::-1] + 1), 6)
    1.0
    >>> abs(centered_kernel_alignment(X, np.random.RandomState(1).randn(50, 200))) < 0.1
    True
    """
    Y = in_order_of(X, Y, "Y")
    X, Y = check_rows(X, "X", accept_sparse=True), check_rows(Y, "Y", accept_sparse=True)
    check_same_length(X, Y, "X", "Y")
    if X.shape[0] < _FEWEST_ROWS:
        raise ValueError(f"X must have at least {_FEWEST_ROWS} rows, got {X.shape[0]}.")
    rows = sample_rows(X.shape[0], max_samples, random_state)
    K, L = _hollow_gram(X[rows]), _hollow_gram(Y[rows])
    if not (K.any() and L.any()):
        return np.nan
    own = _unbiased(K, K) * _unbiased(L, L)
    return float(_unbiased(K, L) / np.sqrt(own)) if own > 0 else np.nan


def _variances(X):  # (n, d) -> (min(n, d),)
    """Eigenvalues of the covariance, up to a factor; those of rounding are 0."""
    X = check_rows(X, "X", accept_sparse=True)
    check_squares(X)
    centred = dense(X, np.float64) - column_means(X)
    if not np.abs(centred).max() > 1e-13 * np.abs(centred + column_means(X)).max():
        return np.zeros(min(X.shape))
    gram = centred @ centred.T if X.shape[0] < X.shape[1] else centred.T @ centred
    values = np.linalg.eigvalsh(gram)
    return np.where(values > len(values) * np.finfo(float).eps * values.max(), values, 0)


def _hollow_gram(X):  # (n, d) -> (n, n)
    """Inner products of centred rows, without their own, on a scale of 1."""
    centred = dense(X, np.float64) - column_means(X)
    size = np.abs(centred).max()
    if not size > 1e-13 * np.abs(column_means(X)).max():
        return np.zeros((X.shape[0], X.shape[0]))
    K = (centred / size) @ (centred / size).T
    np.fill_diagonal(K, 0)
    return K


def _unbiased(K, L):  # (n, n), (n, n) -> float
    """The Hilbert-Schmidt criterion of hollow matrices, of Song et al."""
    n, rows_k, rows_l = len(K), K.sum(axis=1), L.sum(axis=1)
    between = rows_k.sum() * rows_l.sum() / ((n - 1) * (n - 2))
    return ((K * L).sum() + between - 2 / (n - 2) * (rows_k @ rows_l)) / (n * (n - 3))
