"""Orthogonal matching pursuit of many rows at once.

Pati, Rezaiifar and Krishnaprasad, "Orthogonal matching pursuit: recursive function approximation
with applications to wavelet decomposition", Asilomar 1993.
"""

import numpy as np
import torch
from scipy import sparse

from sksubspace._threads import small_work
from sksubspace.cluster._self_expression._residuals import make_residuals

__all__ = ["omp"]

# batch_size="auto": 4 MiB of correlations, which a cache holds, and half a GiB on a GPU
_CPU_ELEMENTS = 2**19
_GPU_ELEMENTS = 2**26
_FEWEST_ROWS = 64
_MOST_ROWS = 4096


def omp(X, dictionary, own, n_nonzero, *, tol=0.0, batch_size="auto", device="cpu"):
    r"""Express each row of X (n, d) by a few rows of a dictionary (m, d), chosen greedily.

    Each step takes the atom that correlates most with the residual and projects the row on all
    atoms taken. With the Cholesky factor :math:`L` of the Gram matrix of the atoms taken and
    :math:`V = L^{-1}`, a new atom :math:`a` adds the row :math:`v = (-w^T V, 1) / \ell` to V,
    :math:`w = V A a,\ \ell^2 = \|a\|^2 - \|w\|^2`, and the coefficients change by :math:`\langle r,
    a \rangle / \ell \cdot v`. A row is done with `n_nonzero` atoms, when :math:`\|r\|^2 \le`
    ``tol`` :math:`\|x\|^2`, or where no atom is left that correlates with its residual or is
    independent of the atoms taken.

    X itself is recognised as the dictionary; `own` (n,) is the atom that each row must not use, or
    -1. Returns a CSR matrix (n, m) in the dtype of X. A `batch_size` of "auto" keeps the
    correlations of a batch in the cache of a CPU, or in half a GiB of a GPU. The inner products of
    the atoms are kept if they take at most 1 GiB and the rows are long enough; otherwise the
    correlations of each step are a product with the residuals.
    """
    n, m = X.shape[0], dictionary.shape[0]
    n_nonzero = min(n_nonzero, m)
    device = torch.device(device)
    if batch_size == "auto":
        batch_size = _block_rows(m, device)
    atoms = np.zeros((n, n_nonzero), dtype=np.int32 if m < 2**31 else np.int64)
    coefficients = np.zeros((n, n_nonzero), dtype=X.dtype)
    sizes = np.zeros(n, dtype=np.int64)
    with small_work(2.0 * min(n, batch_size) * m * X.shape[1], device), torch.inference_mode():
        residuals = make_residuals(X, dictionary, n_nonzero, device)
        for start in range(0, n, batch_size):
            block = slice(start, start + batch_size)
            pursuit = _Pursuit(residuals, block, own[block], n_nonzero, tol)
            atoms[block], coefficients[block], sizes[block] = pursuit.run()
    taken = np.arange(n_nonzero) < sizes[:, None]
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    codes = sparse.csr_matrix((coefficients[taken], atoms[taken], indptr), shape=(n, m))
    codes.sort_indices()
    return codes


def _largest_magnitude(a):  # (B, m) -> columns (B,), signed values (B,)
    """Column of the entry of largest absolute value; numpy searches faster than torch on a CPU."""
    on_cpu = a.device.type == "cpu"
    lowest, highest = (
        torch.from_numpy(getattr(a.numpy(), name)(axis=1)) if on_cpu else getattr(a, name)(dim=1)
        for name in ("argmin", "argmax")
    )
    low, high = (a.gather(1, column[:, None])[:, 0] for column in (lowest, highest))
    is_high = high >= -low
    return torch.where(is_high, highest, lowest), torch.where(is_high, high, low)


