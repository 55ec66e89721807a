import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from tests import instances
from tests._student.toy import curve
from tests.distillation.toy import FirstColumns

pytestmark = [
    pytest.mark.filterwarnings("ignore:calibration='loo' needs"),
    pytest.mark.filterwarnings("ignore:A precomputed embedding"),
]

QUICK = {"max_iter": 3, "random_state": 0}


def precomputed(X, Z, **params):
    return MEDAL("precomputed", **{**QUICK, **params}).fit(X, embedding=Z)


def test_inverse_transform_takes_any_point_of_the_map():
    X, Z = curve(300)
    medal = precomputed(X, Z, max_iter="auto")
    grid = np.random.RandomState(1).uniform(-1, 1, size=(50, 2))
    expected = np.column_stack([grid, np.sin(2 * grid), grid.prod(1)])
    assert np.square(medal.inverse_transform(grid) - expected).mean() < 0.01
    assert_allclose(medal.inverse_transform(medal.transform(X)), medal.reconstruct(X))


def test_reconstruction_is_the_inverse_of_the_placement():
    X, _ = curve(60)
    X_new, _ = curve(20, seed=1)
    for name in instances.names():
        medal = instances.make(name).fit(X)
        assert_array_equal(
            medal.reconstruct(X_new), medal.inverse_transform(medal.transform(X_new))
        )


def test_points_of_a_linear_map_are_inverted_exactly():
    """Data on a plane: placing a reconstruction gives the point back."""
    rng = np.random.RandomState(0)
    Z = rng.uniform(-1, 1, size=(300, 2))
    medal = MEDAL(PCA(2), random_state=0).fit(Z @ rng.randn(2, 6))
    points = 0.5 * medal.embedding_[:50]
    assert_allclose(medal.transform(medal.inverse_transform(points)), points, atol=0.02)


@pytest.mark.parametrize("name", instances.names())
def test_sparse_rows_give_the_dense_result(name):
    X = np.random.RandomState(0).rand(70, 8) * 5
    X[X < 3] = 0
    dense = instances.make(name, teacher=FirstColumns()).fit(X)
    same = instances.make(name, teacher=FirstColumns()).fit(sparse.csr_matrix(X))
    rows = sparse.csr_matrix(X[:20] * 1.01)
    assert_allclose(same.transform(rows), dense.transform(rows.toarray()), atol=1e-6)
    assert_allclose(same.reconstruct(rows), dense.reconstruct(rows.toarray()), atol=1e-5)
    assert_allclose(same.distortion(rows), dense.distortion(rows.toarray()), atol=1e-5)
    assert same.score(rows) == pytest.approx(dense.score(rows.toarray()), abs=1e-6)
    # whichever was fitted, the other is understood
    assert_allclose(dense.transform(rows), same.transform(rows.toarray()), atol=1e-6)


@pytest.mark.parametrize("layout", ["csc", "coo", "unsorted", "duplicates"])
def test_sparse_layouts(layout):
    X = np.random.RandomState(0).rand(50, 8)
    X[X < 0.5] = 0
    expected = MEDAL(PCA(2), encoder="local", **QUICK).fit(sparse.csr_matrix(X)).transform(X)
    if layout == "unsorted":
        rows = sparse.csr_matrix(X)
        for start, stop in zip(rows.indptr, rows.indptr[1:], strict=False):
            rows.indices[start:stop] = rows.indices[start:stop][::-1].copy()
            rows.data[start:stop] = rows.data[start:stop][::-1].copy()
        rows.has_sorted_indices = False
    elif layout == "duplicates":
        coo = sparse.coo_matrix(X)
        twice = (np.tile(coo.data / 2, 2), (np.tile(coo.row, 2), np.tile(coo.col, 2)))
        rows = sparse.coo_matrix(twice, shape=X.shape)
    else:
        rows = sparse.csr_matrix(X).asformat(layout)
    medal = MEDAL(PCA(2), encoder="local", **QUICK).fit(rows)
    assert_allclose(medal.transform(rows), expected, atol=1e-9)


@pytest.mark.parametrize("name", instances.names())
def test_sparse_rows_of_one_feature(name):
    X = sparse.csr_matrix(np.arange(30.0)[:, None] % 7)
    Z = np.random.RandomState(0).randn(30, 2)
    medal = instances.make(name, teacher="precomputed").fit(X, embedding=Z)
    assert medal.transform(X).shape == (30, 2)
    assert medal.reconstruct(X).shape == (30, 1)
    assert np.isfinite(medal.score_components(X).pca_r2)


@pytest.mark.parametrize("name", instances.names())
def test_empty_rows_and_columns(name):
    X = np.where(np.abs(curve(60)[0]) < 0.7, 0, curve(60)[0])
    X[[3, 9]] = 0
    X[:, 2] = 0
    medal = instances.make(name, teacher=FirstColumns()).fit(sparse.csr_matrix(X))
    dense = instances.make(name, teacher=FirstColumns()).fit(X)
    assert_allclose(medal.transform(X), dense.transform(X), atol=1e-6)
    assert_allclose(medal.reconstruct(X)[:, 2], dense.reconstruct(X)[:, 2], atol=1e-6)
