import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sksubspace._linalg import leading_directions
from sksubspace.cluster import KSubspaces
from sksubspace.cluster._k_subspaces._alternation import (
    AssignedRows,
    Subspaces,
    alternate,
    fit_each,
    residuals,
)
from sksubspace.cluster._k_subspaces._runs import (
    compress,
    nearest_spans,
    random_spans,
    short_runs,
)
from sksubspace.cluster._k_subspaces._start import auto_dim, start_labels
from sksubspace.metrics import clustering_accuracy
from tests.cluster.toy import union


def cost(X, means, bases):
    """Each row's least squared distance, with dense projections."""
    squared = []
    for mean, basis in zip(means, bases, strict=True):
        off = (X - mean) @ (np.eye(X.shape[1]) - basis.T @ basis)
        squared.append(np.square(off).sum(axis=1))
    return np.min(squared, axis=0)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (3, 9), (9, 3)])
def test_leading_directions_are_those_of_the_svd(shape):
    A = np.random.RandomState(0).randn(*shape)
    _, singular, vectors = np.linalg.svd(A, full_matrices=False)
    squared, basis = leading_directions(A, 3)
    assert_allclose(squared, singular[:3] ** 2)
    assert_allclose(basis.T @ basis, vectors[:3].T @ vectors[:3], atol=1e-12)


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
def test_directions_beyond_the_rank_are_zero(shape):
    A = np.outer(np.arange(1.0, shape[0] + 1), np.arange(1.0, shape[1] + 1))
    squared, basis = leading_directions(A, 3)
    assert_allclose(squared[0], np.square(A).sum())
    assert (squared[1:] == 0).all()
    assert (basis[1:] == 0).all()
    assert (leading_directions(np.zeros((0, 4)), 2)[1] == 0).all()


@pytest.mark.parametrize("affine", [False, True])
def test_residuals_are_distances_from_the_subspaces(affine):
    X, y = union(60, noise=0.5)
    nothing = Subspaces(np.zeros((4, 12)), np.zeros((4, 2, 12)))
    fitted = fit_each(X, y, nothing, affine=affine)
    assert_allclose(residuals(X, fitted).min(axis=1), cost(X, fitted.means, fitted.bases))


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_cost_never_rises(affine, seed):
    """Four subspaces asked for where there are two, from labels of which one is missing."""
    X, _ = union(90, d=8, dim=4, k=2, noise=0.3, seed=seed)
    labels = np.random.RandomState(seed).randint(3, size=90)
    nothing = Subspaces(np.zeros((4, 8)), np.zeros((4, 2, 8)))
    first = fit_each(X, labels, nothing, affine=affine)
    end = alternate(AssignedRows(X, affine), first, max_iter=50, tol=0)
    assert end.converged
    assert len(end.costs) > 3
    assert (np.diff(end.costs) <= 1e-12 * end.costs[0]).all()
    assert np.unique(residuals(X, end.subspaces).argmin(axis=1)).size == 4


def test_an_empty_cluster_takes_the_rows_that_fit_worst():
    X, y = union(60, dim=2, k=2)
    far = np.zeros((2, 12))
    far[0, 3], far[1, 7] = 50, 60
    X = np.vstack([X, far])
    labels = np.append(y, [0, 1])
    nothing = Subspaces(np.zeros((3, 12)), np.zeros((3, 2, 12)))
    first = fit_each(X[:60], labels[:60], nothing, affine=False)
    end = alternate(AssignedRows(X, False), first, max_iter=20, tol=0)
    found = residuals(X, end.subspaces).argmin(axis=1)
    assert_array_equal(found[60:], [2, 2])
    assert end.costs[-1] < 1e-14 * end.costs[0]


@pytest.mark.parametrize("init", ["ensemble", "random"])
def test_subspaces_without_noise_are_found(init):
    X, y = union(200)
    model = KSubspaces(4, init=init, subspace_dim=3, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) == 1
    assert model.inertia_ < 1e-20
    for k, basis in enumerate(model.cluster_bases_):
        members = X[model.labels_ == k]
        assert_allclose(members @ basis.T @ basis, members, atol=1e-12)


def test_the_dimension_is_found_too():
    X, y = union(240, dim=3, noise=0.02)
    model = KSubspaces(4, random_state=0).fit(X)
    assert model.subspace_dim_ == 3
    assert clustering_accuracy(y, model.labels_) == 1
    assert auto_dim(X, np.where(y < 2, y, -1)) == 3


