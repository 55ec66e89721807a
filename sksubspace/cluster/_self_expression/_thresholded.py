"""Thresholding: a row is tied to the rows with the smallest angle.

Heckel and Bölcskei, "Robust subspace clustering via thresholding", IEEE Transactions on Information
Theory 2015.
"""

import warnings
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from sklearn.preprocessing import normalize

from sksubspace._docs import fill_parameters
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._torch.device import resolve_device
from sksubspace._typing import Device, Seed
from sksubspace.cluster._base import is_tried_as
from sksubspace.cluster._self_expression._base import SelfExpressiveClustering
from sksubspace.cluster._top_entries import keep_largest, product_blocks

# the least with n_neighbors="auto"
_FEWEST_NEIGHBORS = 3
# in units of rounding: cosines below it are those of rows at a right angle
_ROUNDING = 16


@is_tried_as(2, {"TSC 5": {"n_neighbors": 5}, "TSC 10": {"n_neighbors": 10}})
@fill_parameters
class ThresholdedSubspaceClustering(SelfExpressiveClustering):
    r"""Subspace clustering by thresholding the angles between rows (TSC).

    Each row is tied to the `n_neighbors` rows whose lines make the smallest angle with its own. It
    is simple and cheap; it needs clusters whose rows lie close together in angle, and fails where a
    subspace is thinly filled or where many subspaces intersect.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters. "auto" reads it off the eigenvalues of the graph, where each cluster is
        tied well in itself; it finds too many in thinly filled ones.

    n_neighbors : int or "auto", default="auto"
        Ties a row. "auto" is :math:`\max(3, \lfloor\log(n / K)\rfloor)`, with n the rows, or
        landmarks, and K the clusters (1 where their number is "auto"): the paper asks for the order
        of the logarithm of the rows in a cluster.

    affinity : {"auto", "symmetrize", "sum", "knn", "angular", "doubly_stochastic"}, default="auto"
        How ties become a graph. "auto" is "symmetrize": the ties of each row at unit length,
        averaged with the transpose. "sum" is the paper's :math:`Z + Z^T`.

    n_landmarks : int, "auto" or None, default="auto"
        Rows that all rows are tied to. None ties rows to each other. "auto" is None up to 20,000
        rows and 1,000 above.

    {n_landmark_draws}

    {subspace_dim}

    normalize : bool, default=True
        Whether the subspaces are fitted to rows of unit length. Angles do not depend on it.

    {n_init}

    {batch_size_of_codes}

    {device}

    {random_state}
        Draws landmarks and the starts of k-means.

    Attributes
    ----------
    {subspaces_}

    representation_matrix_ : CSR matrix of shape (n_samples, n_samples or n_landmarks)
        Weights of the ties, row by row, with a zero for a row itself.

    {affinity_matrix_}

    {eigenvalues_}

    {landmark_indices_}

    {features_}

    See Also
    --------
    LeastSquaresSubspaceClustering : Ties by ridge coefficients.

    Notes
    -----
    With :math:`s_{ij} = |x_i^T x_j| / (\|x_i\| \|x_j\|)` and :math:`T_i` the `n_neighbors` largest
    :math:`s_{ij}, j \ne i`,

    .. math:: Z_{ij} = \exp(-2 \arccos s_{ij}) \text{ for } j \in T_i .

    Rows at a right angle are never tied. Among equal angles the row that comes first is taken.
    Sparse X is taken as it is and not made dense.

    References
    ----------
    .. [1] Reinhard Heckel and Helmut Bölcskei, "Robust subspace clustering via thresholding", IEEE
       Transactions on Information Theory 61(11), 2015. https://arxiv.org/abs/1307.4891

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.cluster import ThresholdedSubspaceClustering
    >>> rng = np.random.RandomState(0)
    >>> X = np.vstack([rng.randn(40, 4) @ rng.randn(4, 20) for _ in range(3)])
    >>> tsc = ThresholdedSubspaceClustering(3, random_state=0).fit(X)
    >>> np.bincount(tsc.labels_)
    array([40, 40, 40])
    >>> bool((tsc.predict(X) == tsc.labels_).all())
    True
    """

    _accept_sparse = True

    _parameter_constraints: dict = {
        **SelfExpressiveClustering._parameter_constraints,
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = 8,
        *,
        n_neighbors: int | Literal["auto"] = "auto",
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
        self.n_neighbors = n_neighbors
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
        n_atoms = dictionary.shape[0]
        if not self.normalize:
            X, dictionary = normalize(X), normalize(dictionary)
        n_neighbors = self._resolve_n_neighbors(n_atoms)
        blocks = cosines(X, dictionary, own, self.batch_size, resolve_device(self.device))
        Z = keep_largest(blocks, n_neighbors, n_atoms)
        Z.data = np.exp(-2 * np.arccos(np.minimum(Z.data, 1)))
        return Z

    def _resolve_n_neighbors(self, n_atoms):
        if self.n_neighbors == "auto":
            n_clusters = 1 if self.n_clusters == "auto" else self.n_clusters
            wanted = max(_FEWEST_NEIGHBORS, int(np.log(n_atoms / n_clusters)))
            return min(wanted, max(1, n_atoms - 1))
        if self.n_neighbors >= n_atoms:
            warnings.warn(
                f"n_neighbors={self.n_neighbors} is more than the {n_atoms - 1} other rows; all "
                "of them are taken.",
                stacklevel=5,
            )
        return min(self.n_neighbors, max(1, n_atoms - 1))


def cosines(X, dictionary, own, batch_size, device):
    """Yield |cosine| of unit rows with unit atoms, (b, m) tensors; 0 for an atom that is the row.

    A block is overwritten by the next.
    """
    for rows, block in product_blocks(X, dictionary.T, batch_size, device):
        rounding = _ROUNDING * torch.finfo(block.dtype).eps
        torch.threshold_(block.abs_(), rounding, 0)
        inside = np.flatnonzero(own[rows] >= 0)
        block[inside, own[rows][inside]] = 0
        yield block
