"""Every public docstring is valid numpydoc, and every array in it has a shape."""

import dataclasses
import inspect
import re
from types import ModuleType

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

import sksubspace

# scikit-learn's own choice: a return value has a name, and the summary starts on the first line
NOT_OUR_STYLE = {"RT02", "GL01", "GL02"}
# an extended summary, See Also and Examples stand in the estimator, not again in each method
ONLY_FOR_ESTIMATORS = {"ES01", "SA01", "EX01"}
# the fields of a dataclass are read more often than passed: they stand under Attributes
NOT_FOR_DATACLASSES = {"PR01"}


def public_objects():
    """Map the dotted name of every public class, method and function to the object."""
    found = {}
    for name in sksubspace.__all__:
        value = getattr(sksubspace, name)
        inner = value.__all__ if isinstance(value, ModuleType) else ()
        for item in [value, *(getattr(value, key) for key in inner)]:
            if inspect.isclass(item) or inspect.isfunction(item):
                found |= with_methods(item)
    return found


def with_methods(item):
    """Map a class or function, and the public members that this library defines, by name."""
    path = f"{item.__module__}.{item.__qualname__}"
    members = {}
    for key in dir(item) if inspect.isclass(item) else ():
        member = inspect.getattr_static(item, key)
        if not key.startswith("_") and is_documented_here(member):
            members[f"{path}.{key}"] = getattr(item, key)
    return {path: item} | members


def is_documented_here(member):
    """Tell whether a class member is a method or property written in this library."""
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, classmethod | staticmethod):
        member = member.__func__
    member = inspect.unwrap(member) if callable(member) else member
    return inspect.isfunction(member) and member.__module__.startswith("sksubspace")


def is_estimator(item):
    return inspect.isclass(item) and hasattr(item, "fit")


def documented_values(item):
    """Yield every parameter, return value and attribute of a docstring."""
    doc = ClassDoc(item) if inspect.isclass(item) else FunctionDoc(item)
    for section in ("Parameters", "Other Parameters", "Returns", "Yields", "Attributes"):
        yield from doc[section]


OBJECTS = public_objects()


def test_the_walk_reaches_classes_methods_and_functions():
    assert {
        "sksubspace._show_versions.show_versions",
        "sksubspace.distillation._medal.MEDAL",
        "sksubspace.distillation._medal.MEDAL.transform",
    } <= set(OBJECTS)


@pytest.mark.parametrize("path", OBJECTS)
def test_docstring_is_valid_numpydoc(path):
    item = OBJECTS[path]
    ignored = NOT_OUR_STYLE | (set() if is_estimator(item) else ONLY_FOR_ESTIMATORS)
    ignored |= NOT_FOR_DATACLASSES if dataclasses.is_dataclass(item) else set()
    errors = [f"{code}: {text}" for code, text in validate(path)["errors"] if code not in ignored]
    assert errors == []


@pytest.mark.parametrize("path", OBJECTS)
def test_every_array_has_a_shape(path):
    shapeless = [
        f"{value.name} : {value.type}"
        for value in documented_values(OBJECTS[path])
        if re.search(r"\b(array|ndarray|array-like|sparse matrix)\b", value.type)
        and "shape (" not in value.type
    ]
    assert shapeless == []


@pytest.mark.parametrize("path", [p for p in OBJECTS if dataclasses.is_dataclass(OBJECTS[p])])
def test_every_field_of_a_dataclass_is_documented(path):
    fields = [field.name for field in dataclasses.fields(OBJECTS[path])]
    assert [value.name for value in ClassDoc(OBJECTS[path])["Attributes"]] == fields
