import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import Ridge

from sksubspace.encoding import _exact
from sksubspace.encoding._exact import correct, interpolate, loo_correction
from sksubspace.encoding._linear import fit_linear
from sksubspace.neighbors import k_nearest
from tests.encoding.test_linear import penalty_of
from tests._student.toy import curve


def half(X):
    """An encoder that is wrong everywhere."""
    return 0.5 * X[:, :2]


def test_interpolation_is_the_inverse_square_distance_mean():
    squared = np.array([[1.0, 4.0], [2.0, 2.0]])
    values = np.array([[[1.0], [2.0]], [[2.0], [4.0]]])
    assert_allclose(interpolate(squared, values), [[(1 + 2 / 4) / 1.25], [3]])


def test_values_at_distance_zero_decide_alone():
    squared = np.array([[0.0, 1e-9, 1.0], [0.0, 0.0, 1.0]])
    values = np.array([[[1.0], [2.0], [6.0]]] * 2)
    assert_array_equal(interpolate(squared, values), [[1], [1.5]])


def test_correction_makes_any_encoder_exact_and_fades_between():
    X, Z = curve(60)
    corrected = correct(half, X, Z)
    assert_allclose(corrected(X), Z, atol=1e-12)
    queries = curve(10, seed=1)[0]
    squared, near = k_nearest(queries, X, 3)
    weights = (1 / squared) / (1 / squared).sum(1, keepdims=True)
    expected = half(queries) + np.einsum("nk,nkq->nq", weights, (Z - half(X))[near])
    assert_allclose(corrected(queries), expected)


@pytest.mark.parametrize("shape", [(30, 5), (20, 35)], ids=["tall", "wide"])
def test_left_out_correction_is_what_a_fit_without_the_row_gives(shape, monkeypatch):
    monkeypatch.setattr(_exact, "_CHUNK", 7)
    rng = np.random.RandomState(0)
    X, Z = rng.randn(*shape), rng.randn(shape[0], 2)
    linear = fit_linear(X, Z)
    penalty = penalty_of(linear.encoder, X, Z)
    placed = linear.Z_loo + loo_correction(X, Z, Z - linear.encoder(X), linear, np.arange(len(Z)))
    for i in range(shape[0]):
        others = np.arange(shape[0]) != i
        refitted = Ridge(alpha=penalty).fit(X[others], Z[others]).predict
        expected = correct(refitted, X[others], Z[others])(X[i : i + 1])
        assert_allclose(placed[i : i + 1], expected, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_correction_with_few_rows(n):
    X, Z = curve(n)
    corrected = correct(half, X, Z)
    assert_allclose(corrected(X), Z)
    assert np.isfinite(corrected(X + 1)).all()


def test_correction_of_sparse_rows():
    X, Z = curve(30)
    X[np.abs(X) < 0.5] = 0
    dense = correct(half, X, Z)
    same = correct(lambda rows: half(rows.toarray()), sparse.csr_matrix(X), Z)
    queries = curve(10, seed=1)[0]
    assert_allclose(same(sparse.csr_matrix(queries)), dense(queries))
