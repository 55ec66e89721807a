"""All that a comparison of clusterings is made of, and its fits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._clusterings import prepare
from sksubspace.metrics._neighbor_field import NeighborField
from sksubspace.model_selection._halvings import fitted_part
from sksubspace.model_selection._memory import Store
from sksubspace.model_selection._steps import StepLines


@dataclass(frozen=True, eq=False)
class ClusteringPlan:
    """All that a comparison of clusterings is made of.

    Attributes
    ----------
    given, X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows as the caller gave them, perhaps with names of features, and checked.
    candidates : dict of str to estimator
        As they were given.
    by_default : bool
        Whether nobody named them.
    y, groups : object
        As they were given.
    field, loose : NeighborField
        What E is measured with, and the same without groups; None where there are none.
    halvings : list of Halves
        What X is measured with.
    counts : CountedClusters or None
        What numbers of clusters are judged by.
    seed : int
        What repeats it.
    n_jobs : int or None
        Fits at a time.
    store : Store
        What is remembered.
    digest : str or None
        Hash of X.
    steps : StepLines
        Where it is told how far it is.
    """

    given: Any
    X: Any
    candidates: dict
    by_default: bool
    y: Any
    groups: Any
    field: NeighborField
    loose: Any
    halvings: list
    counts: Any
    seed: int
    n_jobs: Any
    store: Store
    digest: Any
    steps: StepLines

    def prepared(self, n_clusters):  # -> dict of str to estimator
        """Candidates with that number of clusters; each with the same seed, whatever else is."""
        return {
            name: prepare(one, n_clusters, np.random.RandomState(self.seed))
            for name, one in self.candidates.items()
        }

    def fits(self, estimators, n_clusters, parts):  # -> dict of str to list of Clustered
        """Fit some candidates to each of some parts of the rows; None is all of them."""
        jobs = [
            delayed(fitted_part)(one, self.X, part, n_clusters, self.store, self.digest)
            for one in estimators.values()
            for part in parts
        ]
        found = Parallel(n_jobs=self.n_jobs, return_as="generator")(jobs)
        return {
            name: [self._next_of(found, name, part, n_clusters) for part in parts]
            for name in estimators
        }

    def _next_of(self, found, name, part, n_clusters):
        rows = "all rows" if part is None else "half of the rows"
        self.steps.begin(f"{name}: {n_clusters} clusters of {rows}")
        return next(found)

    def again(self, estimators, n_clusters):  # -> dict of str to list of Clustered
        """Fit some candidates to both halves of each halving, one after the other."""
        parts = [part for halves in self.halvings for part in halves.parts]
        return self.fits(estimators, n_clusters, parts)

    def excess(self, fits, n_clusters):  # -> tuple of float
        """X of each halving from its two fits; NaN where one failed."""
        pairs = zip(self.halvings, fits[::2], fits[1::2], strict=True)
        return tuple(
            np.nan
            if first.error or second.error
            else float(halves.excess([first.labels, second.labels], n_clusters))
            for halves, first, second in pairs
        )


def n_fits_of(n_numbers, n_candidates, n_halvings, has_counts):  # -> int
    """Fits of a comparison, at most: see `compare_clusterings`."""
    n_parts = 2 * n_halvings
    whole = n_numbers * n_candidates
    halves = (n_numbers + n_candidates - 1) * n_parts
    return whole + halves + (n_numbers if has_counts else 0) + 1
