"""Local encoder: one attention head over the training rows.

It is a local mean whose localization kernel is learned, and exact on training rows.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse
from sklearn.utils.extmath import randomized_svd
from torch import nn

from sksubspace._state import Network, Recipe, register
from sksubspace._student._groups import nearest_kinds, nearest_of_other_groups
from sksubspace._student._median import (
    MEAN_POWER,
    check_n_neighbors,
    mean_of_nearest,
    weighted_mean,
)
from sksubspace._student._networks import own_setting
from sksubspace._student._part import Part, Setting
from sksubspace._student._scaling import FeatureScale
from sksubspace._torch.device import as_rows, to_tensor
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import mlp
from sksubspace._torch.objectives import Standardize, huber
from sksubspace._torch.trainer import Budget
from sksubspace._typing import ArrayLike, Floats, Ints, Matrix, Sparse

# hidden and output width of the keys
_KEY_SIZES = (128, 32)
# above, the first layer would be most of the work
_MAX_FEATURES = 1024
_N_DIRECTIONS = 128
_BUDGET = Budget(n_steps=150, max_epochs=40, weight_decay=0.05)
# of more rows, as many are drawn to train the kernel
_MAX_TRAINING_ROWS = 20_000
_N_FOLDS = 2
# rows whose neighbours' keys are held at once
_CHUNK = 8192


class LocalKernel(nn.Module):
    """Keys phi(x) = mlp((x - mean) / spread V), with the temperature and power of the kernel.

    V is the identity up to 1,024 features; above, the 128 leading principal directions.
    """

    def __init__(self, mean, spread, directions):  # (d,), float, (d, r) or None
        super().__init__()
        self.standardize = Standardize(mean, spread)
        self.register_buffer("directions", None if directions is None else to_tensor(directions))
        self.mlp = mlp((len(mean) if directions is None else directions.shape[1], *_KEY_SIZES))
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.log_power = nn.Parameter(torch.log(torch.tensor(2.0)))

    def forward(self, x):  # (n, d) -> (n, 32)
        """Keys of the rows of x."""
        return self.mlp(self.project(x))

    def project(self, x):  # (n, d) -> (n, r)
        """What the trained part of the kernel sees of the rows of x."""
        standardized = self.standardize(x)
        return standardized if self.directions is None else standardized @ self.directions

    def weights(self, query, keys, squared_distances):  # (n, h), (n, k, h), (n, k) -> (n, k)
        """softmax_j(-tau ||phi(x) - phi(x_j)||^2 - (p / 2) log d_j^2)."""
        apart = (query[:, None] - keys).square().sum(-1)
        logits = -self.log_temperature.exp() * apart
        return torch.softmax(logits - self.log_power.exp() / 2 * squared_distances.log(), dim=1)


@register
def local_kernel(mean, spread, directions):
    """Build an untrained kernel."""
    return LocalKernel(mean, spread, directions)


class _LeaveOneOut(nn.Module):
    """Huber loss of placing each row by its neighbours, without itself."""

    def __init__(self, kernel, projected, Z):  # LocalKernel, (n, r), (n, q)
        super().__init__()
        self.kernel = kernel
        self.projected = projected
        self.Z = Z

    def forward(self, batch):  # ((b,), (b, k), (b, k)) -> ()
        """Loss of the rows named by index, given their neighbours and squared distances."""
        index, neighbors, squared = batch
        involved, place = torch.cat([index[:, None], neighbors], dim=1).unique(return_inverse=True)
        keys = self.kernel.mlp(self.projected[involved])[place]
        weights = self.kernel.weights(keys[:, 0], keys[:, 1:], squared)
        return huber(torch.einsum("bk,bkq->bq", weights, self.Z[neighbors]), self.Z[index])


@register
class LocalEncoder(Part):
    """Place a row at a mean of its nearest training rows' places, with a learned kernel.

    It trains three networks, where the median trains none.

    Parameters
    ----------
    n_neighbors : int, default=10
        Nearest rows.

    Attributes
    ----------
    kernel_ : Network
        The trained `LocalKernel`.

    rows_ : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Training rows.

    keys_ : ndarray of shape (n_samples, 32)
        What the kernel makes of them.

    places_ : ndarray of shape (n_samples, n_components)
        Their places, scaled.

    kinds_ : ndarray of shape (n_kinds,) or None
        Numbers of the rows that are searched, one of each and its copies; None if all differ.

    loss_curve_ : list of float
        Losses of the training.

    See Also
    --------
    MedianEncoder : A median in its place, without training.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace import MEDAL
    >>> from sksubspace.encoding import LocalEncoder
    >>> X, _ = load_iris(return_X_y=True)
    >>> medal = MEDAL("pca", encoder=LocalEncoder(5), max_iter=2, random_state=0).fit(X)
    >>> medal.encoder_name_
    'local'
    """

    kernel_: Network
    rows_: Floats | Sparse
    keys_: Floats
    places_: Floats
    kinds_: Ints | None
    loss_curve_: list[float]

    name = "local"
    kinds_ = None

    def __init__(self, n_neighbors: int = 10) -> None:
        self.n_neighbors = n_neighbors

    def fit(
        self,
        X: Matrix,
        Z: ArrayLike,
        groups: ArrayLike | None = None,
        setting: Setting | None = None,
    ) -> Self:
        """Train the kernel.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Training rows.

        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.

        groups : ndarray of shape (n_samples,) or None, default=None
            Rows of a group are left out together; None for none.

        setting : Setting or None, default=None
            What a student hands over: units, the search of neighbours, the trainer.

        Returns
        -------
        self : object
            The fitted encoder.
        """
        check_n_neighbors(self.n_neighbors)
        setting = own_setting(X, setting)
        groups = np.arange(len(Z)) if groups is None else groups
        if setting.kinds is not None:
            self.kinds_ = setting.kinds
        task = LocalTask.of(X, Z, self.n_neighbors, groups, setting)
        self._left_out = place_left_out(task, setting.trainer)
        near = slice(0, self.n_neighbors)
        self._means = weighted_mean(task.squared[:, near], Z[task.neighbors[:, near]], MEAN_POWER)
        kernel, self.loss_curve_ = _train(
            task, np.ones(len(Z), dtype=bool), setting.trainer, "encoder"
        )
        self.keys_ = batched_forward(kernel.mlp, task.projected, device=setting.trainer.device)
        self.kernel_ = Network(task.recipe(), kernel, setting.trainer.device)
        self.rows_, self.places_ = X, Z
        return self

    def predict(self, X: Matrix) -> Floats:  # (m, d) -> (m, q)
        """Place rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.
        """
        squared, neighbors = nearest_kinds(X, self.rows_, self.n_neighbors, self.kinds_)
        device = self.kernel_.device
        query = batched_forward(self.kernel_.module, as_rows(X, device), device=device)
        return _place(self.kernel_.module, query, self.keys_, self.places_, squared, neighbors)

    def left_out(self) -> Floats:  # -> (m, q)
        """Say where the training rows go by other groups, and by a kernel without them.

        Returns
        -------
        Z_out : ndarray of shape (n_left_out, n_components)
            Scaled places; available until the student lets go of the training rows.
        """
        return self._left_out

    def left_out_mean(self) -> Floats:  # -> (m, q)
        """Average the same neighbours' places: between the pieces of a torn map.

        Returns
        -------
        Z_out : ndarray of shape (n_left_out, n_components)
            Scaled places; available until the student lets go of the training rows.
        """
        return self._means

    def predict_mean(self, X: Matrix) -> Floats:  # (m, d) -> (m, q)
        """Average the same neighbours' places for new rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.
        """
        return mean_of_nearest(X, self.rows_, self.places_, self.n_neighbors, self.kinds_)


@dataclass
class LocalTask:
    """What every training of a local kernel on the same rows shares.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n, d)
        Working data.
    Z : ndarray of shape (n, q)
        Scaled embedding.
    scale : FeatureScale
        Units of X.
    n_neighbors : int
        Neighbours that a placement uses.
    groups : ndarray of shape (n,)
        Groups of the rows; no row is placed by its own.
    rows : ndarray of shape (m,)
        The rows that are placed when they are left out, and trained on; all or a part.
    squared, neighbors : ndarray of shape (m, k)
        Their neighbours among all other rows; three times as many, so that halves have enough.
    directions : ndarray of shape (d, r) or None
        Leading principal directions of X; None for all coordinates.
    projected : Tensor of shape (n, r)
        The standardised rows in these directions, on the device.
    """

    X: Any
    Z: np.ndarray
    scale: FeatureScale
    n_neighbors: int
    groups: np.ndarray
    rows: np.ndarray
    squared: np.ndarray
    neighbors: np.ndarray
    directions: np.ndarray | None
    projected: torch.Tensor

    @classmethod
    def of(cls, X, Z, n_neighbors, groups, setting):
        """Search the neighbours of the rows that are left out, and project all rows."""
        rows, trainer, scale = setting.rows, setting.trainer, setting.scale
        n_candidates = 3 * n_neighbors
        squared, neighbors = nearest_of_other_groups(
            X[rows], X, n_candidates, rows, groups, setting.kinds
        )
        directions = _leading_directions_or_none(X, trainer.random_state)
        projected = to_tensor(_standardised(X, scale, directions), trainer.device)
        return cls(
            X, Z, scale, n_neighbors, groups, rows, squared, neighbors, directions, projected
        )

    def recipe(self):
        """How an untrained kernel is built."""
        arguments = {"mean": self.scale.mean, "spread": self.scale.spread}
        return Recipe("local_kernel", {**arguments, "directions": self.directions})


def place_left_out(task, trainer):  # -> (m, q)
    """Place every row of the task by the other rows, with a kernel that was trained without it.

    Of two halves, each trains a kernel on its own rows and their neighbours among themselves; the
    other half is placed with it, by its neighbours among all rows. A kernel trained on all rows has
    seen where each of them belongs, and would place them closer than it can place new rows.
    """
    near = slice(0, task.n_neighbors)
    half = trainer.random_state.permutation(task.groups.max() + 1)[task.groups] % _N_FOLDS
    placed = np.empty((len(task.rows), task.Z.shape[1]))
    for fold in range(_N_FOLDS):
        kernel, _ = _train(task, half != fold, trainer, f"encoder-leave-out-{fold + 1}")
        keys = batched_forward(kernel.mlp, task.projected, device=trainer.device)
        here = half[task.rows] == fold
        query, squared, neighbors = keys[task.rows[here]], task.squared[here], task.neighbors[here]
        placed[here] = _place(kernel, query, keys, task.Z, squared[:, near], neighbors[:, near])
    return placed


def _leading_directions_or_none(X, random_state):  # (n, d) -> (d, r) or None
    if X.shape[1] <= _MAX_FEATURES:
        return None
    centred = X if sparse.issparse(X) else X - X.mean(axis=0)
    n_directions = min(_N_DIRECTIONS, X.shape[0])
    _, _, right = randomized_svd(centred, n_directions, n_iter=2, random_state=random_state)
    return right.T.astype(X.dtype)


def _standardised(X, scale, directions):  # (n, d), FeatureScale, (d, r) or None -> (n, r)
    """Standardised rows in these directions; sparse rows never become dense before they are few."""
    mean = scale.mean.astype(X.dtype)
    if directions is None:
        centred = (X.toarray() if sparse.issparse(X) else X) - mean
    else:
        centred = X @ directions - mean @ directions
    return centred / X.dtype.type(scale.spread)


def _train(task, inside, trainer, name):
    """Train a kernel on the rows of the task that are `inside`, and their neighbours there."""
    kernel = trainer.build(task.recipe().build)
    index, squared, neighbors = _restrict(task, inside, trainer.random_state)
    if len(index) == 0:
        return kernel, []
    relative = squared / max(float(squared[np.isfinite(squared)].mean()), 1e-300)
    data = (
        to_tensor(index, trainer.device),
        to_tensor(neighbors, trainer.device),
        # the kernel takes logarithms: a missing neighbour is infinitely far, a copy at distance 0
        to_tensor(np.clip(relative, 1e-12, 1e30).astype(trainer.dtype), trainer.device),
    )
    targets = to_tensor(task.Z.astype(trainer.dtype), trainer.device)
    objective = _LeaveOneOut(kernel, task.projected, targets)
    n_rows = min(len(task.rows), _MAX_TRAINING_ROWS)
    log = trainer.fit(objective, data, _BUDGET, name, n_rows)
    return kernel, log.loss_curve


def _restrict(task, inside, random_state):
    """Nearest neighbours `inside` of the task's rows `inside`; a missing one is infinitely far."""
    subset = np.flatnonzero(inside[task.rows])
    if len(subset) > _MAX_TRAINING_ROWS:
        subset = np.sort(random_state.choice(subset, _MAX_TRAINING_ROWS, replace=False))
    near = task.neighbors[subset]
    far = np.where(inside[near], task.squared[subset], np.inf)
    order = np.argsort(far, axis=1, kind="stable")[:, : task.n_neighbors]
    far, near = np.take_along_axis(far, order, axis=1), np.take_along_axis(near, order, axis=1)
    served = np.isfinite(far[:, 0])
    return task.rows[subset[served]], far[served], near[served]


def _place(kernel, query, keys, targets, squared, neighbors):
    """Weighted mean of the neighbours' targets; training rows equal to the query decide alone."""
    placed = np.empty((len(query), targets.shape[1]))
    device = kernel.log_power.device  # the kernel stays there: threads may share it
    for start in range(0, len(query), _CHUNK):
        rows = slice(start, start + _CHUNK)
        near, squared_here = neighbors[rows], squared[rows]
        equal = squared_here == 0
        distances = to_tensor(np.where(equal, 1.0, squared_here), device)
        with torch.inference_mode():
            weights = kernel.weights(
                to_tensor(query[rows], device).double(),
                to_tensor(keys[near], device).double(),
                distances,
            )
        weights = np.where(equal.any(axis=1, keepdims=True), equal, weights.cpu().numpy())
        weights /= weights.sum(axis=1, keepdims=True)
        placed[rows] = np.einsum("nk,nkq->nq", weights, targets[near])
    return placed
