"""Which rows of a map stand where they belong, where the map is torn, and what it lays together."""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
from sklearn.base import clone

from sksubspace._parameters import check_integer, isolated_random_state
from sksubspace._spreadsheets import data_frame
from sksubspace._student import Forget, MedianEncoder
from sksubspace._student._elsewhere import count_places_as_good
from sksubspace._student._groups import groups_of_copies
from sksubspace._typing import ArrayLike, Bools, DataFrame, Floats, Matrix, Planned, Seed, Strings
from sksubspace._validation import in_order_of, named_groups
from sksubspace.metrics._input import MAX_SAMPLES
from sksubspace.metrics._learnt import learn_map
from sksubspace.neighbors import k_nearest
from sksubspace.neighbors._distances import squared_distances

MARKS = ("ok", "misplaced", "torn", "merged", "not drawn")
# places drawn where comparing with all would be quadratic: as many certify the same rows to .001
_N_PLACES = 999
# a share of copies that is worth a search around all rows
_MANY_COPIES = 0.01
# three in ten of a row's true neighbours: fewer stand elsewhere at every rim, half is too blind
_QUANTILE = 0.7
_NEAREST_ROWS, _ROWS_RADIUS = 15, 60
_NEAREST_PLACES, _PLACES_RADIUS = 30, 30
# R2 of left-out coordinates from which on a linear encoder is where rows are drawn
_FOLLOWED = 0.9
# what digits, USPS and MNIST exceed for 2-8 % (tear) and under 1 % (overlap) of their rows; the
# second is small because distances in many dimensions are all alike
_TORN, _MERGED = 3.0, 1.3


@dataclass(frozen=True, eq=False)
class EmbeddingReliability:
    """Marks of the rows of a map; ``str`` gives a verdict, and `by_group` a table.

    Attributes
    ----------
    p_value : ndarray of shape (n_samples,)
        Share of the other rows' places that suit a row as well as its own, or better; NaN where it
        is not drawn.

    reliable : ndarray of shape (n_samples,) of bool
        Rows that stand better than at a place drawn at random from the map, with at most a share
        of `q` of them by chance. Better than chance, not right.

    tear : ndarray of shape (n_samples,)
        How far the row's neighbours in the data stand on the map, in neighbourhood radii.

    overlap : ndarray of shape (n_samples,)
        How far the row's neighbours on the map are in the data, in neighbourhood radii.

    misplaced : ndarray of shape (n_samples,) of bool
        Rows that are drawn and not reliable: not shown to be placed, which is no proof that they
        are at a wrong place.

    torn : ndarray of shape (n_samples,) of bool
        Rows with a `tear` of at least 3.

    merged : ndarray of shape (n_samples,) of bool
        Rows with an `overlap` of at least 1.3.

    mark : ndarray of shape (n_samples,) of str
        The first that applies of "not drawn", "misplaced", "torn", "merged" and "ok".

    group : ndarray of shape (n_samples,) of str, or None
        What `y` says of each row.

    group_names : tuple of str
        The groups, in natural order; empty without `y`.

    q : float
        Share of `reliable` that may be so by chance.

    n_places : int
        Places that each row's own was compared with, but for those of its own group.

    n_searched : int
        Rows that neighbours were looked for among.

    n_copies : int
        Rows that are equal or nearly equal to another one, which had no say in where they belong.
    """

    p_value: Floats
    reliable: Bools
    tear: Floats
    overlap: Floats
    misplaced: Bools
    torn: Bools
    merged: Bools
    mark: Strings
    group: Strings | None
    group_names: tuple[str, ...]
    q: float
    n_places: int
    n_searched: int
    n_copies: int

    @property
    def by_group(self) -> DataFrame:
        """Shares of the marks in each group of `y`, as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            For each group, in natural order: `group`, `n_samples`, the share of each mark, which
            add up to 1, and `median_p_value`.

        Raises
        ------
        ImportError
            If pandas is not installed.

        ValueError
            If no `y` was given.
        """
        if self.group is None:
            raise ValueError("by_group needs the groups: y must be given, got None.")
        return data_frame([self._of_group(name) for name in self.group_names], "by_group")

    def _of_group(self, name):
        rows = self.group == name
        shares = {mark: float((self.mark[rows] == mark).mean()) for mark in MARKS}
        known = self.p_value[rows & ~np.isnan(self.p_value)]
        median = float(np.median(known)) if len(known) else np.nan
        return {"group": name, "n_samples": int(rows.sum())} | shares | {"median_p_value": median}

    def __str__(self) -> str:
        n_drawn = int((self.mark != "not drawn").sum())
        n_reliable = int(self.reliable.sum())
        lines = [
            f"{n_reliable:,} of {n_drawn:,} rows ({n_reliable / n_drawn:.1%}) stand better than at "
            f"a chance place of the map, false-discovery rate {self.q:.0%}"
        ]
        for mark, meaning in _MEANINGS.items():
            rows = self.mark == mark
            if rows.any():
                lines.append(f"{mark:<10}{rows.sum():>7,}  {meaning}{self._where(rows)}")
        return "\n".join(lines)

    def _where(self, rows):
        """Name the three groups with most of these rows."""
        if self.group is None:
            return ""
        names, counts = np.unique(self.group[rows], return_counts=True)
        first = np.argsort(-counts, kind="stable")[:3]
        most = ", ".join(f"{names[k]} ({counts[k]:,})" for k in first)
        return f"; {'mostly in ' if len(names) > 3 else 'in '}{most}"


