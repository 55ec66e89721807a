"""Solvers of supervised dictionaries: limits, each against the other, and monotone curves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import linalg
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sksubspace.decomposition._dictionary._lpgd import solve_lpgd
from sksubspace.decomposition._dictionary._problem import (
    CentredRows,
    Problem,
    as_targets,
    largest_square,
    unit_side,
)
from sksubspace.decomposition._dictionary._supervised_dictionary import SupervisedDictionaryLearning
from sksubspace.metrics import subspace_affinity

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, y_train, X_test, y_test = X[:600], y[:600], X[600:1200], y[600:1200]


def fit(r=6, **params):
    return SupervisedDictionaryLearning(r, random_state=0, **params).fit(X_train, y_train)


def r_squared(model, rows=X_test):
    rebuilt = model.inverse_transform(model.transform(rows))
    return 1 - np.square(rows - rebuilt).sum() / np.square(rows - X_train.mean(axis=0)).sum()


def objective(model, rows=X_train, labels=y_train):
    """The formula of the class, from its public methods only."""
    rebuilt = model.inverse_transform(model.transform(rows))
    total = np.square(rows - model.mean_).sum()
    return (
        log_loss(labels, model.predict_proba(rows))
        + model.reconstruction_weight * np.square(rows - rebuilt).sum() / total
        + model.alpha * np.square(model.coef_).sum()
    )


@pytest.mark.parametrize("solver", ["lbfgs", "lpgd", "bcd"])
def test_the_last_loss_is_the_objective_of_the_fitted_model(solver):
    model = fit(solver=solver, max_iter=30)
    assert_allclose(objective(model), model.loss_curve_[-1], rtol=1e-3 if solver == "bcd" else 1e-9)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_two_classes_are_one_output_with_the_same_formula(n_classes):
    rows = y_train < n_classes
    model = SupervisedDictionaryLearning(3, random_state=0).fit(X_train[rows], y_train[rows])
    assert model.coef_.shape == (1 if n_classes == 2 else n_classes, 3)
    found = objective(model, X_train[rows], y_train[rows])
    assert_allclose(found, model.loss_curve_[-1], rtol=1e-9)


def test_a_large_weight_is_principal_component_analysis_and_logistic_regression():
    model, pca = fit(10, reconstruction_weight=1e4), PCA(10).fit(X_train)
    assert subspace_affinity(model.components_, pca.components_) > 0.999
    codes = model.transform(X_train)
    assert_allclose(np.cov(codes.T) - np.diag(codes.var(axis=0, ddof=1)), 0, atol=1e-10)
    C = 1 / (2 * len(y_train) * model.alpha)
    peer = LogisticRegression(C=C, max_iter=3000).fit(pca.transform(X_train), y_train)
    agreement = np.mean(peer.predict(pca.transform(X_test)) == model.predict(X_test))
    assert agreement > 0.98


@pytest.mark.parametrize("r", [9, 12])
def test_weight_zero_with_enough_components_is_logistic_regression(r):
    model = fit(r, reconstruction_weight=0.0, alpha=1e-3, tol=1e-8)
    C = 1 / (2 * len(y_train) * 1e-3)
    peer = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(X_train, y_train)
    assert_allclose(model.predict_proba(X_test), peer.predict_proba(X_test), atol=5e-3)


def test_labels_buy_accuracy_for_little_reconstruction():
    model, pca = fit(6), PCA(6).fit(X_train)
    peer = LogisticRegression(max_iter=3000).fit(pca.transform(X_train), y_train)
    gain = model.score(X_test, y_test) - peer.score(pca.transform(X_test), y_test)
    assert gain > 0.03
    rebuilt = pca.inverse_transform(pca.transform(X_test))
    best = 1 - np.square(X_test - rebuilt).sum() / np.square(X_test - pca.mean_).sum()
    assert r_squared(model) > best - 0.03


def test_solvers_reach_the_same_objective_and_the_search_is_best():
    lbfgs = fit().loss_curve_[-1]
    for solver in ("lpgd", "bcd"):
        other = fit(solver=solver, max_iter=400).loss_curve_[-1]
        assert lbfgs <= other + 1e-6 < 1.02 * lbfgs


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "lbfgs"},
        {"solver": "lpgd", "max_iter": 200, "tol": 0.0},
        {"solver": "lpgd", "class_weight": {k: 1.0 + 30 * (k == 3) for k in range(10)}},
        {"solver": "lpgd", "reconstruction_weight": 0.0},
        {"solver": "bcd", "max_iter": 60},
        {"solver": "bcd", "nonnegative": True, "max_iter": 60},
        {"solver": "bcd", "variant": "feature", "max_iter": 60},
        {"solver": "bcd", "variant": "feature", "nonnegative": True, "max_iter": 40},
    ],
)
def test_no_iteration_raises_the_objective(params):
    curve = fit(**params).loss_curve_
    assert len(curve) > 3
    assert max(np.diff(curve)) <= 1e-12 * curve[0]
    assert curve[-1] < curve[0]


def test_an_iteration_of_lpgd_is_a_projected_gradient_step_of_the_lifted_problem():
    """Written out with the matrices A and M, and an exact singular value decomposition."""
    rng = np.random.RandomState(0)
    rows = rng.randn(40, 6) * [3, 2, 1.5, 1, 0.7, 0.5]
    labels = (rows[:, 5] > 0).astype(int) + (rows[:, 4] > 0)
    problem = Problem(
        CentredRows(rows, centre=True), as_targets(labels, 3), np.full(40, 1 / 40),
        unit_side(None, 40)[0], 1.5, 0.01,
    )  # fmt: skip
    found = solve_lpgd(problem, 2, max_iter=1, tol=0.0, rng=np.random.RandomState(0))
    Z = rows - rows.mean(axis=0)
    steepest = 0.5 * largest_square(problem.rows, problem.shares, np.random.RandomState(0)) + 0.02
    A = -Z.T @ (np.full((40, 3), 1 / 3) - problem.target) / 40 / steepest
    per_square = 2 * 1.5 / np.square(Z).sum()
    stacked = np.hstack([np.sqrt(steepest) * A, np.sqrt(per_square) * Z.T])
    U, s, Vt = linalg.svd(stacked)
    lifted = (U[:, :2] * s[:2]) @ Vt[:2] / np.sqrt(steepest)
    assert subspace_affinity(found.W.T, U[:, :2].T) > 1 - 1e-10
    assert_allclose(found.W @ found.b, lifted[:, :3], atol=1e-10)


def test_the_classifier_of_features_is_fitted_to_codes_that_do_not_know_the_labels():
    model = fit(variant="feature", solver="bcd", alpha=1e-3, max_iter=50)
    codes = model.transform(X_train)
    assert_allclose(codes, (X_train - model.mean_) @ model.components_.T, atol=1e-10)
    C = 1 / (2 * len(y_train) * 1e-3)
    peer = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(codes, y_train)
    expected = peer.predict_proba(model.transform(X_test))
    assert_allclose(model.predict_proba(X_test), expected, atol=1e-3)
    assert model.score(X_train, y_train) < 0.99


@pytest.mark.parametrize("variant", ["filter", "feature"])
def test_non_negative_dictionaries(variant):
    model = fit(10, variant=variant, nonnegative=True, solver="bcd", max_iter=40)
    codes = model.transform(X_test)
    assert (model.components_ >= 0).all()
    assert_allclose(linalg.norm(model.components_, axis=1), 1)
    assert (codes >= 0).all()
    assert (model.mean_ == 0).all()
    residual = X_test - model.inverse_transform(codes)
    slope = residual @ model.components_.T
    assert_allclose(slope[codes > 0], 0, atol=1e-6)
    assert (slope[codes == 0] <= 1e-6).all()
    features = X_test @ model.components_.T if variant == "filter" else codes
    expected = features @ model.coef_.T + model.intercept_
    assert_allclose(model.decision_function(X_test), expected, atol=1e-8)
    assert model.score(X_test, y_test) > 0.8
    assert r_squared(model) > 0.5
