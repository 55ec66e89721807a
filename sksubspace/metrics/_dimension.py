"""How many dimensions rows need: by distances between neighbours, by trees, by variances."""

from typing import Literal

import numpy as np
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics.pairwise import euclidean_distances

from sksubspace._linalg import total_squares
from sksubspace._parameters import check_choice, check_integer
from sksubspace._student._groups import first_of, groups_of_equal_rows
from sksubspace._typing import Floats, Matrix, Seed
from sksubspace._validation import check_squares
from sksubspace.metrics._input import check_rows, sample_rows
from sksubspace.metrics._spread import participation_ratio
from sksubspace.neighbors import k_nearest

# rows that are drawn by default: a tree of all is made of all distances
_MAX_SAMPLES = 2_000
# shares of the rows that trees are made of, and how many draws of each
_TREE_SHARES, _N_TREES = (1 / 8, 1 / 4, 1 / 2, 1), 4
# share of the largest ratios of distances that two_nn leaves out, as its authors do
_LEFT_OUT = 0.1
_FEWEST_ROWS = 16


def local_intrinsic_dimension(X: Matrix, *, n_neighbors: int = 20) -> Floats:
    r"""Estimate the dimension around each row from how its neighbours' distances grow.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.

    n_neighbors : int, default=20
        Neighbours of a row, at least 3 and fewer than the rows that differ.

    Returns
    -------
    dimension : ndarray of shape (n_samples,)
        Infinite where the neighbours are all equally far. Take means of its inverse, not of
        itself: few rows of large values outweigh all others.

    Raises
    ------
    TypeError
        If `n_neighbors` is not an integer.

    ValueError
        If X is not a table of finite numbers, or `n_neighbors` is out of its range.

    See Also
    --------
    intrinsic_dimension : One number for all rows.

    Notes
    -----
    With the distances :math:`r_1 \le \dots \le r_k` to the k nearest rows that differ from the row
    and from each other, the maximum-likelihood estimate is [1]_

    .. math:: (k - 1) \Big/ \sum_{j < k} \log \frac{r_k}{r_j} .

    Equal rows count once, so that no distance is zero, and all have the number of one of them. It
    grows with noise and with few rows, and is too small from ten dimensions on.

    References
    ----------
    .. [1] E. Levina and P. J. Bickel, "Maximum likelihood estimation of intrinsic dimension",
       NeurIPS 17 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import local_intrinsic_dimension
    >>> plane = np.random.RandomState(0).rand(1000, 2) @ np.ones((2, 5))
    >>> float(np.round(1 / np.mean(1 / local_intrinsic_dimension(plane)), 1))
    1.0
    """
    X, of = _rows_that_differ(X)
    check_integer(
        n_neighbors, "n_neighbors", 3, X.shape[0] - 1, "the rows of X that differ, less 1"
    )
    return _local(np.sqrt(k_nearest(X, X, n_neighbors, exclude_self=True)[0]))[of]


