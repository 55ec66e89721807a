"""What is tried where nobody says what: clusterings under unique names, simplest first."""

from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from sksubspace._linalg import column_means, total_squares
from sksubspace._typing import Estimator, Matrix
from sksubspace._validation import refuse_containers
from sksubspace.cluster._base import auto_candidates
from sksubspace.cluster._k_subspaces import KSubspaces
from sksubspace.cluster._self_expression import ElasticNetSubspaceClustering

# principal components, and those of a mixture that has a covariance for each cluster
_N_COMPONENTS, _N_OF_FULL = 50, 15
# above, what compares all pairs of rows is left out, and what takes a minute for 20,000
_MOST_ROWS = 10_000
# what compares the codes of all pairs of rows, and cannot do with landmarks, is left out above
_MOST_PAIRED, _OF_ALL_PAIRS = 20_000, {"LSR knn"}
# variance that mixtures add to each component, as a share of the mean one
_FLOOR = 1e-6
# of the candidates that say themselves as what they are tried
_TRIED_ANYWHERE = {"10 neighbors": "graph", "TSC 5": "TSC 5", "OMP 5": "OMP 5", "LSR knn": "LSR"}
_OF_FEW_ROWS = {"Ward", "HDBSCAN", "graph", "TSC 5", "OMP 5", "LSR", "elastic net"}
_DENSE = {"graph", "LSR", "K-subspaces 4"}


def subspace_candidates(n_samples):  # -> dict of str to estimator
    """What `AutoSubspaceClustering` tries on so many rows."""
    found = {"k-means": KMeans(n_init=10), **auto_candidates()}
    left_out = _OF_ALL_PAIRS if n_samples > _MOST_PAIRED else set()
    return {name: one for name, one in found.items() if name not in left_out}


def default_clusterings(X: Matrix) -> dict[str, Estimator]:
    """Name clusterings of several families, to be tried as they are or beside own ones.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows to be clustered. Their number and scale decide how many principal components there
        are, and what mixtures add to a variance.

    Returns
    -------
    candidates : dict of str to estimator
        By name, simplest first; the number of clusters is still to be set. For more than 10,000
        rows only what is fast, k-means, mixtures and K-subspaces; for sparse rows only what takes
        them.

    See Also
    --------
    AutoClustering : Chooses one of them.
    sksubspace.model_selection.compare_clusterings : Sets them beside each other.

    Notes
    -----
    K-means, mixtures of Gaussians of one covariance, and Ward's tree of 50 principal components;
    such a mixture of rows at unit length; one with a covariance for each cluster, of 15 components;
    HDBSCAN, which finds the number of clusters itself and fails where that is larger; spectral
    clustering of the graph of ten neighbours; and five subspace clusterings: thresholding, matching
    pursuit, elastic net, least squares and K-subspaces of four dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.cluster import default_clusterings
    >>> list(default_clusterings(np.eye(20)))[:3]
    ['k-means', 'tied mixture', 'Ward']
    """
    refuse_containers(X, "X")
    n, d = X.shape
    is_sparse, is_small = hasattr(X, "toarray"), n <= _MOST_ROWS
    # half of the rows, and less than all columns of sparse ones, have to have so many
    most = max(1, min(_N_COMPONENTS, d - is_sparse, n // 2 - 1))
    variance = total_squares(X, column_means(X)) / n
    plain = {"reg_covar": _FLOOR * variance / d or _FLOOR}
    few = max(1, min(_N_OF_FULL, most))
    own = auto_candidates()
    found = {
        "k-means": make_pipeline(PCA(most), KMeans(n_init=10)),
        "tied mixture": make_pipeline(PCA(most), GaussianMixture(covariance_type="tied", **plain)),
        "Ward": make_pipeline(PCA(most), AgglomerativeClustering()),
        "tied, unit rows": make_pipeline(
            Normalizer(), PCA(most), GaussianMixture(covariance_type="tied", reg_covar=_FLOOR / d)
        ),
        "full mixture": make_pipeline(PCA(few), GaussianMixture(**plain)),
        "HDBSCAN": make_pipeline(PCA(most), HDBSCAN(copy=True)),
        **{name: own[known] for known, name in _TRIED_ANYWHERE.items()},
        "elastic net": ElasticNetSubspaceClustering(),
        "K-subspaces 4": KSubspaces(subspace_dim=min(4, max(d - 1, 1))),
    }
    left_out = set() if is_small else _OF_FEW_ROWS
    left_out = left_out | (_DENSE if is_sparse else set())
    return {name: one for name, one in found.items() if name not in left_out}
