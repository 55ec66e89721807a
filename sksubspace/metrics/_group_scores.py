"""What may be read within each group of rows, and between the groups."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

from sksubspace._linalg import dense, row_squares
from sksubspace._spreadsheets import data_frame
from sksubspace._student._groups import nearest_of_other_groups
from sksubspace._typing import ArrayLike, DataFrame, Floats, Ints, Matrix, Planned, Seed
from sksubspace._validation import in_order_of, named_groups
from sksubspace.metrics._learnt import learn_map

_N_NEIGHBORS = 15
# distances to two others are in order or not: three are the fewest of which a rank says something
_FEWEST_DISTANCES = 3
MISSING = "missing"


@dataclass(frozen=True, eq=False)
class GroupScores:
    """Readings of a map by group; ``str`` gives a table.

    Attributes
    ----------
    names : tuple of str
        The groups, in natural order; rows without a label are the group "missing".

    n_samples : ndarray of shape (n_groups,)
        Rows of each that are drawn on the map.

    within_r2 : ndarray of shape (n_groups,)
        Left-out R2 of the rows against the mean of their own group: may structure inside the group
        be read?

    neighbors_kept : ndarray of shape (n_groups,)
        Share of the 15 nearest rows in the data that are among the 15 nearest on the map.

    distance_rank : ndarray of shape (n_groups,)
        Spearman correlation of the distances from the group's centre to those of the other groups,
        on the map with in the data: may distances from this group be read?

    reason : tuple of str
        Why values of a group are NaN; empty where none is.

    between : float
        Spearman correlation of all distances between centres, on the map with in the data; NaN for
        fewer than three centres.
    """

    names: tuple[str, ...]
    n_samples: Ints
    within_r2: Floats
    neighbors_kept: Floats
    distance_rank: Floats
    reason: tuple[str, ...]
    between: float

    @property
    def by_group(self) -> DataFrame:
        """The readings as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            One row for each group: `group`, `n_samples`, `within_r2`, `neighbors_kept`,
            `distance_rank` and `reason`.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        columns = ("n_samples", "within_r2", "neighbors_kept", "distance_rank", "reason")
        return data_frame(
            {"group": self.names} | {name: getattr(self, name) for name in columns}, "by_group"
        )

    def __str__(self) -> str:
        width = max(5, *map(len, self.names))
        lines = [f"{'group':<{width}} {'rows':>7} {'within R2':>9} {'kept':>5} {'distances':>9}"]
        for k, name in enumerate(self.names):
            lines.append(
                f"{name:<{width}} {self.n_samples[k]:>7,} {_shown(self.within_r2[k]):>9} "
                f"{_shown(self.neighbors_kept[k]):>5} {_shown(self.distance_rank[k]):>9}  "
                f"{self.reason[k]}".rstrip()
            )
        lines.append(
            "distances between groups, Spearman correlation of the map with the data: "
            f"{_shown(self.between)}"
        )
        return "\n".join(lines)


def _shown(value):
    return "-" if np.isnan(value) else f"{value:.2f}"


def group_scores(
    X: Matrix,
    Z: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    student: Planned | None = None,
    random_state: Seed = 0,
) -> GroupScores:
    r"""Say of each group what may be read inside it, around its rows, and from it to the others.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows. Rows with NaN count as not drawn and are left out.

    y : array-like of shape (n_samples,)
        Group of each row: text, whole numbers or categories. Rows without one, None or NaN, are the
        group "missing"; categories without a row are no group.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; rows of a group are left out together. None takes
        equal rows and near copies for groups.

    student : MEDAL or None, default=None
        Whose encoder, decoder and units score the map; None for those of ``MEDAL()``.

    random_state : int, RandomState instance or None, default=0
        The draw of the rows that are scored, where there are more than 10,000, and of the decoder's
        frequencies.

    Returns
    -------
    scores : GroupScores
        With one value for each group.

    Raises
    ------
    TypeError
        If Z is sparse.

    ValueError
        If `y` is not one label for each row, and wherever `embedding_score` raises one.

    See Also
    --------
    embedding_score : The readings of the whole map.
    embedding_reliability : Which rows stand where they belong.

    Notes
    -----
    With the errors :math:`e_i` of `embedding_score`, C the scored rows of a group, and
    :math:`m_{(-i)}` the mean of the group without row i and the rows that are left out with it,

    .. math:: R^2_C = 1 - \frac{\sum_{i \in C} \|e_i\|^2}{\sum_{i \in C} \|x_i - m_{(-i)}\|^2} .

    At 0 the map says no more of a row than which group it is in. It is seldom near the R2 of the
    whole map, of which telling groups apart is most. Neighbours are looked for among the rows that
    are not left out with a row. Centres are means of a group's rows, in the data and on the map;
    those of single rows and of "missing" are not compared.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.metrics import group_scores
    >>> X, y = load_iris(return_X_y=True)
    >>> scores = group_scores(X, PCA(2).fit_transform(X), y)
    >>> scores.n_samples, (scores.within_r2 > 0.5).tolist()
    (array([50, 50, 50]), [True, True, True])
    """
    y = in_order_of(X, y, "y")
    labels, _ = named_groups(y, np.shape(X)[0], "y")  # type: ignore[misc]
    learnt = learn_map(X, Z, student=student, groups=groups, random_state=random_state)
    return group_scores_of(learnt.found, learnt.X, learnt.Z, labels[learnt.drawn])


