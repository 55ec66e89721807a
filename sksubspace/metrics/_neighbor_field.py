"""Which rows are near each other, in data and in a Gaussian of the same covariance; no labels."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize

from sksubspace._linalg import column_means, principal_directions, project, total_squares
from sksubspace._parameters import isolated_random_state
from sksubspace._student import check_groups
from sksubspace._student._groups import first_of, groups_of_equal_rows, nearest_of_other_groups
from sksubspace._threads import small_work
from sksubspace.metrics._input import MAX_SAMPLES, sample_rows
from sksubspace.metrics._label_information import joint_shares, normalized
from sksubspace.neighbors import k_nearest

# principal components in which rows are near each other
_N_COMPONENTS = 50
# directions in which the Gaussian varies by itself; the others only add to the length of its rows
_N_NULL_DIRECTIONS = 100
# starts of the k-means that cuts the Gaussian
_N_STARTS = 2
N_NEIGHBORS = 10
# seeds between those of two draws of the Gaussian: halves are drawn with the seeds that follow
_BETWEEN_DRAWS = 1_000_003
# two halves of whole groups, of two groups each
_FEWEST_GROUPS = 4
_FEWEST_ROWS = 4


@dataclass(frozen=True, eq=False)
class Near:
    """Some rows, and the rows that are near each of them.

    Attributes
    ----------
    rows : ndarray of shape (m,)
        Row numbers.
    others : ndarray of shape (m, k)
        Row numbers of the neighbours.
    """

    rows: np.ndarray
    others: np.ndarray


class NeighborField:
    """What the information of any labels of some rows is measured with; it is made once.

    Equal rows are one, a kind: a row's copy would be its neighbour, and tell as much as itself.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Checked rows.
    groups : array-like of shape (n_samples,) or None, default=None
        Rows of a group are no neighbours.
    n_neighbors : int, default=10
        Neighbours of a row; fewer where there are fewer.
    max_samples : int or None, default=10000
        Rows whose neighbours are searched for; None for all.
    random_state : int, RandomState instance or None, default=0
        Draws the rows and the Gaussian, and seeds what cuts it.

    Attributes
    ----------
    kinds : ndarray of shape (n_kinds,)
        One row of each and its copies, the first.
    kind_of : ndarray of shape (n_samples,)
        Place in `kinds` of the row that stands for each row.
    groups : ndarray of shape (n_kinds,)
        Numbers of the groups of kinds.
    has_groups : bool
        Whether the caller named them.
    metrics : dict of str to Metric
        What places rows, "whitened" first where there is one.
    places : dict of str to ndarray of shape (n_kinds, r)
        The kinds in each metric.
    near : dict of str to Near
        Neighbours in each metric, as places in `kinds`.
    max_samples, seed : int
        As given, and as drawn.
    """

    def __init__(
        self, X, *, groups=None, n_neighbors=N_NEIGHBORS, max_samples=MAX_SAMPLES, random_state=0
    ):
        self.kinds, self.kind_of = np.unique(first_of(groups_of_equal_rows(X)), return_inverse=True)
        n = len(self.kinds)
        if n < _FEWEST_ROWS:
            raise ValueError(
                f"X must have at least {_FEWEST_ROWS} rows that differ from each other, got {n} "
                f"(n_samples={X.shape[0]}, n_features={X.shape[1]})."
            )
        self.has_groups = groups is not None
        groups = np.arange(n) if groups is None else at_least_four(groups, X.shape[0])[self.kinds]
        self.groups = np.unique(groups, return_inverse=True)[1]
        self.n_neighbors, self.max_samples = n_neighbors, max_samples
        rng = isolated_random_state(random_state)
        self.seed = int(rng.randint(2**31 - 1))
        with small_work(0):  # sums on several threads round otherwise
            rows = X if n == X.shape[0] else X[self.kinds]
            # a data frame lies column by column in memory: its sums round otherwise, and rows that
            # are equally near would change places
            rows = rows if sparse.issparse(rows) else np.ascontiguousarray(rows)
            self.metrics, self.places, self._gaussian = _metrics_and_places(rows, self.seed)
        self._rows = sample_rows(n, max_samples, self.seed)
        self.near = {name: self._nearest(Z) for name, Z in self.places.items()}
        self._null_near, self._nulls = None, {}

    def codes(self, labels):  # (n_samples,) -> (n_kinds,)
        """Number the labels of the kinds from 0 on; rows of no cluster join the nearest that is."""
        labels = join_noise(np.asarray(labels)[self.kinds], self.first_places)
        return np.unique(labels, return_inverse=True)[1]

    @property
    def first_places(self):  # (n_kinds, r)
        """Kinds in the first metric."""
        return next(iter(self.places.values()))

    def null(self, n_clusters):  # -> dict of str to float
        """N of the Gaussian in each metric: of two cuts, by k-means in each, the larger."""
        if n_clusters not in self._nulls:
            places = self.null_places(0)
            cuts = self.cut(places, n_clusters)
            self._nulls[n_clusters] = {
                name: max(
                    normalized(joint_shares(codes, codes, near.rows, near.others)) for codes in cuts
                )
                for name, near in self._near_in_null(places).items()
            }
        return self._nulls[n_clusters]

    def null_places(self, draw):  # -> dict of str to (n_kinds, r)
        """Rows of the Gaussian, in the metrics that the data have."""
        drawn = self._gaussian.places(draw)
        return {name: Z for name, Z in drawn.items() if name in self.places}

    def cut(self, places, n_clusters):  # dict of str to (m, r) -> list of (m,)
        """Clusters by k-means in each metric."""
        n = len(next(iter(places.values())))
        kmeans = KMeans(min(n_clusters, n), n_init=_N_STARTS, random_state=self.seed)
        with small_work(0):
            return [kmeans.fit_predict(Z) for Z in places.values()]

    def _near_in_null(self, places):  # -> dict of str to Near
        if self._null_near is None:
            self._null_near = {name: self._nearest(Z) for name, Z in places.items()}
        return self._null_near

    def difference_error(self, first, second):
        """Standard error of the difference of the excess of two `NeighborInformation`.

        The root of the sum of squares of the differences of their influences, each group summed
        up, over the number of rows.
        """
        difference = (first.influence - second.influence)[self.kinds]
        known = np.isfinite(difference)
        together = np.bincount(self.groups[known], difference[known])
        return float(np.sqrt(np.square(together).sum()) / known.sum())

    def _nearest(self, Z):  # (n, r) -> Near
        k = min(self.n_neighbors, len(Z) - 1)
        return Near(
            self._rows, nearest_of_other_groups(Z[self._rows], Z, k, self._rows, self.groups)[1]
        )


def at_least_four(groups, n_samples):  # (n,) -> (n,)
    """Number the groups that the caller names from 0 on; two halves need four of them."""
    groups = check_groups(groups, n_samples)
    if groups.max() + 1 < _FEWEST_GROUPS:
        raise ValueError(
            f"groups must have at least {_FEWEST_GROUPS} different values, two for each half of "
            f"the rows, got {groups.max() + 1}."
        )
    return groups


def join_noise(labels, Z):  # (n,), (n, r) -> (n,)
    """Give rows with a negative label that of the nearest row with another.

    A ValueError if there is none.
    """
    if labels.dtype.kind not in "if" or not (labels < 0).any():
        return labels
    noise, clustered = np.flatnonzero(labels < 0), np.flatnonzero(labels >= 0)
    if not len(clustered):
        raise ValueError("labels must name a cluster of at least one row, got noise alone.")
    joined = labels.copy()
    joined[noise] = labels[clustered[k_nearest(Z[noise], Z[clustered], 1)[1][:, 0]]]
    return joined


def nearest_labels(metric, X, places, labels):  # (n, d), (m, r), (m,) -> (n,)
    """Label of the nearest of some places to each row, in a `Metric`."""
    return labels[k_nearest(metric.places(X), places, 1)[1][:, 0]]


# ---- metrics, of the data and of the Gaussian ----------------------------------------------------


@dataclass(frozen=True, eq=False)
class Metric:
    """Principal components in which rows are near each other.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the rows, at unit length where `unit`.
    directions : ndarray of shape (n_features, r)
        Leading directions of the rows less their mean, over the standard deviations where `unit`.
    unit : bool
        Whether rows are scaled to unit length first.
    """

    mean: np.ndarray
    directions: np.ndarray
    unit: bool

    def places(self, X):  # (n, d) -> (n, r)
        """Rows in these components, in double precision."""
        return _scores(normalize(X) if self.unit else X, self.mean, self.directions)


@dataclass(frozen=True, eq=False)
class _Gaussian:
    r"""A normal distribution with the mean and the covariance of some rows; it has no clusters.

    With the mean m, the leading directions V and variances l, and g the variance that they leave,
    a row is :math:`m + V \operatorname{diag}(l)^{1/2} u`, u standard normal, and another direction
    in which all rows differ from the mean by the root of g.

    Attributes
    ----------
    n_rows : int
        How many rows it gives.
    variances : ndarray of shape (r,)
        Along the leading directions.
    at : ndarray of shape (r,)
        The mean, along these.
    beside : float
        Length of the part of the mean that is in none of them.
    left : float
        Variance in all other directions together.
    seed : int
        Of its rows.
    """

    n_rows: int
    variances: np.ndarray
    at: np.ndarray
    beside: float
    left: float
    seed: int

    def places(self, draw):  # -> dict of str to (n_rows, r)
        """Rows in each metric, which is made of them; the same for the same number of the draw."""
        rng = np.random.RandomState((self.seed + draw * _BETWEEN_DRAWS) % 2**32)
        with small_work(0):
            drawn = rng.standard_normal((self.n_rows, len(self.variances)))
            drawn *= np.sqrt(self.variances)
            plain = drawn @ _leading(drawn)[1]
            drawn = np.hstack([drawn + self.at, np.full((len(drawn), 1), self.beside)])
            units = drawn / np.sqrt(np.square(drawn).sum(axis=1, keepdims=True) + self.left)
            metric = _whitened(units)
        if metric is None:
            return {"plain": plain}
        return {"whitened": _scores(units, metric.mean, metric.directions), "plain": plain}


def _metrics_and_places(X, seed):  # (n, d) -> dict of str to Metric, to (n, r), _Gaussian
    """Both metrics, the rows in each, and a Gaussian of the mean and the covariance of the rows."""
    mean = column_means(X)
    directions = principal_directions(X, mean, max(_N_COMPONENTS, _N_NULL_DIRECTIONS))
    scores = _scores(X, mean, directions)
    variances = np.square(scores).mean(axis=0)
    at = mean @ directions
    gaussian = _Gaussian(
        n_rows=len(scores),
        variances=variances,
        at=at,
        beside=float(np.sqrt(max(mean @ mean - at @ at, 0.0))),
        left=max(total_squares(X, mean) / X.shape[0] - variances.sum(), 0.0),
        seed=seed,
    )
    found = {"plain": Metric(mean, directions[:, :_N_COMPONENTS], False)}
    places = {"plain": scores[:, :_N_COMPONENTS]}
    units = normalize(X)
    whitened = _whitened(units)
    # of one feature, or in one direction, there is none; nor where a Gaussian has none
    if X.shape[1] > 1 and whitened and "whitened" in gaussian.places(0):
        found = {"whitened": whitened, **found}
        places = {"whitened": _scores(units, whitened.mean, whitened.directions), **places}
    return found, places, gaussian


def _scores(X, mean, directions):  # (n, d), (d,), (d, r) -> (n, r) float64
    return np.asarray(project(X, mean, directions), dtype=np.float64)


def _leading(X):  # (n, d) -> (d,), (d, r)
    """Mean, and directions of the leading components."""
    mean = column_means(X)
    return mean, principal_directions(X, mean, _N_COMPONENTS)


def _whitened(units):  # (n, d) -> Metric or None
    """Leading components over their standard deviations; None where only rounding is left."""
    mean, directions = _leading(units)
    if total_squares(units, mean) / units.shape[0] < (16 * np.finfo(units.dtype).eps) ** 2:
        return None
    deviations = np.sqrt(np.square(_scores(units, mean, directions)).mean(axis=0))
    return Metric(mean, directions / deviations, True)
