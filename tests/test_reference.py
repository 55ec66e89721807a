"""The "?" of an estimator's picture leads to its page, where the address is known."""

import re
from importlib.metadata import PackageNotFoundError
from operator import attrgetter
from pathlib import Path

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import sksubspace
from sksubspace import MEDAL, _pages, decoding, encoding
from tests.instances import estimators
from tests.test_signatures import public_values

REFERENCE = Path(__file__).parents[1] / "docs" / "api"
PARTS = [getattr(folder, name) for folder in (encoding, decoding) for name in folder.__all__]


def named_in_the_reference():
    texts = [path.read_text(encoding="utf-8") for path in sorted(REFERENCE.glob("*.rst"))]
    return [name for text in texts for name in re.findall(r"^    (sksubspace\.\S+)$", text, re.M)]


class OwnMap(MEDAL):
    """An estimator of the user."""


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setattr(_pages, "documentation", lambda: "https://docs.invalid/en")
    return "https://docs.invalid/en/api/generated"


@pytest.mark.parametrize("kind", [*estimators().values(), *PARTS])
def test_every_estimator_leads_to_a_page_of_the_reference(kind, address):
    page = re.search(rf'href="{address}/(sksubspace[\w.]+)\.html"', estimator_html_repr(kind()))
    assert page is not None
    assert page[1] in named_in_the_reference()


def test_every_public_name_stands_on_one_page_of_the_reference():
    named = named_in_the_reference()
    assert len(named) == len(set(named))
    values = [attrgetter(name.partition(".")[2])(sksubspace) for name in named]
    missing = [
        name
        for name, value in public_values().items()
        if callable(value) and not any(value is one for one in values)
    ]
    assert missing == []


def test_in_a_pipeline_each_step_has_its_own(address):
    drawn = estimator_html_repr(make_pipeline(StandardScaler(), MEDAL()))
    assert f'href="{address}/sksubspace.MEDAL.html"' in drawn
    assert "StandardScaler.html" in drawn


def test_an_estimator_of_the_user_has_no_page(address):
    assert "sksubspace.MEDAL.html" not in estimator_html_repr(OwnMap())


def test_without_an_address_there_is_no_link(monkeypatch):
    monkeypatch.setattr(_pages, "documentation", lambda: "")
    assert "href" not in estimator_html_repr(MEDAL())


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["Repository, https://host.invalid/a, b", "Documentation, https://docs.invalid/"],
         "https://docs.invalid"),
        (["Repository, https://host.invalid"], ""),
        (None, ""),
    ],
)  # fmt: skip
def test_the_address_is_what_the_build_was_told(addresses, expected, monkeypatch):
    class Metadata:
        def get_all(self, key):
            assert key == "Project-URL"
            return addresses

    monkeypatch.setattr(_pages, "metadata", lambda name: Metadata())
    assert _pages.documentation.__wrapped__() == expected


def test_a_source_tree_that_is_not_installed_has_no_address(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_pages, "metadata", missing)
    assert _pages.documentation.__wrapped__() == ""