_MEANINGS = {
    "misplaced": "suits its place no better than places drawn at random",
    "torn": "neighbours in the data stand far apart on the map",
    "merged": "neighbours on the map are far apart in the data",
    "not drawn": "NaN in the map",
}


def embedding_reliability(
    X: Matrix,
    Z: ArrayLike,
    *,
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    n_places: int | None = None,
    q: float = 0.05,
    student: Planned | None = None,
    random_state: Seed = 0,
) -> EmbeddingReliability:
    r"""Mark the rows of a map that do not stand where they belong, are torn apart or merged.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows, by whatever method. Rows with NaN count as not drawn.

    y : array-like of shape (n_samples,) or None, default=None
        Names of groups to sum up by, such as clusters or cell types; they change no mark. None,
        NaN and NA are the group "missing", and categories without a row are no group.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor: rows of a group do not vouch for each other. None
        takes equal rows and near copies for groups; ``np.arange(n_samples)`` none at all.

    n_places : int or None, default=None
        Places to compare with each row's own, drawn once for all rows. None takes all of them up to
        10,000 rows, and 999 above.

    q : float, default=0.05
        Share of the rows called reliable that may be so by chance.

    student : MEDAL or None, default=None
        Whose decoder and units are used, with its own `random_state` if it has one; None for those
        of ``MEDAL()``.

    random_state : int, RandomState instance or None, default=0
        The draw of the decoder's frequencies, and of the places. None draws a seed from the
        operating system.

    Returns
    -------
    reliability : EmbeddingReliability
        With an entry for each row of X.

    Raises
    ------
    TypeError
        If Z is sparse, or `n_places` is not whole.

    ValueError
        If X or Z is not a table of numbers, X is not finite, Z is infinite or all its points are
        equal, the numbers of rows differ, `q` is not between 0 and 1, there are fewer than three
        groups, the rows outside a group or the places are too few for a p-value of `q`, or the
        student has no leave-one-out form.

    Warns
    -----
    UserWarning
        If more than 1 % of the rows are copies of others, or neighbours in the table are neighbours
        in the data, and no groups are given.

    See Also
    --------
    embedding_score : How much of the data the map tells, for new rows.
    trustworthiness : How far neighbours in the map are neighbours in the data.
    sksubspace.inspection.ReliabilityDisplay : The map with its marks.

    Notes
    -----
    With :math:`g_{(-i)}` the decoder of :func:`embedding_score` without row i and its group, which
    may see each row at its place as drawn,

    .. math:: p_i = \frac{1 + \#\{j : \|x_i - g_{(-i)}(z_j)\|^2 \le \|x_i - g_{(-i)}(z_i)\|^2\}}
                         {1 + \#\{j\}}

    over the rows j outside of the group. Where row i stands at a place drawn at random from those
    of the map, p is uniform; rows that pass the procedure of Benjamini and Hochberg at `q` are
    reliable. All of it is in closed form for :class:`sksubspace.decoding.FourierRidge`; any other
    decoder is called once for each group.

    Above 10,000 rows the neighbours below are those among 10,000 that are drawn, and near copies
    are looked for around as many rows, around all only if more than 1 % of these have some.

    `tear` is the 70 % quantile of :math:`\|z_j - z_i\|` over the 15 nearest rows in the data, over
    the distance from :math:`z_i` to its 30th nearest place: at 3, three in ten of the row's true
    neighbours stand more than three neighbourhood radii away. `overlap` is the 70 % quantile of
    :math:`\|x_j - x_i\|` over the 30 nearest places, over the distance to its 60th nearest row;
    rows of the own group count for neither. These are sizes, not tests.

    A mark says "look here", not "wrong": a row that the data put between two groups is marked
    although nobody erred. And no mark is no licence: two whole islands that change places raise
    none.

    References
    ----------
    Benjamini and Hochberg, "Controlling the false discovery rate: a practical and powerful approach
    to multiple testing", Journal of the Royal Statistical Society B 57, 1995.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.manifold import TSNE
    >>> from sksubspace.metrics import embedding_reliability
    >>> X, y = load_digits(n_class=3, return_X_y=True)
    >>> X, y = X[:200], y[:200]
    >>> Z = TSNE(random_state=0).fit_transform(X)
    >>> Z[:5] = Z[-5:]  # drawn at wrong places
    >>> embedding_reliability(X, Z, y=y).mark[:5].tolist()
    ['misplaced', 'misplaced', 'misplaced', 'misplaced', 'misplaced']
    """
    _check_q_and_places(q, n_places)
    y = in_order_of(X, y, "y")
    learnt = learn_map(X, Z, student=student, groups=groups, random_state=random_state)
    is_drawn = np.zeros(learnt.n_samples, dtype=bool)
    is_drawn[learnt.drawn] = True
    return reliability_of(
        learnt.found, learnt.X, learnt.Z, is_drawn=is_drawn, y=y, n_places=n_places, q=q,
        random_state=random_state,
    )  # fmt: skip


