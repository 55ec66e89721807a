"""Elastic net self-expression by an active set of atoms around each row.

You, Li, Robinson and Vidal, "Oracle based active set algorithm for scalable elastic net subspace
clustering", CVPR 2016.
"""

from itertools import pairwise

import numpy as np
import torch
from scipy import sparse

from sksubspace._threads import small_work
from sksubspace.cluster._self_expression._homotopy import homotopy
from sksubspace.cluster._self_expression._residuals import make_residuals

__all__ = ["elastic_net"]

# atoms that a row begins with: 64, or thrice what rows of the block before used in the end
_FIRST_ATOMS = 64
_ATOMS_PER_NONZERO = 3
# about how many products with all atoms a block will take, for the choice of `make_residuals`
_GRAM_STEPS = 16
# most rounds of solving and letting violators join
_ROUNDS = 50
# correlations of a block: 16 MiB, and half a GiB on a GPU
_CPU_ELEMENTS = 2**21
_GPU_ELEMENTS = 2**26
_FEWEST_ROWS = 64
_MOST_ROWS = 1024
# 32 MiB: matrices of the paths that are followed at once
_PATH_ELEMENTS = 2**22
_FEWEST_PATHS = 16
# of the penalty: a larger correlation than this violates optimality
_SLACK = {torch.float64: 1e-9, torch.float32: 1e-5}


