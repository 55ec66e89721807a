"""Marks of rows in a dask collection: learnt from a draw, read off block by block."""

from dataclasses import dataclass

import numpy as np

from sksubspace._dask import Blocks, in_a_tree, in_memory, is_collection
from sksubspace._student import FeatureScale, check_groups
from sksubspace._student._elsewhere import NewRowsElsewhere
from sksubspace._student._groups import (
    N_NEAREST,
    copies_by_gaps,
    dimension_of_gaps,
    nearest_kinds,
    one_of_each,
)
from sksubspace._validation import named_groups
from sksubspace.metrics._input import MAX_SAMPLES, check_rows, sample_rows
from sksubspace.metrics._learnt import learn_map
from sksubspace.metrics._marks._of_rows import (
    N_PLACES,
    PLACES_RADIUS,
    ROWS_RADIUS,
    fdr_limit,
    measure_rows,
    spreads_among,
)
from sksubspace.metrics._marks._result import EmbeddingReliability, row_marks
from sksubspace.neighbors import k_nearest
from sksubspace.neighbors._distances import squared_distances

__all__ = ["reliability_of_collection"]


def reliability_of_collection(X, Z, *, y, groups, n_places, q, student, random_state):
    """`embedding_reliability` of the rows of a dask collection, whose map may be another.

    At most 10,000 rows come into memory, and are marked as they are there. The others are marked
    block by block, by what those tell, when they are asked for.
    """
    from dask import delayed

    blocks = Blocks.of_table(X)
    Z = Z if is_collection(Z) else check_rows(Z, "Z", allow_nan=True)
    places = blocks.alongside(Z, "Z")
    group, names = (None, ()) if y is None else named_groups(in_memory(y), blocks.n_rows, "y")
    given = None if groups is None else check_groups(in_memory(groups), blocks.n_rows)
    with_place = np.flatnonzero(np.concatenate(places.gathered(_has_place)))
    drawn = with_place[sample_rows(len(with_place), MAX_SAMPLES, random_state)]
    if len(drawn) < 2:
        raise ValueError(f"Z must have at least 2 rows without NaN, got {len(drawn)}.")
    wanted = _numbers_in_blocks(blocks, drawn)
    learnt = learn_map(
        *_rows_here(blocks, places, wanted), student=student, random_state=random_state,
        groups=None if given is None else given[drawn], stacklevel=4,
    )  # fmt: skip
    are_more = len(drawn) < len(with_place)
    n_places = N_PLACES if n_places is None and are_more else n_places
    seen = measure_rows(
        learnt.found, learnt.X, learnt.Z, n_places=n_places, q=q, random_state=random_state
    )
    values = np.column_stack([seen.p_value, seen.tear, seen.overlap])
    known = np.split(values, np.cumsum([len(part) for part in wanted])[:-1])
    if are_more:
        own = [None] * len(known) if given is None else blocks.cut(_numbers_among(given, drawn))
        beside = (places.parts, wanted, known, own)
        parts = blocks.each(_values_of_block, _NewRows.of(seen, learnt.X, learnt.Z), beside=beside)
    else:
        parts = [*map(delayed(_filled_up), blocks.sizes, wanted, known)]
    return EmbeddingReliability(
        **_lazy_marks(parts, blocks.sizes, q), group=group, group_names=names, q=q,
        n_places=len(seen.at_rows), n_searched=len(seen.among), n_copies=seen.found.n_copies,
    )  # fmt: skip


def _has_place(at):  # (b, q) -> (b,)
    return ~np.isnan(check_rows(at, "Z", allow_nan=True)).any(axis=1)


def _numbers_in_blocks(blocks, numbers):  # (m,) ascending -> list of (m_b,)
    """Some rows by block, counted from its first."""
    ends = np.cumsum(blocks.sizes)
    parts = np.split(numbers, np.searchsorted(numbers, ends[:-1]))
    return [part - start for part, start in zip(parts, ends - blocks.sizes, strict=True)]


def _rows_here(blocks, places, wanted):  # list of (m_b,) -> (m, d), (m, q)
    """Some rows and their places, in memory; all rows are checked on the way."""
    found = blocks.gathered(_chosen_pair, beside=(places.parts, wanted))
    X, Z = map(np.concatenate, zip(*found, strict=True))
    return X, Z


def _chosen_pair(rows, at, wanted):
    return check_rows(rows, "X")[wanted], check_rows(at, "Z", allow_nan=True)[wanted]


def _numbers_among(given, drawn):  # (n,), (m,) -> (n,)
    """Number of each row's group among those of the rows that are drawn; -1 for other groups."""
    names = np.unique(given[drawn])
    return np.where(np.isin(given, names), np.searchsorted(names, given), -1)


def _values_of_block(rows, at, numbers, known, own, new_rows):  # -> (b, 3)
    """p-value, tear and overlap of each row, some of which are known; NaN without a place."""
    X, Z = check_rows(rows, "X"), check_rows(at, "Z", allow_nan=True)
    values, is_new = _filled_up(len(X), numbers, known), ~np.isnan(Z).any(axis=1)
    is_new[numbers] = False
    new = np.flatnonzero(is_new)
    if len(new):
        values[new] = new_rows.values(X[new], Z[new], None if own is None else own[new])
    return values