def _check_q_and_places(q, n_places):
    if not isinstance(q, Real) or isinstance(q, bool) or not 0 < q < 1:
        raise ValueError(f"q must be a number between 0 and 1, got {q!r}.")
    if n_places is not None:
        check_integer(n_places, "n_places", 1)


def reliability_of(found, X, Z, *, is_drawn=None, y=None, n_places=None, q=0.05, random_state=0):
    """Mark the rows of a map whose student has been learnt.

    Parameters
    ----------
    found : LeftOut
        Of `learn_student`, from these rows.

    X : {ndarray, CSR matrix} of shape (n_drawn, n_features)
        The rows that are drawn.

    Z : ndarray of shape (n_drawn, n_components)
        Their places, without NaN.

    is_drawn : ndarray of shape (n_samples,) of bool, default=None
        Which of the caller's rows these are; None for all.

    y : array-like of shape (n_samples,), default=None
        Groups to sum up by.

    n_places, q, random_state
        As in `embedding_reliability`.

    Returns
    -------
    reliability : EmbeddingReliability
        With an entry for each of the caller's rows.
    """
    is_drawn = np.ones(len(Z), dtype=bool) if is_drawn is None else is_drawn
    group, names = (None, ()) if y is None else named_groups(y, len(is_drawn), "y")
    random_state = isolated_random_state(random_state)
    found = decoder_as_drawn(_with_all_copies(found, X), X)
    if n_places is None:
        n_places = len(Z) if len(Z) <= MAX_SAMPLES else _N_PLACES
    at_rows = _draw_rows(len(Z), n_places, random_state)
    among = _draw_rows(len(Z), MAX_SAMPLES, random_state)
    _check_places_outside(found.groups, at_rows, q)
    n_as_good, n_compared = count_places_as_good(found, X, Z, at_rows)
    p_value = (1 + n_as_good) / (1 + n_compared)
    tear, overlap = _spreads(found.student.feature_scale.work(X), Z, found.groups, among)
    return _marked(
        *(_of_all(values, is_drawn) for values in (p_value, tear, overlap)),
        group=group, group_names=names, q=q, n_places=len(at_rows), n_searched=len(among),
        n_copies=found.n_copies,
    )  # fmt: skip


