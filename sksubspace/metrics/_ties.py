"""Rows that are equally far: nobody can say which of them is the nearer one.

What counts ranks takes the mean over all orders of such rows, so that neither their number in the
table nor chance decides.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# of the distance: sums of the same squares in another order differ by less
_SAME = 1e-13


class Ranked(NamedTuple):
    """Reference rows from near to far, and the group of equally far ones that each belongs to.

    `order` holds row numbers, of shape (m, c), equally far ones by number; `first` the number of
    rows that are nearer than the one at a place, and `last` that of those that are not farther.
    """

    order: np.ndarray
    first: np.ndarray
    last: np.ndarray


def equally_far(squared, rounding):  # (..., c) ascending squared distances -> (..., c - 1) bool
    """Whether each distance is, up to rounding, the next one too."""
    distances = np.sqrt(squared)
    return np.diff(distances, axis=-1) <= _SAME * distances[..., 1:] + rounding


def grouped(order, tied):  # (m, c), (m, c - 1) -> Ranked
    """Number the places of each group of equals: how many come before it, and up to its end."""
    places = np.arange(order.shape[1])
    if not tied.any():
        return Ranked(order, *(np.broadcast_to(part, order.shape) for part in (places, places + 1)))
    ends = np.ones((2, *order.shape), dtype=bool)
    ends[0, :, 1:] = ends[1, :, :-1] = ~tied
    first = np.maximum.accumulate(np.where(ends[0], places, 0), axis=1)
    last = np.where(ends[1], places + 1, order.shape[1])
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    return Ranked(order, first, last)


@dataclass(frozen=True)
class _Pairs:
    """Places of the reference rows in the order of two spaces, for some rows of data.

    All are of shape (m, c), by place in the order of the first space: a row is at one of the places
    `first` + 1, ..., `last` in that space, at any of them alike, and at one of `other_first` + 1,
    ..., `other_last` in the other. `together` says whether it is equally far with the same rows in
    both; these then have one order in both spaces, and others two independent ones.
    """

    first: np.ndarray
    last: np.ndarray
    other_first: np.ndarray
    other_last: np.ndarray
    together: np.ndarray

    @classmethod
    def of(cls, space, other, rows, n_places):
        """Compare the first places of a space, and what ties with the last of them."""
        near, far = space.ranked(rows), other.ranked(rows)
        cut = slice(near.last[:, n_places - 1].max())
        order = near.order[:, cut]
        by_row = np.empty((len(rows), space.n_reference), dtype=np.int64)

        def moved(by_place):  # from places in the other space to those in this one
            np.put_along_axis(by_row, far.order, by_place, axis=1)
            return np.take_along_axis(by_row, order, axis=1)

        is_tied, is_tied_there = (ranked.last - ranked.first > 1 for ranked in (near, far))
        first = moved(far.first)
        last = moved(far.last) if is_tied_there.any() else first + 1
        together = np.zeros(order.shape, dtype=bool)
        if is_tied.any() and is_tied_there.any():
            together = moved(_signs(space, far)) == _signs(space, near)[:, cut]
            together &= is_tied[:, cut]
        return cls(near.first[:, cut], near.last[:, cut], first, last, together)

    def all_alone(self):
        """Whether no two rows are equally far, in either space."""
        sizes = (self.last - self.first, self.other_last - self.other_first)
        return all((size == 1).all() for size in sizes)


def _signs(space, ranked):  # -> (m, c)
    """A number for each group of equally far rows that tells by which rows it consists of."""
    marks = np.random.RandomState(0).randint(2**62, size=space.n_reference)
    sums = np.zeros((len(ranked.order), ranked.order.shape[1] + 1), dtype=np.int64)
    np.cumsum(marks[ranked.order], axis=1, out=sums[:, 1:])  # may wrap around, which is no harm
    ends = (np.take_along_axis(sums, part, axis=1) for part in (ranked.last, ranked.first))
    return np.subtract(*ends)


def expected_excess(judge, near, rows, k):  # (m,) -> (m,)
    r"""Excess ranks of the k nearest, the mean over all orders of equally far rows.

    In two independent orders a row is among the k nearest of one space with chance
    :math:`(\min(k, l) - f)_+ / (l - f)`, and its excess in the other has the mean of
    :math:`(r - k)_+` over its places; in one order it is the t-th of its group in both.
    """
    pairs = _Pairs.of(near, judge, rows, k)
    size = pairs.last - pairs.first
    held = np.clip(k - pairs.first, 0, size)  # places of the group among the k nearest
    excess = held / size * _sum_of_excess(pairs.other_first, pairs.other_last, k)
    excess /= pairs.other_last - pairs.other_first
    one = pairs.together
    last = pairs.other_first[one] + held[one]
    excess[one] = _sum_of_excess(pairs.other_first[one], last, k) / size[one]
    return excess.sum(axis=1)


def _sum_of_excess(first, last, k):
    """Sum of (r - k)+ for the places r = first + 1, ..., last."""
    low, high = np.maximum(first - k, 0), np.maximum(last - k, 0)
    return (high * (high + 1) - low * (low + 1)) / 2


def first_common(data, drawn, rows, k_max):  # -> (k_max,)
    r"""Count the pairs by the smallest neighbourhood that holds them in both spaces.

    Of equally far rows it is the mean count over all orders. With places a + 1, ..., b in one space
    and c + 1, ..., d in the other the chance to be held by both is the product of
    :math:`(\min(k, b) - a)_+ / (b - a)` and the same of c and d; its increase by k is
    :math:`(2k - a - c - 1) / ((b - a)(d - c))` while both grow, and one over the length of the
    longer lasting one while it grows alone.
    """
    pairs = _Pairs.of(drawn, data, rows, k_max)
    if pairs.all_alone():
        needed = np.maximum(pairs.first, pairs.other_first).ravel()
        return np.bincount(needed, minlength=k_max)[:k_max]
    seen = np.maximum(pairs.first, pairs.other_first) < k_max
    one = pairs.together[seen]
    ends = (pairs.first, pairs.last, pairs.other_first, pairs.other_last)
    a, b, c, d = (part[seen] for part in ends)
    begins = np.maximum(a, c)
    together = _over_spans(begins[one], (begins + b - a)[one], 1 / (b - a)[one], k_max)
    begins, a, b, c, d = (part[~one] for part in (begins, a, b, c, d))
    both, weight = np.maximum(np.minimum(b, d), begins), 1 / ((b - a) * (d - c))
    growth = _over_spans(begins, both, weight, k_max)
    level = _over_spans(begins, both, weight * (a + c + 1), k_max)
    alone = _over_spans(both, np.maximum(b, d), 1 / np.where(b > d, b - a, d - c), k_max)
    return together + 2 * np.arange(1, k_max + 1) * growth - level + alone


def _over_spans(begins, stops, values, size):  # (p,), (p,), (p,) -> (size,)
    """Sum values over the places begins, ..., stops - 1 of each, as far as they go."""
    changes = np.bincount(np.minimum(begins, size), values, size + 1)
    changes -= np.bincount(np.minimum(stops, size), values, size + 1)
    return np.cumsum(changes[:size])
