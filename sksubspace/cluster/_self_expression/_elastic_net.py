"""Elastic net subspace clustering, and sparse subspace clustering with it.

You, Li, Robinson and Vidal, "Oracle based active set algorithm for scalable elastic net subspace
clustering", CVPR 2016; Elhamifar and Vidal, "Sparse subspace clustering", IEEE TPAMI 2013.
"""

from numbers import Real
from typing import Literal

from sksubspace._docs import fill_parameters
from sksubspace._sklearn import Interval
from sksubspace._torch.device import resolve_device
from sksubspace._typing import Device, Seed
from sksubspace.cluster._self_expression._active_set import elastic_net
from sksubspace.cluster._self_expression._base import SelfExpressiveClustering


@fill_parameters
class ElasticNetSubspaceClustering(SelfExpressiveClustering):
    r"""Elastic net subspace clustering (EnSC); sparse subspace clustering (SSC) with l1_ratio=1.

    Each row is expressed by the others with an elastic net penalty: the absolute values keep to
    rows of the same subspace, the squares tie more of them together. The graph of who uses whom is
    cut by spectral clustering.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of subspaces; "auto" takes the largest gap of the graph's spectrum.

    gamma : float, default=50.0
        Weight of the fit, as a multiple of the one at which all coefficients become zero; more than
        1. Several hundred for data without noise.

    l1_ratio : float, default=0.9
        Share of the absolute values in the penalty, above 0; 1 is sparse subspace clustering. The
        smaller, the denser the coefficients and the longer the fit.

    affinity : {"auto", "symmetrize", "sum", "knn", "angular", "doubly_stochastic"}, default="auto"
        How the coefficients become a graph; "auto" is "symmetrize".

    n_landmarks : int, "auto" or None, default="auto"
        Number of rows, drawn at random, that all rows are expressed by. "auto" takes 1,000, or 20
        for each cluster if that is more, above 20,000 rows; None expresses rows by all others.

    {n_landmark_draws}

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

    {features_}

    See Also
    --------
    SparseSubspaceClusteringOMP : A greedy choice instead; faster.
    LeastSquaresSubspaceClustering : Squares only, in closed form.
    sklearn.linear_model.ElasticNet : The same problem for one row, with another scaling.

    Notes
    -----
    For each row the problem

    .. math:: \min_{c_j} \tau \|c_j\|_1 + \frac{1 - \tau}{2} \|c_j\|_2^2
              + \frac{\alpha_j}{2} \Bigl\|x_j - \sum_i c_{ji} x_i\Bigr\|_2^2,
              \quad c_{jj} = 0, \quad
              \alpha_j = \frac{\gamma \tau}{\max_{i \ne j} |\langle x_i, x_j \rangle|}

    with :math:`\tau` = ``l1_ratio`` is solved to rounding error, on a set of rows that grows by
    those whose optimality condition :math:`\alpha_j |\langle x_i, x_j - c_j X \rangle| \le \tau` is
    violated.

    References
    ----------
    You, Li, Robinson and Vidal, "Oracle based active set algorithm for scalable elastic net
    subspace clustering", CVPR 2016. https://arxiv.org/abs/1605.02633

    Elhamifar and Vidal, "Sparse subspace clustering: algorithm, theory, and applications", IEEE
    TPAMI 2013. https://arxiv.org/abs/1203.1005

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.cluster import ElasticNetSubspaceClustering
    >>> rng = np.random.default_rng(0)
    >>> bases = rng.standard_normal((3, 2, 10))
    >>> X = np.vstack([rng.standard_normal((40, 2)) @ basis for basis in bases])
    >>> ensc = ElasticNetSubspaceClustering(n_clusters=3, random_state=0).fit(X)
    >>> np.bincount(ensc.labels_)
    array([40, 40, 40])
    >>> ensc.predict(X[:2]) == ensc.labels_[:2]
    array([ True,  True])
    """

    _accept_sparse = True
    _landmarks_per_cluster = 20

    _parameter_constraints: dict = {
        **SelfExpressiveClustering._parameter_constraints,
        "gamma": [Interval(Real, 1, None, closed="neither")],
        "l1_ratio": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = 8,
        *,
        gamma: float = 50.0,
        l1_ratio: float = 0.9,
        affinity: Literal[
            "auto", "symmetrize", "sum", "knn", "angular", "doubly_stochastic"
        ] = "auto",
        n_landmarks: int | Literal["auto"] | None = "auto",
        n_landmark_draws: int = 1,
        subspace_dim: int | Literal["auto"] = "auto",
        normalize: bool = True,
        n_init: int = 10,
        batch_size: int | Literal["auto"] = "auto",
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.gamma = gamma
        self.l1_ratio = l1_ratio
        self.affinity = affinity
        self.n_landmarks = n_landmarks
        self.n_landmark_draws = n_landmark_draws
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def _represent(self, X, dictionary, own):
        return elastic_net(
            X,
            dictionary,
            own,
            self.gamma,
            self.l1_ratio,
            batch_size=self.batch_size,
            device=resolve_device(self.device),
        )