def _draw_rows(n_samples, n_rows, random_state):  # -> (min(n_rows, n_samples),)
    if n_rows >= n_samples:
        return np.arange(n_samples)
    return np.sort(random_state.choice(n_samples, n_rows, replace=False))


def _with_all_copies(found, X):
    """Where only some rows were left out, copies are known around these alone."""
    if len(found.rows) == X.shape[0] or found.n_copies <= _MANY_COPIES * len(found.rows):
        return found
    groups, n_copies = groups_of_copies(found.student.feature_scale.work(X))
    return replace(found, groups=groups, n_copies=n_copies)


def decoder_as_drawn(found, X):
    """Choose the decoder anew where the encoder is a line that the map does not follow.

    Chosen at places that are blurred, it would be too smooth to tell places as drawn apart. The
    median puts rows on places of the map.
    """
    student = found.student
    if isinstance(student.encoder, MedianEncoder) or not found.placement_r2 < _FOLLOWED:
        return found
    decoder = clone(student.decoder, safe=False)
    at, own = found.target[found.rows], Forget(found.groups, found.rows)
    decoder = decoder.fit(found.target, at, student.feature_scale.work(X), own) or decoder
    return replace(found, student=replace(student, decoder=decoder))


def _check_places_outside(groups, at_rows, q):
    """Raise where the smallest p-value of a row is above q: it could never be reliable."""
    n_groups = groups.max() + 1
    least = len(at_rows) - np.bincount(groups[at_rows], minlength=n_groups).max()
    if 1 / (1 + least) > q:
        raise ValueError(
            f"There must be at least {int(np.ceil(1 / q - 1))} places outside of every group to "
            f"compare with for p-values of q={q:g}, got {least}: give more rows, more n_places or "
            "smaller groups."
        )


def _of_all(values, is_drawn):  # (n_drawn,), (n_samples,) -> (n_samples,)
    whole = np.full(len(is_drawn), np.nan)
    whole[is_drawn] = values
    return whole


def _marked(p_value, tear, overlap, **facts):
    is_drawn = ~np.isnan(p_value)
    reliable = np.zeros(len(p_value), dtype=bool)
    reliable[is_drawn] = passes_fdr(p_value[is_drawn], facts["q"])
    misplaced = is_drawn & ~reliable
    torn, merged = tear >= _TORN, overlap >= _MERGED  # NaN is neither
    ok, *others, not_drawn = MARKS
    mark = np.select([~is_drawn, misplaced, torn, merged], [not_drawn, *others], ok)
    return EmbeddingReliability(
        p_value, reliable, tear, overlap, misplaced, torn, merged, mark, **facts
    )


def passes_fdr(p_value, q):  # (n,) -> (n,)
    """Benjamini-Hochberg: reject up to the last k with p_(k) <= q k / n."""
    ordered = np.sort(p_value)
    below = np.flatnonzero(ordered <= q * np.arange(1, len(ordered) + 1) / len(ordered))
    return p_value <= (ordered[below[-1]] if len(below) else -1.0)


def _spreads(X, Z, groups, among):  # (n, d), (n, q), (n,), (m,) -> (n,), (n,)
    """`tear` and `overlap` by neighbours of other groups among the rows `among`."""
    n_nearest = len(among) - np.bincount(groups[among]).max()

    def nearest(rows, k):
        of_groups = (groups, groups[among])
        return k_nearest(rows, rows[among], min(k, n_nearest), groups=of_groups)

    to_rows, rows = nearest(X, _ROWS_RADIUS)
    to_places, places = nearest(Z, _PLACES_RADIUS)
    tear = _spread(Z, Z[among], rows[:, :_NEAREST_ROWS], to_places[:, -1])
    return tear, _spread(X, X[among], places[:, :_NEAREST_PLACES], to_rows[:, -1])


def _spread(rows, reference, neighbors, squared_radius):  # -> (n,)
    """70 % quantile of the distances to some rows, in units of a radius; 1 where both are zero."""
    distances = np.sqrt(squared_distances(rows, reference, neighbors))
    far, radius = np.quantile(distances, _QUANTILE, axis=1), np.sqrt(squared_radius)
    alone = np.where(far > 0, np.inf, 1.0)
    return np.divide(far, radius, out=alone, where=radius > 0)
