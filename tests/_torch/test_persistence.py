import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sksubspace._torch.modules import FourierFeatures, mlp
from sksubspace._torch.persistence import load_arrays_, module_to_arrays
from sksubspace._torch.random import seeded_module


def make(seed, dtype):
    def build():
        features = FourierFeatures(torch.randn(2, 3))
        return nn.Sequential(features, *mlp((8, 4)), nn.BatchNorm1d(4)).to(dtype)

    return seeded_module(build, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("dtype_of_target", [torch.float32, torch.float64])
def test_round_trip_keeps_values_and_dtype(dtype, dtype_of_target):
    source, target = make(0, dtype), make(1, dtype_of_target)
    x = torch.randn(5, 2, dtype=dtype, generator=torch.Generator().manual_seed(0))
    source(x)
    arrays = pickle.loads(pickle.dumps(module_to_arrays(source)))
    assert all(isinstance(array, np.ndarray) for array in arrays.values())
    assert load_arrays_(target, arrays) is target
    assert not target.training
    out, expected = target(x), source.eval()(x)
    assert out.dtype == dtype and torch.equal(out, expected)
    assert all(p.requires_grad for p in target.parameters())


def test_arrays_share_no_memory_with_the_module():
    source, target = make(0, torch.float32), make(1, torch.float32)
    arrays = module_to_arrays(source)
    load_arrays_(target, arrays)
    before = {name: array.copy() for name, array in arrays.items()}
    with torch.no_grad():
        for module in (source, target):
            for parameter in module.parameters():
                parameter.add_(1)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_read_only_arrays_are_legal():
    arrays = module_to_arrays(make(0, torch.float32))
    for array in arrays.values():
        array.flags.writeable = False
    loaded = module_to_arrays(load_arrays_(make(1, torch.float32), arrays))
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_arrays_of_another_structure_raise(change):
    arrays = module_to_arrays(make(0, torch.float32))
    if change == "missing":
        del arrays["1.weight"]
    else:
        arrays["1.weight"] = np.zeros((2, 2), dtype=np.float32)
    with pytest.raises(ValueError, match=r"(?s)arrays do not fit Sequential.*1\.weight"):
        load_arrays_(make(1, torch.float32), arrays)


@pytest.mark.gpu
def test_a_gpu_module_becomes_arrays_and_loads_without_one():
    source = make(0, torch.float32)
    arrays = module_to_arrays(source.to("cuda"))
    target = load_arrays_(make(1, torch.float32), arrays, "cpu")
    assert torch.equal(target[1].weight, source[1].weight.cpu())
