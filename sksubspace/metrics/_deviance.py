"""How much of the deviance of counts the neighbours on a map explain, each row left out."""

import numpy as np
from scipy import sparse

from sksubspace._linalg import row_blocks
from sksubspace._parameters import check_integer
from sksubspace._student import check_groups
from sksubspace._student._groups import groups_of_equal_rows, nearest_of_other_groups
from sksubspace._typing import ArrayLike, Matrix, Seed
from sksubspace._validation import check_counts, in_order_of
from sksubspace.metrics._input import check_rows, check_same_length, sample_rows

_MAX_SAMPLES = 10_000
# counts of the common rates that are added to those of the neighbours, in rows; with infinitely
# many the neighbours count for nothing, which is right for a map of noise
_STRENGTHS = 2.0 ** np.arange(-3, 12)
# deviance of a row that is nothing but rounding
_ROUNDING = 1e-9
# stored entries of neighbours that are held at a time
_BLOCK = 2**22


def deviance_explained(
    counts: Matrix,
    Z: ArrayLike,
    *,
    train: Matrix | None = None,
    groups: ArrayLike | None = None,
    n_neighbors: int = 15,
    max_samples: int | None = _MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Score a map by the share of the Poisson deviance of counts that its neighbours explain.

    Parameters
    ----------
    counts : {array-like, sparse matrix} of shape (n_samples, n_features)
        Raw counts: whole numbers, not negative. For an honest score the map must not have been
        drawn from them, but from the other half of :func:`sksubspace.model_selection.thin_counts`.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows. Rows with NaN count as not drawn and are left out.

    train : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
        Counts of the same rows of which the neighbours' rates are taken; None for `counts`.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; rows of a group are no neighbours of each other. None
        takes equal rows of `counts` for groups; ``np.arange(n_samples)`` none at all.

    n_neighbors : int, default=15
        Neighbours on the map; fewer where there are not so many.

    max_samples : int or None, default=10000
        Number of rows to draw and score, each by neighbours among all rows; None scores all.

    random_state : int, RandomState instance or None, default=0
        The draw of the rows. None draws a seed from the operating system.

    Returns
    -------
    score : float
        1 if the neighbours' rates fit as well as each row's own, 0 if no better than those of all
        rows together; never below 0.

    Raises
    ------
    TypeError
        If `counts` is an annotated container, or a number is not whole.

    ValueError
        If a count is missing, negative or a fraction, the numbers of rows differ, fewer than three
        rows are drawn, there are fewer than three groups, or a number is out of its range.

    See Also
    --------
    sksubspace.model_selection.thin_counts : Splits counts, so that one half is unseen by the map.
    embedding_score : Held-out R2 of real numbers.

    Notes
    -----
    With the total :math:`s_i` of row i, the rates :math:`\mu_0 = \sum_i x_i / \sum_i s_i`, and the
    neighbours j of row i on the map, itself and its group left out,

    .. math::
        \mu(z_i) = \frac{\sum_j w_{ij} x_j + c \mu_0}{\sum_j w_{ij} s_j + c}, \quad
        w_{ij} = \exp(-\|z_i - z_j\|^2 / 2 h_i^2), \quad
        D^2 = 1 - \frac{\sum_i dev(x_i, s_i \mu(z_i))}{\sum_i dev(x_i, s_i \mu_0)},

    where h is the distance of the last neighbour and dev twice the log-likelihood that is lost to
    the counts themselves. One c, out of fifteen powers of two and infinity, serves all rows: the
    one that scores best, so that a map of noise scores 0 and not less. With the own row among the
    neighbours, a map of noise would score above 0.

    Only stored entries count: both sums of rates are 1, and what is left of a deviance is
    :math:`2 \sum_{x > 0} x \log(x / s \mu)`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import deviance_explained
    >>> rng = np.random.RandomState(0)
    >>> Z = rng.rand(300, 1)
    >>> counts = rng.poisson(np.exp(4 * Z * rng.randn(20)))
    >>> (
    ...     round(deviance_explained(counts, Z), 1),
    ...     round(deviance_explained(counts, rng.rand(300, 1)), 1),
    ... )
    (0.5, 0.0)
    """
    deviance, null = row_deviances(
        counts, Z, train=train, groups=groups, n_neighbors=n_neighbors, max_samples=max_samples,
        random_state=random_state,
    )  # fmt: skip
    explained, total = np.nansum(null - deviance), np.nansum(null)
    return float(explained / total) if total > _ROUNDING * len(null) else 0.0


def row_deviances(
    counts, Z, *, train=None, groups=None, n_neighbors=15, max_samples=None, random_state=0
):
    """Deviance of each row from its neighbours' rates, and from those of all rows together.

    Parameters
    ----------
    counts, Z, train, groups, n_neighbors, max_samples, random_state
        See `deviance_explained`.

    Returns
    -------
    deviance, null : ndarray of shape (n_samples,)
        NaN for rows that were not scored.
    """
    check_integer(n_neighbors, "n_neighbors", 1)
    given = {"Z": Z, "train": train, "groups": groups}
    Z, train, groups = (in_order_of(counts, one, name, "counts") for name, one in given.items())
    counts, train, Z = _checked_counts(counts, Z, train)
    groups = groups_of_equal_rows(counts) if groups is None else check_groups(groups, len(Z))
    drawn = np.flatnonzero(~np.isnan(Z).any(axis=1))
    own_groups = np.unique(groups[drawn], return_inverse=True)[1]
    if len(drawn) == 0 or own_groups.max() == 0:
        raise ValueError(
            f"Z must have rows without NaN, of at least 2 groups, got {len(drawn)} such rows."
        )
    rows = sample_rows(len(drawn), max_samples, random_state)
    squared, near = nearest_of_other_groups(Z[drawn][rows], Z[drawn], n_neighbors, rows, own_groups)
    found = _deviances(counts, train, drawn[rows], drawn[near], _weights(squared))
    deviance, null = np.full((2, len(Z)), np.nan)
    deviance[drawn[rows]], null[drawn[rows]] = found
    return deviance, null


def _checked_counts(counts, Z, train):  # -> CSR (n, d), CSR (n, d), (n, q)
    counts, Z = sparse.csr_array(check_counts(counts)), check_rows(Z, "Z", allow_nan=True)
    check_same_length(counts, Z, "counts", "Z")
    if train is None:
        return counts, counts, Z
    train = sparse.csr_array(check_counts(train, "train"))
    if train.shape != counts.shape:
        raise ValueError(f"train must have the shape of counts, {counts.shape}, got {train.shape}.")
    return counts, train, Z


def _weights(squared):  # (m, k) ascending -> (m, k)
    """W = exp(-d^2 / 2 h^2), h the distance of the last neighbour; 1 where all are at one place."""
    scale = np.where(squared[:, -1:] > 0, squared[:, -1:], 1)
    return np.exp(-squared / (2 * scale))


def _deviances(counts, train, rows, near, weights):  # (m,), (m, k), (m, k) -> (m,), (m,)
    r"""Deviances 2 sum_{x > 0} x log(x / s mu) of some rows, by their neighbours and by all rows.

    Parameters
    ----------
    counts, train : CSR array of shape (n, d)
        Counts that are scored, and those of which rates are taken.
    rows : ndarray of shape (m,)
        The rows that are scored.
    near, weights : ndarray of shape (m, k)
        Their neighbours.
    """
    common = np.asarray(counts.sum(axis=0), dtype=np.float64)
    common = common / max(common.sum(), 1)
    totals = np.asarray(train.sum(axis=1), dtype=np.float64)
    strengths = _STRENGTHS * totals.mean()
    found = np.zeros((len(_STRENGTHS) + 1, len(rows)))  # the last: infinitely strong
    size = max(1, int(_BLOCK / (near.shape[1] * max(1.0, train.nnz / train.shape[0]))))
    for block in row_blocks(len(rows), size):
        own = counts[rows[block]]
        of_row = np.repeat(np.arange(own.shape[0]), np.diff(own.indptr))
        x, mu_0 = own.data.astype(np.float64), common[own.indices]
        sums, sizes = _sums(train, totals, near[block], weights[block])
        rates = [
            (np.asarray(sums[of_row, own.indices]).ravel() + c * mu_0) / (sizes[of_row] + c)
            for c in strengths
        ]
        share = x / own.sum(axis=1)[of_row]
        for one, mu in zip(found, [*rates, mu_0], strict=True):
            one[block] = np.bincount(of_row, 2 * x * np.log(share / mu), minlength=own.shape[0])
    return found[found.sum(axis=1).argmin()], found[-1]


def _sums(train, totals, near, weights):  # -> CSR (m, d), (m,)
    """Weighted sums of the neighbours' counts, and of their totals."""
    there, place = np.unique(near, return_inverse=True)
    starts = np.arange(len(near) + 1) * near.shape[1]
    W = sparse.csr_array((weights.ravel(), place.ravel(), starts), shape=(len(near), len(there)))
    sums = W @ train[there].astype(np.float64)
    sums.sort_indices()  # scipy looks entries up by halves only in sorted rows
    return sums, W @ totals[there]
