"""Controls of a reading: islands dealt to other places, and data without structure but covariance.

A number that a control has as well says nothing of the map.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import KMeans

from sksubspace._linalg import column_means, covariance, dense, leading_eigenpairs, row_blocks
from sksubspace._machine import check_memory
from sksubspace._parameters import isolated_random_state
from sksubspace._typing import ArrayLike, Floats, Ints, Matrix, Planned, Seed
from sksubspace.metrics._group_scores import group_means
from sksubspace.metrics._input import check_rows
from sksubspace.metrics._learnt import learn_map
from sksubspace.neighbors import k_nearest

_N_NEIGHBORS = 10
# components of the graph that are islands: each of so large a share of the rows, and so many
_LEAST_SHARE = 0.02
_FEWEST, _MOST = 4, 60
# else cells of k-means take their place
_N_CELLS = 10
# one deal is noisy where islands are few
_N_DEALS = 5
# deals that an arrangement is ranked among, by what needs no student
_N_RANKED = 999
# squares that differ by less are of the same arrangement
_SAME = 1e-9


# ---- islands -------------------------------------------------------------------------------------


def find_islands(Z: ArrayLike, *, random_state: Seed = 0) -> Ints:
    """Number the islands of a map.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        A map.

    random_state : int, RandomState instance or None, default=0
        Starts of k-means, where the map is one piece.

    Returns
    -------
    island : ndarray of shape (n_samples,)
        Consecutive integers from 0.

    Raises
    ------
    TypeError
        If Z is sparse.

    ValueError
        If Z is not a table of finite numbers, or has fewer than four different places.

    See Also
    --------
    deal_islands : Move them.

    Notes
    -----
    Islands are the components of the graph of ten nearest places, in which two rows are joined if
    either is among the ten of the other, if 4 to 60 of them hold at least 2 % of the rows; rows of
    smaller components join that of their nearest row in one of these. Else they are ten cells of
    k-means.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import find_islands
    >>> corner = np.repeat([[0, 0], [0, 9], [9, 0], [9, 9]], 12, axis=0)
    >>> np.bincount(find_islands(corner + np.random.RandomState(0).rand(48, 2)))
    array([12, 12, 12, 12])
    """
    Z = check_rows(Z, "Z")
    n_places = len(np.unique(Z, axis=0))
    if n_places < _FEWEST:
        raise ValueError(f"Z must have at least {_FEWEST} different places, got {n_places}.")
    component = _components(Z)
    large = np.flatnonzero(np.bincount(component) >= _LEAST_SHARE * len(Z))
    if _FEWEST <= len(large) <= _MOST:
        return _joined(Z, component, large)
    cells = KMeans(
        min(_N_CELLS, n_places), n_init=3, random_state=isolated_random_state(random_state)
    )
    return cells.fit_predict(np.asarray(Z, dtype=np.float64))


def _components(Z):  # (n, q) -> (n,)
    k = min(_N_NEIGHBORS, len(Z) - 1)
    _, near = k_nearest(Z, Z, k, exclude_self=True)
    rows = np.repeat(np.arange(len(Z)), k)
    graph = sparse.coo_matrix((np.ones(near.size), (rows, near.ravel())), shape=(len(Z),) * 2)
    return connected_components(graph, directed=False)[1]


def _joined(Z, component, large):
    """Number the large components; a row of another one belongs to that of its nearest row."""
    number = np.full(component.max() + 1, -1)
    number[large] = np.arange(len(large))
    island = number[component]
    small, ashore = np.flatnonzero(island < 0), np.flatnonzero(island >= 0)
    if len(small):
        _, near = k_nearest(Z[small], Z[ashore], 1)
        island[small] = island[ashore[near[:, 0]]]
    return island


def deal_islands(Z: ArrayLike, *, random_state: Seed = 0) -> Floats:
    """Deal the islands of a map to each other's places: a map without a meaning at large.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        A map.

    random_state : int, RandomState instance or None, default=0
        The deal, and starts of k-means where the map is one piece.

    Returns
    -------
    Z_dealt : ndarray of shape (n_samples, n_components)
        The same islands, each moved as it is to the centre of another one. None stays.

    Raises
    ------
    TypeError
        If Z is sparse.

    ValueError
        If Z is not a table of finite numbers, or has fewer than four different places.

    See Also
    --------
    find_islands : Which islands these are.
    islands_dealt : What is left of the readings of a map.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import deal_islands
    >>> corner = np.repeat([[0, 0], [0, 9], [9, 0], [9, 9]], 12, axis=0)
    >>> Z = corner + np.random.RandomState(0).rand(48, 2)
    >>> dealt = deal_islands(Z)
    >>> bool((np.hypot(*(dealt - Z).T) > 5).all())
    True
    """
    random_state = isolated_random_state(random_state)
    island = find_islands(Z, random_state=random_state)
    return dealt(np.asarray(Z), island, derangement(island.max() + 1, random_state))


def derangement(n, random_state):  # -> (n,)
    """Permutation that leaves nothing where it is, all such alike; two or more are needed."""
    while True:
        order = random_state.permutation(n)
        if (order != np.arange(n)).all():
            return order


def dealt(Z, island, order):  # (n, q), (n,), (k,) -> (n, q)
    """Move island k, as it is, to the centre of island order[k]."""
    centres = group_means(Z, island)
    moved = Z - centres[island] + centres[order][island]
    return moved.astype(Z.dtype if Z.dtype.kind == "f" else np.float64, copy=False)


@dataclass(frozen=True)
class IslandsDealt:
    """Readings of a map whose islands are dealt to each other's places, as means of deals.

    Attributes
    ----------
    r2 : float
        Left-out R2, which is local; NaN if it was not asked for.

    global_share : float
        R2 of a linear decoder over that of as many principal components.

    n_islands : int
        How many there are.

    n_deals : int
        How often they were dealt.

    p_value : float
        Share of 999 further deals after which a line reads as much of the data off the map as it
        stands, or more: where it is large, the arrangement of the islands is as good as chance.
    """

    r2: float
    global_share: float
    n_islands: int
    n_deals: int
    p_value: float


def islands_dealt(
    X: Matrix,
    Z: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    student: Planned | None = None,
    random_state: Seed = 0,
) -> IslandsDealt:
    """Read a map whose islands are dealt to each other's places: what their arrangement is worth.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows. Rows with NaN count as not drawn and are left out.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to; rows of a group are left out together. None takes equal rows and near
        copies for groups.

    student : MEDAL or None, default=None
        Whose encoder, decoder and units score the map; None for those of ``MEDAL()``.

    random_state : int, RandomState instance or None, default=0
        The deals, the draw of the rows where there are more than 10,000, and the decoder's
        frequencies.

    Returns
    -------
    control : IslandsDealt
        Means of five deals, and the rank of the arrangement among 999.

    Raises
    ------
    TypeError
        If Z is sparse.

    ValueError
        If Z has fewer than four different places, and wherever `embedding_score` raises one.

    See Also
    --------
    global_share : The reading that falls.
    deal_islands : One deal.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.manifold import Isomap
    >>> from sksubspace.metrics import global_share, islands_dealt
    >>> X = load_digits().data[:200] / 16
    >>> Z = Isomap(n_neighbors=10).fit_transform(X)
    >>> islands_dealt(X, Z).global_share < 0.6 * global_share(X, Z)
    True
    """
    random_state = isolated_random_state(random_state)
    learnt = learn_map(X, Z, student=student, groups=groups, random_state=random_state)
    return islands_dealt_of(learnt, random_state=random_state)


def islands_dealt_of(learnt, *, has_r2=True, n_deals=_N_DEALS, random_state=0):
    """Deal the islands of a learnt map; without `has_r2` the cheap share alone."""
    random_state = isolated_random_state(random_state)
    read = ("score", "global_share") if has_r2 else ("global_share",)
    island = find_islands(learnt.Z, random_state=random_state)
    n_islands = int(island.max() + 1)
    deals = [
        learnt.again(dealt(learnt.Z, island, derangement(n_islands, random_state)), read=read)
        for _ in range(n_deals)
    ]
    return IslandsDealt(
        r2=float(np.mean([one.score for one in deals])) if has_r2 else np.nan,
        global_share=float(np.mean([one.global_share for one in deals])),
        n_islands=n_islands,
        n_deals=n_deals,
        p_value=arrangement_p_value(learnt, island, random_state),
    )


def arrangement_p_value(learnt, island, random_state):
    """Rank the arrangement of a map among random ones, its own included."""
    n_islands = island.max() + 1
    orders = [random_state.permutation(n_islands) for _ in range(_N_RANKED)]
    orders = np.stack([np.arange(n_islands), *orders])
    read = line_squares(learnt.X, learnt.Z, island, orders)
    return float((read >= read[0] * (1 - _SAME)).mean())


def line_squares(X, Z, island, orders):  # (n, d), (n, q), (n,), (m, k) -> (m,)
    r"""Sum of squares that a line reads off a map, for each order of its islands.

    With the deviations W of the places from the centres of their islands, the centres
    :math:`c = C_\pi` in an order, about their mean, the sizes N and the sums P of the centred rows
    of each island, the line from places to rows explains

    .. math:: \operatorname{tr} \left[ (W^T W + c^T N c)^{-1} S^T S \right], \qquad
              S = X^T W + P^T c .

    Only q x q matrices depend on the order.
    """
    sizes = np.bincount(island)
    Z = np.asarray(Z, dtype=np.float64)
    centres = group_means(Z, island)
    mean, island_means = column_means(X), group_means(X, island)
    sums = sizes[:, None] * (island_means - mean)
    within = Z - centres[island]
    moments = np.asarray(X.T @ within)  # columns of W add up to zero: X need not be centred
    c = centres[orders] - (sizes @ centres[orders] / sizes.sum())[:, None]
    places = within.T @ within + np.einsum("mkp,k,mkq->mpq", c, sizes, c)
    crossed = np.einsum("mkp,kq->mpq", c, sums @ moments)
    squares = moments.T @ moments + crossed + crossed.transpose(0, 2, 1)
    squares = squares + np.einsum("mkp,kl,mlq->mpq", c, sums @ sums.T, c, optimize=True)
    return np.einsum("mpq,mqp->m", np.linalg.pinv(places), squares)


# ---- no structure but covariance -----------------------------------------------------------------


def gaussian_surrogate(X: Matrix, *, random_state: Seed = 0) -> Floats:
    r"""Draw normal rows with the mean and the covariance of the data, and no other structure.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data. Of sparse rows no dense copy is made but the result.

    random_state : int, RandomState instance or None, default=0
        The draw.

    Returns
    -------
    X_normal : ndarray of shape (n_samples, n_features)
        As many rows, dense, in the dtype of X.

    Raises
    ------
    MemoryError
        If less memory is free than the result and its making need.

    ValueError
        If X is not a table of finite numbers of at least two rows.

    See Also
    --------
    linear_gain : What a map gains over principal components on it.

    Notes
    -----
    With the centred rows :math:`X - \bar x = U \operatorname{diag}(s) V^T` and N of standard
    normal entries,

    .. math:: X_g = \bar x + N \operatorname{diag}(s / \sqrt n)\, V^T,

    for at least as many rows as features, by the eigenvectors of the covariance. For fewer it is
    :math:`\bar x + n^{-1/2} G (X - \bar x)`, with G of n x n standard normal entries: as
    :math:`G U` is standard normal itself, these have the same distribution, and no decomposition is
    needed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace.metrics import gaussian_surrogate
    >>> X, _ = load_iris(return_X_y=True)
    >>> X_normal = gaussian_surrogate(X)
    >>> bool(np.abs(np.cov(X_normal.T) - np.cov(X.T)).max() < 0.5)
    True
    """
    X = check_rows(X, "X", accept_sparse=True)
    n, d = X.shape
    if n < 2:
        raise ValueError(f"X must have at least 2 rows, got {n}.")
    side = d if d <= n else 0
    check_memory(
        n * d * X.dtype.itemsize + 3 * 8 * side**2,
        f"A Gaussian surrogate of {n:,} rows x {d:,} features",
        "Draw rows, or reduce X to its principal components, first.",
    )
    random_state = isolated_random_state(random_state)
    mean = column_means(X)
    root = _covariance_root(X, mean) if d <= n else None
    drawn = np.empty((n, d), dtype=X.dtype)
    for rows in row_blocks(n, n_columns=max(n, d)):
        size = len(range(*rows.indices(n)))
        if root is not None:
            drawn[rows] = mean + random_state.standard_normal((size, len(root))) @ root
            continue
        weights = random_state.standard_normal((size, n)) / np.sqrt(n)
        weights -= weights.mean(axis=1, keepdims=True)  # as good as centring the rows
        drawn[rows] = mean + dense(weights @ X)
    return drawn


def _covariance_root(X, mean):  # (n, d), (d,) -> (r, d)
    """diag(s / sqrt(n)) V'."""
    eigenvalues, vectors = leading_eigenpairs(covariance(X, mean))
    return np.sqrt(eigenvalues)[:, None] * vectors.T
