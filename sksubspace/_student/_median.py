"""Local encoder without training: a weighted median of the places of the ten nearest rows.

Weiszfeld, "Sur le point pour lequel la somme des distances de n points donnes est minimum", Tohoku
Mathematical Journal 43 (1937); Vardi and Zhang, "The multivariate L1-median", PNAS 97 (2000).
"""

from numbers import Integral
from typing import Self

import numpy as np

from sksubspace._linalg import match_r_squared
from sksubspace._student._groups import nearest_kinds, nearest_of_other_groups
from sksubspace._student._part import Part, Setting
from sksubspace._typing import ArrayLike, Floats, Ints, Matrix, Sparse

# weights d^-p: even, as inverse distance weighting, nearly the nearest row alone
_POWERS = (1, 2, 4)
# of the mean, the second reading: near rows count, but no single one decides
MEAN_POWER = 2
# of ten places the cost is then within half a per cent of the least
_STEPS = 15
# keeps the weight of a place finite where the median meets it, in units of the radius
_SOFTENING = 1e-3
# a drawn place that costs so little more is as good a median: two islands, half of the rows on each
_FLAT = 1.02
# an island has four rows of the ten, or a broken map gains: that of its fragments names the row
_ISLAND = 4
# the three powers differ by more than 3,000 rows leave to chance
_SELECTION_ROWS = 3_000
_CHUNK = 8192


class MedianEncoder(Part):
    r"""Place a row at the weighted median of the places of its nearest training rows.

    Maps are torn: a mean of neighbours falls between their pieces, a median does not.

    Parameters
    ----------
    n_neighbors : int, default=10
        Nearest rows. Fewer let a map win that is broken into fragments: each names its rows.

    Attributes
    ----------
    rows_ : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Training rows.

    places_ : ndarray of shape (n_samples, n_components)
        Their places, scaled.

    kinds_ : ndarray of shape (n_kinds,) or None
        Numbers of the rows that are searched, one of each and its copies; None if all differ.

    power_ : int
        The power p of the distances, of 1, 2 and 4 the one with the best left-out coordinates.

    See Also
    --------
    LinearEncoder : For maps that are linear in the data.

    Notes
    -----
    With the k nearest rows at distances :math:`d_j` and places :math:`z_j`,

    .. math:: z(x) = \arg\min_z \sum_j d_j^{-p} \|z - z_j\| .

    A row at distance zero decides alone, so that training rows are where they were drawn. Where
    half of the rows stand on one island and half on another, every point of the gap between them
    is nearly a median: the row then goes to the one of the k places that costs least, if that is at
    most 2 % more and the point found farther from all of them than each is from its third nearest.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.encoding import MedianEncoder
    >>> X = np.arange(6.0)[:, None]
    >>> MedianEncoder(2).fit(X, 10 * X).predict(np.array([[2.0], [2.5]]))
    array([[20.],
           [25.]])
    """

    rows_: Floats | Sparse
    places_: Floats
    kinds_: Ints | None
    power_: int

    name = "median"
    kinds_ = None

    def __init__(self, n_neighbors: int = 10) -> None:
        self.n_neighbors = n_neighbors

    def fit(
        self,
        X: Matrix,
        Z: ArrayLike,
        groups: ArrayLike | None = None,
        setting: Setting | None = None,
    ) -> Self:
        """Keep rows and places, and choose the power.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Training rows.

        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.

        groups : ndarray of shape (n_samples,) or None, default=None
            Rows of a group are left out together; None for none.

        setting : Setting or None, default=None
            What a student hands over: units, the search of neighbours, the trainer.

        Returns
        -------
        self : object
            The fitted encoder.
        """
        check_n_neighbors(self.n_neighbors)
        groups = np.arange(len(Z)) if groups is None else groups
        rows = np.arange(len(Z)) if setting is None else setting.rows
        squared, near = neighbors_to_use(X, self.n_neighbors, rows, groups, setting)
        self.rows_, self.places_ = X, Z
        if setting is not None and setting.kinds is not None:
            self.kinds_ = setting.kinds
        self.power_ = _best_power(squared, near, Z, rows)
        self._left_out = weighted_median(squared, Z[near], self.power_)
        self._means = weighted_mean(squared, Z[near], MEAN_POWER)
        return self

    def predict(self, X: Matrix) -> Floats:  # (m, d) -> (m, q)
        """Place rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.
        """
        return weighted_median(*self._nearest_places(X), self.power_)

    def left_out(self) -> Floats:  # -> (m, q)
        """Say where the training rows go by the rows of other groups.

        Returns
        -------
        Z_out : ndarray of shape (n_left_out, n_components)
            Scaled places; available until the student lets go of the training rows.
        """
        return self._left_out

    def left_out_mean(self) -> Floats:  # -> (m, q)
        """Average the same neighbours' places: between the pieces of a torn map.

        Returns
        -------
        Z_out : ndarray of shape (n_left_out, n_components)
            Scaled places; available until the student lets go of the training rows.
        """
        return self._means

    def predict_mean(self, X: Matrix) -> Floats:  # (m, d) -> (m, q)
        """Average the same neighbours' places for new rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.
        """
        return weighted_mean(*self._nearest_places(X), MEAN_POWER)

    def _nearest_places(self, X):
        return nearest_places(X, self.rows_, self.places_, self.n_neighbors, self.kinds_)


