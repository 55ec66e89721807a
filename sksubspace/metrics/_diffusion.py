"""How many places rows fall into, by the spectrum of a random walk over them."""

from numbers import Real
from typing import Literal

import numpy as np

from sksubspace._typing import Matrix, Seed
from sksubspace._validation import check_squares
from sksubspace.metrics._dimension import all_distances
from sksubspace.metrics._input import check_rows, sample_rows

_MAX_SAMPLES = 2_000


def diffusion_spectral_entropy(
    X: Matrix,
    *,
    sigma: float | Literal["median"] = "median",
    t: float = 1.0,
    max_samples: int | None = _MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Measure how evenly rows are spread, by the spectrum of a random walk over them.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.

    sigma : float or "median", default="median"
        Width of the walk's steps, in units of X; "median" is the median distance of two rows, so
        that units do not matter.

    t : float, default=1.0
        Steps of the walk. With more of them what is near and what is noise counts less.

    max_samples : int or None, default=2000
        Rows that are drawn; None for all. Memory grows with their square.

    random_state : int, RandomState instance or None, default=0
        Draws rows.

    Returns
    -------
    entropy : float
        In nats, from 0, all rows on one heap for steps of that width, to the logarithm of the rows
        that are drawn, each by itself. Its exponential is about the number of heaps.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer.

    ValueError
        If X is not a table of finite numbers of at least two rows, or `sigma` or `t` is not
        positive.

    See Also
    --------
    effective_rank : The same of straight directions.

    Notes
    -----
    With the kernel :math:`G_{ij} = \exp(-\|x_i - x_j\|^2 / 2 \sigma^2)`, its row sums g, and
    :math:`W = G_{ij} / \sqrt{g_i g_j}`, the walk steps from row i to row j with probability
    :math:`W_{ij} / \sum_l W_{il}`. Of the eigenvalues :math:`\lambda` of these probabilities,

    .. math:: -\sum_i p_i \log p_i, \qquad p_i = \lambda_i^t \Big/ \sum_l \lambda_l^t ,

    is the entropy [1]_ (there in bits). It is a description: it ranks no representations, and
    compares tables of as many rows and one kind of `sigma` only. With "median" as the width, only
    coarse shape is seen.

    References
    ----------
    .. [1] D. Liao, C. Liu, B. Christensen, A. Tong, G. Huguet, G. Wolf, M. Nickel, I. Adelstein and
       S. Krishnaswamy, "Assessing neural network representations during training using
       noise-resilient diffusion spectral entropy" (2023), https://arxiv.org/abs/2312.04823

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import diffusion_spectral_entropy
    >>> heaps = np.repeat([[0.0], [10.0], [20.0]], 50, axis=0)
    >>> float(np.exp(diffusion_spectral_entropy(heaps, sigma=1.0)).round(6))
    3.0
    """
    median = isinstance(sigma, str) and sigma == "median"
    for value, name in ((1.0 if median else sigma, "sigma"), (t, "t")):
        if not isinstance(value, Real) or not 0 < value < np.inf:
            allowed = 'a positive number or "median"' if name == "sigma" else "a positive number"
            raise ValueError(f"{name} must be {allowed}, got {value!r}.")
    X = check_rows(X, "X", accept_sparse=True)
    check_squares(X)
    if X.shape[0] < 2:
        raise ValueError(f"X must have at least 2 rows, got {X.shape[0]}.")
    D = all_distances(X[sample_rows(X.shape[0], max_samples, random_state)])
    width = np.median(D[np.triu_indices(len(D), 1)]) if median else float(sigma)
    return _spectral_entropy(D, width, t)


def _spectral_entropy(D, width, t):  # (n, n), float, float -> float
    if width == 0:  # at least half of all pairs of rows are equal
        G = (D == 0).astype(np.float64)
    else:
        G = np.exp(-np.square(D / width) / 2)
    for _ in range(2):  # the density of the rows, then what leaves each; both keep it symmetric
        root = np.sqrt(G.sum(axis=1))
        G = G / root[:, None] / root
    values = np.linalg.eigvalsh(G)
    p = np.where(values > len(values) * np.finfo(float).eps, values, 0) ** t
    p = p[p > 0] / p.sum()
    return float(max(0.0, -(p * np.log(p)).sum()))
