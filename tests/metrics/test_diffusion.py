"""The entropy of a walk over rows, beside its definition."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist, squareform

from sksubspace.metrics import diffusion_spectral_entropy

X = np.random.RandomState(0).randn(60, 5)


def by_definition(X, sigma, t):
    """From the transition probabilities themselves, whose eigenvalues are those of no symmetry."""
    G = np.exp(-(squareform(pdist(X)) ** 2) / (2 * sigma**2))
    density = G.sum(axis=1)
    W = np.array(
        [[G[i, j] / np.sqrt(density[i] * density[j]) for j in range(60)] for i in range(60)]
    )
    values = np.abs(np.linalg.eigvals(W / W.sum(axis=1, keepdims=True)).real) ** t
    p = values / values.sum()
    return -np.sum(p * np.log(np.maximum(p, 1e-300)))


@pytest.mark.parametrize(("sigma", "t"), [(1.0, 1), (2.5, 1), (1.5, 3.5)])
def test_it_is_that_of_its_definition(sigma, t):
    expected = by_definition(X, sigma, t)
    assert diffusion_spectral_entropy(X, sigma=sigma, t=t) == pytest.approx(expected, abs=1e-8)


def test_the_median_is_of_distances_of_two_rows():
    expected = by_definition(X, np.median(pdist(X)), 1)
    assert diffusion_spectral_entropy(X) == pytest.approx(expected, abs=1e-8)


def test_rotation_shift_and_scale_do_not_matter():
    Q = np.linalg.qr(np.random.RandomState(1).randn(5, 5))[0]
    expected = diffusion_spectral_entropy(X)
    assert diffusion_spectral_entropy(300 * X @ Q + 40) == pytest.approx(expected, abs=1e-9)
    assert diffusion_spectral_entropy(X[::-1]) == pytest.approx(expected, abs=1e-9)


def test_it_counts_heaps_from_one_to_all_rows():
    heaps = np.repeat(np.eye(4) * 100, 12, axis=0) + 0.01 * np.random.RandomState(0).randn(48, 4)
    assert np.exp(diffusion_spectral_entropy(heaps, sigma=1.0)) == pytest.approx(4, abs=0.03)
    assert diffusion_spectral_entropy(X, sigma=1e-3) == pytest.approx(np.log(60))
    assert diffusion_spectral_entropy(X, sigma=1e4) == pytest.approx(0, abs=1e-5)
    assert diffusion_spectral_entropy(np.ones((9, 2))) == 0
    most_equal = np.r_[np.ones((9, 2)), [[2.0, 3.0]]]
    assert np.exp(diffusion_spectral_entropy(most_equal)) == pytest.approx(2)


def test_more_steps_see_less():
    found = [diffusion_spectral_entropy(X, sigma=1.0, t=t) for t in (0.5, 1, 2, 8)]
    assert np.all(np.diff(found) < 0)


def test_draws_are_seeded_and_sparse_rows_taken():
    some = diffusion_spectral_entropy(X, max_samples=30, random_state=1)
    assert some == diffusion_spectral_entropy(X, max_samples=30, random_state=1)
    assert some != diffusion_spectral_entropy(X, max_samples=30, random_state=2)
    thin = diffusion_spectral_entropy(sparse.csr_matrix(X))
    assert thin == pytest.approx(diffusion_spectral_entropy(X), abs=1e-9)


@pytest.mark.parametrize("value", [0, -1.0, np.inf, np.nan, "mean", None])
def test_bad_input_is_named(value):
    with pytest.raises(ValueError, match='sigma must be a positive number or "median", got'):
        diffusion_spectral_entropy(X, sigma=value)
    with pytest.raises(ValueError, match="t must be a positive number, got"):
        diffusion_spectral_entropy(X, t=value)
    with pytest.raises(ValueError, match="X must have at least 2 rows, got 1"):
        diffusion_spectral_entropy(X[:1])
