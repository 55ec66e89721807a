"""What users wrote still runs: names, import paths, parameters, defaults and pickled paths.

`public_api.json` says what was public when it was written. Additions are free: a new name, or a
new parameter that has a default and that no call so far reaches by its position. After a release,
``python -m tests.test_signatures`` writes the file again. The functions of
`sksubspace.decoding`, which no page of the documentation offered, are left out: parts took their
place.
"""

import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from sklearn.base import BaseEstimator

import sksubspace
from tests.test_docstrings import is_documented_here

MARKS = {
    inspect.Parameter.POSITIONAL_ONLY: "/ ",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "",
    inspect.Parameter.VAR_POSITIONAL: "*args ",
    inspect.Parameter.KEYWORD_ONLY: "* ",
    inspect.Parameter.VAR_KEYWORD: "** ",
}
STORED = Path(__file__).with_name("public_api.json")


def public_values():
    """Map the path from which users import it to every public class, function and folder."""
    found = {}
    for name in sksubspace.__all__:
        value = getattr(sksubspace, name)
        found[f"sksubspace.{name}"] = value
        for inner in value.__all__ if isinstance(value, ModuleType) else ():
            found[f"sksubspace.{name}.{inner}"] = getattr(value, inner)
    return found


def described(value):
    """All that a user may rely on."""
    if inspect.isclass(value):
        found = {
            "home": f"{value.__module__}.{value.__qualname__}",
            "members": {
                key: parameters(getattr(value, key)) if callable(getattr(value, key)) else None
                for key in dir(value)
                if not key.startswith("_")
                and is_documented_here(inspect.getattr_static(value, key))
            },
        }
        if not issubclass(value, Exception | tuple):
            found["parameters"] = parameters(value)
        if issubclass(value, BaseEstimator):
            found["set_params"] = " ".join(value._get_param_names())
        return found
    return {"parameters": parameters(value)} if callable(value) else {}


def parameters(call):
    """Write a signature so that it can be taken apart again: "X | y=None | * max_iter=100"."""
    return " | ".join(
        f"{MARKS[p.kind]}{p.name}" + ("" if p.default is p.empty else f"={plain(p.default)}")
        for p in inspect.signature(call).parameters.values()
    )


def plain(default):
    return re.sub(r" at 0x\w+", "", repr(default))


def assert_calls_still_work(before, now):
    """Each call that the old parameters allow means the same with the new ones."""
    before, now = before.split(" | "), now.split(" | ")
    assert [parameter for parameter in before if parameter not in now] == []
    by_position = [parameter for parameter in before if not parameter.startswith("*")]
    assert now[: len(by_position)] == by_position
    added = [parameter for parameter in now if parameter not in before]
    assert [p for p in added if "=" not in p and not p.startswith(("*args", "**"))] == []


API = json.loads(STORED.read_text(encoding="utf8"))
NOW = public_values()


def test_every_public_name_is_still_there():
    assert API.keys() <= NOW.keys()


@pytest.mark.parametrize("path", [path for path in API if "parameters" in API[path]])
def test_calls_still_work(path):
    assert_calls_still_work(API[path]["parameters"], parameters(NOW[path]))


@pytest.mark.parametrize("path", [path for path in API if API[path].get("members")])
def test_members_are_still_there(path):
    for name, before in API[path]["members"].items():
        member = getattr(NOW[path], name)
        if before is not None:
            assert_calls_still_work(before, parameters(member))


@pytest.mark.parametrize("path", [path for path in API if "set_params" in API[path]])
def test_parameters_can_still_be_set(path):
    assert set(API[path]["set_params"].split()) <= set(NOW[path]._get_param_names())


@pytest.mark.parametrize("path", [path for path in API if "home" in API[path]])
def test_pickles_still_find_their_class(path):
    module, _, name = API[path]["home"].rpartition(".")
    assert getattr(import_module(module), name) is NOW[path]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("X | * k=3", "X | * k=4"),
        ("X | * k=3", "X"),
        ("X | y=None", "X | w=None | y=None"),
        ("X | * k=3", "X | * m | * k=3"),
        ("X | k=3", "X | * k=3"),
    ],
)
def test_what_would_break_calls_is_seen(before, now):
    with pytest.raises(AssertionError):
        assert_calls_still_work(before, now)


def test_additions_are_free():
    assert_calls_still_work("X | * k=3", "X | y=0 | * m=1 | * k=3 | ** rest")


if __name__ == "__main__":
    text = json.dumps({path: described(value) for path, value in NOW.items()}, indent=1)
    STORED.write_text(text + "\n", encoding="utf8")
