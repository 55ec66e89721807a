"""What leaves the device while rows are expressed by others: the codes of a block, once.

Moves are counted where they would be made, on the CPU in the place of a GPU.
"""

import numpy as np
import pytest
import torch
from scipy import sparse

from sksubspace.cluster._self_expression import _active_set, _residuals
from sksubspace.cluster._self_expression._active_set import elastic_net
from sksubspace.cluster._self_expression._least_squares import ridge_coefficients
from sksubspace.cluster._self_expression._pursuit import omp
from sksubspace.cluster._top_entries import keep_largest


@pytest.fixture
def moves(monkeypatch):
    """Numbers of moves to the host and to the device so far."""
    counts = {"to host": 0, "to device": 0}

    def counted(function, which):
        def count(*given, **named):
            counts[which] += 1
            return function(*given, **named)

        return count

    monkeypatch.setattr(torch.Tensor, "cpu", counted(torch.Tensor.cpu, "to host"))
    for name in ("to_tensor", "_squared_lengths"):
        monkeypatch.setattr(_residuals, name, counted(getattr(_residuals, name), "to device"))
    return counts


def unit_rows(n, d):
    X = np.random.RandomState(0).randn(n, d)
    return X / np.linalg.norm(X, axis=1)[:, None]


def omp_of(X, n_steps):
    return omp(X, X, np.arange(X.shape[0]), n_steps, batch_size=32)


@pytest.mark.parametrize("d", [20, 400], ids=["residuals", "inner products"])
def test_pursuit_moves_the_codes_of_a_block_whatever_the_number_of_steps(d, moves):
    X, n_blocks = unit_rows(96, d), 3
    for n_steps in (2, 8):
        moves.update({"to host": 0, "to device": 0})
        assert np.diff(omp_of(X, n_steps).indptr).max() == n_steps
        assert moves["to host"] == 3 * n_blocks  # atoms, coefficients and how many
        assert moves["to device"] <= 2


@pytest.mark.parametrize("d", [20, 400], ids=["residuals", "inner products"])
def test_the_elastic_net_moves_the_codes_of_a_block_whatever_the_number_of_rounds(
    d, moves, monkeypatch
):
    X, n_blocks, rounds = unit_rows(96, d), 4, []
    check = _active_set._Block._check
    monkeypatch.setattr(
        _active_set._Block, "_check", lambda *given: rounds.append(1) or check(*given)
    )
    monkeypatch.setattr(_active_set, "_FEWEST_ROWS", 16)
    for first_atoms in (64, 4):
        moves.update({"to host": 0, "to device": 0})
        rounds.clear()
        monkeypatch.setattr(_active_set, "_FIRST_ATOMS", first_atoms)
        elastic_net(X, X, np.arange(96), 50.0, 0.9, batch_size=32)
        assert len(rounds) > (2 * n_blocks if first_atoms == 4 else n_blocks - 1)
        assert moves["to host"] == 3 * n_blocks
        assert moves["to device"] <= 2


def test_the_ridge_moves_the_largest_coefficients_of_a_block(moves):
    X, n_blocks = unit_rows(96, 20), 3
    blocks = ridge_coefficients(X, X, np.arange(96), 0.02, 32, torch.device("cpu"))
    keep_largest(blocks, 5, 96)
    assert moves["to host"] == 2 * n_blocks  # values and columns


def test_sparse_rows_are_worked_on_in_the_memory_of_the_host(moves):
    """Which the guide says: each step moves."""
    X = sparse.csr_matrix(
        np.where(np.random.RandomState(1).rand(96, 20) < 0.5, unit_rows(96, 20), 0)
    )
    counts = []
    for n_steps in (2, 6):
        moves["to device"] = 0
        residuals = _residuals._SparseResiduals(X, X, "cpu")
        residuals.start(slice(0, 32))
        for _ in range(n_steps):
            residuals.correlations()
        counts.append(moves["to device"])
    assert counts[1] - counts[0] == 4
