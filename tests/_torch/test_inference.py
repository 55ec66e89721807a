import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn
from torch.nn import functional as F

from sksubspace._linalg import in_blocks
from sksubspace._torch.device import PinnedRows, as_rows
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import FourierFeatures, ResidualMLP, mlp
from sksubspace._torch.random import seeded_module


class Sizes(nn.Module):
    """Notes how many rows it is given, and in which mode."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append((len(x), self.training, torch.is_inference_mode_enabled()))
        return x


@pytest.fixture
def net():
    return seeded_module(lambda: ResidualMLP(30, (64, 64), 2), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_does_not_depend_on_the_others(net, dtype):
    X = np.random.RandomState(0).randn(700, 30).astype(dtype)
    net = net.to(torch.from_numpy(X).dtype)
    out = batched_forward(net, as_rows(X))
    assert out.dtype == dtype and out.shape == (700, 2)
    for rows in (slice(0, 1), slice(699, 700), slice(311, 318), slice(200, 600)):
        np.testing.assert_array_equal(batched_forward(net, as_rows(X[rows])), out[rows])


def odd_networks():
    """Widths at which the rows of the products begin anywhere in a cache line."""
    frequencies = torch.randn(5, 9)
    yield mlp((5, 33, 7, 3))
    yield nn.Sequential(FourierFeatures(frequencies), nn.Linear(23, 1, bias=False))
    yield Products()


class Products(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 11))

    def forward(self, x):
        return torch.mm(x.matmul(self.weight), self.weight.T) + F.linear(x, self.weight[:, :5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("net", list(odd_networks()))
def test_a_row_does_not_depend_on_where_it_begins_in_memory(net, dtype):
    rows = np.tile(np.random.RandomState(0).randn(5).astype(dtype), (300, 1))
    out = batched_forward(net.to(torch.from_numpy(rows).dtype), as_rows(rows))
    np.testing.assert_array_equal(out, np.broadcast_to(out[:1], out.shape))
    with torch.no_grad():
        np.testing.assert_allclose(out[:2], net(torch.from_numpy(rows[:2])), rtol=1e-4, atol=1e-5)


def test_result_is_that_of_the_module(net):
    X = torch.randn(20, 30, generator=torch.Generator().manual_seed(1))
    expected = net(X).detach().numpy()
    np.testing.assert_allclose(batched_forward(net, X, chunk_size=7), expected, atol=1e-6)


def test_any_rows_give_the_same(net):
    X = np.random.RandomState(0).rand(300, 30).astype(np.float32)
    expected = batched_forward(net, as_rows(X))
    for rows in (PinnedRows(X, "cpu"), as_rows(sparse.csr_matrix(X))):
        np.testing.assert_array_equal(batched_forward(net, rows), expected)


def test_every_call_has_the_same_shape_and_mode():
    module = Sizes()
    out = batched_forward(module, torch.arange(23.0).reshape(23, 1), chunk_size=10)
    assert module.seen == [(10, False, True)] * 3
    np.testing.assert_array_equal(out[:, 0], np.arange(23))
    assert module.training


def test_the_mode_comes_back_after_an_error(net):
    with pytest.raises(RuntimeError):
        batched_forward(net, torch.zeros(3, 29))
    assert net.training


@pytest.mark.gpu
def test_gpu_result_is_an_array(net):
    X = np.random.RandomState(0).randn(300, 30).astype(np.float32)
    expected = batched_forward(net, as_rows(X))
    out = batched_forward(net, as_rows(X, "cuda"), device="cuda")
    np.testing.assert_allclose(out, expected, atol=1e-3)


@pytest.mark.parametrize("n_rows", [1, 255, 256, 257, 600])
def test_blocks_have_one_size_and_rows_stay_in_place(n_rows):
    sizes = []

    def double(rows):
        sizes.append(len(rows))
        return 2 * rows

    X = np.random.RandomState(0).standard_normal((n_rows, 3))
    np.testing.assert_array_equal(in_blocks(double, X), 2 * X)
    assert set(sizes) == {256}


def test_a_row_of_a_block_does_not_depend_on_the_others():
    random_state = np.random.RandomState(0)
    X, coef = random_state.standard_normal((300, 50)), random_state.standard_normal((50, 2))
    whole = in_blocks(lambda rows: rows @ coef, X)
    alone = np.vstack([in_blocks(lambda rows: rows @ coef, X[i : i + 1]) for i in range(300)])
    np.testing.assert_array_equal(whole, alone)


SINGLE = """
import numpy as np
from sksubspace._linalg import in_blocks
random_state = np.random.RandomState(0)
rows = np.tile(random_state.standard_normal(40).astype(np.float32), (300, 1))
coef = random_state.standard_normal((40, 20)).astype(np.float32)
out = in_blocks(lambda rows: rows @ coef, rows)
assert (out == out[0]).all()
"""


@pytest.mark.parametrize("kernels", ["Haswell", "Sandybridge"])
def test_single_precision_rows_do_not_depend_on_the_kernels_of_blas(kernels):
    """The name is that of a processor; BLAS libraries other than OpenBLAS do not mind it."""
    environment = os.environ | {"OPENBLAS_CORETYPE": kernels}
    ended = subprocess.run([sys.executable, "-c", SINGLE], env=environment, timeout=120)
    assert ended.returncode == 0
