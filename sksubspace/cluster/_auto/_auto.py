"""The choice of a subspace clustering without labels, by rows left out of its subspaces."""

import warnings
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._clusterings import named_candidates, prepare, tell_failures
from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace._typing import ArrayLike, Candidates, Estimator, Seed
from sksubspace.cluster._auto._candidates import subspace_candidates
from sksubspace.cluster._auto._information import clustered_by_all, information_table
from sksubspace.cluster._auto._scores import evaluate, folds, holdouts, score_table, scored_dims
from sksubspace.cluster._base import BaseSubspaceClustering, keep_subspaces, training_rows
from sksubspace.metrics._neighbor_field import NeighborField


@fill_parameters
class AutoSubspaceClustering(BaseSubspaceClustering):
    r"""Choice among subspace clusterings without labels.

    No clustering wins everywhere, and which one does cannot be seen from the data. But the clusters
    of a good one say more about those of a row's neighbours than clusters of noise do. Or clusters
    can be taken for what they claim to be, subspaces, and then tested on rows that the subspaces
    were not fitted to. Each candidate is scored in one of these ways, and the best one is kept.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters. Given to every parameter `n_clusters` of the candidates.

    candidates : "default", dict of str to estimator or list, default="default"
        Clusterings with ``fit_predict``, scikit-learn's too, or pipelines that end in one, in any
        order; a list holds them, named by their class, or pairs (name, clustering). Of mixtures of
        Gaussians the components are clusters. "default" tries k-means, graphs of 5 and 10 nearest
        neighbours, thresholding with 5 and 10, orthogonal matching pursuit with 5 and 10, and least
        squares with both affinities; above 20,000 rows, where all of them use landmarks, without
        that of nearest codes, which has to compare all pairs of rows.

    subspace_dim : int or "auto", default="auto"
        Dimension of the subspaces. "auto" keeps 99 % of the energy of the members, at most 15
        dimensions; the criterion "r2" scores candidates with 4, 8 and 16, at most a third of the
        mean number of rows of a cluster.

    validation_fraction : float or None, default=None
        Of the criterion "r2". None fits each candidate once, to all rows, and fits the subspaces of
        its clusters without the rows that are scored, a part at a time until all rows have been. A
        number leaves that share of the rows out of the candidate's own fit too, `n_repeats` times,
        and fits the best one again, to all rows: dearer, and a worse guide to the labels that are
        kept, which are not those that were scored, but fair to candidates that fit noise.

    n_repeats : int, default=1
        How often rows are left out anew, with "r2".

    normalize : bool, default=True
        Whether rows are scaled to unit length first, for the candidates too.

    n_jobs : int or None, default=None
        Candidates that are fitted at a time, each on one thread. Results do not depend on it.

    {random_state}
        Draws what is left out, and seeds the candidates that have no seed of their own.

    criterion : {"auto", "information", "r2"}, default="auto"
        "information" is what :func:`sksubspace.metrics.neighbor_information` leaves beyond a
        Gaussian, E; it sees clusters that are no subspaces too. "r2" is that of rows left out of
        the clusters' subspaces. "auto" is "information", or "r2" where a `validation_fraction` is
        given, which only that one has.

    Attributes
    ----------
    {subspaces_}

    best_name_ : str
        Name of the chosen candidate.

    best_estimator_ : estimator
        The chosen candidate, fitted to all rows, at unit length with `normalize`.

    scores_ : dict of str to ndarray of shape (n_candidates,)
        A table, as ``cv_results_`` of a search is one, best candidate first. "name"; "rank";
        "score", E or that of `Notes`; "difference" from the best score and the "standard_error" of
        that difference; "tied", whether the difference is within one standard error; "fit_time", in
        seconds; "n_clusters" found; "error", empty if there was none. Failed candidates come last,
        with NaN for a score.

    {features_}

    See Also
    --------
    AutoClustering : Chooses among clusterings of any kind.
    ThresholdedSubspaceClustering : One of the candidates.

    Notes
    -----
    For "information" see :func:`sksubspace.metrics.neighbor_information`, of the rows as the
    candidates see them. The rest is about "r2". With :math:`s_{id}` the squared distance of row i
    from the nearest of the clusters' subspaces of dimension d, fitted without row i, and IQM the
    interquartile mean, the mean of the middle half of the values, a candidate has the score

    .. math:: 1 - \frac{\mathrm{IQM}_i \bigl(\prod_{d \in D} s_{id}\bigr)^{1/|D|}}
              {\mathrm{IQM}_i \|x_i - \bar x\|^2}, \qquad D = \{4, 8, 16\} .

    It leaves the worst rows out, which any subspace misses (a face in the shadow), and the best
    ones, and does not hang on one dimension. One millionth of the mean spread is added to each
    :math:`s_{id}`, so that a perfect fit has a logarithm. Rows are left out by tenths, or by thirds
    with 500 rows a cluster.

    The standard error of a difference is that of two interquartile means over the same rows, of
    which equal ones count as one.
    Candidates within one standard error of the best are `tied`: the data cannot tell them apart.
    The highest score is taken all the same, and the first listed of equal ones.

    By either criterion a candidate that finds more than `n_clusters` clusters fails, since more of
    them fit better by themselves. Scores say nothing about the number of clusters, and those by
    "r2" cannot tell a good clustering from a bad one where the clusters are no subspaces.

    References
    ----------
    .. [1] John W. Tukey and Donald H. McLaughlin, "Less vulnerable confidence and significance
       procedures for location based on a single sample: trimming/Winsorization 1", Sankhya A 25(3),
       1963. https://www.jstor.org/stable/25049278

    Examples
    --------
    >>> from sksubspace.cluster import AutoSubspaceClustering
    >>> from sksubspace.datasets import make_union_of_subspaces
    >>> X, y = make_union_of_subspaces(
    ...     200, n_features=15, n_subspaces=4, subspace_dim=3, noise=0.02, random_state=0
    ... )
    >>> auto = AutoSubspaceClustering(4, random_state=0).fit(X)
    >>> str(auto.scores_["name"][-1])  # the worst of nine candidates
    'k-means'
    >>> auto.predict(X[:3]).shape
    (3,)
    """

    best_name_: str
    best_estimator_: Estimator
    scores_: dict[str, Any]

    _parameter_constraints: dict = {
        **BaseSubspaceClustering._parameter_constraints,
        "candidates": [StrOptions({"default"}), dict, list, tuple],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "criterion": [StrOptions({"auto", "information", "r2"})],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        candidates: Candidates = "default",
        *,
        subspace_dim: int | Literal["auto"] = "auto",
        validation_fraction: float | None = None,
        n_repeats: int = 1,
        normalize: bool = True,
        n_jobs: int | None = None,
        random_state: Seed = None,
        criterion: Literal["auto", "information", "r2"] = "auto",
    ) -> None:
        self.n_clusters = n_clusters
        self.candidates = candidates
        self.subspace_dim = subspace_dim
        self.validation_fraction = validation_fraction
        self.n_repeats = n_repeats
        self.normalize = normalize
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.criterion = criterion

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Score the candidates and keep the best.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If `candidates` has something in it that is no clustering.
        ValueError
            If every candidate fails, X has non-finite values, fewer rows than clusters, too few to
            leave some out, or only zero rows, or a `validation_fraction` is given to "information".
        """
        is_default = isinstance(self.candidates, str)
        candidates = None if is_default else named_candidates(self.candidates)
        X = training_rows(self, X)
        candidates = subspace_candidates(len(X)) if is_default else candidates
        random_state = isolated_random_state(self.random_state)
        choose = self._by_r2 if self._used_criterion() == "r2" else self._by_information
        best = choose(X, candidates, random_state)
        for message, category in best.warnings:
            warnings.warn(message, category, stacklevel=2)
        self.best_estimator_ = best.estimator
        keep_subspaces(self, X, best.labels)
        return self

    def __setstate__(self, state):
        """What was fitted before there was a second criterion was chosen by "r2"."""
        super().__setstate__({"criterion": "r2", **state})

    def _used_criterion(self):
        if self.criterion == "auto":
            return "information" if self.validation_fraction is None else "r2"
        if self.criterion == "information" and self.validation_fraction is not None:
            raise ValueError(
                "validation_fraction is of criterion='r2'; with criterion='information' it must be "
                f"None, got {self.validation_fraction!r}."
            )
        return self.criterion

    def _by_information(self, X, candidates, random_state):  # -> Clustered
        own = {
            name: prepare(one, self.n_clusters, random_state) for name, one in candidates.items()
        }
        field = NeighborField(X, random_state=random_state)
        outcomes = clustered_by_all(own, X, self.n_clusters, self.n_jobs, fewest=1)
        self.scores_, _ = information_table(outcomes, field, self.n_clusters)
        return self._best(outcomes)

    def _by_r2(self, X, candidates, random_state):  # -> Outcome
        groups = _groups_that_differ(X)
        outcomes = self._evaluate(X, groups, candidates, random_state)
        squares = np.square(X - X.mean(axis=0, dtype=np.float64)).sum(axis=1)
        self.scores_ = score_table(outcomes, squares, groups)
        best = self._best(outcomes)
        if best.estimator is None:
            best = self._refit(X, candidates[self.best_name_], random_state)
        return best

    def _best(self, outcomes):
        tell_failures(self.scores_["name"], self.scores_["error"], stacklevel=4)
        self.best_name_ = str(self.scores_["name"][0])
        return outcomes[self.best_name_]

    def _evaluate(self, X, groups, candidates, random_state):  # -> dict of str to Outcome
        size = groups, self.n_clusters
        whole = self.validation_fraction is None
        if whole:
            left_out = folds(*size, self.n_repeats, random_state)
        else:
            left_out = holdouts(*size, self.validation_fraction, self.n_repeats, random_state)
        n_fits = 1 if whole else self.n_repeats
        dims = scored_dims(self.subspace_dim, groups.max() + 1, X.shape[1], self.n_clusters)
        jobs = (
            delayed(evaluate)(
                [prepare(one, self.n_clusters, random_state) for _ in range(n_fits)],
                X, left_out, dims, self.n_clusters, whole=whole,
            )
            for one in candidates.values()
        )  # fmt: skip
        return dict(zip(candidates, Parallel(n_jobs=self.n_jobs)(jobs), strict=True))

    def _refit(self, X, candidate, random_state):  # -> Outcome
        own = prepare(candidate, self.n_clusters, random_state)
        best = evaluate([own], X, [], (0,), self.n_clusters, whole=True)
        if best.error:
            raise ValueError(f"{self.best_name_!r}, fitted to all rows, failed. {best.error}")
        return best


def _groups_that_differ(X):  # (n, d) -> (n,)
    """Number equal rows; where all are equal each for itself, as there is no other to leave out."""
    groups = groups_of_equal_rows(X)
    return groups if groups.any() else np.arange(len(X))
