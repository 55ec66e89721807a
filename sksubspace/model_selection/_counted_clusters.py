"""How many clusters counts can tell apart: the deviance of counts that no clustering has seen."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._clusterings import clustered
from sksubspace._linalg import column_means, principal_directions, project
from sksubspace._validation import check_counts
from sksubspace.metrics._cluster_deviance import cluster_deviances
from sksubspace.metrics._input import check_same_length
from sksubspace.model_selection._thin import log_normalized, thin_counts

_N_COMPONENTS = 50


def checked_beside(counts, X):  # -> CSR array (n_samples, n_counted) or None
    """Check counts that stand beside rows."""
    if counts is None:
        return None
    counts = sparse.csr_array(check_counts(counts, "counts"))
    check_same_length(X, counts, "X", "counts")
    return counts


class CountedClusters:
    """Counts cut in two, several times, and what clusterings of the one half say of the other.

    Parameters
    ----------
    counts : CSR array of shape (n_samples, n_counted)
        Raw counts.
    n_halvings : int
        How often they are cut.
    seed : int
        Draws the cuts.
    """

    def __init__(self, counts, n_halvings, seed):
        cuts = [thin_counts(counts, random_state=(seed + i) % 2**32) for i in range(n_halvings)]
        self._cuts = [(sparse.csr_array(train), sparse.csr_array(test)) for train, test in cuts]
        self._rows = [_principal_scores(train) for train, _ in self._cuts]
        self._by_number = {}

    def scored(self, number, estimator, n_jobs):  # -> ClusterNumber
        """Add what a prepared clustering, fitted to one half of the counts, says of the other."""
        fits = Parallel(n_jobs=n_jobs)(
            delayed(clustered)(clone(estimator), rows, number.n_clusters) for rows in self._rows
        )
        if any(one.error for one in fits):
            return number
        deviances = [
            cluster_deviances(train, part, one.labels)
            for (train, test), one in zip(self._cuts, fits, strict=True)
            for part in (test, train)
        ]
        unseen, null = np.mean(deviances[::2], axis=0)
        seen, null_seen = np.mean(deviances[1::2], axis=0)
        self._by_number[number.n_clusters] = unseen, null.sum()
        return replace(
            number,
            deviance_explained=float(1 - unseen.sum() / null.sum()),
            deviance_seen=float(1 - seen.sum() / null_seen.sum()),
        )

    def with_errors(self, numbers):  # -> list of ClusterNumber
        """Add the standard error of the difference from the best, over rows, to each that is known.

        A ValueError if no number could be scored.
        """
        known = [one for one in numbers if np.isfinite(one.deviance_explained)]
        if not known:
            raise ValueError(
                "counts must let a clustering be fitted to half of them; the candidate of the "
                "highest E failed at each of n_clusters."
            )
        best = max(known, key=lambda one: one.deviance_explained)
        of_best = self._by_number[best.n_clusters][0]

        def error(one):
            unseen, null = self._by_number[one.n_clusters]
            return float(np.sqrt(len(unseen)) * (unseen - of_best).std() / null)

        return [replace(one, deviance_error=error(one)) if one in known else one for one in numbers]


def _principal_scores(counts):  # (n, d) -> (n, r)
    X = log_normalized(counts)
    mean = column_means(X)
    directions = principal_directions(X, mean, min(_N_COMPONENTS, min(X.shape) - 1))
    return np.asarray(project(X, mean, directions), dtype=np.float64)
