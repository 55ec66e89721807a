"""The steps between the rows of a caller and the solvers."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.manifold import _learning
from sksubspace.manifold._learning import (
    _drawn_pairs,
    _redundancy,
    linear_problem,
    principal_rows,
)
from sksubspace.manifold._twin import resolve_redundancy


def table(n=30, d=6):
    return np.random.RandomState(0).randn(n, d) * np.arange(d, 0, -1) + 1


def ring(n=30, weight=1.0):
    return sparse.csr_matrix(weight * np.roll(np.eye(n), 1, axis=1))


@pytest.mark.parametrize("wanted", [None, 2, 6, 99])
@pytest.mark.parametrize("shape", [(30, 6), (5, 6)])
def test_rows_in_principal_coordinates(wanted, shape):
    X = table(*shape)
    rows = principal_rows(X, wanted)
    rank = min(shape[0] - 1, shape[1])
    assert rows.scores.shape == (shape[0], min(wanted or rank, rank))
    assert_allclose(rows.mean, X.mean(axis=0))
    assert_allclose(rows.scores, (X - rows.mean) @ rows.directions, atol=1e-12)
    cross = rows.scores.T @ rows.scores
    assert_allclose(cross, np.diag(cross.diagonal()), atol=1e-9)
    if rows.scores.shape[1] == rank:
        assert_allclose(rows.scores @ rows.directions.T + rows.mean, X, atol=1e-10)


def test_moments_of_features_and_of_scores_are_those_of_one_table(monkeypatch):
    X, W = table(), ring()[:, ::-1]
    rows = principal_rows(X, None)
    plain = linear_problem(X, rows, W)
    monkeypatch.setattr(_learning, "SMALL_SIDE", 5)
    turned = linear_problem(X, rows, W)
    assert plain.basis is None and turned.basis is rows.directions
    assert_allclose(turned.mean, plain.mean, atol=1e-12)
    for one, other in ((plain.S, turned.S), (plain.G, turned.G)):
        assert_allclose(turned.basis @ other @ turned.basis.T, one, atol=1e-10)


def test_equal_pairs_are_all_taken_once():
    heads, tails = _drawn_pairs(ring(weight=3.0), np.random.RandomState(0))
    assert_array_equal(heads, np.arange(30))
    assert_array_equal(tails, (np.arange(30) + 1) % 30)


def test_other_pairs_are_drawn_by_weight():
    n = 4000
    weights = np.r_[np.full(n // 2, 1.0), np.full(n // 2, 3.0)]
    W = sparse.csr_matrix((weights, (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))
    heads, tails = _drawn_pairs(W, np.random.RandomState(0))
    assert_array_equal(tails, (heads + 1) % n)
    assert len(heads) == n
    assert_allclose((heads >= n // 2).mean(), 0.75, atol=0.03)


def redundancy(encoder, projector, redundancy=None):
    return _redundancy(
        SimpleNamespace(
            encoder=encoder, projector=projector, redundancy=redundancy, n_components=16
        )
    )


def test_a_network_needs_less_redundancy_by_the_width_that_the_loss_sees():
    narrow = redundancy("mlp", ())
    assert 0 < narrow < resolve_redundancy(None, 16)
    assert_allclose(redundancy("mlp", (64, 128)), narrow * 16 / 128)


@pytest.mark.parametrize(
    ("encoder", "given", "expected"),
    [("mlp", 0.5, 0.5), ("linear", None, None), ("linear", 0.1, 0.1)],
)
def test_other_redundancies_are_taken_as_given(encoder, given, expected):
    assert redundancy(encoder, (64,), given) == expected
