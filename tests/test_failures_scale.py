"""Many rows and many features: what is drawn is said, what does not fit is refused."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sksubspace import SteinSubspace, _machine
from sksubspace.cluster import LeastSquaresSubspaceClustering
from sksubspace.cluster._spectral import landmark_labels
from sksubspace.metrics import (
    _input,
    auc_q_nx,
    continuity,
    distance_correlation,
    normalized_stress,
    q_nx,
    retrieval_map,
    trustworthiness,
)
from tests.metrics.data import cloud
from tests.silence import without_warnings

RNG = np.random.RandomState(0)
X, Z = cloud(300)
Y = RNG.randint(2, size=300)
METRICS = [
    trustworthiness,
    continuity,
    q_nx,
    auc_q_nx,
    normalized_stress,
    distance_correlation,
    lambda X, Z, **params: retrieval_map(Z, Y, **params),
]


@pytest.mark.parametrize("metric", METRICS)
def test_many_rows_are_drawn_and_it_is_said(metric, monkeypatch):
    everything = metric(X, Z, max_samples=None)
    with without_warnings():
        np.testing.assert_array_equal(metric(X, Z), everything)
        drawn = metric(X, Z, max_samples=200)
    # the default is bound to the functions, so what is drawn is more than a number of rows
    monkeypatch.setattr(_input, "MAX_SAMPLES", 200)
    with pytest.warns(UserWarning, match="200 of 300 rows were drawn to be scored; max_samples=No"):
        np.testing.assert_array_equal(metric(X, Z, max_samples=200), drawn)
    assert np.abs(np.subtract(drawn, everything)).max() < 0.05
    assert not np.array_equal(drawn, everything)


@pytest.mark.parametrize("params", [{"order": "both"}, {"order": 2}, {"order": 1}])
def test_matrices_that_do_not_fit_are_refused_before_they_are_made(params, monkeypatch):
    rows = RNG.randn(5, 2000).astype(np.float32)
    monkeypatch.setattr(_machine, "free_memory", lambda: 1e8)
    tracemalloc.start()
    message = r"order=.*on 2,000 features needs about 0\.22\d? GB .* and 0\.1 GB are free.*PCA"
    with pytest.raises(MemoryError, match=message):
        SteinSubspace(1, **params).fit(rows, RNG.randn(5))
    assert tracemalloc.get_traced_memory()[1] < 1e7
    with pytest.raises(MemoryError, match="needs about"):
        SteinSubspace(1, **params).partial_fit(rows, RNG.randn(5))
    tracemalloc.stop()
    SteinSubspace(1).fit(sparse.random(20, 2500, density=0.01, format="csr"), RNG.randn(20))


def test_memory_is_what_the_estimate_says():
    rows = RNG.randn(40, 700)
    for params, n_matrices in [
        ({"order": "both", "svd_solver": "full"}, 10),
        ({"order": "both"}, 7),
    ]:
        tracemalloc.start()
        SteinSubspace(1, **params).fit(rows, rows[:, 0] ** 2)
        peak = tracemalloc.get_traced_memory()[1] / (8 * 700**2)
        tracemalloc.stop()
        assert 0.6 * n_matrices < peak < 1.1 * n_matrices


def test_codes_on_landmarks_take_few_bytes_a_row():
    n_rows, kept = 4000, 100
    rows = RNG.randn(3, 4, 20)[RNG.randint(3, size=n_rows)]
    rows = np.einsum("nr,nrd->nd", RNG.randn(n_rows, 4), rows)
    model = LeastSquaresSubspaceClustering(
        3, n_landmarks=200, n_coefficients=kept, batch_size=256, random_state=0
    )
    tracemalloc.start()
    model.fit(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert model.representation_matrix_.nnz == n_rows * kept
    assert peak < n_rows * (36 * kept + 4 * rows.itemsize * rows.shape[1]) + 6e6


def test_codes_that_are_not_kept_take_no_bytes_a_row():
    """A row more takes a few times what it takes itself, and no codes."""
    peaks = []
    for n_rows in (10_000, 40_000):
        rows = RNG.randn(3, 4, 10)[RNG.randint(3, size=n_rows)]
        rows = np.einsum("nr,nrd->nd", RNG.randn(n_rows, 4), rows)
        model = LeastSquaresSubspaceClustering(
            3, n_landmarks=100, store_representation=False, batch_size=256, n_init=1, random_state=0
        )
        tracemalloc.start()
        model.fit(rows)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # codes would take 12 bytes for each of 99 coefficients, and as much again in the fit
    assert peaks[1] - peaks[0] < 30_000 * 7 * rows.itemsize * rows.shape[1] < 30_000 * 12 * 99


def test_products_of_codes_by_blocks_are_those_of_the_whole(monkeypatch):
    codes = abs(sparse.random(90, 12, density=0.4, format="csr", random_state=0))
    whole = landmark_labels(codes, 3, random_state=np.random.RandomState(0))
    monkeypatch.setattr("sksubspace.cluster._spectral._GRAM_ROWS", 7)
    parts = landmark_labels(codes, 3, random_state=np.random.RandomState(0))
    np.testing.assert_allclose(parts.eigenvalues, whole.eigenvalues, rtol=1e-10)
    np.testing.assert_array_equal(parts.labels, whole.labels)
