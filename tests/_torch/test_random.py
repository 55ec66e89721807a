import random

import numpy as np
import pytest
import torch
from torch import nn

from sksubspace._parameters import isolated_random_state
from sksubspace._torch.modules import ResidualBlock, ResidualMLP
from sksubspace._torch.random import (
    init_,
    make_generator,
    own_draws,
    seeded_module,
)


class WithBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("constant", torch.tensor([1.0, 2.0]))
        self.register_buffer("drawn", torch.randn(4))
        self.order = torch.randperm(6)


FACTORIES = {
    "linear": lambda: nn.Linear(5, 4),
    "convolution": lambda: nn.Conv2d(2, 3, 3),
    "embedding": lambda: nn.Embedding(5, 2),
    "attention": lambda: nn.MultiheadAttention(4, 2),
    "recurrent": lambda: nn.GRU(3, 4),
    "orthogonal": lambda: nn.utils.parametrizations.orthogonal(nn.Linear(4, 4)),
    "residual": lambda: ResidualMLP(4, (8, 8), 2),
    "buffer": WithBuffer,
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def states():
    return torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()


def assert_same_states(before):
    after = states()
    assert torch.equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2] == after[2]


def same_weights(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def test_isolated_random_state_without_a_seed_is_not_the_global_one():
    before = states()
    a, b = (isolated_random_state(None).randint(2**31) for _ in range(2))
    assert_same_states(before)
    assert a != b


def test_isolated_random_state_is_otherwise_that_of_scikit_learn():
    rng = np.random.RandomState(3)
    assert isolated_random_state(rng) is rng
    assert isolated_random_state(3).randint(2**31) == rng.randint(2**31)


def test_make_generator_draws_one_integer():
    rng, reference = np.random.RandomState(3), np.random.RandomState(3)
    first = torch.rand(3, generator=make_generator(rng))
    reference.randint(2**31 - 1)
    assert rng.randint(10**6) == reference.randint(10**6)
    again = torch.rand(3, generator=make_generator(np.random.RandomState(3)))
    other = torch.rand(3, generator=make_generator(np.random.RandomState(4)))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
def test_seeded_module_depends_on_the_generator_alone(factory):
    before = states()
    a, b, c = (seeded_module(factory, generator(seed)) for seed in (1, 1, 2))
    assert_same_states(before)
    assert same_weights(a, b) and not same_weights(a, c)


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
def test_seeded_module_has_the_distribution_of_torch(factory):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = factory()
    assert same_weights(seeded_module(factory, generator(5)), expected)


def test_random_functions_are_global_again_afterwards():
    seeded_module(FACTORIES["linear"], generator())
    before = torch.get_rng_state()
    with torch.random.fork_rng():
        torch.rand(1)
        assert not torch.equal(before, torch.get_rng_state())


def test_init_redraws_in_place_without_the_global_generator():
    module = seeded_module(FACTORIES["residual"], generator(0))
    weight = module.enter.weight
    before, old = states(), weight.detach().clone()
    assert init_(module, generator(1)) is module
    assert_same_states(before)
    assert module.enter.weight is weight and not torch.equal(weight, old)
    redrawn = weight.detach().clone()
    init_(module, generator(1))
    assert torch.equal(weight, redrawn)
    assert weight.abs().max() <= 4**-0.5 < 1.05 * weight.abs().max()


def test_init_forgets_training_and_lets_a_block_overrule_its_layers():
    block = ResidualBlock(4, 8)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.fill_(3.0)
    init_(block, generator())
    x = torch.randn(5, 4, generator=generator())
    assert torch.equal(block(x), x)
    assert torch.equal(block.norm.weight, torch.ones(4))
    assert block.expand.weight.std() > 0


def test_init_reaches_attention():
    module = seeded_module(FACTORIES["attention"], generator(0))
    before = states()
    init_(module, generator(1))
    assert_same_states(before)
    assert not same_weights(module, seeded_module(FACTORIES["attention"], generator(0)))


def test_own_draws_seed_dropout_and_give_the_global_state_back():
    dropout, x = nn.Dropout(0.5), torch.ones(50)
    before, drawn = states(), []
    for seed in (1, 1, 2):
        with own_draws(dropout, generator(seed)):
            drawn.append(dropout(x))
    assert_same_states(before)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_own_draws_leave_other_modules_alone():
    g = generator()
    state = g.get_state()
    with own_draws(nn.Linear(2, 2), g):
        pass
    assert torch.equal(g.get_state(), state)
