"""`py.typed` tells the truth: what is public is annotated, and a type checker loses no type."""

import dataclasses
import inspect
import re
import sys
import types
import typing
from pathlib import Path

import numpy as np
import pytest
from numpydoc.docscrape import ClassDoc

from tests.common import METHODS, cases
from tests.test_docstrings import OBJECTS

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "tests" / "typing" / "user_script.py"
# what these are is said by packages that have no types of their own, or by the caller
UNTYPED = re.compile("estimator|object|CSR|sparse|pandas|Bunch|scikit-learn")

CLASSES = {path: item for path, item in OBJECTS.items() if inspect.isclass(item)}
CALLS = {path: item for path, item in OBJECTS.items() if path not in CLASSES}
CALLS |= {
    f"{path}.__init__": item.__init__
    for path, item in CLASSES.items()
    if item.__init__.__module__.startswith("sksubspace") and not dataclasses.is_dataclass(item)
}


def missing(call):
    """Parameters without an annotation, and "return" without one of what is returned."""
    call = call.fget if isinstance(call, property) else call
    signature = inspect.signature(inspect.unwrap(call))
    bare = [name for name, one in signature.parameters.items() if one.annotation is one.empty]
    returned = [] if signature.return_annotation is not signature.empty else ["return"]
    return [name for name in bare if name not in ("self", "cls")] + returned


@pytest.mark.parametrize("path", CALLS)
def test_every_public_call_is_annotated(path):
    assert missing(CALLS[path]) == []


def test_what_is_not_annotated_is_seen():
    def half(X, y: int, *, z=1): ...

    assert missing(half) == ["X", "z", "return"]


def check(api, path, tmp_path):
    """What `mypy --strict` says of a script, in the folder of the project."""
    options = ["--strict", f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={tmp_path}"]
    out, err, code = api.run([*options, str(path)])
    assert err == ""
    return out, code


def attributes(item):
    """Documented attributes of a class, with their types in words."""
    for parameter in ClassDoc(item)["Attributes"]:
        for name in parameter.name.split(", "):
            yield name, parameter.type


def written(classes):
    """Write a script that asks for the type of every documented attribute."""
    asked = [
        (item, f"{item.__name__}.{name}")
        for item in classes
        for name, kind in attributes(item)
        if not UNTYPED.search(kind)
    ]
    imports = [f"from {item.__module__} import {item.__name__}" for item in classes]
    lines = [f"def f{k}(x: {item.__name__}) -> None: reveal_type(x.{name.split('.')[1]})"
             for k, (item, name) in enumerate(asked)]  # fmt: skip
    return "\n".join([*imports, *lines, ""]), [name for _, name in asked], len(imports)


@pytest.mark.slow
def test_no_type_is_lost(tmp_path, monkeypatch):
    api = pytest.importorskip("mypy.api")
    monkeypatch.chdir(ROOT)
    assert check(api, SCRIPT, tmp_path / "cache") == (
        "Success: no issues found in 1 source file\n",
        0,
    )
    text, names, n_before = written(list(CLASSES.values()))
    (tmp_path / "asked.py").write_text(text)
    out, _ = check(api, tmp_path / "asked.py", tmp_path / "cache")
    found = re.findall(r"asked\.py:(\d+): note: Revealed type is \"(.*)\"", out)
    assert len(found) == len(names) > 200, out
    assert [names[int(line) - n_before - 1] for line, kind in found if kind == "Any"] == []


def fits(value, kind):
    """Whether a value is of an annotated type; what is not known to Python fits."""
    base, inner = typing.get_origin(kind), typing.get_args(kind)
    if base in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if base is np.ndarray:
        scalar = typing.get_args(inner[1])[0]
        return isinstance(value, np.ndarray) and np.issubdtype(value.dtype, scalar)
    if base is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    if base is dict:
        return isinstance(value, dict) and all(fits(one, inner[1]) for one in value.values())
    return not isinstance(kind, type) or kind is typing.Any or isinstance(value, kind)


def annotated(cls):
    """Annotations of the attributes of a class that stand for something while it runs."""
    found = {}
    for base in reversed(cls.__mro__):
        known = vars(sys.modules[base.__module__])
        for name, kind in inspect.get_annotations(base).items():
            found[name] = kind if not isinstance(kind, str) else eval(kind, dict(known))
    return found


def test_other_types_do_not_fit():
    floats = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
    assert fits(np.ones(2, np.float32), floats | None) and fits(None, floats | None)
    assert fits([1.0], list[float]) and fits({"a": 1.0}, dict[str, float])
    assert not fits(np.ones(2, int), floats | None)
    assert not fits([np.float32(1)], list[float]) and not fits({"a": "1"}, dict[str, float])
    assert not fits(np.int64(1), int) and not fits(None, floats)


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=str)
def test_fits_leave_what_is_annotated(case):
    for estimator in (case.fitted, case.single):
        kinds = annotated(type(estimator))
        found = {name: getattr(estimator, name) for name, _ in attributes(type(estimator))
                 if hasattr(estimator, name)}  # fmt: skip
        assert [name for name in found if not fits(found[name], kinds.get(name))] == []
        for name in (name for name in METHODS if hasattr(estimator, name)):
            method = inspect.unwrap(getattr(type(estimator), name))
            value = getattr(estimator, name)(case.X_new)
            assert fits(value, method.__annotations__["return"]), name
