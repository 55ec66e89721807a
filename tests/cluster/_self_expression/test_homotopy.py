"""The homotopy on one set of atoms: optimality, ties, dependent atoms."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.cluster._self_expression import _homotopy as module
from sksubspace.cluster._self_expression._homotopy import homotopy


def unit_rows(n, d, seed=0):
    X = np.random.RandomState(seed).randn(n, d)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def solve(X, D, penalty, ridge, allowed=None):
    """Express every row of X by all rows of D."""
    gram = torch.tensor(D @ D.T)
    allowed = np.ones((len(X), len(D)), dtype=bool) if allowed is None else allowed
    return homotopy(
        lambda rows, position: gram[position],
        torch.tensor(X @ D.T),
        gram.diagonal().repeat(len(X), 1),
        torch.tensor(allowed),
        torch.tensor(penalty),
        torch.tensor(ridge),
    ).numpy()


def violation(X, D, c, penalty, ridge, allowed=True):
    """By how much the conditions of optimality are violated, in units of the penalty."""
    penalty, ridge = penalty[:, None], ridge[:, None]
    a = (X - c @ D) @ D.T - ridge * c
    active = np.abs(a - penalty * np.sign(c))[c != 0].max(initial=0)
    passive = np.where((c == 0) & allowed, np.abs(a) - penalty, 0).max(initial=0)
    return max(active, passive) / penalty.min()


def penalties(X, D, gamma):
    return np.abs(X @ D.T).max(axis=1) / gamma


@pytest.mark.parametrize("gamma", [1.5, 20.0, 1000.0])
@pytest.mark.parametrize("ridge", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("d", [5, 40])
def test_the_conditions_of_optimality_hold(gamma, ridge, d):
    X, D = unit_rows(20, d), unit_rows(30, d, 1)
    penalty, ridges = penalties(X, D, gamma), np.full(20, ridge)
    c = solve(X, D, penalty, ridges)
    assert violation(X, D, c, penalty, ridges) < 1e-9
    assert (c != 0).any(axis=1).all()


def test_atoms_of_any_length():
    X, D = unit_rows(20, 8), unit_rows(30, 8, 1) * np.linspace(0.2, 5, 30)[:, None]
    penalty, ridge = penalties(X, D, 40.0), np.full(20, 0.1)
    assert violation(X, D, solve(X, D, penalty, ridge), penalty, ridge) < 1e-9


def test_orthonormal_atoms_give_soft_thresholds():
    D = np.linalg.qr(np.random.RandomState(0).randn(6, 6))[0]
    X = np.random.RandomState(1).randn(9, 6)
    b, penalty, ridge = X @ D.T, np.full(9, 0.4), np.linspace(0, 1, 9)
    expected = np.sign(b) * np.maximum(np.abs(b) - 0.4, 0) / (1 + ridge[:, None])
    assert_allclose(solve(X, D, penalty, ridge), expected, atol=1e-14)


def test_forbidden_atoms_are_not_used():
    X, D = unit_rows(20, 6), unit_rows(25, 6, 1)
    allowed = np.random.RandomState(2).rand(20, 25) < 0.5
    penalty = np.abs(np.where(allowed, X @ D.T, 0)).max(axis=1) / 50
    c = solve(X, D, penalty, np.zeros(20), allowed)
    assert (c[~allowed] == 0).all()
    assert violation(X, D, c, penalty, np.zeros(20), allowed) < 1e-9


def test_a_penalty_that_is_too_large_leaves_nothing():
    X, D = unit_rows(5, 6), unit_rows(7, 6, 1)
    assert_array_equal(solve(X, D, penalties(X, D, 1.0), np.zeros(5)), np.zeros((5, 7)))


@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_twins_and_opposites(ridge):
    """Without a ridge one of two equal atoms is enough; with one they share."""
    D = unit_rows(12, 5, 1)
    D = np.vstack([D, D, -D])
    X = unit_rows(30, 5)
    penalty, ridges = penalties(X, D, 200.0), np.full(30, ridge)
    c = solve(X, D, penalty, ridges)
    assert violation(X, D, c, penalty, ridges) < 1e-7
    if ridge:
        assert_allclose(c[:, :12], c[:, 12:24], atol=1e-9)
        assert_allclose(c[:, :12], -c[:, 24:], atol=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_atoms_full_of_ties(ridge):
    D = np.unique((np.random.RandomState(0).rand(80, 8) < 0.4).astype(float), axis=0)
    D = D[D.any(axis=1)]
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    X = unit_rows(30, 8)
    X[:10] = np.abs(D[:10] + D[10:20])
    penalty, ridges = penalties(X, D, 100.0), np.full(30, ridge)
    assert violation(X, D, solve(X, D, penalty, ridges), penalty, ridges) < 1e-3


def test_a_path_that_is_cut_short_is_followed_with_more_ridge(monkeypatch):
    """Each attempt is marked unsure; the last one, with a ridge of 1e-4 penalties, counts."""
    X, D = unit_rows(6, 8), unit_rows(10, 8, 1)
    penalty = penalties(X, D, 30.0)
    expected = solve(X, D, penalty, 1e-4 * penalty)
    follow = module._Path.follow

    def never_sure(path):
        follow(path)
        path.unsure[:] = True

    monkeypatch.setattr(module._Path, "follow", never_sure)
    assert_allclose(solve(X, D, penalty, np.zeros(6)), expected, atol=1e-12)
