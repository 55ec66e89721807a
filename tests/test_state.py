import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sksubspace import _state
from sksubspace._state import FORMAT, Network, Recipe, from_state, register, to_state


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(_state, "_PARTS", dict(_state._PARTS))
    monkeypatch.setattr(_state, "_FACTORIES", dict(_state._FACTORIES))
    for thing in (Shift, Chain, two_layers):
        register(thing)


@dataclass(frozen=True)
class Shift:
    by: np.ndarray
    name: str = "shift"


@dataclass(frozen=True)
class Chain:
    parts: tuple
    named: dict
    device: Any = None


def two_layers(width):
    return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))


def make_network(recipe=None, seed=0):
    torch.manual_seed(seed)
    recipe = recipe or Recipe("two_layers", {"width": 3})
    module = recipe.build() if isinstance(recipe, Recipe) else nn.Linear(2, 2)
    return Network(recipe, module.double().eval(), torch.device("cpu"))


def test_parts_come_back_with_the_parts_within_them():
    chain = Chain((Shift(np.arange(3.0)), 2), {"a": Shift(np.ones(2), "b")}, "cuda:7")
    state = to_state(chain)
    assert (state["format"], state["kind"]) == (FORMAT, "Chain")
    assert "device" not in state
    back = from_state(pickle.loads(pickle.dumps(state)))
    np.testing.assert_array_equal(back.parts[0].by, np.arange(3.0))
    assert back.parts[1] == 2
    assert back.named["a"].name == "b"
    assert back.device == torch.device("cpu")


def test_a_device_that_is_not_there_becomes_the_cpu():
    assert from_state(to_state(Chain((), {})), "cuda:99").device == torch.device("cpu")


@pytest.mark.parametrize("recipe", [None, nn.Linear(2, 2)])
def test_a_network_is_arrays_and_how_it_is_built(recipe):
    network, X = make_network(recipe), np.random.RandomState(0).randn(5, 2)
    state = to_state(network)
    assert all(type(a) is np.ndarray and a.dtype == np.float64 for a in state["weights"].values())
    before = torch.get_rng_state()
    back = from_state(state)
    assert (torch.get_rng_state() == before).all()
    np.testing.assert_array_equal(back(X, "float64"), network(X, "float64"))
    assert not back.module.training
    if recipe is not None:
        assert back.module is not recipe


def test_weights_of_another_network_are_refused():
    state = to_state(make_network()) | {"weights": {"weight": np.ones((2, 2))}}
    with pytest.raises(ValueError, match="arrays do not fit"):
        from_state(state)


@pytest.mark.parametrize("number", [FORMAT + 1, "2", None])
def test_another_format_is_refused_in_one_line(number):
    state = to_state(Shift(np.ones(2))) | {"format": number}
    with pytest.raises(ValueError, match=rf"has format {number!r}, .* reads .* 1, 2; ") as error:
        from_state(state)
    assert "\n" not in str(error.value)


def test_the_last_format_opens():
    old = {"kind": "Chain", "parts": (), "named": {"kind": "Shift", "by": np.ones(2), "name": "s"}}
    back = from_state(old)
    assert back.named.name == "s"


def test_an_unknown_part_is_named_with_what_is_trusted():
    with pytest.raises(ValueError, match=r"unknown part 'Evil'; .*knows .*Shift.*trusts") as error:
        from_state({"format": FORMAT, "kind": "Evil"})
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"unknown network 'system'; .*knows .*two_layers"):
        Recipe("system", {"command": "true"}).build()


def test_other_fields_than_those_of_the_part_are_refused():
    with pytest.raises(ValueError, match="part 'Shift' is damaged"):
        from_state({"format": FORMAT, "kind": "Shift", "to": 3})


def test_only_registered_dataclasses_are_stored():
    class Stranger:
        pass

    with pytest.raises(TypeError, match="Stranger is no part"):
        to_state(Stranger())
    with pytest.raises(TypeError, match="must be a dataclass"):
        register(Stranger)
    inner = Stranger()
    assert to_state(Chain((inner,), {}))["parts"][0] is inner


def test_one_name_is_one_part():
    other = dataclass(type("Shift", (), {"__module__": "elsewhere"}))
    with pytest.raises(ValueError, match="Shift is the name of a part"):
        register(other)
