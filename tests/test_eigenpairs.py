import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import linalg

from sksubspace._linalg import largest_eigenpairs


def matrix(values):
    """A symmetric matrix of given eigenvalues."""
    p = len(values)
    basis = np.linalg.qr(np.random.RandomState(0).standard_normal((p, p)))[0]
    return (basis * values) @ basis.T


def assert_eigenpairs(A, values, vectors, expected):
    assert_allclose(values, expected, atol=1e-12)
    assert_allclose(A @ vectors, vectors * values, atol=1e-12)
    assert_allclose(vectors.T @ vectors, np.eye(len(expected)), atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("spectrum", [[5.0, 4, 3, 2, 1, 0.5], [1.0, 1, 1, 1, 0, 0]])
def test_the_largest_come_first(k, spectrum):
    A = matrix(np.array(spectrum)[::-1])
    assert_eigenpairs(A, *largest_eigenpairs(A, k), spectrum[:k])


def test_a_solver_that_fails_is_replaced(monkeypatch):
    """As LAPACK's does here and there for repeated eigenvalues, with an "Internal Error"."""
    solve = linalg.eigh

    def failing(*args, **kwargs):
        if "subset_by_index" in kwargs:
            raise np.linalg.LinAlgError("Internal Error.")
        return solve(*args, **kwargs)

    monkeypatch.setattr(linalg, "eigh", failing)
    A = matrix(np.array([0.0, 1, 1, 2]))
    assert_eigenpairs(A, *largest_eigenpairs(A, 3), [2, 1, 1])
