"""Sparse subspace clustering by orthogonal matching pursuit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import orthogonal_mp
from sklearn.preprocessing import normalize

from sksubspace.cluster import SparseSubspaceClusteringOMP
from sksubspace.cluster._self_expression._omp import noise_floor
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy, subspace_preserving_error


def noisy(n, noise=0.02, d=30, dim=5, n_subspaces=10, seed=0):
    return make_union_of_subspaces(
        n, n_features=d, n_subspaces=n_subspaces, subspace_dim=dim, noise=noise, random_state=seed
    )


def test_coefficients_are_those_of_the_others():
    X, _ = noisy(80)
    model = SparseSubspaceClusteringOMP(10, n_nonzero=3, tol=0, random_state=0).fit(X)
    unit = normalize(X)
    for i in range(0, 80, 9):
        others = np.delete(np.arange(80), i)
        expected = np.zeros(80)
        expected[others] = orthogonal_mp(unit[others].T, unit[i], n_nonzero_coefs=3)
        assert_allclose(model.representation_matrix_[[i]].toarray()[0], expected, atol=1e-9)


def test_independent_subspaces_are_preserved_exactly():
    """Theory: with independent subspaces and no noise every coefficient is of the own subspace."""
    X, y = noisy(300, noise=0, d=40, dim=4, n_subspaces=5)
    model = SparseSubspaceClusteringOMP(5, n_nonzero=4, random_state=0).fit(X)
    assert subspace_preserving_error(model.representation_matrix_, y) < 1e-10
    assert clustering_accuracy(y, model.labels_) == 1
    assert clustering_accuracy(y, model.predict(X)) == 1


@pytest.mark.parametrize("n", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_default_call_withstands_noise_as_rows_grow(n):
    X, y = noisy(n)
    model = SparseSubspaceClusteringOMP(n_clusters=10, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) > 0.98


@pytest.mark.slow
def test_without_tolerance_and_landmarks_noise_is_fitted():
    """What the defaults are there for."""
    X, y = noisy(10_000)
    plain = {"tol": 1e-6, "n_landmarks": None, "neighbor_weight": 0}
    model = SparseSubspaceClusteringOMP(10, random_state=0, **plain).fit(X)
    assert clustering_accuracy(y, model.labels_) < 0.7


@pytest.mark.parametrize("noise", [pytest.param(0.02, marks=pytest.mark.slow), 0.1])
def test_landmarks_come_with_many_rows_and_withstand_noise(noise):
    few, many = noisy(1000), noisy(20_500, noise)
    assert SparseSubspaceClusteringOMP(10, random_state=0).fit(few[0]).landmark_indices_ is None
    model = SparseSubspaceClusteringOMP(10, random_state=0).fit(many[0])
    assert model.landmark_indices_.shape == (1500,)
    assert clustering_accuracy(many[1], model.labels_) > 0.98


def test_the_tolerance_is_in_units_of_the_noise():
    tolerances = [
        SparseSubspaceClusteringOMP(10, random_state=0).fit(noisy(1500, noise)[0]).tol_
        for noise in (0.01, 0.02, 0.04)
    ]
    energies = 30 * np.square([0.01, 0.02, 0.04])
    assert_allclose(tolerances, 2 * energies / (1 + energies), rtol=0.35)
    assert SparseSubspaceClusteringOMP(10, tol=0.1).fit(noisy(200)[0]).tol_ == 0.1


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_the_noise_floor_is_the_share_of_noise_in_a_row(noise):
    X, _ = noisy(2000, noise)
    energy = 30 * noise**2
    assert noise_floor(normalize(X)) == pytest.approx(energy / (1 + energy), rel=0.3)


def test_the_noise_floor_of_data_without_noise_is_zero():
    assert noise_floor(noisy(1000, noise=0)[0]) < 1e-12
    dense, _ = make_union_of_subspaces(
        1000, n_features=9, n_subspaces=5, subspace_dim=6, random_state=0
    )
    assert noise_floor(dense) < 1e-6
    assert noise_floor(np.ones((5, 1))) == 0


@pytest.mark.parametrize("seed", range(3))
def test_lengths_of_rows_may_differ(seed):
    X, _ = noisy(1000, seed=seed)
    lengths = np.random.RandomState(seed).uniform(1, 3, size=(1000, 1))
    rows = lengths * noisy(1000, noise=0, seed=seed)[0]
    rows += 0.02 * np.random.RandomState(seed + 10).randn(*rows.shape)
    assert 0 < noise_floor(rows) < noise_floor(X)


def test_noise_that_differs_between_neighbourhoods_is_no_floor():
    """Half of the subspaces with three times the noise; and digits, which are on none."""
    (X, y), more = noisy(1000), np.random.RandomState(1).randn(1000, 30)
    assert noise_floor(X) > 0.01
    assert noise_floor(X + 0.06 * more * (y < 5)[:, None]) == 0
    components = PCA(50, random_state=0).fit_transform(load_digits().data)
    model = SparseSubspaceClusteringOMP(10, random_state=0).fit(components)
    assert model.tol_ == 1e-6
    plain = SparseSubspaceClusteringOMP(10, tol=0, random_state=0).fit(components)
    assert_allclose(
        model.representation_matrix_.toarray(), plain.representation_matrix_.toarray(), atol=1e-12
    )


def test_more_coefficients_than_other_rows_are_cut_with_a_warning():
    X = np.random.RandomState(0).randn(6, 20)
    with pytest.warns(UserWarning, match="n_nonzero=8 is more than the 5 other rows"):
        model = SparseSubspaceClusteringOMP(2, n_nonzero=8, tol=0, random_state=0).fit(X)
    assert np.diff(model.representation_matrix_.indptr).max() == 5


def test_tolerance_is_checked():
    with pytest.raises(ValueError, match="'tol' parameter"):
        SparseSubspaceClusteringOMP(2, tol=1.5).fit(noisy(20)[0])
