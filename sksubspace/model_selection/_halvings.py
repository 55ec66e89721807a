"""Clusterings fitted to halves of the rows: what is found again, of the labels and of a cluster."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._clusterings import Clustered, clustered, prepare
from sksubspace._parameters import check_integer, isolated_random_state
from sksubspace._typing import ArrayLike, Estimator, Matrix, Seed
from sksubspace._validation import check_squares, in_order_of
from sksubspace.metrics._halves import Halves
from sksubspace.metrics._input import MAX_SAMPLES, check_rows
from sksubspace.metrics._neighbor_field import NeighborField
from sksubspace.model_selection._memory import Store


@dataclass(frozen=True, eq=False)
class OutOfSampleInformation:
    """What `out_of_sample_information` found; ``str`` gives it in a line.

    Attributes
    ----------
    mean : float
        X, the mean over halvings, in root nats.

    halvings : tuple of float
        Of each halving.

    evidence : float
        X over the root of log `n_clusters`, which is the most there can be. Below .1 there is no
        more structure than one Gaussian has.

    n_clusters : int
        How many clusters were asked for.
    """

    mean: float
    halvings: tuple[float, ...]
    evidence: float
    n_clusters: int

    def __str__(self) -> str:
        low, high = min(self.halvings), max(self.halvings)
        return (
            f"other rows find X = {self.mean:.3f} again ({low:.3f} to {high:.3f} over "
            f"{len(self.halvings)} halvings), {self.evidence:.0%} of what {self.n_clusters} "
            "clusters can"
        )


def out_of_sample_information(
    X: Matrix,
    estimator: Estimator,
    *,
    n_clusters: int,
    groups: ArrayLike | None = None,
    n_halvings: int = 2,
    max_samples: int | None = MAX_SAMPLES,
    n_jobs: int | None = None,
    random_state: Seed = 0,
) -> OutOfSampleInformation:
    r"""Measure how much of a clustering a fit to other rows finds again, beyond one of a Gaussian.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.

    estimator : estimator
        A clustering with ``fit_predict``; it is copied. A number of clusters and seeds that it has
        not are set as by `compare_clusterings`.

    n_clusters : int
        Number of clusters, at least 2.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor: they are in one half.

    n_halvings : int, default=2
        How often rows are cut into two halves.

    max_samples : int or None, default=10000
        Rows that are drawn, with neighbours in the other half; None for all.

    n_jobs : int or None, default=None
        Fits at a time, through joblib.

    random_state : int, RandomState instance or None, default=0
        Draws halves and the Gaussian, and seeds the clustering.

    Returns
    -------
    found : OutOfSampleInformation
        X, of each halving, and as a share.

    Raises
    ------
    TypeError
        If a number is not whole.

    ValueError
        If a fit fails, or finds more clusters or one; X is not a table of finite numbers of at
        least four rows that differ; there are fewer than four groups; or a number is out of range.

    See Also
    --------
    sksubspace.metrics.neighbor_information : Its twin, of labels that know all rows.
    compare_clusterings : Both for several clusterings.

    Notes
    -----
    The rows are cut at random into two halves, of whole groups, and the clustering is fitted to
    each by itself. With the share :math:`p_{ab}` of pairs of a row with label a, and one of the
    three nearest rows of the other half with label b by the fit of that half, in either metric of
    :func:`sksubspace.metrics.neighbor_information`, N is :math:`I / \sqrt H` as there, a mean of
    both directions. X is the larger of N less that of a Gaussian, whose halves k-means cuts, each
    by itself: of five Gaussians the one whose halves agree most. The names of clusters need not
    agree, and nothing but ``fit_predict`` is called.

    Of normal, uniform and heavy-tailed rows without clusters :math:`X / \sqrt{\log K}` is below .1.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace.model_selection import out_of_sample_information
    >>> X, _ = load_iris(return_X_y=True)
    >>> bool(out_of_sample_information(X, KMeans(), n_clusters=3).evidence > 0.1)
    True
    """
    groups = in_order_of(X, groups, "groups")
    X = check_rows(X, "X", accept_sparse=True)
    check_squares(X)
    check_integer(n_clusters, "n_clusters", 2, X.shape[0] // 4, "a quarter of the rows of X")
    check_integer(n_halvings, "n_halvings", 1)
    rng = isolated_random_state(random_state)
    own = prepare(estimator, n_clusters, rng)
    field = NeighborField(X, groups=groups, max_samples=max_samples, random_state=rng)
    halvings = [Halves(field, number) for number in range(n_halvings)]
    fits = Parallel(n_jobs=n_jobs)(
        delayed(fitted_part)(own, X, part, n_clusters, Store(), None)
        for halves in halvings
        for part in halves.parts
    )
    for one in fits:
        if one.error:
            raise ValueError(f"estimator failed on half of the rows. {one.error}")
    pairs = zip(fits[::2], fits[1::2], strict=True)
    excess = tuple(
        halves.excess([one.labels for one in pair], n_clusters)
        for halves, pair in zip(halvings, pairs, strict=True)
    )
    mean = float(np.mean(excess))
    evidence = mean / float(np.sqrt(np.log(n_clusters)))
    return OutOfSampleInformation(mean, excess, evidence, n_clusters)


def fitted_part(estimator, X, part, n_clusters, store, digest):
    """Fit a prepared clustering to some rows, or take what is remembered of that fit.

    Parameters
    ----------
    estimator : estimator
        With its seeds.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows, of which `digest` is the hash.
    part : ndarray of shape (m,) or None
        Rows to fit to; None for all.
    n_clusters : int
        How many clusters were asked for.
    store : Store
        Where labels are kept; failures are not.
    digest : str or None
        None where nothing is kept.

    Returns
    -------
    outcome : Clustered
        Without the estimator.
    """
    failed = []

    def compute():
        one = clustered(clone(estimator), X if part is None else X[part], n_clusters)
        if one.error:
            failed.append(one)
            raise _Failed
        return one.labels, one.seconds, one.n_clusters

    try:
        found = store.remember(
            "clusterings", lambda: (digest, part, estimator, n_clusters), compute
        )
    except _Failed:
        return Clustered(n_clusters=failed[0].n_clusters, error=failed[0].error)
    return Clustered(labels=found[0], seconds=found[1], n_clusters=found[2])


class _Failed(Exception):
    """What is not to be remembered."""


def found_again(codes, part, labels):  # (n,), (m,), (m,) -> (n_clusters,)
    r"""Jaccard index of each cluster with the one of a fit to a part that is most like it.

    :math:`\max_D |C \cap D| / |C \cup D|` among the rows of the part, as by Hennig, "Cluster-wise
    assessment of cluster stability", Computational Statistics & Data Analysis 52 (2007). NaN for a
    cluster without a row there.
    """
    own, others = codes[part], np.unique(labels[labels >= 0])
    clusters = np.arange(codes.max() + 1)[:, None, None] == own
    found = others[:, None] == labels
    common = (clusters & found).sum(axis=2)
    union = (clusters | found).sum(axis=2)
    return np.where(clusters.any(axis=2)[:, 0], (common / union).max(axis=1), np.nan)
