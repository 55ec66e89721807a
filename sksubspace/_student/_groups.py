"""Which rows vouch for each other: groups, equal rows, near copies, and the row next door.

A row must be left out together with everything that names it: the other rows of its group (the same
donor, the same picture twice), and the one row of another group that is drawn nearest to where it
is put. Without that, repeated rows lift any score to 1.
"""

import warnings
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from sksubspace.neighbors import k_nearest

# neighbours of a row: ten place it, and the dimension is read off the tenth and the twentieth
N_NEAREST = 20
_INNER = 10
# chance that so wide a gap after the k-th neighbour arises in any smooth density, over ten k
_CHANCE = 1e-3
# and the gap must be one that a reader would call a gap
_LEAST_RATIO = 3.0
# a share of rows with copies that is worth a warning
_MANY_COPIES = 0.01
# share of rows whose nearest row is the one above or below in the table; by chance it is 2 / n
_SERIES = 0.2
_FEWEST_FOR_SERIES = 100
_FEWEST_GROUPS = 3
# bytes by which rows are told apart; two of a billion rows share so many by a chance below 1e-50
_LONGEST_KEY = 32
# from this share of equal rows on, what differs in their coordinates is not rounding
_SAME_PLACE = 1e-6


@dataclass(frozen=True)
class Forget:
    """The rows that each prediction must not have seen: a group, and perhaps one row more.

    Attributes
    ----------
    groups : ndarray of shape (n_samples,)
        Group of each training row, consecutive integers from 0.

    own : ndarray of shape (n_predictions,)
        The training row whose group is forgotten.

    next_door : ndarray of shape (n_predictions,) or None
        One more row each, of another group.

    copies : ndarray of shape (n_samples,) or None
        Numbers that copies of a row share, within its group: what is next door is forgotten with
        its copies, which would tell as much. None if there are none.

    equal : ndarray of shape (n_samples,) or None
        Numbers that equal rows at one place share, finer than `copies`; None if all differ.
    """

    groups: np.ndarray
    own: np.ndarray
    next_door: np.ndarray | None = None
    copies: np.ndarray | None = None
    equal: np.ndarray | None = None

    def __len__(self):
        return len(self.own)

    def __getitem__(self, which):
        """Row numbers that prediction `which` forgets; a part of the whole for a slice or array."""
        door = None if self.next_door is None else self.next_door[which]
        if not isinstance(which, int | np.integer):
            return replace(self, own=self.own[which], next_door=door)
        rows = np.flatnonzero(self.groups == self.groups[self.own[which]])
        if door is None:
            return rows
        if self.copies is None:
            return np.append(rows, door)
        return np.union1d(rows, np.flatnonzero(self.copies == self.copies[door]))

    def doors(self):
        """What is next door, row by row.

        Returns
        -------
        rows : ndarray of shape (n_predictions, s) or None
            The row next door and those of its copies that differ from each other; None without.

        weights : ndarray of shape (n_predictions, s) or None
            How many equal rows each stands for; 0 where there are fewer than s.
        """
        if self.next_door is None:
            return None, None
        if self.copies is None:
            return self.next_door[:, None], np.ones((len(self), 1))
        equal = np.arange(len(self.groups)) if self.equal is None else self.equal
        _, first, kinds = np.unique(equal, return_index=True, return_inverse=True)
        table = _padded(self.copies[first], self.copies.max() + 1)[self.copies[self.next_door]]
        sizes = np.append(np.bincount(kinds), 0).astype(np.float64)  # 0 for the -1 that fill up
        return np.where(table < 0, 0, first[table]), sizes[table]


def one_of_each(copies):
    """Pick one of each row and its copies, the first.

    Parameters
    ----------
    copies : ndarray of shape (n,) or None
        Numbers that copies share; None if all rows differ.

    Returns
    -------
    kinds : ndarray of shape (c,) or None
        Row numbers, ascending; None if all rows differ.
    """
    return None if copies is None else np.sort(np.unique(copies, return_index=True)[1])


def _padded(numbers, n_numbers):  # (m,) -> (n_numbers, s)
    """Places at which each number stands, filled up with -1."""
    order, sizes = np.argsort(numbers, kind="stable"), np.bincount(numbers, minlength=n_numbers)
    table = np.full((n_numbers, sizes.max()), -1)
    table[np.arange(sizes.max()) < sizes[:, None]] = order
    return table


def check_groups(groups, n_samples):  # (n,) -> (n,)
    """Number the groups that the caller names from 0 on; at least three are needed."""
    groups = np.asarray(groups)
    if groups.ndim != 1 or len(groups) != n_samples:
        raise ValueError(
            f"groups must have one entry for each of the {n_samples} rows of X, got shape "
            f"{groups.shape}."
        )
    missing = [value is None or value != value for value in groups.tolist()]
    if any(missing):
        raise ValueError(f"groups must not be missing, but {sum(missing)} entries are None or NaN.")
    _, numbers = np.unique(groups, return_inverse=True)
    if numbers.max() + 1 < _FEWEST_GROUPS:
        raise ValueError(
            f"groups must have at least {_FEWEST_GROUPS} different values, got {numbers.max() + 1}."
        )
    return numbers


