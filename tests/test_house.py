"""The house stays in order: one thing in one place, and imports that go down."""

import statistics
from pathlib import Path

import pytest

from tests import house_counts

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def trees():
    return house_counts.parsed(house_counts.sources(ROOT))


def test_folders_import_each_other_in_no_circle(trees):
    assert house_counts.circles(house_counts.folder_graph(trees)) == []


def test_no_private_attribute_is_set_in_one_file_and_read_in_another(trees):
    assert house_counts.attributes_across_files(trees) == {}


def test_no_private_method_is_called_on_self_across_files(trees):
    assert house_counts.methods_across_files(trees) == {}


def test_hardly_a_name_is_defined_twice(trees):
    twice, _ = house_counts.names_twice(trees)
    assert len(twice) <= 2, twice


def test_no_method_is_only_promised(trees):
    assert house_counts.stubs(trees) == {}


def test_few_files_are_opened_for_a_new_thing_of_a_kind(trees):
    assert {what: len(files) for what, files in house_counts.files_to_open(trees).items()} == {
        "a teacher shorthand": 1,
        "a clustering method": 2,
        "an autoencoder": 2,
        "a metric in the report": 2,
    }


def test_folders_are_small(trees):
    assert statistics.median(house_counts.files_per_folder(trees).values()) <= 7


def test_the_counts_see_what_they_count(tmp_path):
    package = tmp_path / "sksubspace"
    for folder, other in (("a", "b"), ("b", "a")):
        (package / folder).mkdir(parents=True)
        (package / folder / "__init__.py").write_text("")
        (package / folder / "one.py").write_text(
            f"# why\nfrom sksubspace.{other}.one import f\ndef f():\n    pass\n"
        )
    (package / "a" / "base.py").write_text(
        "class Base:\n    def fit(self):\n        self._x = 1\n"
        "    def _step(self):\n        raise NotImplementedError\n"
    )
    (package / "b" / "use.py").write_text(
        "class Use:\n    def go(self):\n        return self._step(self._x)\n"
    )
    trees = house_counts.parsed(house_counts.sources(tmp_path))
    assert house_counts.circles(house_counts.folder_graph(trees)) == [("a", "b")]
    assert [*house_counts.attributes_across_files(trees)] == ["_x"]
    assert [*house_counts.methods_across_files(trees)] == ["_step"]
    assert [*house_counts.names_twice(trees)[0]] == ["f"]
    assert house_counts.stubs(trees) == {"a/base.py": 1}
    assert house_counts.files_per_folder(trees) == {"a": 2, "b": 2}
    assert house_counts.counts(tmp_path)["source lines"] == 16
