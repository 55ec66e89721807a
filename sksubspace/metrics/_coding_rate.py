"""Coding rate: how many nats rows need up to a given distortion."""

from numbers import Real

import numpy as np

from sksubspace.metrics._clustering_accuracy import _codes
from sksubspace.metrics._input import check_rows, check_same_length


def coding_rate(Z, *, eps=0.5):
    r"""Estimate the nats that code a row up to a squared error.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        Rows, of length 1 by convention; they are neither centred nor scaled here.

    eps : float, default=0.5
        Root of the squared error that is allowed for a row.

    Returns
    -------
    rate : float
        In nats for each row; larger where the rows fill more dimensions.

    Raises
    ------
    TypeError
        If `eps` is not a number.

    ValueError
        If `eps` is not positive, or a value of Z is not finite.

    See Also
    --------
    rate_reduction : What is saved by coding each class on its own.

    Notes
    -----
    .. math::
        R(Z) = \frac12 \log\det\left( I + \frac{d}{n \epsilon^2} Z^T Z \right)

    for n rows in d dimensions. It is computed from the singular values of Z.

    References
    ----------
    .. [1] Y. Ma, H. Derksen, W. Hong and J. Wright, "Segmentation of multivariate mixed data via
       lossy data coding and compression", IEEE Transactions on Pattern Analysis and Machine
       Intelligence 29 (2007), https://doi.org/10.1109/TPAMI.2007.1085
    .. [2] Y. Yu, K. H. R. Chan, C. You, C. Song and Y. Ma, "Learning diverse and discriminative
       representations via the principle of maximal coding rate reduction", NeurIPS (2020),
       https://arxiv.org/abs/2006.08558

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import coding_rate
    >>> round(coding_rate(np.eye(4)), 4)
    3.2189
    >>> round(coding_rate(np.ones((4, 4)) / 2), 4)
    1.4166
    """
    _check_eps(eps)
    return _rate(check_rows(Z, "Z"), eps)


def rate_reduction(Z, labels, *, eps=0.5):
    r"""Estimate the nats for each row that are saved by coding each class on its own.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        Rows, of length 1 by convention; they are neither centred nor scaled here.

    labels : array-like of shape (n_samples,)
        Classes or clusters of the rows.

    eps : float, default=0.5
        Root of the squared error that is allowed for a row.

    Returns
    -------
    reduction : float
        In nats for each row; not below 0. Largest where the classes are orthogonal subspaces that
        are each filled evenly.

    Raises
    ------
    TypeError
        If `eps` is not a number.

    ValueError
        If `eps` is not positive, a value of Z is not finite, or the lengths differ.

    See Also
    --------
    coding_rate : The rate of all rows together.

    Notes
    -----
    .. math::
        \Delta R(Z) = R(Z) - \sum_k \frac{n_k}{n} R(Z_k)

    with :math:`Z_k` the :math:`n_k` rows of class k and R the `coding_rate`. The labels are not
    coded.

    References
    ----------
    .. [1] Y. Yu, K. H. R. Chan, C. You, C. Song and Y. Ma, "Learning diverse and discriminative
       representations via the principle of maximal coding rate reduction", NeurIPS (2020),
       https://arxiv.org/abs/2006.08558

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import rate_reduction
    >>> Z = np.eye(4)[[0, 0, 1, 1]]
    >>> round(rate_reduction(Z, [0, 0, 1, 1]), 4)
    0.7806
    >>> round(rate_reduction(Z, [0, 1, 0, 1]), 4)
    0.0
    """
    _check_eps(eps)
    Z, labels = check_rows(Z, "Z"), _codes(labels, "labels")
    check_same_length(Z, labels, "Z", "labels")
    parts = [Z[labels == k] for k in range(labels.max() + 1)]
    return _rate(Z, eps) - sum(len(part) / len(Z) * _rate(part, eps) for part in parts)


def _rate(Z, eps):
    n, d = Z.shape
    values = np.linalg.svd(np.asarray(Z, dtype=np.float64), compute_uv=False)
    return float(np.log1p(d / (n * eps**2) * values**2).sum() / 2)


def _check_eps(eps):
    if not isinstance(eps, Real) or isinstance(eps, bool):
        raise TypeError(f"eps must be a number, got {eps!r}.")
    if not 0 < eps < float("inf"):
        raise ValueError(f"eps must be positive and finite, got {eps!r}.")