def groups_of_equal_rows(X):  # (n, d) -> (n,)
    """Number rows so that equal rows share a number."""
    keys = (_row_key(X, i) for i in range(X.shape[0]))
    numbers = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def _row_key(X, i):
    if isinstance(X, np.ndarray):
        key = (X[i] + 0.0).tobytes()  # -0 is 0
    else:
        rows = slice(X.indptr[i], X.indptr[i + 1])
        stored = X.data[rows] != 0
        key = X.indices[rows][stored].tobytes() + X.data[rows][stored].tobytes()
    # the keys of all rows are held at once, which for a memory map would be all of it
    return key if len(key) <= _LONGEST_KEY else blake2b(key, digest_size=_LONGEST_KEY).digest()


def average_equal_rows(Z, equal):  # (n, q), (n,) -> (n, q), int
    """Give equal rows the mean of their coordinates; count the rows whose own differed."""
    sizes = np.bincount(equal)
    if sizes.max() == 1:
        return Z, 0
    means = np.stack([np.bincount(equal, column) for column in Z.T], axis=1) / sizes[:, None]
    averaged = np.where((sizes > 1)[equal, None], means[equal], Z)
    conflicts = np.abs(averaged - Z).max(axis=1) > _SAME_PLACE
    return averaged, int(conflicts.sum())


def near_copies(squared):  # (m, 20) ascending -> (m,)
    r"""Count the nearest rows of each row that are copies of it with a little noise.

    In any smooth density of dimension D the gaps :math:`\log(d_{k+1} / d_k)` are exponential with
    rate k D. A row has k copies, for the largest such k up to ten, if
    :math:`10 \exp(-k D\, gap) \le .001` and :math:`d_{k+1} \ge 3 d_k`. D comes from the tenth and
    the twentieth distance, :math:`D = \sum_{j=10}^{19} 1/j \, / \, mean \log(d_{20} / d_{10})`.
    """
    return copies_by_gaps(squared, dimension_of_gaps(squared))


def dimension_of_gaps(squared):  # (m, 20) ascending -> float or None
    """The dimension of `near_copies`; None where the distances do not tell."""
    distances = np.sqrt(squared)
    spread = distances[:, _INNER - 1] > 0
    ratios = np.log(distances[spread, N_NEAREST - 1] / distances[spread, _INNER - 1])
    if not spread.any() or ratios.mean() <= 0:
        return None
    return (1 / np.arange(_INNER, N_NEAREST)).sum() / ratios.mean()


