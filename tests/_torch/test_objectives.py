import numpy as np
import pytest
import torch
from scipy.special import huber as scipy_huber

from sksubspace._torch.objectives import Standardize, huber
from sksubspace._torch.persistence import module_to_arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardize_is_in_units_of_the_spread(dtype):
    mean = np.array([1.0, -2.0])
    layer = Standardize(mean, 4.0).to(dtype=getattr(torch, np.dtype(dtype).name))
    out = layer(torch.tensor([[5.0, 2.0]], dtype=getattr(torch, np.dtype(dtype).name)))
    assert out.tolist() == [[1.0, 1.0]]
    assert out.numpy().dtype == dtype


def test_standardize_is_not_trained_but_saved():
    layer = Standardize(np.array([1.0, 2.0]), 3.0)
    assert list(layer.parameters()) == []
    arrays = module_to_arrays(layer)
    assert arrays["mean"].tolist() == [1, 2] and arrays["spread"] == 3


def test_standardize_keeps_a_copy_of_the_mean():
    mean = np.array([1.0, 2.0])
    layer = Standardize(mean, 1.0)
    mean[:] = 9
    assert layer.mean.tolist() == [1, 2]


@pytest.mark.parametrize("delta", [0.02, 1.0])
def test_huber_is_scipys_in_units_of_delta(delta):
    rng = np.random.RandomState(0)
    prediction, target = rng.randn(50, 2), rng.randn(50, 2)
    expected = scipy_huber(delta, prediction - target).mean() / delta
    found = huber(torch.tensor(prediction), torch.tensor(target), delta)
    assert found.item() == pytest.approx(expected)


def test_huber_is_nearly_the_absolute_error():
    rng = np.random.RandomState(0)
    prediction, target = torch.tensor(rng.randn(500, 2)), torch.tensor(rng.randn(500, 2))
    absolute = (prediction - target).abs().mean().item()
    assert huber(prediction, target).item() == pytest.approx(absolute, rel=0.02)


def test_huber_is_least_at_the_median():
    target = torch.tensor([0.0, 0, 0, 0, 5])[:, None]
    places = torch.linspace(-1, 6, 141)
    losses = torch.stack([huber(place.expand(5, 1), target) for place in places])
    assert abs(places[losses.argmin()].item()) < 0.06
