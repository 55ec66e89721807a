"""What a sparse coder keeps: linear maps or modules of the user, and sparse codes as matrices."""

import math
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from torch import nn

from sksubspace._linalg import dense, in_blocks, row_blocks
from sksubspace._state import Network, Recipe, register
from sksubspace._torch.modules import check_module
from sksubspace._torch.objectives import Standardize
from sksubspace._torch.trainer import Budget
from sksubspace.autoencoder._networks import check_width, with_recipes_of

__all__ = [
    "SparseCoding",
    "in_units",
    "kept_encoder",
    "largest_entries",
    "n_epochs",
    "own_copy",
    "with_units_recipe",
]

# 2,000 steps, but fewer where rows would be seen more than 200 times
_BUDGET = Budget(n_steps=2000, max_epochs=200, weight_decay=0.0)
# 2^22 numbers are 32 MiB: what rows and codes of a block may take together
_BLOCK_ELEMENTS = 2**22


@register
@dataclass(frozen=True)
class SparseCoding:
    r"""Activations E(x - b) + c, of which a method takes its codes, and rows D z + b from codes.

    All in input units. With factors g, activations are g tanh(E(x - b) + c). A network stands in
    the place of either map; the encoder sees rows, and the decoder codes divided by `scale`.
    """

    mean: np.ndarray  # (d,)
    scale: float
    n_components: int
    atoms: np.ndarray | None  # (m, d), the rows of D'
    weights: np.ndarray | None  # (m, d), E
    intercept: np.ndarray | None  # (m,), c
    gain: np.ndarray | None  # (m,), g
    offset: np.ndarray | None  # (d,), b
    encoder: Network | None
    decoder: Network | None

    def activations(self, X):  # (n, d) -> (n, m)
        """What codes are made of; to be asked in blocks of one size, see `in_blocks`."""
        if self.encoder is not None:
            return self.scale * self.encoder(X, self.mean.dtype)
        linear = (X - self.offset) @ self.weights.T + self.intercept
        return linear if self.gain is None else self.gain * np.tanh(linear)

    def largest(self, X, k):  # (n, d), int -> CSR (n, m)
        """Codes of which at most k entries of a row are not zero."""
        parts = (in_blocks(self.activations, X[rows]) for rows in self._blocks(len(X)))
        return sparse.vstack([largest_entries(A, k) for A in parts], format="csr")

    def decode(self, Z):  # (n, m) -> (n, d)
        """Reconstructions from codes, sparse or not."""
        if self.decoder is not None:
            blocks = [self._decoded(dense(Z[rows])) for rows in self._blocks(Z.shape[0])]
            return np.concatenate(blocks).astype(Z.dtype, copy=False)
        # the product with a sparse matrix goes row by row, whatever their number
        found = self._sum(Z) if sparse.issparse(Z) else in_blocks(self._sum, Z)
        return found.astype(Z.dtype, copy=False)

    def check_codes(self, Z):  # (n, m) -> (n, m)
        """Codes of a caller."""
        Z = check_array(Z, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_width(Z, self.n_components)
        return Z

    def with_recipes_of(self, former):
        """The same, to be built like a former one: the parameters may have changed since."""
        return with_recipes_of(self, former)

    def _sum(self, Z):
        return Z @ self.atoms + self.offset

    def _decoded(self, Z):
        found = self.decoder(Z / self.scale, self.mean.dtype)
        return found.astype(np.float64) * self.scale + self.mean

    def _blocks(self, n_rows):
        return row_blocks(n_rows, max(1, _BLOCK_ELEMENTS // (len(self.mean) + self.n_components)))


def n_epochs(params, n_rows):
    """Epochs of a training; "auto" are as many as the budget has."""
    if params.max_iter == "auto":
        return _BUDGET.epochs(math.ceil(n_rows / params.batch_size))
    return params.max_iter


def own_copy(module, name, n_in, n_out):
    """A copy of a module of the user, which must map rows of the one width to rows of the other.

    None stays None: there is a linear map instead.
    """
    if module is None:
        return None
    copy = deepcopy(module)
    check_module(copy, name, n_in, n_out, "cpu")
    return copy


def kept_encoder(given, trained, mean, scale, device):
    """A trained encoder module behind the units of the rows; None where there is a linear map."""
    if trained is None:
        return None
    units = Standardize(mean, scale)
    weights = next(trained.parameters(), units.mean)
    module = nn.Sequential(units.to(weights.device, weights.dtype), trained)
    return Network(with_units_recipe(given, len(mean)), module, device)


@register
def in_units(custom, n_features):
    """Module of the structure of a fitted encoder of the user."""
    return nn.Sequential(Standardize(np.zeros(n_features), 1.0), deepcopy(custom))


def with_units_recipe(custom, n_features):
    """How a fitted encoder is built."""
    return Recipe(in_units.__name__, {"custom": custom, "n_features": n_features})


def largest_entries(A, k):  # (n, m), int -> CSR (n, m)
    """The k largest entries of each row where they are positive; of equal ones any."""
    m = A.shape[1]
    if k >= m:
        kept = A > 0
        return _csr(A[kept], np.nonzero(kept)[1], kept.sum(axis=1), A.shape)
    columns = np.sort(np.argpartition(A, m - k, axis=1)[:, m - k :], axis=1)
    values = np.take_along_axis(A, columns, axis=1)
    kept = values > 0
    return _csr(values[kept], columns[kept], kept.sum(axis=1), A.shape)


def _csr(values, columns, n_kept, shape):
    starts = np.concatenate([[0], np.cumsum(n_kept)])
    return sparse.csr_matrix((values, columns, starts), shape=shape)
