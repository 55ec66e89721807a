"""How much of labels is found again by a fit to other rows."""

import numpy as np

from sksubspace.metrics._input import sample_rows
from sksubspace.metrics._label_information import joint_shares, normalized
from sksubspace.metrics._neighbor_field import Near, join_noise
from sksubspace.neighbors import k_nearest

# of the root of log K: normal, uniform and heavy-tailed rows stay below .03, data with clusters
# that were tried are above .1: benchmarks/clustering_choice.py
LEAST_EVIDENCE = 0.1
# Gaussians; the one whose halves agree most counts. Where leading axes are of nearly one length,
# chance cuts halves along the same one or not: of one Gaussian alone single heaps had an evidence
# of up to .22 at K = 2, of the largest of five up to .08: benchmarks/clustering_choice.py
_N_GAUSSIANS = 5
# nearest rows of the other half
_N_NEAREST = 3


class Halves:
    """Two random halves of the rows of a field, whole groups and all copies in one of them.

    Parameters
    ----------
    field : NeighborField
        The rows.
    number : int
        Of the cut; the same gives the same halves.

    Attributes
    ----------
    parts : list of two ndarray of shape (n_part,)
        Row numbers of each half, ascending, copies included.
    """

    def __init__(self, field, number):
        self._field = field
        rng = np.random.RandomState((field.seed + 1 + number) % 2**32)
        place = rng.permutation(field.groups.max() + 1)[field.groups]
        is_first = place < (field.groups.max() + 1) // 2
        self._kinds = [np.flatnonzero(side) for side in (is_first, ~is_first)]
        self.parts = [np.flatnonzero(side[field.kind_of]) for side in (is_first, ~is_first)]
        most = None if field.max_samples is None else max(1, field.max_samples // 2)
        self._scored = [sample_rows(len(kinds), most, rng) for kinds in self._kinds]
        self._near = self._across(field.places)
        self._nulls = {}

    def excess(self, labels, n_clusters):  # two of (n_part,) -> float
        """Information between a row's label and those of its three nearest rows of the other half.

        Each half has the labels of its own fit, which need not be named alike: N, as a mean of both
        directions, less the largest of five Gaussians, in the metric where most is left.
        """
        codes = [self._codes(*one) for one in zip(labels, self.parts, self._kinds, strict=True)]
        null = self._null(n_clusters)
        return max(_both_ways(codes, near) - null[name] for name, near in self._near.items())

    def _across(self, places):  # -> dict of str to two Near
        """The rows of each half that are drawn, and the rows of the other that are near them."""
        return {name: [self._nearest(Z, i, 1 - i) for i in (0, 1)] for name, Z in places.items()}

    def _nearest(self, Z, i, j):
        rows, others = self._kinds[i][self._scored[i]], self._kinds[j]
        return Near(self._scored[i], k_nearest(Z[rows], Z[others], min(_N_NEAREST, len(others)))[1])

    def _codes(self, labels, part, kinds):  # -> (n_kinds_of_the_half,)
        """Labels of kinds, by the first row of each."""
        labels = np.asarray(labels)[np.searchsorted(part, self._field.kinds[kinds])]
        labels = join_noise(labels, self._field.first_places[kinds])
        return np.unique(labels, return_inverse=True)[1]

    def _null(self, n_clusters):  # -> dict of str to float
        """N of the Gaussian whose halves agree most in each metric, of two cuts the larger."""
        if n_clusters not in self._nulls:
            found = [self._null_of(draw, n_clusters) for draw in range(_N_GAUSSIANS)]
            self._nulls[n_clusters] = {
                name: max(one[name] for one in found if name in one) for name in found[0]
            }
        return self._nulls[n_clusters]

    def _null_of(self, draw, n_clusters):  # -> dict of str to float
        places = self._field.null_places(draw)
        halves = [{name: Z[kinds] for name, Z in places.items()} for kinds in self._kinds]
        cuts = zip(*[self._field.cut(half, n_clusters) for half in halves], strict=True)
        near, cuts = self._across(places), list(cuts)
        return {name: max(_both_ways(codes, near[name]) for codes in cuts) for name in places}


def _both_ways(codes, near):  # two of (n_part,), two of Near -> float
    return np.mean(
        [
            normalized(joint_shares(codes[i], codes[1 - i], near[i].rows, near[i].others))
            for i in (0, 1)
        ]
    )
