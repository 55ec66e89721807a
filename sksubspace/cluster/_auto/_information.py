"""Candidates by the information of their labels about the neighbours, as a table."""

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._clusterings import clustered
from sksubspace.cluster._auto._scores import candidate_columns
from sksubspace.metrics._neighbor_information import best_first, information_of

__all__ = ["clustered_by_all", "information_table"]


def clustered_by_all(estimators, X, n_clusters, n_jobs, fewest=2):  # -> dict of str to Clustered
    """Fit candidates to the same rows."""
    jobs = (delayed(clustered)(one, X, n_clusters, fewest) for one in estimators.values())
    return dict(zip(estimators, Parallel(n_jobs=n_jobs)(jobs), strict=True))


def information_table(outcomes, field, n_clusters):
    """Sort candidates, outcomes by name, by E, and compare each with the best.

    Of equal candidates the first listed comes first; failures are last.

    Returns
    -------
    table : dict of str to ndarray of shape (n_candidates,)
        As ``scores_`` of `AutoSubspaceClustering`.
    found : dict of str to NeighborInformation
        Of those that did not fail, best first.
    """
    found = {
        name: information_of(field, one.labels, n_clusters)
        for name, one in outcomes.items()
        if not one.error
    }
    found = best_first(found)
    names = [*found, *(name for name in outcomes if name not in found)]
    scores = np.array([found[name].excess if name in found else np.nan for name in names])
    first = next(iter(found.values()), None)
    errors = [
        field.difference_error(found[name], first) if name in found else np.nan for name in names
    ]
    return candidate_columns(names, outcomes, scores, np.array(errors)), found