def elastic_net(X, dictionary, own, gamma, l1_ratio, *, batch_size="auto", device="cpu"):
    r"""Express each row of X (n, d) by rows of a dictionary (m, d), with an elastic net penalty.

    For each row x it minimises :math:`\tau \|c\|_1 + \frac{1 - \tau}{2} \|c\|_2^2 + \frac\alpha2
    \|x - c D\|_2^2` with :math:`\alpha = \gamma \tau / \max_i |\langle x, d_i \rangle|`, `l1_ratio`
    :math:`\tau` in (0, 1] and :math:`\gamma > 1`, at which all coefficients are zero. The problem
    is solved on a few atoms; with the residual :math:`r = x - cD`, an atom outside that has
    :math:`\alpha |\langle d_i, r \rangle| > \tau` would lower the objective and joins them; where
    there is none the solution is that of the whole problem.

    X itself is recognised as the dictionary; `own` (n,) is the atom that each row must not use, or
    -1. Returns a CSR matrix (n, m) in the dtype of X, which is worked out `batch_size` rows at
    once.
    """
    n, m = X.shape[0], dictionary.shape[0]
    device = torch.device(device)
    if batch_size == "auto":
        elements = _CPU_ELEMENTS if device.type == "cpu" else _GPU_ELEMENTS
        batch_size = int(np.clip(elements // m, _FEWEST_ROWS, _MOST_ROWS))
    with small_work(2.0 * min(n, batch_size) * m * X.shape[1], device), torch.inference_mode():
        residuals = make_residuals(X, dictionary, _GRAM_STEPS, device)
        codes, n_atoms = [], _FIRST_ATOMS
        for block in _blocks(n, batch_size):
            rows = _Block(residuals, block, own, gamma, l1_ratio)
            codes.append(rows.solve(n_atoms))
            n_atoms = max(_FIRST_ATOMS, int(_ATOMS_PER_NONZERO * codes[-1].nnz / len(rows.a)))
    return sparse.vstack(codes, format="csr")


def _blocks(n, size):
    """Slices of rows; the first few alone, since they tell how many atoms the others need."""
    bounds = [0, *range(min(size, _FEWEST_ROWS), n, size), n]
    return [slice(*pair) for pair in pairwise(bounds)]


class _Block:
    """Rows of a block that are not solved yet, and the atoms that each may use now."""

    def __init__(self, residuals, block, own, gamma, l1_ratio):
        self.residuals, self.block = residuals, block
        residuals.start(block)
        self.a = residuals.correlations().clone()  # of the rows themselves
        self.own = torch.from_numpy(np.asarray(own[block], dtype=np.int64)).to(self.a.device)
        self.rows = torch.arange(len(self.a), device=self.a.device)
        self.found = [(self.rows[:0], self.own[:0, None], self.a[:0, :1])]
        strength = self._forbid_own(self.a.abs())
        largest = strength.amax(dim=1)
        self.penalty = largest / gamma
        self.ridge = self.penalty * ((1 - l1_ratio) / l1_ratio)
        self.strength = strength  # how much an atom is wanted
        self._leave_but(largest > 0)

    def solve(self, n_atoms):  # -> csr (B, m)
        """Solve on the atoms at hand and let violators join them, until there are none."""
        for rounds_left in reversed(range(_ROUNDS)):
            if len(self.rows) == 0:
                break
            self.atoms = self.strength.topk(min(n_atoms, self.a.shape[1]), sorted=False).indices
            c = torch.cat([self._solve(rows) for rows in self._chunks()])
            n_atoms = self._check(c, rounds_left)
        return self._collect()

    def _chunks(self):
        """Numbers of the unsolved rows, in parts whose paths fit into little memory."""
        step = max(_FEWEST_PATHS, _PATH_ELEMENTS // self.atoms.shape[1] ** 2)
        return torch.arange(len(self.rows), device=self.rows.device).split(step)

    def _solve(self, rows):  # (r,) -> (r, w)
        """Coefficients of some rows on the atoms at hand."""
        atoms = self.atoms[rows]

        def inner(chosen, position):
            others = atoms[chosen]
            return self.residuals.inner(others, others.gather(1, position[:, None])[:, 0])

        return homotopy(
            inner,
            self.a[self.rows[rows, None], atoms],
            self.residuals.squared_norms[atoms],
            atoms != self.own[rows, None],
            self.penalty[rows],
            self.ridge[rows],
        )

    def _check(self, c, rounds_left):  # -> number of atoms for the next time
        """Rows without a violator are done; the others go on with their support and violators."""
        support, values = _nonzero(self.atoms, c)
        strength = self._forbid_own(self._correlations_after(support, values).abs_())
        inside = strength.gather(1, self.atoms)
        largest = strength.scatter_(1, self.atoms, 0.0).amax(dim=1)
        violated = (largest > self.penalty * (1 + _SLACK[c.dtype])) & (rounds_left > 0)
        self.found.append((self.rows[~violated], support[~violated], values[~violated]))
        inside = torch.where(c != 0, torch.inf, inside)[violated]
        self.strength = strength[violated].scatter_(1, self.atoms[violated], inside)
        self._leave_but(violated)
        n_atoms = self.atoms.shape[1]
        return 2 * n_atoms if 2 * support.shape[1] > n_atoms else n_atoms

    def _correlations_after(self, atoms, values):
        self.residuals.start(self.block)
        stay = torch.zeros(len(self.a), dtype=torch.bool, device=self.rows.device)
        stay[self.rows] = True
        if not bool(stay.all()):
            self.residuals.keep(stay)
        self.residuals.subtract(atoms, values)
        return self.residuals.correlations()

    def _forbid_own(self, strength):
        with_own = torch.nonzero(self.own >= 0)[:, 0]
        strength[with_own, self.own[with_own]] = 0.0
        return strength

    def _leave_but(self, stay):
        for name in ("rows", "own", "penalty", "ridge"):
            setattr(self, name, getattr(self, name)[stay])
        if len(self.strength) > len(self.rows):
            self.strength = self.strength[stay]

    def _collect(self):
        entries = [(rows[:, None].expand_as(atoms), atoms, c) for rows, atoms, c in self.found]
        rows, atoms, values = (
            torch.cat([entry.reshape(-1) for entry in part]).cpu().numpy()
            for part in zip(*entries, strict=True)
        )
        used = values != 0
        codes = sparse.csr_matrix(
            (values[used], (rows[used], atoms[used])), shape=tuple(self.a.shape)
        )
        codes.sort_indices()  # older SciPy leaves them as they came
        return codes


def _nonzero(atoms, c):  # (B, w), (B, w) -> (B, k), (B, k)
    """Atoms with a coefficient; rows with fewer than others are filled up with zeros."""
    is_used = c != 0
    size = max(1, int(is_used.sum(dim=1).max()))
    order = is_used.to(torch.uint8).topk(size, dim=1, sorted=False).indices
    return atoms.gather(1, order), c.gather(1, order)
