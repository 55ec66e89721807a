"""Hard tables, many features and the training of TLDR."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA

from sksubspace import _linalg
from sksubspace.callbacks import LossMonitor
from sksubspace.manifold import _learning, _map
from tests.manifold.toy import X, assert_same_map, closed_kinds, every_kind, quiet, tldr


@pytest.fixture(autouse=True)
def few_frequencies(monkeypatch):
    monkeypatch.setattr(_map, "_N_FREQUENCIES", 60)


# --- tables that are hard


def hard_tables():
    rng = np.random.RandomState(0)
    normal = rng.randn(40, 6)
    return {
        "constant columns": np.hstack([normal, np.full((40, 2), 0.1)]),
        "columns twice": np.hstack([normal, normal]),
        "few rows": normal[:8, [0, 1, 2, 3, 4, 5] * 5],
        "two rows": normal[:2],
        "three rows": normal[:3],
        "all rows neighbours": normal[:6],
        "one feature": normal[:, :1],
        "rows many times": np.repeat(normal[:5], 8, axis=0),
        "two points": np.repeat(normal[:2], 20, axis=0),
        "rows of zeros": np.vstack([normal, np.zeros((10, 6))]),
        "an outlier": np.vstack([normal, np.full((1, 6), 1e6)]),
        "tiny": 1e-100 * normal,
        "large": 1e90 * normal,
        "far away": normal + 1e8,
        "bytes": rng.randint(0, 255, (40, 6)).astype(np.uint8),
    }


@every_kind
@pytest.mark.parametrize("name", list(hard_tables()))
def test_hard_tables_give_finite_outputs(kind, name):
    rows = hard_tables()[name]
    model = quiet(tldr(kind, n_components=4), rows)
    Z = model.transform(rows)
    assert np.isfinite(Z).all() and np.isfinite(model.inverse_transform(Z)).all()
    assert Z.shape == (len(rows), model.n_components_)
    assert (model.explained_variance_ > 0).all()
    assert np.ptp(Z, axis=0).min() > 1e-9 * np.ptp(Z[:, 0]) > 0


@every_kind
@pytest.mark.parametrize("value", [1.0, 0.1, 1234.5678])
def test_rows_that_are_all_the_same_are_refused(kind, value):
    rows = np.full((23, 5), value)
    for same in (rows, sparse.csr_matrix(rows)):
        with pytest.raises(ValueError, match="X must have variance, but all its rows are the same"):
            tldr(kind).fit(same)


@closed_kinds
def test_pairs_among_equal_rows_only_are_refused(kind):
    rows = np.vstack([X[:1], X[:1], X[5:8]])
    graph = sparse.csr_matrix(([1.0, 1.0], ([0, 1], [1, 0])), shape=(5, 5))
    with pytest.raises(ValueError, match="Rows of neighbour pairs must have variance"):
        tldr(kind).fit(rows, neighbors_graph=graph)


# --- many features


@pytest.mark.parametrize("side", [100, 11])
@pytest.mark.parametrize("kind", ["spectral", "lbfgs"])
def test_many_features_take_the_principal_scores(monkeypatch, kind, side):
    model = tldr(kind, mutual=False).fit(X)
    monkeypatch.setattr(_learning, "SMALL_SIDE", 11)
    monkeypatch.setattr(_linalg, "SMALL_SIDE", side)
    many = tldr(kind, mutual=False, pca_components=11).fit(X)
    few = tldr(kind, mutual=False, pca_components=None).fit(X)
    assert many.components_.shape == (6, 12)
    if side == 100:
        assert_same_map(model, few, atol=1e-5)
        assert_allclose(few.inverse_transform(Z := few.transform(X)), model.inverse_transform(Z))
    kept = PCA(11, svd_solver="full").fit(X).components_
    assert_allclose(many.components_ @ kept.T @ kept, many.components_, atol=1e-6)


@every_kind
def test_more_than_a_thousand_features(kind):
    wide = np.hstack([X, np.zeros((200, 1020))]) @ np.eye(1032)[:, ::-1]
    model = tldr(kind).fit(wide)
    assert model.n_features_in_ == 1032
    Z = model.transform(wide)
    if kind in ("spectral", "lbfgs"):
        expected = tldr(kind).fit(X).transform(X)
        signs = np.sign((Z * expected).sum(axis=0))
        assert_allclose(Z * signs, expected, atol=1e-4 * np.abs(Z).max())
    assert_allclose(model.inverse_transform(Z)[:, :1020], 0, atol=1e-9)


# --- training


@pytest.mark.parametrize("kind", ["sgd", "mlp"])
def test_every_epoch_is_reported(kind):
    monitor = LossMonitor()
    model = tldr(kind).set_callbacks(monitor).fit(X)
    assert [row["loss"] for row in monitor.get_logs()] == model.loss_curve_
    assert len(model.loss_curve_) == model.n_iter_ == 3
    assert_array_equal(model.transform(X), tldr(kind).fit(X).transform(X))


def test_a_closed_form_has_no_epochs():
    monitor = LossMonitor()
    model = tldr().set_callbacks(monitor).fit(X)
    assert monitor.get_logs() == [] and model.loss_curve_ == [] and model.n_iter_ == 1


def test_lbfgs_reports_a_falling_loss():
    model = tldr("lbfgs").fit(X)
    assert len(model.loss_curve_) == model.n_iter_ > 1
    assert (np.diff(model.loss_curve_) <= 1e-9).all()
