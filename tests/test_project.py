"""What stands beside the package: versions that agree, the rule of tags, lower bounds."""

import importlib.util
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import sksubspace

ROOT = Path(__file__).parents[1]
EXTRAS = {"cli", "dask", "dev", "docs", "opentsne", "plot", "progress", "scanpy"}


def script(name):
    """Import a file of the folder .ci."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def release(tmp_path):
    """A checkout of version 1.2.3, and a function that asks whether a tag may be released."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "tag", tmp_path / ".ci")
    (tmp_path / "sksubspace").mkdir()
    (tmp_path / "sksubspace" / "__init__.py").write_text('"""Doc."""\n__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3] - 2026-01-01\n")

    def ask(tag):
        command = ["bash", str(tmp_path / ".ci" / "tag"), tag]
        return subprocess.run(command, capture_output=True, text=True)

    return ask


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", text, flags=re.M) == [sksubspace.__version__]


def test_a_tag_is_v_and_the_version(release):
    assert release("v1.2.3").returncode == 0


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.4", "v1.2.3rc1"])
def test_another_tag_is_refused(release, tag):
    done = release(tag)
    assert done.returncode == 1
    assert tag in done.stderr


def test_a_version_without_a_heading_in_the_changelog_is_refused(release, tmp_path):
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n")
    done = release("v1.2.3")
    assert done.returncode == 1
    assert "CHANGELOG.md" in done.stderr


def test_every_requirement_has_one_lower_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = script("minimum").lower_bounds(project)
    assert {re.match(r"[\w.-]+", one)[0] for one in project["dependencies"]} <= bounds.keys()
    assert set(project["optional-dependencies"]) == EXTRAS
    assert bounds["scikit-learn"] == "1.9"
    assert "sksubspace" not in bounds


@pytest.mark.parametrize(
    ("dependencies", "reason"),
    [
        (["numpy"], "no lower bound"),
        (["numpy>=1,<2"], "no lower bound"),
        (["numpy>=1", "numpy>=2"], "two lower bounds"),
    ],
)
def test_a_requirement_without_a_clear_lower_bound_is_named(dependencies, reason):
    project = {"name": "x", "dependencies": dependencies, "optional-dependencies": {}}
    with pytest.raises(ValueError, match=f"numpy.*{reason}"):
        script("minimum").lower_bounds(project)


def test_branches_stand_apart_from_lines():
    totals = {
        "covered_branches": 19, "num_branches": 20, "covered_lines": 1, "num_statements": 4,
    }  # fmt: skip
    assert script("branches").shares(totals) == (95.0, 25.0)


def test_the_lock_holds_what_make_pins_and_every_requirement():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / ".ci" / "lock.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([\w.-]+)==", lock, flags=re.M))
    wanted = script("minimum").lower_bounds(project)
    assert {name.lower() for name in wanted} <= pinned
    assert (ROOT / "constraints.txt").read_text(encoding="utf-8").strip() in lock
