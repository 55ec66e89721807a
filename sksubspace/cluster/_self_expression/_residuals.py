"""Residuals of rows that are expressed by rows of a dictionary, and their correlations with it.

`start(block)` takes some rows as their own residuals, `subtract(atoms, weights)` takes weighted
atoms off them, `correlations()` are their inner products with all atoms. Which of three forms is
used is a matter of speed and memory: dense or sparse residuals, or none at all but the inner
products of all atoms with each other.
"""

import numpy as np
import torch
from scipy import sparse

from sksubspace._torch.device import PinnedRows, to_tensor

__all__ = ["make_residuals"]

# 1 GiB: the most that inner products of all atoms may take
_GRAM_BYTES = 2**30
# features a step from which one product of all atoms is cheaper than a product in every step
_FEATURES_PER_STEP = 16
# up to so many atoms (128 MiB) their inner products are kept beside dense residuals
_FEW_ATOMS = 4096


def make_residuals(X, dictionary, n_steps, device):
    """Choose the form of the residuals of rows (n, d) on atoms (m, d), which may be the same.

    `n_steps` is about how often a row's correlations will be asked for. What is returned has
    `start`, `keep`, `correlations`, `inner`, `subtract` and `squared_norms`.
    """
    m, d = dictionary.shape
    pays = sparse.issparse(X) or d >= _FEATURES_PER_STEP * n_steps
    if pays and m**2 * dictionary.dtype.itemsize <= _GRAM_BYTES:
        return _GramResiduals(X, dictionary, device)
    return (_SparseResiduals if sparse.issparse(X) else _DenseResiduals)(X, dictionary, device)


class _DenseResiduals:
    """Residuals of a block of rows, and their inner products with the atoms."""

    def __init__(self, X, dictionary, device):
        self.X = PinnedRows(X, device)
        self.dictionary = to_tensor(dictionary, device)
        self.squared_norms = self.dictionary.square().sum(dim=1)
        few = len(self.dictionary) <= _FEW_ATOMS
        self.gram = self.dictionary @ self.dictionary.T if few else None
        self.buffer = self.dictionary.new_empty(0)

    def start(self, block):  # -> squared norms (B,)
        self.residual = self.X[block]
        return self.residual.square().sum(dim=1)

    def keep(self, stay):
        self.residual = self.residual[stay]

    def correlations(self):  # -> (B, m), to be overwritten
        if len(self.buffer) < len(self.residual):
            self.buffer = self.residual.new_empty(len(self.residual), len(self.dictionary))
        out = self.buffer[: len(self.residual)]
        return torch.mm(self.residual, self.dictionary.T, out=out)

    def inner(self, atoms, new):  # (B, t), (B,) -> (B, t)
        """Inner products of atoms with atoms."""
        if self.gram is not None:
            return self.gram[new[:, None], atoms]
        return (self.dictionary[atoms] @ self.dictionary[new][:, :, None])[:, :, 0]

    def subtract(self, atoms, change):  # (B, t), (B, t)
        self.residual -= _weighted_sums(self.dictionary, atoms, change)


class _SparseResiduals:
    """The same for sparse rows, whose residuals stay sparse."""

    def __init__(self, X, dictionary, device):
        self.X, self.dictionary, self.device = X, dictionary, device
        self.transposed = dictionary.T.tocsr()
        self.squared_norms = to_tensor(_squared_lengths(dictionary), device)

    def start(self, block):
        self.residual = self.X[block]
        return to_tensor(_squared_lengths(self.residual), self.device)

    def keep(self, stay):
        self.residual = self.residual[stay.cpu().numpy()]

    def correlations(self):
        return to_tensor((self.residual @ self.transposed).toarray(), self.device)

    def inner(self, atoms, new):
        taken, new = self.dictionary[atoms.cpu().numpy().ravel()], new.cpu().numpy()
        products = taken.multiply(self.dictionary[np.repeat(new, atoms.shape[1])])
        return to_tensor(_sums_of_rows(products).reshape(atoms.shape), self.device)

    def subtract(self, atoms, change):
        n_rows, size = atoms.shape
        entries = (change.cpu().numpy().ravel(), atoms.cpu().numpy().ravel())
        weights = sparse.csr_matrix(
            (*entries, np.arange(0, n_rows * size + 1, size)),
            shape=(n_rows, self.dictionary.shape[0]),
        )
        self.residual = self.residual - weights @ self.dictionary


class _GramResiduals:
    """The same from the inner products of all atoms: the residuals are never formed."""

    def __init__(self, X, dictionary, device):
        self.X, self.dictionary, self.device = X, dictionary, device
        self.gram = _inner_products(dictionary, dictionary, device)
        self.squared_norms = self.gram.diagonal().clone()
        if X is not dictionary and not sparse.issparse(X):
            self.X, self.dictionary = PinnedRows(X, device), to_tensor(dictionary, device)

    def start(self, block):
        if self.X is self.dictionary:
            self.a = self.gram[block].clone()
            return self.squared_norms[block]
        rows = self.X[block]
        self.a = _inner_products(rows, self.dictionary, self.device)
        if sparse.issparse(rows):
            return to_tensor(_squared_lengths(rows), self.device)
        return rows.square().sum(dim=1)

    def keep(self, stay):
        self.a = self.a[stay]

    def correlations(self):
        return self.a

    def inner(self, atoms, new):
        return self.gram[new[:, None], atoms]

    def subtract(self, atoms, change):
        self.a -= _weighted_sums(self.gram, atoms, change)


def _inner_products(rows, others, device):  # (n, d), (m, d) -> (n, m)
    if sparse.issparse(rows):
        return to_tensor((rows @ others.T).toarray(), device)
    if not isinstance(rows, torch.Tensor):
        rows, others = (rows,) * 2 if rows is others else (rows, others)
        first = to_tensor(rows, device)
        return first @ (first if rows is others else to_tensor(others, device)).T
    return rows @ others.T


def _weighted_sums(rows, chosen, weights):  # (m, p), (B, t), (B, t) -> (B, p)
    """Sum of the chosen rows, without a copy of them."""
    return torch.nn.functional.embedding_bag(
        chosen, rows, per_sample_weights=weights.contiguous(), mode="sum"
    )


def _squared_lengths(X):  # (n, d) -> (n,)
    return _sums_of_rows(X.multiply(X))


def _sums_of_rows(X):
    return np.asarray(X.sum(axis=1)).reshape(-1)