def group_scores_of(found, X, Z, y):
    """Score the groups of a map whose student is known already.

    Parameters
    ----------
    found : LeftOut
        Of these rows.

    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows that are drawn.

    Z : ndarray of shape (n_samples, n_components)
        Their places.

    y : array-like of shape (n_samples,)
        Their groups.

    Returns
    -------
    scores : GroupScores
        With one value for each group.
    """
    label, names = named_groups(y, X.shape[0], "y")
    code = np.array([names.index(one) for one in label])
    sizes = np.bincount(code)
    at = [np.flatnonzero(code[found.rows] == k) for k in range(len(names))]
    errors, kept = found.squared_errors, _share_kept(found, Z)
    spread = own_mean_squares(X, code, found.groups)[found.rows]
    has_centre = is_group(names, code)
    distances = [centre_distances(places, code, has_centre) for places in (X, Z)]
    above = np.triu_indices(len(names), 1)
    return GroupScores(
        names=names,
        n_samples=sizes,
        within_r2=np.array([_within(errors[rows], spread[rows]) for rows in at]),
        neighbors_kept=np.array([kept[rows].mean() if len(rows) else np.nan for rows in at]),
        distance_rank=np.array(
            [rank_agreement(*(one[k] for one in distances)) for k in range(len(names))]
        ),
        reason=tuple(
            _reason(name, sizes[k], spread[at[k]], has_centre) for k, name in enumerate(names)
        ),
        between=rank_agreement(*(one[above] for one in distances)),
    )


def _within(errors, spread):  # (m,), (m,) -> float
    known = np.isfinite(spread)
    total = spread[known].sum()
    return float(1 - errors[known].sum() / total) if total > 0 else np.nan


def _reason(name, size, spread, has_centre):
    """Why a value of a group is NaN; the first that applies."""
    if size == 1:
        return "one row"
    if not len(spread):
        return "none of its rows was drawn to be scored"
    if not np.isfinite(spread).any():
        return "all of its rows are left out together"
    if not np.nansum(spread) > 0:
        return "its rows are equal"
    if name == MISSING:
        return "no group of its own"
    n_others = int(has_centre.sum()) - 1
    return f"only {n_others} other groups" if n_others < _FEWEST_DISTANCES else ""


def group_means(X, code):  # (n, d), (n,) -> (k, d)
    """Mean row of each group; sparse rows stay sparse until they are summed."""
    member = sparse.csr_matrix((np.ones(len(code)), (code, np.arange(len(code)))))
    return dense(member @ X, np.float64) / np.bincount(code)[:, None]


def is_group(names, code):  # -> (k,) of bool
    """Which groups have a centre to speak of: of two rows or more, and with a label."""
    sizes = np.bincount(code, minlength=len(names))
    return (sizes > 1) & (np.array(names) != MISSING)


def centre_distances(X, code, has_centre):  # (n, d), (n,), (k,) -> (k, k)
    """Distances between the means of groups; NaN from a mean to itself and without one."""
    distances = np.full((len(has_centre),) * 2, np.nan)
    rows = has_centre[code]
    if rows.any():
        centres = group_means(X[rows], np.unique(code[rows], return_inverse=True)[1])
        distances[np.ix_(has_centre, has_centre)] = squareform(pdist(centres))
    np.fill_diagonal(distances, np.nan)
    return distances


def own_mean_squares(X, code, left_out_with):  # (n, d), (n,), (n,) -> (n,)
    r"""||x - mean of the row's group, without what is left out with it||^2; NaN without others.

    With m the mean of the n rows of a group and p that of the c of them that are left out with the
    row, the mean of the others is :math:`m - (p - m)\, c / (n - c)`.
    """
    means, sizes = group_means(X, code), np.bincount(code)
    _, pair = np.unique(
        code.astype(np.int64) * (left_out_with.max() + 1) + left_out_with, return_inverse=True
    )
    together = np.bincount(pair)[pair]
    n_others = sizes[code] - together
    several = np.flatnonzero(together > 1)
    place = np.full(len(code), -1)  # in the table of means of rows that are left out together
    place[several] = np.unique(pair[several], return_inverse=True)[1]
    pair_means = group_means(X[several], place[several]) if len(several) else None

    def mean_without(rows):  # slice -> (m, d)
        own = dense(X[rows], np.float64).copy()
        for i in np.flatnonzero(place[rows] >= 0):
            own[i] = pair_means[place[rows][i]]
        weight = together[rows] / np.maximum(n_others[rows], 1)
        return means[code[rows]] - weight[:, None] * (own - means[code[rows]])

    squares = row_squares(X, mean_without)
    return np.where(n_others > 0, squares, np.nan)


def _share_kept(found, Z):  # LeftOut, (n, q) -> (m,)
    """Share of the nearest rows in the data that are as near on the map, without its own group."""
    k = min(_N_NEIGHBORS, found.neighbors.shape[1])
    near = nearest_of_other_groups(Z[found.rows], Z, k, found.rows, found.groups)[1]
    common = (found.neighbors[:, :k, None] == near[:, None, :]).any(axis=2)
    return common.mean(axis=1)


def rank_agreement(first, second):  # (m,), (m,) -> float
    """Spearman correlation where both are known; NaN for fewer than three, or no order at all."""
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < _FEWEST_DISTANCES:
        return np.nan
    ranks = [rankdata(one[known]) for one in (first, second)]
    if any(np.ptp(one) == 0 for one in ranks):
        return np.nan
    return float(np.corrcoef(*ranks)[0, 1])
