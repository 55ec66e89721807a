"""Which column of one representation is which of another."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from sksubspace._linalg import column_means, dense
from sksubspace._parameters import isolated_random_state
from sksubspace._typing import Floats, Ints, Matrix, Seed
from sksubspace._validation import check_squares, in_order_of
from sksubspace.metrics._input import check_rows, check_same_length, sample_rows

_MAX_SAMPLES = 2_000
# two of each half, so that each half has a correlation
_FEWEST_ROWS = 6


@dataclass(frozen=True, eq=False)
class FeatureMatch:
    """Columns of two tables that go together, one with one.

    Attributes
    ----------
    columns : ndarray of shape (n_features,)
        For each column of the first table the one of the second; -1 where none is left.

    correlations : ndarray of shape (n_features,)
        Of these pairs, over the rows that they were found on: too large, as the largest were
        chosen. NaN where there is no partner.

    left_out : float
        Mean correlation, on one half of the rows, of pairs that were found on the other, with the
        sign that they had there. About 0 for tables that tell nothing of each other.
    """

    columns: Ints
    correlations: Floats
    left_out: float


def match_features(
    X: Matrix,
    Y: Matrix,
    *,
    max_samples: int | None = _MAX_SAMPLES,
    random_state: Seed = 0,
) -> FeatureMatch:
    r"""Find for each column of one table its partner in another, one with one.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows of one representation, such as the units of a network.

    Y : {array-like, sparse matrix} of shape (n_samples, n_others)
        The same rows in another, such as those of a network with another seed.

    max_samples : int or None, default=2000
        Rows that are drawn; None for all.

    random_state : int, RandomState instance or None, default=0
        Draws rows, and deals them to two halves.

    Returns
    -------
    match : FeatureMatch
        With `columns`, `correlations` and `left_out`.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer.

    ValueError
        If X or Y is not a table of finite numbers, or they have not the same number of rows, at
        least six.

    See Also
    --------
    centered_kernel_alignment : Whether tables agree up to a rotation, without partners.
    sksubspace.alignment.SubspaceAligner : Directions that agree, of any mixture of columns.

    Notes
    -----
    The assignment has the largest sum of absolute correlations [1]_. With few rows and many
    columns large ones are found in noise: `left_out` says what is left of them on other rows.
    Constant columns correlate 0 with all.

    A feature that is a mixture of several in the other table has no partner here. It picks
    no representation: that of two seeds of one network may agree in few columns and be as good.

    References
    ----------
    .. [1] Y. Li, J. Yosinski, J. Clune, H. Lipson and J. Hopcroft, "Convergent learning: do
       different neural networks learn the same representations?", ICLR 2016,
       https://arxiv.org/abs/1511.07543

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import match_features
    >>> X = np.random.RandomState(0).randn(100, 3)
    >>> match = match_features(X, -X[:, [2, 0, 1]])
    >>> match.columns.tolist(), match.correlations.round(6).tolist()
    ([1, 2, 0], [-1.0, -1.0, -1.0])
    """
    Y = in_order_of(X, Y, "Y")
    X, Y = check_rows(X, "X", accept_sparse=True), check_rows(Y, "Y", accept_sparse=True)
    check_same_length(X, Y, "X", "Y")
    if X.shape[0] < _FEWEST_ROWS:
        raise ValueError(f"X must have at least {_FEWEST_ROWS} rows, got {X.shape[0]}.")
    check_squares(X)
    check_squares(Y)
    rng = isolated_random_state(random_state)
    rows = sample_rows(X.shape[0], max_samples, rng)
    X, Y = dense(X[rows], np.float64), dense(Y[rows], np.float64)
    R = _correlations(X, Y)
    own, partners = linear_sum_assignment(np.abs(R), maximize=True)
    columns, found = np.full(len(R), -1), np.full(len(R), np.nan)
    columns[own], found[own] = partners, R[own, partners]
    return FeatureMatch(columns, found, _correlation_left_out(X, Y, rng))


def _correlation_left_out(X, Y, rng):  # (n, d), (n, e) -> float
    """Mean over two halves of what pairs of one half correlate on the other."""
    order = rng.permutation(len(X))
    halves = [_correlations(X[half], Y[half]) for half in (order[::2], order[1::2])]
    values = []
    for here, there in (halves, halves[::-1]):
        own, partners = linear_sum_assignment(np.abs(here), maximize=True)
        values.append(np.mean(np.sign(here[own, partners]) * there[own, partners]))
    return float(np.mean(values))


def _correlations(X, Y):  # (n, d), (n, e) -> (d, e)
    X, Y = (_standard(one) for one in (X, Y))
    return np.clip(X.T @ Y, -1, 1)


def _standard(X):  # (n, d) -> (n, d)
    """Centred columns of length one; those that are constant up to rounding are zero."""
    mean = column_means(X)
    centred = X - mean
    lengths = np.linalg.norm(centred, axis=0)
    varies = lengths > 1e-13 * np.sqrt(len(X)) * np.abs(mean)
    return np.divide(centred, lengths, out=np.zeros_like(centred), where=varies)