def copies_by_gaps(squared, dimension):  # (m, 20) ascending -> (m,)
    """The count of `near_copies`, in a dimension that is known."""
    if dimension is None:
        return np.zeros(len(squared), dtype=int)
    distances = np.sqrt(squared)
    inner, outer = distances[:, :_INNER], distances[:, 1 : _INNER + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.where(outer > 0, np.log(outer / inner), 0.0)  # from a distance of 0: infinite
    k = np.arange(1, _INNER + 1)
    wide = (_INNER * np.exp(-k * dimension * gaps) <= _CHANCE) & (outer >= _LEAST_RATIO * inner)
    return np.where(wide & (outer > 0), k, 0).max(axis=1)


def default_groups(equal, rows, squared, neighbors):
    """Group equal rows, and those of `rows` that are near copies.

    Parameters
    ----------
    equal : ndarray of shape (n_samples,)
        Numbers of equal rows.

    rows : ndarray of shape (m,)
        The rows whose neighbours are known.

    squared, neighbors : ndarray of shape (m, k)
        Squared distances and numbers of their nearest other rows.

    Returns
    -------
    groups : ndarray of shape (n_samples,)
        Consecutive integers from 0.

    n_copies : int
        Rows that share their group with another.
    """
    n_samples = len(equal)
    pairs = [np.stack([np.arange(n_samples), first_of(equal)])]
    if squared.shape[1] >= N_NEAREST:
        copies = near_copies(squared[:, :N_NEAREST])
        place = np.arange(_INNER) < copies[:, None]
        linked = np.broadcast_to(rows[:, None], place.shape)[place]
        pairs.append(np.stack([linked, neighbors[:, :_INNER][place]]))
    left, right = np.concatenate(pairs, axis=1)
    graph = sparse.coo_matrix((np.ones(len(left)), (left, right)), shape=(n_samples, n_samples))
    _, groups = connected_components(graph, directed=False)
    return groups, int((np.bincount(groups)[groups] > 1).sum())


def groups_of_copies(X, nearest=None):  # (n, d), ((n, k), (n, k)) -> (n,), int
    """Group equal rows and near copies; count the rows that share their group with another.

    `nearest` are squared distances and numbers of the nearest other rows, where they are known.
    """
    rows, equal = np.arange(X.shape[0]), groups_of_equal_rows(X)
    if nearest is None or equal.max() + 1 < len(equal):
        nearest = nearest_unequal(X, rows, equal)
    return default_groups(equal, rows, *nearest)


def nearest_unequal(X, rows, equal):  # (n, d), (m,), (n,) -> (m, 20), (m, 20)
    """Nearest rows that differ from the row and from each other, or all where no two are equal.

    Equal rows are no evidence for each other: three of one row beside three of another one would
    look like six copies.
    """
    n_nearest = min(N_NEAREST, X.shape[0] - 1)
    if equal.max() + 1 == len(equal) or equal.max() < 1:
        return k_nearest(X[rows], X, n_nearest, exclude_self=rows)
    return nearest_of_other_groups(X[rows], X, n_nearest, rows, equal, one_of_each(equal))


def first_of(numbers):  # (n,) -> (n,)
    """Number of the first row with the same number."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return first[inverse]


def warn_of_copies(n_copies, n_samples, stacklevel):
    """Say that rows vouch for each other, and what to do about it."""
    if n_copies > _MANY_COPIES * n_samples:
        warnings.warn(
            f"{n_copies} of {n_samples} rows are equal or nearly equal to another row; such rows "
            "are left out together. If rows come from the same object, give groups.",
            UserWarning,
            stacklevel=stacklevel,
        )


def warn_of_series(rows, neighbors, n_samples, stacklevel):
    """Say that neighbours in the table are neighbours in the data: frames, views, time series."""
    beside = (np.abs(neighbors[:, 0] - rows) == 1).mean()
    if n_samples >= _FEWEST_FOR_SERIES and beside > _SERIES:
        warnings.warn(
            f"For {beside:.0%} of the rows the nearest row is the next or previous row of the "
            "table: rows that are near each other in the table are near in the data. If they come "
            "from the same object, give groups.",
            UserWarning,
            stacklevel=stacklevel,
        )


def nearest_kinds(queries, reference, n_neighbors, kinds=None):
    """Find the nearest of the rows that differ; a row at distance zero comes first.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (m, d)
        Rows to look up.

    reference : {ndarray, CSR matrix} of shape (n, d)
        Rows to find.

    n_neighbors : int
        How many; fewer where there are fewer.

    kinds : ndarray of shape (c,) or None
        One reference row of each and its copies; None if all differ.

    Returns
    -------
    squared, indices : ndarray of shape (m, k)
        Ascending by distance.
    """
    if kinds is None:
        return k_nearest(queries, reference, min(n_neighbors, reference.shape[0]))
    squared, near = k_nearest(queries, reference[kinds], min(n_neighbors, len(kinds)))
    near = kinds[near]
    nearest, same = k_nearest(queries, reference, 1)
    equal = nearest[:, 0] == 0
    squared[equal, 0], near[equal, 0] = 0, same[equal, 0]
    return squared, near


def nearest_of_other_groups(queries, reference, n_neighbors, own, groups, kinds=None):
    """Find the nearest reference rows outside the group of each query.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (m, d)
        Rows to look up.

    reference : {ndarray, CSR matrix} of shape (n, d)
        Rows to find.

    n_neighbors : int
        How many; fewer where the largest group leaves fewer.

    own : ndarray of shape (m,)
        The reference row whose group is left out.

    groups : ndarray of shape (n,)
        Groups of the reference rows.

    kinds : ndarray of shape (c,) or None
        Reference rows to search among, one of each and its copies; None for all.

    Returns
    -------
    squared, indices : ndarray of shape (m, k)
        Ascending by (distance, index).
    """
    if kinds is not None:
        n_neighbors = min(n_neighbors, len(kinds) - np.bincount(groups[kinds]).max())
        of_groups = (groups[own], groups[kinds])
        squared, near = k_nearest(queries, reference[kinds], n_neighbors, groups=of_groups)
        return squared, kinds[near]
    sizes = np.bincount(groups)
    n_neighbors = min(n_neighbors, len(groups) - sizes.max())
    if sizes.max() == 1:
        return k_nearest(queries, reference, n_neighbors, exclude_self=own)
    of_groups = (groups[own], groups)
    return k_nearest(queries, reference, n_neighbors, groups=of_groups)


def draw_whole_groups(groups, rows, n_rows, random_state):  # -> (about n_rows,), ascending
    """Draw rows out of `rows` by whole groups, until there are n_rows of them.

    Where a single group would be a tenth of the draw, rows are drawn instead: so few groups are not
    enough to leave one out.
    """
    if len(rows) <= n_rows:
        return rows
    if np.bincount(groups[rows]).max() * 10 > n_rows:
        return np.sort(random_state.choice(rows, n_rows, replace=False))
    order = random_state.permutation(groups.max() + 1)
    place = order[groups[rows]]
    return rows[place <= np.sort(place)[n_rows - 1]]


def members_by_size(groups):  # (n,) -> list of (number of groups, size)
    """Rows of the groups, those of one size in one array, smallest first."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    return [
        order[starts[sizes == size][:, None] + np.arange(size)]
        for size in np.unique(sizes[sizes > 0])
    ]


def next_door(at, Z, forget):  # (m, q), (n, q), Forget -> (m,)
    """The row of another group that is drawn nearest to each place."""
    return nearest_of_other_groups(at, Z, 1, forget.own, forget.groups)[1][:, 0]
