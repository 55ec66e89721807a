"""What the label of a row says of those of its neighbours, beyond what clusters of noise say."""

from dataclasses import dataclass

import numpy as np

from sksubspace._parameters import check_integer
from sksubspace._typing import ArrayLike, Floats, Labels, Matrix, Seed
from sksubspace._validation import check_labels, check_squares, in_order_of
from sksubspace.metrics._input import MAX_SAMPLES, check_rows, check_same_length
from sksubspace.metrics._label_information import (
    agreement,
    influence,
    joint_shares,
    label_entropy,
    normalized,
    row_information,
)
from sksubspace.metrics._neighbor_field import N_NEIGHBORS, NeighborField

# of E; beyond, sums of the same shares in another order differ
_DIGITS = 12


@dataclass(frozen=True, eq=False)
class NeighborInformation:
    """What `neighbor_information` found; ``str`` gives it in a line.

    Attributes
    ----------
    information : dict of str to float
        N of the labels in each metric, "whitened" and "plain", in root nats.

    null : dict of str to float
        The same of a Gaussian that is cut into as many clusters by k-means.

    metric : str
        Where most is left.

    excess : float
        E, what is left there. Below 0 where clusters of a Gaussian say more.

    share : float
        E over what can be reached there, the root of log `n_clusters` less the Gaussian's.

    entropy : float
        Of the labels, in nats.

    n_clusters : int
        How many the Gaussian was cut into.

    names : ndarray of shape (n_labels,)
        The labels that there are, ascending; without that of noise.

    pairs : ndarray of shape (n_labels, n_labels)
        Share of the pairs of a row and a neighbour, by the label of either, in `metric`.

    row_information : ndarray of shape (n_samples,)
        What the label of each row says of those of its neighbours, in nats: below 0 where most have
        another one. NaN for rows that were not drawn.

    row_agreement : ndarray of shape (n_samples,)
        Share of the neighbours of each row that have its label, likewise.

    influence : ndarray of shape (n_samples,)
        What each row adds to E, of mean 0; NaN also for the copies of a row.
    """

    information: dict[str, float]
    null: dict[str, float]
    metric: str
    excess: float
    share: float
    entropy: float
    n_clusters: int
    names: Labels
    pairs: Floats
    row_information: Floats
    row_agreement: Floats
    influence: Floats

    @property
    def standard_error(self) -> float:
        """Standard error of E from the influence of each row.

        Returns
        -------
        float
            A little small, as rows that are near each other depend on each other.
        """
        known = self.influence[np.isfinite(self.influence)]
        return float(np.sqrt(np.square(known).sum()) / len(known))

    def __str__(self) -> str:
        return (
            f"neighbours tell E = {self.excess:.3f} +- {self.standard_error:.3f} more than in a "
            f"Gaussian, {self.share:.0%} of what {self.n_clusters} clusters can ({self.metric})"
        )