def _filled_up(n_rows, numbers, known):  # int, (m,), (m, 3) -> (n_rows, 3)
    values = np.full((n_rows, 3), np.nan)
    values[numbers] = known
    return values


@dataclass(frozen=True)
class _NewRows:
    """What rows are marked by that nothing was learnt from.

    Attributes
    ----------
    elsewhere : NewRowsElsewhere
        Places to compare with.

    scale : FeatureScale
        Units in which rows are near each other.

    X, Z : ndarray of shape (m, d) and (m, q)
        The rows that were learnt from, in these units, and their places.

    groups : ndarray of shape (m,)
        Of these rows.

    kinds : ndarray of shape (c,) or None
        One of each of them and its copies; None if all differ.

    dimension : float or None
        In which gaps between neighbours are judged.
    """

    elsewhere: NewRowsElsewhere
    scale: FeatureScale
    X: np.ndarray
    Z: np.ndarray
    groups: np.ndarray
    kinds: np.ndarray | None
    dimension: float | None

    @classmethod
    def of(cls, seen, X, Z):
        """From what was measured on rows X at places Z."""
        found = seen.found
        work, near = found.student.feature_scale.work(X), found.neighbors
        enough = near.shape[1] >= N_NEAREST
        squared = squared_distances(work[found.rows], work, near) if enough else None
        return cls(
            NewRowsElsewhere.of(found, X, Z, seen.at_rows), found.student.feature_scale, work, Z,
            found.groups, one_of_each(found.copies),
            dimension_of_gaps(squared[:, :N_NEAREST]) if enough else None,
        )  # fmt: skip

    def values(self, X, Z, own):  # (b, d), (b, q), (b,) or None -> (b, 3)
        """p-value, tear and overlap; the group of each row is that of what it copies by default."""
        work = self.scale.work(X)
        groups, to_rows = self._with_nearest(work) if own is None else (own, None)
        n_as_good, n_compared = self.elsewhere.count(X, Z, groups)
        to_rows = self._nearest(work, self.X, groups, ROWS_RADIUS, to_rows)
        to_places = self._nearest(Z, self.Z, groups, PLACES_RADIUS)
        tear, overlap = spreads_among(work, Z, self.X, self.Z, to_rows, to_places)
        return np.column_stack([(1 + n_as_good) / (1 + n_compared), tear, overlap])

    def _with_nearest(self, work):  # (b, d) -> (b,), ((b, k), (b, k))
        """Group of the nearest row where that is equal or nearly equal, else -1; nearest rows."""
        found = k_nearest(work, self.X, self._at_most(ROWS_RADIUS))
        squared, near = found
        if self.kinds is not None:  # copies of one row are no evidence for each other
            squared, near = nearest_kinds(work, self.X, N_NEAREST, self.kinds)
        is_copy = squared[:, 0] == 0
        if squared.shape[1] >= N_NEAREST:
            is_copy |= copies_by_gaps(squared[:, :N_NEAREST], self.dimension) > 0
        return np.where(is_copy, self.groups[near[:, 0]], -1), found

    def _nearest(self, rows, among, groups, n_nearest, found=None):  # -> (b, k), (b, k)
        """Nearest rows of other groups; `found` are those of rows without a group."""
        n_nearest = self._at_most(n_nearest)
        if found is None:
            return k_nearest(rows, among, n_nearest, groups=(groups, self.groups))
        mine = np.flatnonzero(groups >= 0)
        if len(mine):
            of_groups = (groups[mine], self.groups)
            others = k_nearest(rows[mine], among, n_nearest, groups=of_groups)
            for values, new in zip(found, others, strict=True):
                values[mine] = new
        return found

    def _at_most(self, n_nearest):
        """As many as the largest group leaves."""
        return min(n_nearest, len(self.X) - np.bincount(self.groups).max())


def _lazy_marks(parts, sizes, q):  # list of (b, 3) or of Delayed -> dict of dask arrays
    """The fields of `EmbeddingReliability` for each row, once all p-values are known."""
    import dask.array as da
    from dask import delayed

    counts = in_a_tree([delayed(_counted)(part) for part in parts], _counted_together)
    limit = delayed(_limit_of_counts)(counts, q)
    marks = [delayed(_marks_of_block)(part, limit) for part in parts]
    nothing = row_marks(*np.empty((3, 0)), 0.0)
    return {
        name: da.concatenate(
            [
                da.from_delayed(delayed(dict.get)(one, name), (size,), empty.dtype, empty)
                for one, size in zip(marks, sizes, strict=True)
            ]
        )
        for name, empty in nothing.items()
    }


def _counted(values):  # (b, 3) -> (m,), (m,)
    return np.unique(values[~np.isnan(values[:, 0]), 0], return_counts=True)


def _counted_together(one, other):
    values, places = np.unique(np.concatenate([one[0], other[0]]), return_inverse=True)
    return values, np.bincount(places, np.concatenate([one[1], other[1]])).astype(np.int64)


def _limit_of_counts(counts, q):
    return fdr_limit(*counts, q)


def _marks_of_block(values, limit):  # (b, 3), float -> dict of (b,)
    return row_marks(*values.T, limit)