def _block_rows(n_atoms, device):
    elements = _CPU_ELEMENTS if device.type == "cpu" else _GPU_ELEMENTS
    return int(np.clip(elements // n_atoms, _FEWEST_ROWS, _MOST_ROWS))


class _Pursuit:
    """The state of a block of rows; rows that are done leave it."""

    def __init__(self, residuals, block, own, n_nonzero, tol):
        self.residuals, self.tol, self.n_nonzero = residuals, tol, n_nonzero
        self.energy = residuals.start(block)  # ||x||^2
        self.left = self.energy.clone()  # ||r||^2
        n_rows, device = len(self.energy), self.energy.device
        self.own = torch.from_numpy(np.asarray(own, dtype=np.int64)).to(device)
        self.rows = torch.arange(n_rows, device=device)
        self.atoms = torch.zeros(n_rows, n_nonzero, dtype=torch.int64, device=device)
        self.c = self.energy.new_zeros(n_rows, n_nonzero)
        self.V = self.energy.new_zeros(n_rows, n_nonzero, n_nonzero)
        self.results = (self.atoms.clone(), self.c.clone(), torch.zeros_like(self.rows))

    def run(self):  # -> arrays (B, k), (B, k), (B,)
        """Take atoms until every row is done."""
        self._leave_but(self.left > self.tol * self.energy, 0)
        for step in range(self.n_nonzero):
            change = self._take_atom(self.residuals.correlations(), step)
            stay = self.left > self.tol * self.energy
            if step + 1 == self.n_nonzero:
                stay = torch.zeros_like(stay)
            self._leave_but(stay, step + 1)
            if len(self.rows) == 0:
                break
            change = change[stay] if len(self.rows) < len(change) else change
            self.residuals.subtract(self.atoms[:, : step + 1], change)
        return tuple(result.cpu().numpy() for result in self.results)

    def _take_atom(self, a, step):  # correlations (B, m) -> change of coefficients (B, step + 1)
        self._forbid(a, step)
        new, correlation = _largest_magnitude(a)
        w, rest, usable = self._against_taken(new, correlation, step)
        if not bool(usable.all()):
            self._leave_but(usable, step)
            w, rest, new, correlation = w[usable], rest[usable], new[usable], correlation[usable]
        length = rest.sqrt()
        y = correlation / length
        v = self.V[:, step, : step + 1]
        v[:, :step] = -(w[:, None] @ self.V[:, :step, :step])[:, 0] / length[:, None]
        v[:, step] = 1 / length
        self.atoms[:, step] = new
        change = y[:, None] * v
        self.c[:, : step + 1] += change
        self.left -= y.square()
        return change

    def _forbid(self, a, step):
        """Atoms taken correlate with the residual by rounding only; a row's own must not count."""
        if step:
            a.scatter_(1, self.atoms[:, :step], 0.0)
        with_own = torch.nonzero(self.own >= 0)[:, 0]
        a[with_own, self.own[with_own]] = 0.0

    def _against_taken(self, new, correlation, step):
        """W = V A a (B, step), ||a||^2 - ||w||^2 (B,), and where both mean something (B,)."""
        norm = self.residuals.squared_norms[new]
        inner = self.residuals.inner(self.atoms[:, :step], new)
        w = (self.V[:, :step, :step] @ inner[:, :, None])[:, :, 0]
        rest = norm - w.square().sum(dim=1)
        tiny = 20 * torch.finfo(norm.dtype).eps
        usable = (rest > tiny * norm) & (correlation.square() > tiny**2 * norm * self.energy)
        return w, rest, usable

    def _leave_but(self, stay, size):
        """Rows that do not stay are done, with this number of atoms."""
        if bool(stay.all()):
            return
        self._store(~stay, size)
        for name in ("rows", "own", "energy", "left", "atoms", "c", "V"):
            setattr(self, name, getattr(self, name)[stay])
        self.residuals.keep(stay)

    def _store(self, done, size):
        rows = self.rows[done]
        for result, now in zip(self.results, (self.atoms[done], self.c[done], size), strict=True):
            result[rows] = now
