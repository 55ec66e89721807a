"""Products of codes that are formed on a device, here torch's on the CPU."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.cluster import LeastSquaresSubspaceClustering, ThresholdedSubspaceClustering
from sksubspace.cluster import _device_codes as device_codes
from sksubspace.cluster._device_codes import CodesOnDevice
from sksubspace.cluster._self_expression import _base as self_expression
from sksubspace.cluster._spectral import CodeBlocks


def codes(n=300, m=40, dtype=np.float64):
    W = sparse.random(n, m, 0.2, format="csr", random_state=0, dtype=dtype)
    W = sparse.vstack([W, sparse.csr_matrix((2, m), dtype=dtype)], format="csr")  # without ties
    return W


def in_blocks(W):
    return lambda: iter([W[:120], W[120:]])


@pytest.mark.parametrize("elements", [2**25, 40 * 30], ids=["at once", "in pieces"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_products_are_those_of_sparse_matrices(dtype, tolerance, elements, monkeypatch):
    monkeypatch.setattr(device_codes, "_BLOCK_ELEMENTS", elements)
    W = codes(dtype=dtype)
    here, there = CodeBlocks(in_blocks(W)), CodesOnDevice(in_blocks(W), "cpu")
    (M, weights), (found, found_weights) = here.gram(), there.gram()
    assert_allclose(found.toarray(), M.toarray(), rtol=tolerance)
    assert_array_equal(found.toarray() > 0, M.toarray() > 0)
    assert_array_equal(found_weights, weights)
    scaled = np.random.RandomState(0).randn(40, 3)
    expected, embedded = here.embedded(scaled), there.embedded(scaled)
    assert embedded.dtype == expected.dtype == dtype
    assert_allclose(embedded, expected, rtol=tolerance, atol=tolerance)


def test_a_device_without_room_gets_fewer_rows(monkeypatch):
    W, sizes, make = codes(), [], device_codes.dense_on_device

    def cramped(rows, device):
        sizes.append(rows.shape[0])
        if rows.shape[0] > 70:
            raise torch.OutOfMemoryError("no room")
        return make(rows, device)

    expected = CodesOnDevice(in_blocks(W), "cpu").gram()[0]
    monkeypatch.setattr(device_codes, "dense_on_device", cramped)
    found = CodesOnDevice(in_blocks(W), "cpu").gram()[0]
    assert max(sizes) == 182 and min(sizes) <= 70
    assert_allclose(found.toarray(), expected.toarray(), rtol=1e-12)


class _Cuda:
    """A device that says it is CUDA; tensors are asked for on the CPU."""

    type = "cuda"


@pytest.mark.parametrize("kind", [LeastSquaresSubspaceClustering, ThresholdedSubspaceClustering])
@pytest.mark.parametrize("stored", [True, False])
def test_a_fit_on_a_device_takes_its_products_from_there(kind, stored, monkeypatch):
    """The device is mocked: `CodesOnDevice` is what a fit asks for, and labels are the same."""
    rng = np.random.RandomState(0)
    X = np.vstack([rng.randn(60, 3) @ rng.randn(3, 12) for _ in range(3)])
    settings = {"n_clusters": 3, "n_landmarks": 60, "random_state": 0}
    monkeypatch.setattr(kind, "_stores_codes", lambda *given: stored)
    here = kind(**settings).fit(X)
    made = []
    monkeypatch.setattr(self_expression, "resolve_device", lambda device: _Cuda)
    monkeypatch.setattr(self_expression, "as_memory_allows", lambda work, n, d: [work(slice(0, n))])

    def on_cpu(blocks, device):
        made.append(device)
        return CodesOnDevice(blocks, "cpu")

    monkeypatch.setattr(self_expression, "CodesOnDevice", on_cpu)
    there = kind(**settings).fit(X)
    assert made == [_Cuda]
    assert_array_equal(there.labels_, here.labels_)
    assert_allclose(there.eigenvalues_, here.eigenvalues_, atol=1e-10)
    assert (there.representation_matrix_ is None) != stored


@pytest.mark.gpu
def test_products_on_a_gpu_are_those_of_sparse_matrices():
    W = codes()
    here, there = CodeBlocks(in_blocks(W)), CodesOnDevice(in_blocks(W), "cuda")
    assert_allclose(there.gram()[0].toarray(), here.gram()[0].toarray(), rtol=1e-10)
    scaled = np.random.RandomState(0).randn(40, 3)
    assert_allclose(there.embedded(scaled), here.embedded(scaled), rtol=1e-9, atol=1e-12)


@pytest.mark.gpu
def test_a_fit_on_a_gpu_finds_the_same_clusters():
    rng = np.random.RandomState(0)
    X = np.vstack([rng.randn(60, 3) @ rng.randn(3, 12) for _ in range(3)])
    settings = {"n_clusters": 3, "n_landmarks": 60, "random_state": 0}
    here, there = (
        LeastSquaresSubspaceClustering(device=device, **settings).fit(X)
        for device in ("cpu", "cuda")
    )
    assert_array_equal(there.labels_, here.labels_)
    assert_allclose(there.eigenvalues_, here.eigenvalues_, atol=1e-8)