def intrinsic_dimension(
    X: Matrix,
    *,
    method: Literal["mst", "mle", "two_nn", "participation"] = "mst",
    max_samples: int | None = _MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Estimate how many dimensions rows vary in, along curved directions too.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, of which at least 16 differ.

    method : {"mst", "mle", "two_nn", "participation"}, default="mst"
        "mst": how the length of the shortest tree grows with the rows. "mle": the harmonic mean of
        `local_intrinsic_dimension` with 20 neighbours. "two_nn": the ratio of the distances to the
        two nearest rows. "participation": `participation_ratio`, the only one that sees straight
        directions alone.

    max_samples : int or None, default=2000
        Rows that are drawn; None for all. The tree looks at all their distances.

    random_state : int, RandomState instance or None, default=0
        Draws rows.

    Returns
    -------
    dimension : float
        Infinite for "mst" where trees grow with the number of rows, in too many dimensions for the
        rows there are.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer.

    ValueError
        If X is not a table of finite numbers of at least 16 rows that differ, or a parameter is
        none of its values.

    See Also
    --------
    local_intrinsic_dimension : Around each row.
    sksubspace.LeastVolumeAutoencoder : Prunes its latent dimensions.
    sksubspace.inference.PrincipalSubspaceConfidence : Whether so many straight ones are known.

    Notes
    -----
    The length L of the minimum spanning tree of m rows of density on d dimensions grows as
    :math:`m^{(d-1)/d}` [1]_. With the slope s of log L on log m, for an eighth, a quarter, half and
    all of the rows, four draws of each part, the dimension is :math:`1 / (1 - s)`.

    For "two_nn", :math:`\mu = r_2 / r_1` has the distribution function :math:`1 - \mu^{-d}`: d is
    the slope through the origin of :math:`-\log(1 - F)` on :math:`\log \mu`, without the largest
    tenth [2]_.

    Equal rows count once. All are below the truth from ten dimensions on, with as few rows as there
    usually are; noise makes them larger, "two_nn", which looks at the nearest rows alone, by most.
    It describes rows; it does not choose a number of components: held-out scores do.

    References
    ----------
    .. [1] J. A. Costa and A. O. Hero, "Geodesic entropic graphs for dimension and entropy
       estimation in manifold learning", IEEE Transactions on Signal Processing 52 (2004),
       https://doi.org/10.1109/TSP.2004.831130

    .. [2] E. Facco, M. d'Errico, A. Rodriguez and A. Laio, "Estimating the intrinsic dimension of
       datasets by a minimal neighborhood information", Scientific Reports 7 (2017),
       https://doi.org/10.1038/s41598-017-11873-y

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import intrinsic_dimension
    >>> t = np.random.RandomState(0).rand(500)
    >>> circle = np.column_stack([np.cos(6 * t), np.sin(6 * t)])
    >>> round(intrinsic_dimension(circle), 1), round(intrinsic_dimension(circle, method="mle"), 1)
    (1.0, 1.0)
    """
    check_choice(method, "method", ("mst", "mle", "two_nn", "participation"))
    X, _ = _rows_that_differ(X)
    if X.shape[0] < _FEWEST_ROWS:
        raise ValueError(f"X must have at least {_FEWEST_ROWS} rows that differ, got {X.shape[0]}.")
    rows = sample_rows(X.shape[0], max_samples, random_state)
    if method == "participation":
        return participation_ratio(X[rows])
    if method == "mst":
        return _by_trees(X[rows], np.random.RandomState(len(rows)))
    k = 2 if method == "two_nn" else min(20, X.shape[0] - 1)
    r = np.sqrt(k_nearest(X[rows], X, k, exclude_self=rows)[0])
    return _by_two(r) if method == "two_nn" else float(1 / np.mean(1 / _local(r)))


def minimum_spanning_tree_length(
    X: Matrix,
    *,
    normalize: bool = True,
    max_samples: int | None = _MAX_SAMPLES,
    random_state: Seed = 0,
) -> float:
    r"""Measure the shortest tree that joins all rows.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.

    normalize : bool, default=True
        Whether the length is a mean edge, over the root mean square distance of rows from their
        mean: without units, and comparable between tables of as many rows.

    max_samples : int or None, default=2000
        Rows that are drawn; None for all.

    random_state : int, RandomState instance or None, default=0
        Draws rows.

    Returns
    -------
    length : float
        The smaller, the more rows heap up; 0 for rows that are all equal.

    Raises
    ------
    TypeError
        If `max_samples` is not an integer.

    ValueError
        If X is not a table of finite numbers of at least two rows.

    Notes
    -----
    Equal rows count, with edges of length zero. It compares tables of as many rows only: a mean
    edge falls as :math:`m^{-1/d}`.

    References
    ----------
    .. [1] R. C. Prim, "Shortest connection networks and some generalizations", Bell System
       Technical Journal 36 (1957), https://doi.org/10.1002/j.1538-7305.1957.tb01515.x

    Examples
    --------
    >>> from sksubspace.metrics import minimum_spanning_tree_length
    >>> minimum_spanning_tree_length([[0.0], [4.0], [1.0]], normalize=False)
    4.0
    """
    X = check_rows(X, "X", accept_sparse=True)
    if X.shape[0] < 2:
        raise ValueError(f"X must have at least 2 rows, got {X.shape[0]}.")
    X = X[sample_rows(X.shape[0], max_samples, random_state)]
    length = _tree_length(all_distances(X))
    if not normalize:
        return length
    spread = np.sqrt(total_squares(X, np.asarray(X.mean(axis=0)).ravel()) / X.shape[0])
    return float(length / (X.shape[0] - 1) / spread) if spread > 0 else 0.0


def _rows_that_differ(X):  # (n, d) -> (m, d), (n,)
    """Checked rows that differ, and the number of the one that each row equals."""
    X = check_rows(X, "X", accept_sparse=True)
    check_squares(X)
    first, of = np.unique(first_of(groups_of_equal_rows(X)), return_inverse=True)
    return X[first], of


def _local(r):  # (n, k) -> (n,)
    """Estimates of Levina and Bickel from ascending distances."""
    logs = np.log(r[:, -1:] / r[:, :-1]).sum(axis=1)
    with np.errstate(divide="ignore"):
        return (r.shape[1] - 1) / logs


def _by_two(r):  # (n, 2) -> float
    x = np.sort(np.log(r[:, 1] / r[:, 0]))[: int(len(r) * (1 - _LEFT_OUT))]
    y = -np.log1p(-np.arange(1, len(x) + 1) / len(r))
    return float(x @ y / (x @ x)) if x.any() else np.inf


def _by_trees(X, rng):  # (n, d) -> float
    """Dimension from the slope of log length on log rows."""
    distances = all_distances(X)
    sizes, lengths = [], []
    for share in _TREE_SHARES:
        m = max(2, int(len(distances) * share))
        for _ in range(_N_TREES if m < len(distances) else 1):
            rows = rng.permutation(len(distances))[:m]
            sizes.append(m)
            lengths.append(_tree_length(distances[np.ix_(rows, rows)]))
    weights = np.where(np.array(sizes) < len(distances), 1 / np.sqrt(_N_TREES), 1)
    slope = np.polyfit(np.log(sizes), np.log(lengths), 1, w=weights)[0]
    return float(1 / (1 - slope)) if slope < 1 else np.inf


def all_distances(X):  # (n, d) -> (n, n)
    """All distances: of dense rows pair by pair, as products hide what is near."""
    if sparse.issparse(X):
        return euclidean_distances(X)
    return squareform(pdist(X))


def _tree_length(distances):  # (m, m) -> float
    """Length of the minimum spanning tree: from row 0 on, the row nearest to the tree joins it."""
    nearest = distances[0].copy()
    nearest[0] = np.inf
    outside = np.ones(len(nearest), dtype=bool)
    outside[0] = False
    length = 0.0
    for _ in range(len(nearest) - 1):
        j = int(np.argmin(nearest))
        length += nearest[j]
        outside[j] = False
        np.minimum(nearest, distances[j], out=nearest, where=outside)
        nearest[j] = np.inf
    return float(length)