def nearest_places(X, rows, places, n_neighbors, kinds=None):  # -> (m, k), (m, k, q)
    """Squared distances and places of the nearest training rows."""
    squared, near = nearest_kinds(X, rows, n_neighbors, kinds)
    return squared, places[near]


def mean_of_nearest(X, rows, places, n_neighbors, kinds=None):  # -> (m, q)
    """Inverse-square-distance mean of the places of the nearest training rows."""
    return weighted_mean(*nearest_places(X, rows, places, n_neighbors, kinds), MEAN_POWER)


def check_n_neighbors(n_neighbors):
    """Refuse what is not a whole number of at least 1."""
    if not isinstance(n_neighbors, Integral) or isinstance(n_neighbors, bool) or n_neighbors < 1:
        raise ValueError(f"n_neighbors must be a whole number of at least 1, got {n_neighbors!r}.")


def neighbors_to_use(X, n_neighbors, rows, groups, setting):
    """Take the neighbours from the one search of the student, or search."""
    if setting is not None and setting.neighbors is not None:
        squared, near = setting.neighbors
        if n_neighbors <= squared.shape[1]:
            return squared[:, :n_neighbors], near[:, :n_neighbors]
    kinds = None if setting is None else setting.kinds
    return nearest_of_other_groups(X[rows], X, n_neighbors, rows, groups, kinds)


def _best_power(squared, near, Z, rows):  # (m, k), (m, k), (n, q), (m,) -> int
    """Power with the best R2 of left-out coordinates, on evenly spaced rows of many."""
    step = -(-len(rows) // _SELECTION_ROWS)
    squared, near, target = squared[::step], near[::step], Z[rows[::step]]
    scores = [match_r_squared(weighted_median(squared, Z[near], p), target) for p in _POWERS]
    return _POWERS[int(np.argmax(scores))]


def inverse_distance_weights(squared, power):  # (m, k) ascending -> (m, k)
    """d^-p over that of the nearest row; rows at distance zero share the weight alone."""
    nearest = squared[:, :1]
    equal = squared == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (nearest / squared) ** (power / 2)
    return np.where(nearest == 0, equal, relative)


def weighted_mean(squared, places, power):  # (m, k), (m, k, q) -> (m, q)
    """Sum of w_j z_j over sum of w_j."""
    return _mean(inverse_distance_weights(squared, power), places)


def weighted_median(squared, places, power):  # (m, k), (m, k, q) -> (m, q)
    """Minimiser of sum_j w_j ||z - z_j|| by 15 steps of Weiszfeld from the weighted mean.

    Half on one island and half on another, every point between them has nearly the least cost: the
    row is then placed on one of them, see `_out_of_gaps`.
    """
    found = np.empty((len(places), places.shape[2]))
    for start in range(0, len(places), _CHUNK):
        rows = slice(start, start + _CHUNK)
        weights = inverse_distance_weights(squared[rows], power)
        found[rows] = _out_of_gaps(_weiszfeld(weights, places[rows]), weights, places[rows])
    equal = squared[:, 0] == 0
    found[equal] = weighted_mean(squared[equal], places[equal], power)  # to the last bit
    return found


def _weiszfeld(weights, places):  # (m, k), (m, k, q) -> (m, q)
    median = _mean(weights, places)
    for _ in range(_STEPS):
        median = _mean(weights / (_apart(places, median) + _SOFTENING), places)
    return median


def _out_of_gaps(median, weights, places):  # (m, q), (m, k), (m, k, q) -> (m, q)
    """Take the drawn place of least cost for medians in a gap: nothing is drawn near them.

    A gap is where the median is farther from all k places than each of them is from its third
    nearest among them, and such a place costs at most 2 % more. There a decoder could only
    extrapolate.
    """
    if places.shape[1] < _ISLAND:
        return median
    apart = _apart(places, median)
    first = places[np.arange(len(places)), apart.argmin(axis=1)]
    # a necessary condition first: it leaves few rows, and the others need k times k distances
    rows = np.flatnonzero(apart.min(axis=1) > _reach(_apart(places, first)))
    costs, reach = _costs_and_reach(weights[rows], places[rows])
    at_median = (weights[rows] * apart[rows]).sum(axis=1)
    in_gap = (apart[rows].min(axis=1) > reach) & (costs.min(axis=1) <= _FLAT * at_median)
    rows, best = rows[in_gap], costs[in_gap].argmin(axis=1)
    median[rows] = places[rows, best]
    return median


def _costs_and_reach(weights, places):  # (m, k), (m, k, q) -> (m, k), (m,)
    """sum_j w_j ||z_i - z_j|| of every place, and how far apart the most lonely island is."""
    costs, reach = np.empty(weights.shape), np.zeros(len(weights))
    for i in range(weights.shape[1]):
        apart = _apart(places, places[:, i])
        costs[:, i] = (weights * apart).sum(axis=1)
        reach = np.maximum(reach, _reach(apart))
    return costs, reach


def _reach(apart):  # (m, k), one of them 0: its own -> (m,)
    """Distance of a place to the farthest of the nearest that make an island with it."""
    return np.partition(apart, _ISLAND - 1, axis=1)[:, _ISLAND - 1]


def _apart(places, point):  # (m, k, q), (m, q) -> (m, k)
    return np.sqrt(np.square(places - point[:, None]).sum(axis=2))


def _mean(weights, places):  # (m, k), (m, k, q) -> (m, q)
    return (weights[:, :, None] * places).sum(axis=1) / weights.sum(axis=1)[:, None]