def test_affine_subspaces_are_found_off_the_origin():
    X, y = union(200, dim=1, offset=3)
    settings = {"subspace_dim": 1, "normalize": False, "init": "k-means", "random_state": 0}
    affine = KSubspaces(4, affine=True, n_init=20, **settings).fit(X)
    assert affine.inertia_ < 1e-18
    assert clustering_accuracy(y, affine.labels_) == 1
    linear = KSubspaces(4, n_init=20, **settings).fit(X)
    assert linear.inertia_ > 1
    assert (linear.cluster_means_ == 0).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_predict_gives_the_training_rows_their_labels(dtype, normalize, affine):
    X = union(150, noise=1.0)[0].astype(dtype)
    model = KSubspaces(
        4, subspace_dim=2, affine=affine, normalize=normalize, init="random", random_state=0
    ).fit(X)
    assert_array_equal(model.predict(X), model.labels_)
    rows = X / np.linalg.norm(X, axis=1, keepdims=True) if normalize else X
    expected = cost(rows, model.cluster_means_, model.cluster_bases_)
    assert_allclose(model.inertia_, expected.sum(), rtol=1e-4 if dtype == np.float32 else 1e-12)
    assert model.cluster_means_.dtype == model.cluster_bases_[0].dtype == dtype


def test_more_starts_cost_no_more():
    X, _ = union(150, noise=1.0)
    settings = {"subspace_dim": 2, "init": "random", "random_state": 0}
    costs = [KSubspaces(4, n_init=n, **settings).fit(X).inertia_ for n in (1, 3, 10)]
    assert costs[0] >= costs[1] >= costs[2]
    assert costs[0] > costs[2]


def test_too_few_steps_warn():
    X, _ = union(150, noise=1.0)
    model = KSubspaces(4, subspace_dim=2, init="random", max_iter=1, n_init=1, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=1 fits"):
        model.fit(X)
    assert model.n_iter_ == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(max_iter=200).fit(X)


def test_a_start_is_taken_from_some_of_many_rows():
    X, y = union(4000, noise=0.05)
    labels = start_labels(X, 4, "ensemble", np.random.RandomState(0))
    assert (labels >= 0).sum() == 3000
    assert clustering_accuracy(y[labels >= 0], labels[labels >= 0]) > 0.99
    model = KSubspaces(4, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) == 1


def test_as_many_rows_as_clusters():
    X, _ = union(4)
    model = KSubspaces(4, subspace_dim=1, random_state=0).fit(X)
    assert sorted(model.labels_) == [0, 1, 2, 3]


def test_impossible_dimensions_raise():
    X, _ = union(40)
    with pytest.raises(ValueError, match="subspace_dim=12 must be less than"):
        KSubspaces(4, subspace_dim=12).fit(X)


def test_spans_hold_their_rows():
    X, _ = union(40, noise=1.0)
    bases = random_spans(X, 3, 4, np.random.RandomState(0))
    held = [
        np.isclose(np.linalg.norm(X @ basis, axis=1), np.linalg.norm(X, axis=1)) for basis in bases
    ]
    assert [part.sum() for part in held] == [4, 4, 4]
    assert np.sum(held, axis=0).max() == 1
    energy = np.stack([np.square(X @ basis).sum(axis=1) for basis in bases])
    assert_array_equal(nearest_spans(X, bases), energy.argmax(axis=0))


def test_short_runs_lose_no_energy_and_depend_on_no_thread():
    X, _ = union(120, noise=0.5)
    labels = [short_runs(X, 4, 3, 6, t, np.random.RandomState(0)) for t in (0, 1, 5, 30)]

    def energy(column):
        members = (X[column == k] for k in range(4))
        return sum(leading_directions(rows, 3)[0].sum() for rows in members)

    energies = np.array([[energy(column) for column in part.T] for part in labels])
    assert (np.diff(energies, axis=0).mean(axis=1) > 0).all()
    threads = short_runs(X, 4, 3, 6, 5, np.random.RandomState(0), n_jobs=2)
    assert_array_equal(threads, labels[2])


def test_compressed_rows_keep_lengths_and_angles():
    rng = np.random.RandomState(0)
    X = rng.randn(150, 5) @ rng.randn(5, 100) + 0.05 * rng.randn(150, 100)
    Z = compress(X, np.random.RandomState(0))
    assert Z.shape[1] <= 6
    assert np.square(Z).sum() >= 0.99 * np.square(X).sum()
    assert_allclose(Z @ Z.T, X @ X.T, atol=0.02 * np.square(X).sum(axis=1).max())
    assert compress(X[:, :20], rng) is not None
    assert compress(X[:, :20], rng).shape == (150, 20)
