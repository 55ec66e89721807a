"""Shared entries of docstrings: indentation, defaults, unknown names."""

import inspect

import pytest

from sksubspace._docs import SHARED, fill_parameters


def filled(text, **defaults):
    """Fill a docstring for a class with these defaults, and return it without indentation."""
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
        for name, value in defaults.items()
    ]

    def init(self):
        pass

    init.__signature__ = inspect.Signature(parameters)
    return inspect.getdoc(fill_parameters(type("Model", (), {"__doc__": text, "__init__": init})))


def test_the_default_is_that_of_the_signature():
    text = "Model.\n\n    {n_init}\n\n    {device}\n    "
    lines = filled(text, n_init=3, device="auto").split("\n")
    assert lines[2] == "n_init : int, default=3"
    assert 'device : str or torch.device, default="auto"' in lines


def test_what_stands_below_goes_on_with_the_entry():
    text = "Model.\n\n    {random_state}\n        Seeds the starts.\n    "
    entry = filled(text, random_state=None).split("\n")[2:]
    assert entry[0].endswith("default=None")
    assert entry[1] == "    Seeds the starts."


def test_blank_lines_between_entries_have_no_blanks_in_them():
    text = filled("Model.\n\n    {features_}\n    ")
    assert "\n\nfeature_names_in_ : ndarray" in text
    assert all(line == line.rstrip() for line in text.split("\n"))


def test_braces_of_formulas_stay():
    text = r"Model of :math:`\frac{1}{B}`, {not alone}."
    assert filled(text) == text


def test_an_unknown_name_is_an_error_where_the_class_is_defined():
    with pytest.raises(KeyError, match="n_clutsers"):
        filled("Model.\n\n    {n_clutsers}\n    ")


def test_without_docstrings_nothing_is_done():
    assert filled(None) is None


def test_entries_are_in_numpydoc_form():
    for text in SHARED.values():
        heads = [line for line in text.split("\n") if line and not line.startswith(" ")]
        assert heads
        # what is raised has a type and no name
        assert all(" : " in line or line in ("TypeError", "ValueError") for line in heads)