def neighbor_information(
    X: Matrix,
    labels: ArrayLike,
    *,
    n_clusters: int | None = None,
    groups: ArrayLike | None = None,
    n_neighbors: int = N_NEIGHBORS,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> NeighborInformation:
    r"""Measure what labels of rows say of the labels of their neighbours, beyond chance and shape.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows. Of sparse ones only principal components are made dense.

    labels : array-like of shape (n_samples,)
        Clusters or classes of the rows. Rows with a negative number are noise, and count as rows of
        the nearest cluster.

    n_clusters : int or None, default=None
        How many clusters were asked for, into which the Gaussian is cut; None for as many as there
        are.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor: rows of a group are no neighbours of each other.

    n_neighbors : int, default=10
        Neighbours of a row; fewer where there are fewer.

    max_samples : int or None, default=10000
        Number of rows to draw, each with its neighbours among all rows; None takes all.

    random_state : int, RandomState instance or None, default=0
        Draws rows and the Gaussian.

    Returns
    -------
    found : NeighborInformation
        N in each metric, what is left of it, and the part of each row in it.

    Raises
    ------
    TypeError
        If a number is not whole.

    ValueError
        If X is not a table of finite numbers of at least four rows that differ, the number of
        labels is another one, all are noise, there are more labels than `n_clusters` or fewer than
        four groups, or a number is out of its range.

    See Also
    --------
    sksubspace.model_selection.compare_clusterings : The same for many clusterings of the same rows.
    rate_reduction : What is saved by coding clusters one by one.

    Notes
    -----
    Neighbours are the ten nearest other rows in each of two metrics, which know no labels.
    *Whitened*: rows at unit length, centred, in at most 50 principal components, each over its
    standard deviation. *Plain*: rows centred, in at most 50 principal components. The one sees
    what overlaps in the directions of most variance, such as faces under many lights; the other
    keeps lengths, which the first folds away.

    With the share :math:`p_{ab}` of pairs of a row of label a and a neighbour of label b,

    .. math::
        I = \sum_{ab} p_{ab} \log \frac{p_{ab}}{p_{a.} p_{.b}}, \quad
        H = -\sum_a p_{a.} \log p_{a.}, \quad N = I / \sqrt H, \quad
        E = \max_m (N_m - N_m^0) .

    I alone pays for clusters of equal sizes, I / H for a single giant one; the root is between. N
    is 0 where H is below .001. :math:`N_m^0` is that of as many rows of a Gaussian with the mean
    and the covariance of X, cut into `n_clusters` by k-means, once in each metric: the larger of
    the two. It makes the metrics comparable, and whatever a partition of a single heap reaches is
    not counted. The row i of label :math:`c_i` has the information :math:`r_i`, the mean of the
    logarithm over its neighbours, the surprise :math:`h_i = -\log p_{c_i .}`, and the influence

    .. math:: \frac{r_i - I}{\sqrt H} - \frac{I (h_i - H)}{2 H^{3/2}} .

    The standard deviation of the difference of the influences of two labelings, over
    :math:`\sqrt n`, is the standard error of the difference of their E.

    E describes labels that know all rows: it is not held out. Of equal rows the first stands for
    all. With fewer than ten rows a cluster neighbours have to be of others, and N is smaller. In
    one or two features a cut through a heap costs few neighbours: the Gaussian reaches nearly all
    that can be reached, E is small, and clusters of very unequal sizes can be missed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace.metrics import neighbor_information
    >>> X, y = load_iris(return_X_y=True)
    >>> round(neighbor_information(X, y).excess, 1)
    0.3
    >>> bool(neighbor_information(X, y[::-1] % 2).excess < 0.3)
    True
    """
    labels, groups = in_order_of(X, labels, "labels"), in_order_of(X, groups, "groups")
    X = check_rows(X, "X", accept_sparse=True)
    check_squares(X)
    labels = check_labels(labels, "labels")
    check_same_length(X, labels, "X", "labels")
    check_integer(n_neighbors, "n_neighbors", 1)
    n_found = len(named_clusters(labels))
    if n_clusters is None:
        n_clusters = max(n_found, 1)
    check_integer(n_clusters, "n_clusters", n_found, len(labels), "the rows of X")
    field = NeighborField(
        X, groups=groups, n_neighbors=n_neighbors, max_samples=max_samples,
        random_state=random_state,
    )  # fmt: skip
    return information_of(field, labels, n_clusters)


def named_clusters(labels):  # (n,) -> (n_labels,)
    """Labels that there are, ascending; negative numbers are none."""
    found = np.unique(labels)
    return found[found >= 0] if found.dtype.kind in "if" else found


def information_of(field, labels, n_clusters):
    """The information of checked labels (n_samples,) in a `NeighborField`."""
    codes, null = field.codes(labels), field.null(n_clusters)
    shares = {
        name: joint_shares(codes, codes, near.rows, near.others)
        for name, near in field.near.items()
    }
    found = {name: normalized(p) for name, p in shares.items()}
    metric = max(found, key=lambda name: found[name] - null[name])
    p, near = shares[metric], field.near[metric]
    excess, by_row = found[metric] - null[metric], row_information(p, codes, near.rows, near.others)
    reach = np.sqrt(np.log(n_clusters)) - null[metric]

    def by_sample(values):  # (m,) -> (n_samples,)
        of_kinds = np.full(len(codes), np.nan)
        of_kinds[near.rows] = values
        return of_kinds[field.kind_of]

    added = by_sample(influence(p, by_row, codes[near.rows]))
    added[np.setdiff1d(np.arange(len(added)), field.kinds)] = np.nan
    return NeighborInformation(
        information=found,
        null=null,
        metric=metric,
        excess=excess,
        share=float(excess / reach) if reach > 0 else np.nan,
        entropy=label_entropy(p),
        n_clusters=int(n_clusters),
        names=np.unique(named_clusters(np.asarray(labels)[field.kinds])),
        pairs=p,
        row_information=by_sample(by_row),
        row_agreement=by_sample(agreement(codes, near.rows, near.others)),
        influence=added,
    )


def best_first(found):
    """Sort the information of labels, by name, by E; of those that are equal the first stays so."""
    return dict(sorted(found.items(), key=lambda one: -round(one[1].excess, _DIGITS)))


def is_tied(difference, error):
    """Whether a difference from the best is within its standard error, but for rounding."""
    return difference >= -error - 10**-_DIGITS
