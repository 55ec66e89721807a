"""Least-squares representation: each row by ridge regression on all others.

Lu, Min, Zhao, Zhu, Huang and Yan, "Robust and efficient subspace segmentation via least squares
regression", ECCV 2012.
"""

from functools import partial
from numbers import Integral, Real
from typing import Literal

import numpy as np
import torch
from scipy import linalg

from sksubspace._docs import fill_parameters
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._torch.device import resolve_device, to_tensor
from sksubspace._typing import Device, Seed
from sksubspace.cluster._base import is_tried_as
from sksubspace.cluster._self_expression._base import SelfExpressiveClustering
from sksubspace.cluster._top_entries import keep_largest, product_blocks

# kept a row with n_coefficients="auto": the whole row tells clusters apart, not its largest entries
_N_COEFFICIENTS = 300
# store_representation="auto": 2^25 coefficients on landmarks take 400 MB, and twice as much in fit
_MOST_STORED = 2**25


@is_tried_as(4, {"LSR symmetrize": {"affinity": "symmetrize"}, "LSR knn": {"affinity": "knn"}})
@fill_parameters
class LeastSquaresSubspaceClustering(SelfExpressiveClustering):
    r"""Subspace clustering by ridge regression of each row on all others (LSR).

    The coefficients have a closed form. They are dense: what tells clusters apart is less a single
    coefficient than the whole row of them, so that by default rows are tied whose coefficients
    point the same way.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters. "auto" takes the largest gap between the eigenvalues of the graph.

    gamma : float, default=50.0
        Weight of the squared error; :math:`1/\gamma` is the ridge penalty, in squared units of the
        rows (of unit rows with `normalize`).

    n_coefficients : int or "auto", default="auto"
        Coefficients kept a row, the largest in size. "auto" is 300.

    affinity : {"auto", "symmetrize", "sum", "knn", "angular", "doubly_stochastic"}, default="auto"
        How coefficients become a graph. "auto" is "knn", the three rows whose coefficients point
        most the same way; with landmarks it is the bipartite graph of rows and landmarks.

    n_landmarks : int, "auto" or None, default="auto"
        Rows that all rows are regressed on. None takes all rows. "auto" is None up to 20,000 rows
        and 1,000 above.

    {n_landmark_draws}

    store_representation : bool or "auto", default="auto"
        Whether coefficients on landmarks are kept as `representation_matrix_`. "auto" keeps up to
        2^25 of them, which by default is up to 111,848 rows. Where they are not kept, blocks of
        rows are coded twice instead; labels do not depend on it. Without landmarks they are kept.

    {subspace_dim}

    {normalize}

    {n_init}

    {batch_size_of_codes}

    {device}

    {random_state}
        Draws landmarks and the starts of k-means.

    Attributes
    ----------
    {subspaces_}

    representation_matrix_ : CSR matrix of shape (n_samples, n_samples or n_landmarks) or None
        Row i has the largest coefficients of row i on the others; None where they are not kept,
        see `store_representation`.

    {affinity_matrix_}

    {eigenvalues_}

    {landmark_indices_}

    {features_}

    See Also
    --------
    ThresholdedSubspaceClustering : Ties by angle only.

    Notes
    -----
    Row i has the coefficients

    .. math:: c_i = \arg\min_{c,\, c_i = 0} \gamma \|x_i - c X\|^2 + \|c\|^2 .

    With :math:`H = X (X^T X + I/\gamma)^{-1} X^T`, which needs the inverse of a matrix only as
    large as the smaller of rows and features, they are :math:`c_{ij} = h_{ij} / (1 - h_{ii})`, the
    leave-one-out form of ridge regression. It is the same as :math:`-D_{ij} / D_{ii}` with
    :math:`D = (X X^T + I/\gamma)^{-1}`. Blocks of rows are computed and only the largest
    coefficients kept, so that memory grows with `n_coefficients` and not with the square of rows:
    each takes 12 bytes of ``representation_matrix_``, and twice as much again during the fit, which
    is about 10 kB a row by default (7 kB in single precision). With landmarks and without
    ``representation_matrix_`` the codes of 8,192 rows are held at a time, and memory grows by
    little more than the rows themselves take.

    References
    ----------
    .. [1] Can-Yi Lu, Hai Min, Zhong-Qiu Zhao, Lin Zhu, De-Shuang Huang and Shuicheng Yan, "Robust
       and efficient subspace segmentation via least squares regression", ECCV 2012.
       https://arxiv.org/abs/1404.6736

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.cluster import LeastSquaresSubspaceClustering
    >>> rng = np.random.RandomState(0)
    >>> X = np.vstack([rng.randn(40, 4) @ rng.randn(4, 20) for _ in range(3)])
    >>> lsr = LeastSquaresSubspaceClustering(3, random_state=0).fit(X)
    >>> np.bincount(lsr.labels_)
    array([40, 40, 40])
    """

    _default_affinity = "knn"

    _parameter_constraints: dict = {
        **SelfExpressiveClustering._parameter_constraints,
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "n_coefficients": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "store_representation": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = 8,
        *,
        gamma: float = 50.0,
        n_coefficients: int | Literal["auto"] = "auto",
        affinity: Literal[
            "auto", "symmetrize", "sum", "knn", "angular", "doubly_stochastic"
        ] = "auto",
        n_landmarks: int | Literal["auto"] | None = "auto",
        n_landmark_draws: int = 1,
        store_representation: bool | Literal["auto"] = "auto",
        subspace_dim: int | Literal["auto"] = "auto",
        normalize: bool = True,
        n_init: int = 10,
        batch_size: int | Literal["auto"] = "auto",
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.gamma = gamma
        self.n_coefficients = n_coefficients
        self.affinity = affinity
        self.n_landmarks = n_landmarks
        self.n_landmark_draws = n_landmark_draws
        self.store_representation = store_representation
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def _represent(self, X, dictionary, own):
        kept = self._n_kept()
        device = resolve_device(self.device)
        blocks = ridge_coefficients(X, dictionary, own, 1 / self.gamma, self.batch_size, device)
        return keep_largest(blocks, kept, len(dictionary), X.dtype)

    def _n_kept(self):
        return _N_COEFFICIENTS if self.n_coefficients == "auto" else self.n_coefficients

    def _stores_codes(self, n, n_landmarks):
        if self.store_representation != "auto":
            return self.store_representation
        return n * self.n_landmark_draws * min(self._n_kept(), n_landmarks) <= _MOST_STORED


def ridge_coefficients(X, dictionary, own, penalty, batch_size, device):
    r"""Yield blocks (b, m) of the coefficients of each row on the atoms, in double precision.

    A row that is an atom is regressed on the others: :math:`c_{ij} = h_{ij} / (1 - h_{ii})`.
    A block is overwritten by the next.
    """
    on_device = torch.device(device).type == "cuda"
    solve = partial(ridge_solver_on_device, device=device) if on_device else ridge_solver
    solver = solve(dictionary, penalty)
    for rows, block in product_blocks(X, solver, batch_size, device):
        inside = np.flatnonzero(own[rows] >= 0)
        atoms = own[rows][inside]
        factor = block.new_ones(len(block), 1)
        factor[inside, 0] = 1 / (1 - block[inside, atoms])
        block *= factor
        block[inside, atoms] = 0
        yield block


def ridge_solver(dictionary, penalty):  # (m, d) -> (d, m)
    r"""Return T such that :math:`x T` minimises :math:`\|x - c A\|^2 + \lambda \|c\|^2`.

    :math:`T = (A^T A + \lambda I)^{-1} A^T = A^T (A A^T + \lambda I)^{-1}`, by the smaller of the
    two.
    """
    A = dictionary.astype(np.float64)
    tall = len(A) >= A.shape[1]
    gram = A.T @ A if tall else A @ A.T
    gram[np.diag_indices_from(gram)] += penalty
    factor = _cholesky(gram)
    if factor is None:
        raise _lost_in_rounding(penalty)
    return linalg.cho_solve(factor, A.T) if tall else linalg.cho_solve(factor, A).T


def ridge_solver_on_device(dictionary, penalty, device):  # (m, d) -> Tensor (d, m)
    """The same on a device with double precision, where it stays."""
    A = to_tensor(dictionary, device).double()
    tall = len(A) >= A.shape[1]
    gram = A.T @ A if tall else A @ A.T
    gram.diagonal().add_(penalty)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if bool(failed) or _is_singular(factor.diagonal().square()):
        raise _lost_in_rounding(penalty)
    return torch.cholesky_solve(A.T, factor) if tall else torch.cholesky_solve(A, factor).T


def _lost_in_rounding(penalty):  # -> ValueError
    return ValueError(
        f"gamma={1 / penalty:g} is too large for these rows: the ridge penalty 1/gamma is lost "
        "in rounding. Use a smaller gamma."
    )


def _is_singular(pivots):  # (p,)
    return bool(pivots.min() <= len(pivots) * np.finfo(np.float64).eps * pivots.max())


def _cholesky(gram):
    """Cholesky factor as for `cho_solve`, or None where the matrix is singular to rounding."""
    try:
        factor = linalg.cho_factor(gram, overwrite_a=True)
    except linalg.LinAlgError:
        return None
    singular = _is_singular(np.square(np.diag(factor[0])))
    return None if singular else factor
