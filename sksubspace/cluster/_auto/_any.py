"""The choice among clusterings of any kind, by what labels say of those of neighbours."""

import warnings
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sksubspace._ambient import OwnSettings
from sksubspace._clusterings import (
    clustered,
    named_candidates,
    prepare,
    tell_failures,
    worth_telling,
)
from sksubspace._docs import fill_parameters
from sksubspace._linalg import column_means, r_squared, row_squares, total_squares
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import BaseEstimator, ClusterMixin, Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Candidates, Estimator, Floats, Ints, Matrix, Seed
from sksubspace._validation import in_order_of, validate_rows
from sksubspace.cluster._auto._candidates import default_clusterings
from sksubspace.cluster._auto._information import clustered_by_all, information_table
from sksubspace.metrics._halves import LEAST_EVIDENCE, Halves
from sksubspace.metrics._neighbor_field import Metric, NeighborField, nearest_labels


@fill_parameters
class AutoClustering(OwnSettings, ClusterMixin, BaseEstimator):
    r"""Choice among clusterings of any kind, without labels, with evidence that there are clusters.

    No family of clusterings wins everywhere. The labels of a good one say much about those of a
    row's neighbours, more than clusters of a Gaussian of the same covariance do; the candidate
    where most is left, E, is kept. How much of it a fit to other rows finds again is the evidence.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters. Given to every parameter `n_clusters` of the candidates, and to the
        components of mixtures of Gaussians.

    candidates : "default", dict of str to estimator or list, default="default"
        Clusterings with ``fit_predict``, or pipelines that end in one, in any order; a list holds
        them, named by their class, or pairs (name, clustering). "default" tries
        :func:`default_clusterings`.

    n_halvings : int, default=2
        How often the chosen one is fitted to two random halves, for the evidence; 0 for none.

    n_jobs : int or None, default=None
        Candidates that are fitted at a time, each on one thread. Results do not depend on it.

    {random_state}
        Seeds candidates that have no seed of their own, and draws the Gaussian and the halves.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row. Rows that the chosen one calls noise are in the nearest
        cluster, and copies of a row in that of the first.

    n_clusters_ : int
        Number of clusters found.

    best_name_ : str
        Name of the chosen candidate.

    best_estimator_ : estimator
        The chosen candidate, fitted to all rows.

    evidence_ : float
        What halves find again, X of
        :func:`sksubspace.model_selection.out_of_sample_information`, over the root of
        log `n_clusters`: below .1 there is no more structure than one Gaussian has. NaN without
        halvings, and where a half could not be clustered.

    ties_ : list of str
        Names of the candidates that the data do not tell apart from the best, which is the first.

    scores_ : dict of str to ndarray of shape (n_candidates,)
        A table, best candidate first. "name"; "rank"; "score", E; "difference" from the best and
        the "standard_error" of that difference; "tied", whether the difference is within one
        standard error; "fit_time", in seconds; "n_clusters" found; "error", empty if there was
        none. Failed candidates come last, with NaN for a score.

    row_information_ : ndarray of shape (n_samples,)
        What the label of each row says of those of its neighbours, in nats; below 0 where most have
        another one.

    cluster_means_ : ndarray of shape (n_found, n_features)
        Mean of the rows of each cluster that was found.

    predicts_by_ : str
        "estimator" where the chosen one places new rows; "nearest row" where it cannot, and they
        get the label of the nearest training row.

    {features_}

    See Also
    --------
    sksubspace.model_selection.compare_clusterings : The same with a report on each candidate.
    AutoSubspaceClustering : Chooses among subspace clusterings.

    Notes
    -----
    E, its metrics and its standard errors are those of
    :func:`sksubspace.metrics.neighbor_information`. It describes labels that are kept; the evidence
    is of fits that have not seen the rows. A candidate that finds more clusters than asked for, or
    one, fails. E does not tell the number of clusters.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace.cluster import AutoClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> auto = AutoClustering(3, random_state=0).fit(X)
    >>> auto.predict(X[:3]).shape
    (3,)
    >>> bool(auto.evidence_ > 0.1)
    True
    """

    labels_: Ints
    n_clusters_: int
    best_name_: str
    best_estimator_: Estimator
    evidence_: float
    ties_: list[str]
    scores_: dict[str, Any]
    row_information_: Floats
    cluster_means_: Floats
    predicts_by_: str

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "candidates": [StrOptions({"default"}), dict, list, tuple],
        "n_halvings": [Interval(Integral, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        candidates: Candidates = "default",
        *,
        n_halvings: int = 2,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.candidates = candidates
        self.n_halvings = n_halvings
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Matrix, y: object = None, *, groups: ArrayLike | None = None) -> Self:
        """Fit the candidates and keep the best.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        groups : array-like of shape (n_samples,) or None, default=None
            What rows belong to, such as a donor: rows of a group are no neighbours of each other,
            and in one half.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If `candidates` has something in it that is no clustering.
        ValueError
            If every candidate fails, X has non-finite values, fewer than four rows that differ or
            fewer than clusters, or there are fewer than four groups.

        Warns
        -----
        UserWarning
            If there are fewer than four rows a cluster, or no evidence of clusters.
        """
        groups = in_order_of(X, groups, "groups")
        by_default = isinstance(self.candidates, str)
        candidates = None if by_default else named_candidates(self.candidates)
        X = validate_rows(self, X, accept_sparse="csr", order="C", copy=True, ensure_min_samples=2)
        _check_rows_per_cluster(X.shape[0], self.n_clusters)
        candidates = candidates or default_clusterings(X)
        random_state = isolated_random_state(self.random_state)
        own = {
            name: prepare(one, self.n_clusters, random_state) for name, one in candidates.items()
        }
        field = NeighborField(X, groups=groups, random_state=random_state)
        outcomes = clustered_by_all(own, X, self.n_clusters, self.n_jobs)
        self.scores_, found = information_table(outcomes, field, self.n_clusters)
        errors = worth_telling(self.scores_["error"], by_default)
        tell_failures(self.scores_["name"], errors, stacklevel=3)
        self.best_name_ = str(self.scores_["name"][0])
        self.ties_ = [str(name) for name in self.scores_["name"][self.scores_["tied"]]]
        best = outcomes[self.best_name_]
        for message, category in best.warnings:
            warnings.warn(message, category, stacklevel=2)
        self.best_estimator_ = best.estimator
        self.row_information_ = found[self.best_name_].row_information
        self._keep_clusters(X, field, best.labels)
        self.evidence_ = self._evidence(X, field)
        return self

    def predict(self, X: Matrix) -> Ints:
        """Give each row to a cluster, as `predicts_by_` says.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The cluster of each row, from 0 to ``n_clusters_ - 1``.
        """
        check_is_fitted(self)
        X = validate_rows(self, X, accept_sparse="csr", order="C", reset=False)
        if self._metric is None:
            return np.asarray(self.best_estimator_.predict(X), dtype=np.int64)
        return nearest_labels(Metric(*self._metric), X, self._places, self._place_labels)

    def score(self, X: Matrix, y: object = None) -> float:
        r"""R2 of putting each row at the mean of its cluster.

        :math:`1 - \sum_i \|x_i - m_{c(i)}\|^2 / \sum_i \|x_i - \bar x\|^2`, with the means of the
        clusters and of all training rows, and the predicted cluster c(i).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            At most 1; 0 for a single cluster. More clusters score higher by themselves, and so do
            round ones: it is not what candidates are chosen by.
        """
        labels = self.predict(X)
        X = validate_rows(self, X, accept_sparse="csr", order="C", reset=False)
        squares = row_squares(X, lambda rows: self.cluster_means_[labels[rows]])
        return r_squared(float(squares.sum()), total_squares(X, self._mean_of_rows))

    def _keep_clusters(self, X, field, labels):
        codes = field.codes(labels)
        self.labels_ = codes[field.kind_of]
        self.n_clusters_ = int(codes.max()) + 1
        self.cluster_means_ = np.stack(
            [column_means(X[np.flatnonzero(self.labels_ == k)]) for k in range(self.n_clusters_)]
        )
        self._mean_of_rows = column_means(X)
        # labels of the estimator are those of the clusters where it has all of them
        own = hasattr(self.best_estimator_, "predict") and np.array_equal(
            np.unique(labels), np.arange(self.n_clusters)
        )
        self.predicts_by_ = "estimator" if own else "nearest row"
        metric = next(iter(field.metrics.values()))
        self._metric = None if own else (metric.mean, metric.directions, metric.unit)
        self._places = None if own else field.first_places
        self._place_labels = None if own else codes

    def _evidence(self, X, field):
        if self.n_clusters < 2 or not self.n_halvings:
            return np.nan
        excess = [self._found_again(X, Halves(field, number)) for number in range(self.n_halvings)]
        evidence = float(np.mean(excess) / np.sqrt(np.log(self.n_clusters)))
        if not evidence >= LEAST_EVIDENCE:
            warnings.warn(
                f"There is no evidence of clusters: halves of the rows find {evidence:.2f} of what "
                f"can be found again, and one Gaussian reaches up to {LEAST_EVIDENCE}; the labels "
                "may be cuts through a single heap.",
                UserWarning,
                stacklevel=3,
            )
        return evidence

    def _found_again(self, X, halves):
        fits = [
            clustered(clone(self.best_estimator_), X[part], self.n_clusters)
            for part in halves.parts
        ]
        if any(one.error for one in fits):
            return np.nan
        return halves.excess([one.labels for one in fits], self.n_clusters)

    def _instances(self):
        """Candidates that are estimators; what is wrong with the others is for `fit` to say."""
        try:
            return named_candidates(self.candidates).values()
        except (TypeError, ValueError):
            return ()

    def __sklearn_tags__(self):
        """Sparse rows are taken where a candidate does."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = isinstance(self.candidates, str) or any(
            hasattr(one, "__sklearn_tags__") and get_tags(one).input_tags.sparse
            for one in self._instances()
        )
        return tags


def _check_rows_per_cluster(n_samples, n_clusters):
    """Fewer rows than clusters are an error, and fewer than four each are warned of."""
    if n_samples < n_clusters:
        raise ValueError(f"n_samples={n_samples} should be >= n_clusters={n_clusters}.")
    if 4 * n_clusters > n_samples:
        warnings.warn(
            f"n_clusters={n_clusters} is more than a quarter of the {n_samples} rows: neighbours "
            "have to be of other clusters, and their labels hardly tell candidates apart.",
            UserWarning,
            stacklevel=4,
        )
