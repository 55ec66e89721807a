"""t-SNE by openTSNE, which is an optional package, from the same neighbours."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_array, check_random_state

from sksubspace._sklearn import BaseEstimator
from sksubspace.neighbors import k_nearest

# what t-SNE takes for a unit of perplexity, and the usual two phases of its descent
NEIGHBORS_PER_PERPLEXITY = 3
_PHASES = ({"n_iter": 250, "exaggeration": 12, "momentum": 0.5}, {"n_iter": 500, "momentum": 0.8})
# standard deviation of the first axis at the start: so small that the descent may turn rows around
_START = 1e-4


class OpenTSNE(BaseEstimator):
    """t-SNE of exact Euclidean neighbours: by trees, from 10,000 rows on by interpolation.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the map, 1 or 2.

    perplexity : float, default=30
        Effective number of neighbours; a third of those that are looked at.

    neighbors : tuple of ndarray of shape (n, k), default=None
        Squared distances and numbers of the nearest other rows, ascending, where they are known.

    random_state : int, RandomState instance or None, default=None
        Seeds the start.

    References
    ----------
    P. G. Policar, M. Strazar and B. Zupan, "openTSNE: a modular Python library for t-SNE
    dimensionality reduction and embedding", Journal of Statistical Software 109 (2024),
    https://doi.org/10.18637/jss.v109.i03
    """

    def __init__(self, n_components=2, *, perplexity=30, neighbors=None, random_state=None):
        self.n_components = n_components
        self.perplexity = perplexity
        self.neighbors = neighbors
        self.random_state = random_state

    def fit_transform(self, X, y=None):  # (n, d) -> (n, q)
        """Place the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : Ignored
            Not used.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Places.

        Raises
        ------
        ImportError
            If openTSNE is not installed.

        ValueError
            If there are fewer rows than three times the perplexity.
        """
        openTSNE = imported()
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
        n_neighbors = self.n_neighbors
        if X.shape[0] <= n_neighbors:
            raise ValueError(
                f"perplexity={self.perplexity} looks at {n_neighbors} neighbours, and X has "
                f"{X.shape[0]} rows; take at most {(X.shape[0] - 1) / NEIGHBORS_PER_PERPLEXITY:g}."
            )
        squared, near = self.neighbors or k_nearest(X, X, n_neighbors, exclude_self=True)
        index = openTSNE.nearest_neighbors.PrecomputedNeighbors(
            near[:, :n_neighbors], np.sqrt(squared[:, :n_neighbors])
        )
        affinities = openTSNE.affinity.PerplexityBasedNN(
            knn_index=index, perplexity=self.perplexity
        )
        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(2**31 - 1))
        places = openTSNE.TSNEEmbedding(
            _start(X, self.n_components, seed), affinities, random_state=seed
        )
        for phase in _PHASES:
            places.optimize(inplace=True, **phase)
        # a copy, and no more: its own `transform` would move the rows of this map
        return np.array(places, dtype=X.dtype)

    @property
    def n_neighbors(self):
        """Neighbours that are looked at."""
        return int(NEIGHBORS_PER_PERPLEXITY * self.perplexity)


def imported():
    """The package openTSNE.

    Raises
    ------
    ImportError
        With how it is installed.
    """
    try:
        import openTSNE
        import openTSNE.nearest_neighbors
    except ImportError as error:
        raise ImportError(
            "The teacher 'opentsne' needs the package openTSNE: pip install openTSNE, or take "
            "'tsne', which is scikit-learn's."
        ) from error
    return openTSNE


def _start(X, n_components, seed):  # (n, d) -> (n, q)
    """Principal components of tiny size."""
    places = PCA(n_components, random_state=seed).fit_transform(X).astype(np.float64)
    return places * (_START / max(places[:, 0].std(), np.finfo(np.float64).tiny))
