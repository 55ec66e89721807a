import numpy as np
import pytest
import torch
from torch import nn

from sksubspace._torch.modules import FourierFeatures, ResidualBlock, ResidualMLP, mlp
from sksubspace._torch.random import seeded_module


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_mlp_has_an_activation_between_each_two_layers(generator):
    net = seeded_module(lambda: mlp((3, 5, 4, 2), "selu"), generator)
    assert [type(layer) for layer in net] == [nn.Linear, nn.SELU] * 2 + [nn.Linear]
    assert net(torch.zeros(7, 3)).shape == (7, 2)
    assert [layer.out_features for layer in net[::2]] == [5, 4, 2]


def test_mlp_takes_a_factory_of_activations(generator):
    net = seeded_module(lambda: mlp((1, 2, 3, 1), nn.Hardtanh), generator)
    assert isinstance(net[1], nn.Hardtanh) and net[1] is not net[3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(((3, 2), "step"), "activation must be one of .*'gelu'.* got 'step'"), (((3,),), "sizes")],
)
def test_mlp_names_the_bad_parameter(arguments, message):
    with pytest.raises(ValueError, match=message):
        mlp(*arguments)


def test_residual_block_starts_as_the_identity_and_follows_its_formula(generator):
    block = seeded_module(lambda: ResidualBlock(4, 6), generator)
    x = torch.randn(5, 4, generator=generator)
    assert torch.equal(block(x), x)
    nn.init.normal_(block.contract.weight, generator=generator)
    hidden = nn.functional.gelu(block.expand(nn.functional.layer_norm(x, (4,))))
    assert torch.allclose(block(x), x + hidden @ block.contract.weight.T)


def test_residual_mlp_has_one_block_per_entry(generator):
    net = seeded_module(lambda: ResidualMLP(3, (8, 16, 4), 2), generator)
    assert [block.expand.out_features for block in net.blocks] == [8, 16, 4]
    assert {block.expand.in_features for block in net.blocks} == {8}
    x = torch.randn(5, 3, generator=generator)
    expected = net.leave(nn.functional.layer_norm(net.enter(x), (8,)))
    assert torch.allclose(net(x), expected)


def test_residual_mlp_needs_a_width():
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        ResidualMLP(3, (), 2)


@pytest.mark.parametrize("linear", [True, False])
def test_fourier_features(linear):
    rng = np.random.RandomState(0)
    z, B = rng.randn(4, 2), rng.randn(2, 5)
    features = FourierFeatures(torch.tensor(B), linear=linear)
    out = features(torch.tensor(z)).numpy()
    np.testing.assert_allclose(out[:, -10:], np.hstack([np.sin(z @ B), np.cos(z @ B)]))
    assert out.shape[1] == features.n_features_out == 10 + 2 * linear
    if linear:
        np.testing.assert_array_equal(out[:, :2], z)
    assert not list(features.parameters()) and "frequencies" in features.state_dict()
