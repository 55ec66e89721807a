"""Sparse subspace clustering by orthogonal matching pursuit.

You, Robinson and Vidal, "Scalable sparse subspace clustering by orthogonal matching pursuit", CVPR
2016.
"""

import warnings
from numbers import Integral, Real
from typing import Literal

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from sksubspace._docs import fill_parameters
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._torch.device import resolve_device
from sksubspace._typing import Device, Seed
from sksubspace.cluster._base import is_tried_as
from sksubspace.cluster._self_expression._base import SelfExpressiveClustering
from sksubspace.cluster._self_expression._pursuit import omp

# the least with tol="auto"
_SMALLEST_TOL = 1e-6
# the estimate of the noise looks at the 20 nearest rows of 200 rows, among at most 4,000
_N_NEIGHBORS = 20
_ROWS = 200
_POOL = 4000
# the smallest quarter of the eigenvalues of a neighbourhood lies outside its subspace
_TAIL = 4
# the lowest and the highest decile of the neighbourhoods: for white noise they agree
_LOW, _HIGH = 0.1, 0.9
# their ratio, in units of that of white noise: generated subspaces with noise have .96 to 1.3, also
# where lengths of rows differ, real sets 2.4 and more
_MOST_SPREAD = 1.75
# greedy steps whose median residual must lie between these multiples of the estimate
_STEPS = 5
_LOWEST, _HIGHEST = 1 / 8, 2
# draws of white noise, in at most 2,000 dimensions, that tell what its smallest quarter is
_SIMULATED = 64
_MOST_DIMENSIONS = 2000


def noise_floor(X):
    r"""Estimate the expected squared length of the noise in a unit row, without labels.

    Around each of 200 rows, the 20 rows with the largest :math:`|\cos|` lie near a subspace of few
    dimensions, so the smallest quarter of the eigenvalues of their Gram matrix is noise. It is
    divided by what the same quarter is for white noise of unit energy. The lowest decile over the
    neighbourhoods counts.

    The answer is zero where that is no floor of noise. For white noise the neighbourhoods agree: if
    the highest decile over the lowest is more than 1.75 times what it is for white noise, the rows
    are noisy but their noise is not that of subspaces. And five greedy steps have to bring the
    median residual near the floor: where they stay above twice of it, what is left is structure;
    where they come below an eighth, the neighbourhoods mix subspaces.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows; of more than 4,000, evenly spaced ones are used.

    Returns
    -------
    energy : float
        Between 0 and 1.
    """
    if X.shape[0] > _POOL:
        X = X[evenly_spaced(X.shape[0], _POOL)]
    n, X = X.shape[0], normalize(X)
    n_neighbors = min(_N_NEIGHBORS, n - 1)
    rank = min(n_neighbors, X.shape[1])
    tail = rank // _TAIL
    if tail == 0:
        return 0.0
    rows = evenly_spaced(n, _ROWS)
    spectra = _spectra(X, _neighbors(X, rows, n_neighbors))[:, n_neighbors - rank :]
    energies, white = spectra[:, :tail].mean(axis=1), _white_tails(n_neighbors, X.shape[1], tail)
    low, high = np.quantile(energies, (_LOW, _HIGH))
    white_low, white_high = np.quantile(white, (_LOW, _HIGH))
    energy = float(np.clip(low / white.mean(), 0, 1))
    if high * white_low > _MOST_SPREAD * low * white_high:
        return 0.0
    is_floor = _LOWEST * energy < _residual(X, rows) < _HIGHEST * energy
    return energy if is_floor else 0.0


def evenly_spaced(n, most):  # -> (min(n, most),)
    """Numbers of rows from the first to the last, of which there are n."""
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)


def _neighbors(X, rows, n_neighbors):  # -> (len(rows), n_neighbors)
    similarity = X[rows] @ X.T
    similarity = np.abs(similarity.toarray() if sparse.issparse(similarity) else similarity)
    similarity[np.arange(len(rows)), rows] = -1
    return np.argpartition(-similarity, n_neighbors - 1, axis=1)[:, :n_neighbors]


