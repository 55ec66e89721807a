"""Classes as subspaces: CLAFIC, the loss and its steps, and what is refused."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import GridSearchCV, train_test_split

import sksubspace
from sksubspace.callbacks import LossMonitor
from sksubspace.discriminant import GrassmannClassifier
from sksubspace.discriminant._class_subspaces import (
    GrassmannSGD,
    ProjectionLoss,
    merged_rows,
    retracted,
    tangent,
)
from sksubspace.metrics import principal_angles

DIGITS = load_digits(return_X_y=True)


def unit_columns(X, low, span):
    scaled = np.c_[(X - low) / np.where(span > 0, span, 1), np.ones(len(X))]
    return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)


def bases(K=3, d=7, k=2, seed=0):
    return torch.from_numpy(np.linalg.qr(np.random.RandomState(seed).randn(K, d, k))[0])


def test_no_training_is_the_svd_of_each_class():
    X, y = DIGITS
    model = GrassmannClassifier(3, max_iter=0).fit(X, y)
    rows = unit_columns(X, X.min(axis=0), np.ptp(X, axis=0))
    for c in range(10):
        Vt = np.linalg.svd(rows[y == c], full_matrices=False)[2][:3]
        assert_allclose(model.subspaces_[c] @ model.subspaces_[c].T, Vt.T @ Vt, atol=1e-10)
        assert_allclose(np.abs(np.sum(model.subspaces_[c].T * Vt, axis=1)), 1, atol=1e-10)
    assert (model.loss_curve_, model.n_iter_) == ([], 0)


def test_cosines_are_those_of_the_angles_with_the_subspaces():
    X, y = DIGITS
    model = GrassmannClassifier(2, max_iter=1, random_state=0).fit(X[:200], y[:200])
    row = unit_columns(X[300:301], X[:200].min(axis=0), np.ptp(X[:200], axis=0))
    for c in range(10):
        (angle,) = principal_angles(row, model.subspaces_[c].T)
        assert_allclose(model.transform(X[300:301])[0, c], np.cos(angle), atol=1e-12)
    assert_allclose(
        model.angles_[1, 4], principal_angles(model.subspaces_[1].T, model.subspaces_[4].T)
    )
    assert_allclose(model.angles_[2, 2], 0, atol=1e-6)


def test_the_gradient_of_the_loss_is_the_closed_form():
    rng = np.random.RandomState(0)
    x = torch.from_numpy(rng.randn(5, 7))
    x = x / x.norm(dim=1, keepdim=True)
    labels, weights = torch.tensor([0, 1, 2, 1, 0]), torch.tensor([1.0, 2, 1, 1, 0.5]).double()
    loss = ProjectionLoss(bases(), 25.0)
    loss((x, labels, weights)).backward()
    U = loss.bases.detach()
    norms = torch.stack([(x @ U[c]).norm(dim=1) for c in range(3)], dim=1)
    errors = (torch.softmax(25 * norms, dim=1) - torch.eye(3)[labels]) * weights[:, None] / 5
    for c in range(3):  # d logit / d U = gamma x x'U / ||U'x||
        expected = 25 * torch.einsum("b,bd,bk->dk", errors[:, c] / norms[:, c], x, x @ U[c])
        assert_allclose(loss.bases.grad[c].numpy(), expected.numpy(), atol=1e-12)


def test_a_step_goes_along_the_tangent_space_and_stays_on_the_manifold():
    U, G = bases(), torch.from_numpy(np.random.RandomState(1).randn(3, 7, 2))
    T = tangent(U, G)
    assert_allclose((U.mT @ T).numpy(), 0, atol=1e-12)
    moved = retracted(U, 1e-5 * T)
    assert_allclose((moved.mT @ moved).numpy(), np.tile(np.eye(2), (3, 1, 1)), atol=1e-12)
    assert_allclose(((moved - U) / 1e-5).numpy(), T.numpy(), atol=1e-4)
    Q, R = np.linalg.qr((U + T).numpy())
    signs = np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None]
    assert_allclose(retracted(U, T).numpy(), Q * signs, atol=1e-10)


def test_momentum_is_carried_along():
    parameter = torch.nn.Parameter(bases())
    optimizer = GrassmannSGD([parameter], lr=0.1, momentum=0.5)
    G = torch.from_numpy(np.random.RandomState(1).randn(3, 7, 2))
    U, M = parameter.detach().clone(), torch.zeros(3, 7, 2).double()
    for _ in range(3):
        parameter.grad = G.clone()
        optimizer.step()
        M = 0.5 * M + tangent(U, G)
        U = retracted(U, -0.1 * M)
        M = tangent(U, M)
        assert_allclose(parameter.detach().numpy(), U.numpy(), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bases_are_orthonormal_after_training_and_better(dtype):
    X, X_new, y, y_new = train_test_split(*DIGITS, test_size=0.3, random_state=0)
    before = GrassmannClassifier(1, max_iter=0).fit(X, y)
    model = GrassmannClassifier(1, random_state=0).fit(X.astype(dtype), y)
    U = model.subspaces_
    assert U.dtype == dtype
    assert_allclose(np.swapaxes(U, 1, 2) @ U, np.ones((10, 1, 1)), atol=1e-6)
    assert model.score(X_new, y_new) > before.score(X_new, y_new) + 0.03
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 2
    assert model.n_iter_ == len(model.loss_curve_) == 40


def test_a_weight_is_so_many_repetitions():
    X, y = DIGITS
    X, y = X[:120], y[:120]
    weights = np.random.RandomState(0).randint(0, 3, size=120) + (np.arange(120) < 30)
    repeated = np.repeat(np.arange(120), weights)
    fits = [
        GrassmannClassifier(1, max_iter=2, random_state=0).fit(*given)
        for given in ((X, y, weights), (X[repeated[::-1]], y[repeated[::-1]]))
    ]
    assert_allclose(fits[0].subspaces_, fits[1].subspaces_, atol=1e-9)


def test_equal_rows_of_one_class_are_merged():
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -0.0], [1.0, 0.0]])
    rows, codes, weights = merged_rows(X, np.array([0, 0, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert sorted(zip(rows.tolist(), codes, weights, strict=True)) == [
        ([0, 1], 0, 2), ([1, 0], 0, 4), ([1, 0], 1, 4),
    ]  # fmt: skip


def test_the_sign_of_a_row_does_not_matter_without_scaling():
    X, y = load_wine(return_X_y=True)
    model = GrassmannClassifier(2, scaling=None, bias=0, random_state=0).fit(X, y)
    assert_array_equal(model.predict(-X), model.predict(X))
    assert model.subspaces_.shape == (3, 13, 2)
    assert_allclose(model.predict_proba(np.zeros((1, 13))), 1 / 3)


def test_rows_of_no_class_are_explained_less():
    X, y = DIGITS
    model = GrassmannClassifier(4, random_state=0).fit(X, y)
    noise = np.random.RandomState(0).permutation(X.ravel()).reshape(X.shape)
    known, unknown = model.score_samples(X), model.score_samples(noise)
    assert known.max() <= 1
    assert np.quantile(known, 0.05) > np.quantile(unknown, 0.95)


def test_two_classes_have_one_decision():
    X, y = load_wine(return_X_y=True)
    X, y = X[y < 2], y[y < 2]
    model = GrassmannClassifier(2, gamma=10, random_state=0).fit(X, y)
    cosines, shares = model.transform(X), model.predict_proba(X)
    assert_allclose(model.decision_function(X), 10 * (cosines[:, 1] - cosines[:, 0]), atol=1e-12)
    assert_allclose(np.log(shares[:, 1] / shares[:, 0]), model.decision_function(X), atol=1e-9)


def test_callbacks_see_every_epoch():
    X, y = load_wine(return_X_y=True)
    monitor = LossMonitor()
    model = GrassmannClassifier(2, max_iter=5, random_state=0).set_callbacks(monitor).fit(X, y)
    assert len(monitor.get_logs()) > 0
    assert model.n_iter_ == 5


@pytest.mark.parametrize(
    ("params", "change", "message"),
    [
        ({"n_dims": 4}, lambda X, y: (X, np.r_[[9] * 3, y[3:]]), "3 of the class 9"),
        ({"n_dims": 2}, lambda X, y: (np.r_[X[:1], X[:1], X[80:]], np.r_[8, 8, y[80:]]),
         "distinct rows of each class, got 1 of the class 8"),
        ({}, lambda X, y: (X, 0 * y), "at least 2 classes"),
        ({"n_dims": 0}, lambda X, y: (X, y), "n_dims"),
        ({"bias": -1.0}, lambda X, y: (X, y), "bias"),
        ({"device": "gpu"}, lambda X, y: (X, y), "device"),
    ],
)  # fmt: skip
def test_what_is_refused(params, change, message):
    X, y = change(*load_wine(return_X_y=True))
    with pytest.raises(ValueError, match=message):
        GrassmannClassifier(**params).fit(X, y)


def test_subspaces_as_large_as_the_space_are_told():
    X, y = load_wine(return_X_y=True)
    with pytest.warns(UserWarning, match="n_dims=4 must be below the 4 columns"):
        model = GrassmannClassifier(4, max_iter=1).fit(X[:, :3], y)
    assert model.subspaces_.shape == (3, 4, 3)


def test_a_search_chooses_by_score_and_the_file_says_the_same(tmp_path):
    X, y = DIGITS
    search = GridSearchCV(GrassmannClassifier(max_iter=0), {"n_dims": [1, 6]}, cv=3).fit(X, y)
    assert search.best_params_ == {"n_dims": 6}
    pytest.importorskip("skops.io")
    loaded = sksubspace.load(sksubspace.save(search.best_estimator_, tmp_path / "model.skops"))
    assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
