"""The marks of the rows of a map, and the table and the verdict of them."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from sksubspace._dask import is_collection
from sksubspace._spreadsheets import data_frame
from sksubspace._typing import Bools, DataFrame, Floats, Strings

__all__ = ["EmbeddingReliability", "row_marks"]

MARKS = ("ok", "misplaced", "torn", "merged", "not drawn")
# what digits, USPS and MNIST exceed for 2-8 % (tear) and under 1 % (overlap) of their rows; the
# second is small because distances in many dimensions are all alike
_TORN, _MERGED = 3.0, 1.3


@dataclass(frozen=True, eq=False)
class EmbeddingReliability:
    """Marks of the rows of a map; ``str`` gives a verdict, and `by_group` a table.

    Of rows in a dask collection the arrays are dask arrays, until `compute` is called.

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

    def compute(self) -> Self:
        """Bring marks that stand in dask arrays to where you are.

        Returns
        -------
        reliability : EmbeddingReliability
            The same, of numpy arrays.
        """
        if not is_collection(self.p_value):
            return self
        from dask import compute

        lazy = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(self, **compute(lazy)[0])

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
        if is_collection(self.p_value):
            raise TypeError("by_group needs the marks in memory: call compute() first.")
        return data_frame([self._of_group(name) for name in self.group_names], "by_group")

    def _of_group(self, name):
        rows = self.group == name
        shares = {mark: float((self.mark[rows] == mark).mean()) for mark in MARKS}
        known = self.p_value[rows & ~np.isnan(self.p_value)]
        median = float(np.median(known)) if len(known) else np.nan
        return {"group": name, "n_samples": int(rows.sum())} | shares | {"median_p_value": median}

    def __str__(self) -> str:
        if is_collection(self.p_value):
            return f"Marks of {len(self.p_value):,} rows in blocks; compute() brings them here."
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


def row_marks(p_value, tear, overlap, limit):  # (n,), (n,), (n,), float -> dict of (n,)
    """The fields of `EmbeddingReliability` for each row; those with p-values up to `limit` pass."""
    is_drawn = ~np.isnan(p_value)
    reliable = is_drawn & (p_value <= limit)
    misplaced = is_drawn & ~reliable
    torn, merged = tear >= _TORN, overlap >= _MERGED  # NaN is neither
    ok, *others, not_drawn = MARKS
    mark = np.select([~is_drawn, misplaced, torn, merged], [not_drawn, *others], ok)
    return {
        "p_value": p_value, "reliable": reliable, "tear": tear, "overlap": overlap,
        "misplaced": misplaced, "torn": torn, "merged": merged, "mark": mark,
    }  # fmt: skip