def _spectra(X, neighbors):  # (n, d), (q, k) -> (q, k) ascending
    """Eigenvalues of the Gram matrix of each set of rows."""
    return np.array([np.linalg.eigvalsh(_gram(X[rows])) for rows in neighbors])


def _gram(rows):
    rows = rows.astype(np.float64)
    products = rows @ rows.T
    return products.toarray() if sparse.issparse(products) else products


def _white_tails(n_rows, d, tail):  # -> (64,)
    """Mean of the smallest eigenvalues of such Gram matrices of noise rows of unit energy."""
    rank, d = min(n_rows, d), min(d, _MOST_DIMENSIONS)
    noise = np.random.RandomState(0).standard_normal((_SIMULATED, n_rows, d)) / np.sqrt(d)
    spectra = np.linalg.eigvalsh(noise @ noise.transpose(0, 2, 1))
    return spectra[:, n_rows - rank : n_rows - rank + tail].mean(axis=1)


def _residual(X, rows):
    """Median of what five greedy steps leave of a row."""
    codes = omp(X[rows], X, rows, min(_STEPS, X.shape[0] - 1))
    left = X[rows] - codes @ X
    squares = left.multiply(left) if sparse.issparse(left) else np.square(left)
    return float(np.median(np.asarray(squares.sum(axis=1))))


