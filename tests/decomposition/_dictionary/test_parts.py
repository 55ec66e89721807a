"""Formulas of supervised dictionaries against brute force."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, sparse
from scipy.optimize import approx_fprime, nnls
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sksubspace.decomposition._dictionary._codes import (
    nonnegative_codes,
    orthonormal_columns,
    unit_columns,
)
from sksubspace.decomposition._dictionary._lbfgs import (
    objective_and_gradient,
    positive_qr,
    qr_gradient,
)
from sksubspace.decomposition._dictionary._problem import (
    CentredRows,
    Problem,
    as_targets,
    cross_entropy,
    fit_head,
    largest_square,
    randomised_directions,
    unit_side,
)
from sksubspace.metrics import subspace_affinity


def make_problem(n_classes, *, n=60, d=7, weight=2.0, alpha=0.01, n_aux=2):
    rng = np.random.RandomState(n_classes)
    X = rng.randn(n, d) * np.arange(1, d + 1) + 3
    y = (X[:, :n_classes] / np.arange(1, n_classes + 1)).argmax(axis=1)
    shares = rng.uniform(0.5, 1.5, n)
    side = unit_side(rng.randn(n, n_aux) * 5 + 1, n)[0]
    rows, target = CentredRows(X, centre=True), as_targets(y, n_classes)
    return Problem(rows, target, shares / shares.sum(), side, weight, alpha), X, y


@pytest.mark.parametrize("centre", [True, False])
def test_sparse_and_dense_rows_have_the_products_of_the_centred_matrix(centre):
    rng = np.random.RandomState(0)
    X = np.where(rng.rand(30, 8) < 0.6, 0.0, rng.rand(30, 8))
    Z = X - X.mean(axis=0) * centre
    V, E = rng.randn(8, 3), rng.randn(30, 2)
    for given in (X, X.astype(np.float32), sparse.csr_matrix(X), sparse.csr_array(X)):
        rows = CentredRows(given, centre=centre)
        tol = 1e-5 if given.dtype == np.float32 else 1e-12
        assert_allclose(rows.project(V), Z @ V, atol=tol)
        assert_allclose(rows.gather(E), Z.T @ E, atol=tol)
        assert_allclose(rows.squares, np.square(Z).sum(), rtol=tol)


def test_leading_directions_are_principal_components():
    X = np.random.RandomState(0).randn(200, 40) * np.geomspace(1, 0.05, 40)
    found = randomised_directions(CentredRows(X, centre=True), 5, np.random.RandomState(1))
    assert_allclose(found.T @ found, np.eye(5), atol=1e-12)
    assert subspace_affinity(found.T, PCA(5).fit(X).components_) > 1 - 1e-8


def test_largest_square_is_just_above_the_largest_eigenvalue():
    rng = np.random.RandomState(0)
    X, shares = rng.randn(50, 12) + 1, rng.rand(50)
    Z = X - X.mean(axis=0)
    exact = linalg.eigvalsh(Z.T @ (shares[:, None] * Z))[-1]
    assert exact <= largest_square(CentredRows(X, centre=True), shares, rng) <= 1.06 * exact


def test_codes_are_non_negative_least_squares_row_by_row():
    rng = np.random.RandomState(0)
    W, X = unit_columns(rng.rand(9, 4)), rng.randn(40, 9)
    expected = np.array([nnls(W, x)[0] for x in X])
    found = nonnegative_codes(X @ W, W.T @ W)
    assert_allclose(found, expected, atol=1e-9)
    assert (expected == 0).any()
    assert (expected > 0).any()
    alone = np.concatenate([nonnegative_codes(X[[i]] @ W, W.T @ W) for i in range(40)])
    assert_allclose(found, alone, atol=1e-9)


def test_codes_of_an_atom_that_is_zero_are_zero():
    W = np.column_stack([[1.0, 0, 0], np.zeros(3)])
    assert_array_equal(nonnegative_codes(np.array([[2.0, 0.0]]), W.T @ W), [[2.0, 0.0]])


def test_projections_on_the_constraints_are_the_nearest_points():
    rng = np.random.RandomState(0)
    W = rng.randn(6, 3)
    unit, basis = unit_columns(W), orthonormal_columns(W)
    assert_allclose(linalg.norm(unit, axis=0), 1)
    assert (unit >= 0).all()
    assert_allclose(basis.T @ basis, np.eye(3), atol=1e-12)
    for _ in range(200):
        other = unit_columns(unit + 0.3 * rng.randn(6, 3))
        assert (linalg.norm(W - unit, axis=0) <= linalg.norm(W - other, axis=0)).all()
        other = linalg.qr(basis + 0.3 * rng.randn(6, 3), mode="economic")[0]
        assert linalg.norm(W - basis) <= linalg.norm(W - other)
    assert_array_equal(unit_columns(np.array([[-3.0], [-1.0], [-2.0]])), [[0], [1], [0]])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_cross_entropy_is_log_loss_and_its_gradient_is_exact(n_classes):
    problem, _, y = make_problem(n_classes)
    rng = np.random.RandomState(0)
    activations = 3 * rng.randn(*problem.target.shape)
    logits = activations if n_classes > 2 else np.c_[np.zeros(len(y)), activations]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, gradient = cross_entropy(activations, problem.target, problem.shares)
    assert_allclose(loss, log_loss(y, chances, sample_weight=problem.shares))
    numeric = approx_fprime(
        activations.ravel(),
        lambda a: cross_entropy(a.reshape(gradient.shape), problem.target, problem.shares)[0],
    )
    assert_allclose(gradient.ravel(), numeric, atol=1e-6)


def test_cross_entropy_of_huge_activations_is_finite():
    for target in (np.eye(2), np.array([[1.0], [0.0]])):
        activations = 1e4 * (1 - 2 * target)
        loss, gradient = cross_entropy(activations, target, np.full(2, 0.5))
        assert 1e4 <= loss <= 2e4
        assert np.isfinite(gradient).all()


def test_gradient_through_qr_is_that_of_automatic_differentiation():
    rng = np.random.RandomState(0)
    W, C = rng.randn(6, 3), rng.randn(6, 3)
    Q, R = positive_qr(W)
    assert (R.diagonal() > 0).all()
    assert_allclose(Q @ R, W, atol=1e-12)
    tensor = torch.tensor(W, requires_grad=True)
    basis, upper = torch.linalg.qr(tensor)
    basis = basis * torch.sign(upper.diagonal())
    torch.sum(torch.tensor(C) * basis**3).backward()
    assert_allclose(qr_gradient(Q, R, 3 * C * Q**2), tensor.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_objective_is_the_formula_and_its_gradient_is_exact(n_classes):
    problem, X, y = make_problem(n_classes)
    rng = np.random.RandomState(0)
    W, b, h = rng.randn(7, 3), *(0.1 * rng.randn(*part.shape) for part in problem.empty_head(3))
    Z = X - X.mean(axis=0)
    Q = linalg.orth(W)
    basis = positive_qr(W)[0]
    logits = Z @ basis @ b + problem.side @ h
    logits = logits if n_classes > 2 else np.c_[np.zeros(len(y)), logits]
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    expected = (
        log_loss(y, chances, sample_weight=problem.shares)
        + problem.weight * np.square(Z - Z @ Q @ Q.T).sum() / np.square(Z).sum()
        + problem.alpha * (np.square(b).sum() + np.square(h[1:]).sum())
    )
    value, *gradients = objective_and_gradient(problem, W, b, h)
    assert_allclose(value, expected, rtol=1e-10)
    parts = [W, b, h]
    for k, gradient in enumerate(gradients):

        def moved(part, k=k):
            given = [*parts[:k], part.reshape(parts[k].shape), *parts[k + 1 :]]
            return objective_and_gradient(problem, *given)[0]

        assert_allclose(gradient.ravel(), approx_fprime(parts[k].ravel(), moved, 1e-7), atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_head_is_logistic_regression(n_classes):
    problem, X, y = make_problem(n_classes, n_aux=0, alpha=0.05)
    n = len(y)
    problem = Problem(problem.rows, problem.target, np.full(n, 1 / n), problem.side, 1.0, 0.05)
    features = X[:, :3] * [1, 1, 0.1]
    b, h, loss = fit_head(problem, features, *problem.empty_head(3), max_iter=500, tol=1e-14)
    peer = LogisticRegression(C=1 / (2 * n * 0.05), tol=1e-10, max_iter=5000).fit(features, y)
    logits = features @ b + h
    expected = peer.decision_function(features).reshape(logits.shape)
    if n_classes > 2:
        logits = logits - logits.mean(axis=1, keepdims=True)
        expected = expected - expected.mean(axis=1, keepdims=True)
    assert_allclose(logits, expected, atol=2e-4)
    penalty = 0.05 * np.square(peer.coef_).sum()
    assert_allclose(loss, log_loss(y, peer.predict_proba(features)) + penalty, rtol=1e-6)


def test_auxiliary_columns_that_do_not_vary_are_kept_finite():
    side, mean, unit = unit_side(np.column_stack([np.full(5, 0.1), np.arange(5)]), 5)
    assert_allclose(side[:, 1], 0, atol=1e-15)
    assert_allclose(side[:, 2].std(), 1)
    assert_allclose(mean, [0.1, 2])
    assert unit[0] == 1
