"""Batched orthogonal matching pursuit, row by row against scikit-learn's."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import orthogonal_mp

from sksubspace.cluster._self_expression import _residuals as residuals
from sksubspace.cluster._self_expression._pursuit import omp


def unit_rows(n, d, seed=0):
    X = np.random.RandomState(seed).randn(n, d)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def by_scikit_learn(X, dictionary, own, n_nonzero):
    codes = np.zeros((len(X), len(dictionary)))
    for i, (row, j) in enumerate(zip(X, own, strict=True)):
        others = np.arange(len(dictionary)) != j
        codes[i, others] = orthogonal_mp(dictionary[others].T, row, n_nonzero_coefs=n_nonzero)
    return codes


@pytest.fixture(params=["gram", "residuals", "sparse", "sparse gram"])
def form(request, monkeypatch):
    """The ways correlations are found: from a Gram matrix or not, dense or sparse."""
    monkeypatch.setattr(residuals, "_GRAM_BYTES", 2**30 if "gram" in request.param else 0)
    monkeypatch.setattr(residuals, "_FEATURES_PER_STEP", 0)
    return sparse.csr_matrix if "sparse" in request.param else np.asarray


@pytest.mark.parametrize("d", [12, 200])
@pytest.mark.parametrize("n_nonzero", [1, 4, 9])
def test_codes_are_those_of_scikit_learn(form, d, n_nonzero):
    X = unit_rows(60, d)
    own = np.arange(60)
    given = form(X)
    found = omp(given, given, own, n_nonzero).toarray()
    assert_allclose(found, by_scikit_learn(X, X, own, n_nonzero), atol=1e-9)


def test_a_dictionary_of_its_own(form):
    X, D = unit_rows(40, 30), 3 * unit_rows(25, 30, 1)
    D[:10] = X[5:15]
    own = np.full(40, -1)
    own[5:15] = np.arange(10)
    found = omp(form(X), form(D), own, 3).toarray()
    lengths = np.linalg.norm(D, axis=1)
    for i in range(40):
        left = np.flatnonzero(found[i])
        assert len(left) == 3
        assert own[i] not in left
        best = np.abs(np.where(np.arange(25) == own[i], 0, D @ X[i])).argmax()
        assert best in left
        fitted = np.linalg.lstsq(D[left].T, X[i])[0]
        assert_allclose(found[i, left], fitted, atol=1e-9)
    assert lengths.max() > 2


def test_a_row_stops_at_its_tolerance(form):
    X = unit_rows(50, 15)
    X[20:] *= 7.0  # the tolerance is relative
    given = form(X)
    exact = omp(given, given, np.arange(50), 6)
    loose = omp(given, given, np.arange(50), 6, tol=0.2)
    for i in range(50):
        residual = np.square(X[i] - loose[[i]] @ X).sum()
        enough = residual <= 0.2 * np.square(X[i]).sum()
        assert enough or loose[[i]].nnz == 6
        if loose[[i]].nnz > 1:
            shorter = omp(given[[i]], given, np.array([i]), loose[[i]].nnz - 1)
            assert np.square(X[i] - shorter @ X).sum() > 0.2 * np.square(X[i]).sum()
    assert loose.nnz < exact.nnz


def test_no_row_uses_itself_and_twins_are_enough(form):
    X = np.repeat(unit_rows(15, 6), 2, axis=0)
    found = omp(form(X), form(X), np.arange(30), 5).toarray()
    assert_array_equal(np.diag(found), 0)
    assert_allclose(found[np.arange(30), np.arange(30) ^ 1], 1)
    assert_array_equal((found != 0).sum(axis=1), 1)


def test_dependent_atoms_are_not_taken(form):
    """Rows of rank two have no third independent atom, and nothing becomes NaN."""
    X = unit_rows(30, 2) @ np.random.RandomState(1).randn(2, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = omp(form(X), form(X), np.arange(30), 5).toarray()
    assert np.isfinite(found).all()
    assert (found != 0).sum(axis=1).max() <= 2
    assert_allclose(found @ X, X, atol=1e-8)


def test_zero_rows_and_orthogonal_rows_have_no_code(form):
    X = np.zeros((6, 8))
    X[1:] = np.eye(8)[:5]
    assert omp(form(X), form(X), np.arange(6), 3).nnz == 0


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_blocks_do_not_matter(form, batch_size):
    X = unit_rows(50, 40)
    whole = omp(form(X), form(X), np.arange(50), 4).toarray()
    blocks = omp(form(X), form(X), np.arange(50), 4, batch_size=batch_size).toarray()
    assert_allclose(blocks, whole, atol=1e-12)


def test_single_precision(form):
    X = unit_rows(50, 60)
    single = omp(form(X.astype(np.float32)), form(X.astype(np.float32)), np.arange(50), 4)
    assert single.dtype == np.float32
    double = omp(form(X), form(X), np.arange(50), 4)
    same = ((single != 0) != (double != 0)).nnz == 0
    assert same
    assert_allclose(single.toarray(), double.toarray(), atol=1e-4)


def test_the_data_are_not_written_to(form):
    X = unit_rows(30, 20)
    given = form(X.copy())
    omp(given, given, np.arange(30), 3)
    assert_array_equal(given.toarray() if sparse.issparse(given) else given, X)


@pytest.mark.gpu
def test_on_a_gpu(form):
    X = unit_rows(60, 40)
    here = omp(form(X), form(X), np.arange(60), 5).toarray()
    assert_allclose(omp(form(X), form(X), np.arange(60), 5, device="cuda").toarray(), here)