@is_tried_as(3, {"OMP 5": {"n_nonzero": 5}, "OMP 10": {"n_nonzero": 10}})
@fill_parameters
class SparseSubspaceClusteringOMP(SelfExpressiveClustering):
    r"""Sparse subspace clustering by orthogonal matching pursuit (SSC-OMP).

    Each row is expressed by a few others, chosen greedily; rows of one subspace choose each other.
    The graph of who uses whom is cut by spectral clustering. Sparse data stay sparse.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of subspaces. "auto" takes the largest gap of the graph's spectrum, which is
        unreliable on noisy data with this method.

    n_nonzero : int, default=5
        Most rows that express a row: about the dimension of the subspaces. At most
        ``n_features - 1`` are used, since as many as features express anything, and more than there
        are others are reduced with a warning.

    tol : float or "auto", default="auto"
        A row is expressed well enough when the squared residual is at most `tol` times its squared
        length. "auto" is twice the estimated share of noise in a row, at least 1e-6: a row and the
        rows that express it are both noisy, and what lies below is not worth fitting. Without it
        many noisy rows fit the noise of near duplicates, and the clustering suffers.

    neighbor_weight : float, default=0.3
        Weight of ties to the three nearest rows, by angle, in units of the graph's mean weight.
        They hold pieces of a subspace together that share few coefficients. 0 is the graph of the
        paper. Not used with landmarks.

    affinity : {"auto", "symmetrize", "sum", "knn", "angular", "doubly_stochastic"}, default="auto"
        How the codes become a graph; "auto" is "symmetrize". The others suit dense coefficients.

    n_landmarks : int, "auto" or None, default="auto"
        Number of rows, drawn at random, that all rows are expressed by. "auto" takes 500, or 20
        for each cluster if that is more, above 20,000 rows; None expresses rows by all others.

    n_landmark_draws : int, default=3
        Sets of landmarks, whose codes are put side by side. Three sets of 500 withstand heavy noise
        where one set of 1,000 does not.

    {subspace_dim}

    {normalize}

    {n_init}

    {batch_size_of_codes}

    {device}

    {random_state}
        Seeds the landmarks and k-means.

    Attributes
    ----------
    {subspaces_}

    representation_matrix_ : CSR matrix of shape (n_samples, n_samples or n_landmarks)
        Row i has the coefficients that express row i.

    {affinity_matrix_}

    {eigenvalues_}

    {landmark_indices_}

    tol_ : float
        The tolerance used.

    {features_}

    See Also
    --------
    ElasticNetSubspaceClustering : A convex penalty instead of a greedy choice; slower, denser.
    sklearn.decomposition.sparse_encode : Codes on a given dictionary.

    Notes
    -----
    For each row, :math:`\min \|x_j - \sum_i c_{ji} x_i\|^2` subject to
    :math:`\|c_j\|_0 \le` ``n_nonzero`` and :math:`c_{jj} = 0`, greedily. The noise is estimated
    from the smallest eigenvalues of small neighbourhoods of rows, which for white noise are alike
    in all neighbourhoods. Where they are not, or no floor can be told from structure, the tolerance
    is close to zero, as on all real sets of the benchmark. A tolerance of .07 for noise that is not
    there costs .33 of accuracy on Yale B, .22 on USPS and .14 on 50 principal components of digits;
    on COIL-20 and digits themselves it gains .13 and .20, which nothing in the rows told.

    The ties to nearest rows are not in the paper. Without them the graph of a subspace hangs
    together by little, the known weakness of the method, and the cheapest cut separates a handful
    of rows instead of two subspaces. The benchmark compares both.

    References
    ----------
    You, Robinson and Vidal, "Scalable sparse subspace clustering by orthogonal matching pursuit",
    CVPR 2016. https://arxiv.org/abs/1507.01238

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.cluster import SparseSubspaceClusteringOMP
    >>> rng = np.random.default_rng(0)
    >>> bases = rng.standard_normal((3, 2, 10))
    >>> X = np.vstack([rng.standard_normal((40, 2)) @ basis for basis in bases])
    >>> ssc = SparseSubspaceClusteringOMP(n_clusters=3, n_nonzero=2, random_state=0).fit(X)
    >>> np.bincount(ssc.labels_)
    array([40, 40, 40])
    >>> ssc.predict(X[:2]) == ssc.labels_[:2]
    array([ True,  True])
    """

    tol_: float

    _accept_sparse = True
    _fewest_landmarks, _landmarks_per_cluster = 500, 20

    _parameter_constraints: dict = {
        **SelfExpressiveClustering._parameter_constraints,
        "n_nonzero": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "neighbor_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = 8,
        *,
        n_nonzero: int = 5,
        tol: float | Literal["auto"] = "auto",
        neighbor_weight: float = 0.3,
        affinity: Literal[
            "auto", "symmetrize", "sum", "knn", "angular", "doubly_stochastic"
        ] = "auto",
        n_landmarks: int | Literal["auto"] | None = "auto",
        n_landmark_draws: int = 3,
        subspace_dim: int | Literal["auto"] = "auto",
        normalize: bool = True,
        n_init: int = 10,
        batch_size: int | Literal["auto"] = "auto",
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_nonzero = n_nonzero
        self.tol = tol
        self.neighbor_weight = neighbor_weight
        self.affinity = affinity
        self.n_landmarks = n_landmarks
        self.n_landmark_draws = n_landmark_draws
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def _look_at(self, n, rows):
        self.tol_ = self.tol
        if self.tol == "auto":
            floor = noise_floor(rows(evenly_spaced(n, _POOL)))
            self.tol_ = max(1 - (1 - floor) ** 2, _SMALLEST_TOL)

    def _represent(self, X, dictionary, own):
        return omp(
            X,
            dictionary,
            own,
            self._resolve_n_nonzero(*dictionary.shape),
            tol=self.tol_,
            batch_size=self.batch_size,
            device=resolve_device(self.device),
        )

    def _resolve_n_nonzero(self, n_atoms, n_features):
        n_nonzero = min(self.n_nonzero, max(1, n_features - 1))
        if n_nonzero < n_atoms:
            return n_nonzero
        warnings.warn(
            f"n_nonzero={self.n_nonzero} is more than the {n_atoms - 1} other rows that can "
            "express a row; all of them are used.",
            stacklevel=6,
        )
        return max(1, n_atoms - 1)
