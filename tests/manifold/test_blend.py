"""The blend against the three maps it is made of, fitted one by one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from sksubspace.manifold import TLDR, _map
from sksubspace.manifold._blend import joint_moments, weigh
from tests.manifold.toy import DIGITS, LABELS, X, curve, tldr

NEW = curve(60, seed=1)
STRONG = {"smoothing": 3.0, "metric_power": 0.05}


@pytest.fixture(autouse=True)
def few_frequencies(monkeypatch):
    monkeypatch.setattr(_map, "_N_FREQUENCIES", 60)


def of_variance_one(model, rows, new):
    """Outputs of a fitted map, centred and with total variance 1 over the rows."""
    Z = model.transform(rows)
    mean, spread = Z.mean(axis=0), np.sqrt(Z.var(axis=0).sum())
    return (Z - mean) / spread, (model.transform(new) - mean) / spread


def parts_of(rows, new, n_components, **params):
    """The three maps, by the estimators that make them alone."""
    pca = PCA(svd_solver="full").fit(rows)
    scores = [pca.transform(some) / pca.explained_variance_**0.25 for some in (rows, new)]
    spread = np.sqrt(scores[0].var(axis=0).sum())
    yield [some / spread for some in scores]
    for encoder in ("linear", "fourier"):
        model = TLDR(n_components, encoder=encoder, random_state=0, **STRONG | params)
        yield of_variance_one(model.fit(rows), rows, new)


@pytest.mark.parametrize("params", [{}, {"metric": "euclidean"}, STRONG | {"smoothing": 1.0}])
def test_the_blend_is_the_three_maps_side_by_side(params):
    model = tldr("blend", **params).fit(X)
    pairs = zip(parts_of(X, NEW, 6, **params), (0.2, 0.4, 0.4), strict=True)
    weighted = [[np.sqrt(weight) * Z for Z in part] for part, weight in pairs]
    rows, new = (np.hstack(Z) for Z in zip(*weighted, strict=True))
    pca = PCA(6, svd_solver="full").fit(rows)
    expected = pca.transform(new)
    Z = model.transform(NEW)
    assert_allclose(Z * np.sign((Z * expected).sum(axis=0)), expected, atol=1e-7)
    assert_allclose(model.explained_variance_, pca.explained_variance_ * 199 / 200, rtol=1e-7)
    assert model.components_ is None


def test_other_encoders_keep_the_defaults_that_they_had():
    former = {"smoothing": 1.5, "metric_power": 0.25}
    for kind in ("spectral", "fourier", "mlp"):
        by_name = tldr(kind).fit(X).transform(NEW)
        assert_array_equal(by_name, tldr(kind, **former).fit(X).transform(NEW))
    blended = tldr("blend", **STRONG).fit(X).transform(NEW)
    assert_array_equal(TLDR(6, random_state=0).fit(X).transform(NEW), blended)


def test_moments_of_two_tables_are_those_of_one(monkeypatch):
    Z, Y = X.astype(np.float32), np.sin(X[:, :5])
    both = np.hstack([Z, Y])
    monkeypatch.setattr(_map.row_blocks, "__defaults__", (16, None))
    mean, C = joint_moments(Z, Y)
    assert_allclose(mean, both.mean(axis=0))
    assert_allclose(C, np.cov(both.T, bias=True), atol=1e-12)


def test_a_map_without_variance_stays_without():
    C = np.diag([4.0, 1.0, 0.0, 9.0])
    together = np.eye(4)
    assert_allclose(weigh(together, C, (2, 1, 1)), [np.sqrt(0.2 / 5), 0, np.sqrt(0.4 / 9)])


def test_the_blend_keeps_the_vote_of_the_nearest(monkeypatch):
    """On digits the linear map ranks better than components, and its vote is that of the rows."""
    monkeypatch.setattr(_map, "_N_FREQUENCIES", 500)
    train, test = DIGITS[:1200], DIGITS[1200:]

    def vote(model):
        near = KNeighborsClassifier(10, metric="cosine")
        near.fit(model.fit(train).transform(train), LABELS[:1200])
        return near.score(model.transform(test), LABELS[1200:])

    assert vote(TLDR(random_state=0)) >= vote(PCA(32)) - 0.002
