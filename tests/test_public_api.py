"""The outside of the package: what can be imported, at what cost, and which way imports go."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sksubspace

ROOT = Path(sksubspace.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
HEAVY = {
    "jinja2", "matplotlib", "numba", "numpy", "pandas", "rich", "scipy", "skops", "skorch",
    "sklearn", "torch", "umap",
}  # fmt: skip
# the floors of the house: everything imports from lower floors only, wherever the import stands
FLOORS = {
    "_dask": -1,
    "_typing": -1,
    "_archive": 0,
    "_docs": 0,
    "_files": 0,
    "_linalg": 0,
    "_machine": 0,
    "_measures": 0,
    "_moved": 0,
    "_pages": 0,
    "_parameters": 0,
    "_show_versions": 0,
    "_spreadsheets": 0,
    "_sklearn": 0,
    "_threads": 0,
    "_uns": 0,
    "_validation": 0,
    "_views": 0,
    "_ambient": 1,
    "_clusterings": 1,
    "_torch": 1,
    "_state": 2,
    "callbacks": 2,
    "datasets": 2,
    "neighbors": 2,
    "_open_tsne": 3,
    "_student": 3,
    "_trained": 4,
    "_teachers": 5,
    "decoding": 5,
    "encoding": 5,
    "metrics": 6,
    "alignment": 7,
    "autoencoder": 7,
    "cluster": 7,
    "decomposition": 7,
    "discriminant": 7,
    "erasure": 7,
    "functional": 7,
    "inference": 7,
    "local": 7,
    "manifold": 7,
    "sampling": 7,
    "distillation": 8,
    "_clustering_words": 9,
    "_comparison": 9,
    "inspection": 10,
    "report": 11,
    "model_selection": 12,
    "audit": 13,
    "_persistence": 13,  # what may be read is every public estimator
    "cli": 14,
    "scanpy": 14,
    "__main__": 15,
    "__init__": 16,
}
METHODS = {
    "alignment", "autoencoder", "cluster", "decomposition", "discriminant", "distillation",
    "erasure", "functional", "inference", "local", "manifold", "sampling",
}  # fmt: skip


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def imported_names(path):
    """Yield every dotted name that a source file imports, at its top or within a function.

    Relative imports are resolved; what is taken from the package that imports lazily, as in
    ``sksubspace.report``, and what `import_module` is told by a word count as well.
    """
    package = ("sksubspace", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "sksubspace":
            yield f"sksubspace.{node.attr}"
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            yield from (one.value for one in node.args if isinstance(one, ast.Constant))


def imports_of(path):
    """Yield the folder or the module at the top that each import goes to, and the whole name."""
    for name in imported_names(path):
        package, there, *_ = [*name.split("."), "", ""]
        there = sksubspace._HOME_OF.get(there, there)
        of_the_top = there.startswith("__")  # __version__, __all__
        if package == "sksubspace" and not of_the_top and there not in {"", home(path)}:
            yield there, name


def readme_examples():
    text = (ROOT.parent / "README.md").read_text(encoding="utf8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def is_private(part):
    return part.startswith("_") and not part.startswith("__")


def home(path):
    """Return the folder, or the module at the top, that a source file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_importing_the_package_imports_nothing_heavy():
    out = run_python("import sksubspace, sys; dir(sksubspace); print(*sys.modules)")
    assert not HEAVY & set(out.split())


def test_what_needs_no_torch_imports_none():
    out = run_python(
        """
import sys, sksubspace._state, sksubspace.inspection
from sksubspace._threads import kept_threads, small_work
for flops in (1, 1e12):
    with small_work(flops), kept_threads():
        pass
print(*sys.modules)
"""
    )
    assert not {"matplotlib", "skorch", "torch", "umap"} & set(out.split())


def test_dir_lists_exactly_the_public_names():
    assert dir(sksubspace) == sorted(sksubspace.__all__)
    assert len(set(sksubspace.__all__)) == len(sksubspace.__all__)


@pytest.mark.parametrize("name", sksubspace.__all__)
def test_every_public_name_resolves(name):
    value = getattr(sksubspace, name)
    for inner in value.__all__ if isinstance(value, ModuleType) else ():
        assert getattr(value, inner) is not None


def test_names_of_the_top_are_the_folders_own():
    assert sksubspace.MEDAL is sksubspace.distillation.MEDAL


def test_star_import_brings_every_public_name():
    namespace = {}
    exec("from sksubspace import *", namespace)
    assert set(sksubspace.__all__) <= set(namespace)


def test_unknown_name_raises_attribute_error_naming_it():
    with pytest.raises(AttributeError, match="'sksubspace' has no attribute 'Medal'"):
        _ = sksubspace.Medal


def test_show_versions_names_what_a_bug_report_needs(capsys):
    assert sksubspace.show_versions() is None
    out = capsys.readouterr().out
    for wanted in [
        f"python: {sys.version.split()[0]}",
        f"sksubspace: {sksubspace.__version__}",
        "scikit-learn: ",
        "torch: ",
        "cuda: ",
        "num_threads: ",
    ]:
        assert wanted in out


def test_show_versions_survives_a_missing_optional_dependency(capsys, monkeypatch):
    from sksubspace import _show_versions

    monkeypatch.setattr(_show_versions, "_DEPENDENCIES", ("no-such-distribution",))
    sksubspace.show_versions()
    assert "no-such-distribution: None" in capsys.readouterr().out


def test_every_folder_is_a_package_and_the_package_is_typed():
    folders = {path.parent for path in SOURCES}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
    assert (ROOT / "py.typed").is_file()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_file_imports_private_names_of_scikit_learn(path):
    private = [
        name
        for name in imported_names(path)
        if name.split(".")[0] == "sklearn" and any(map(is_private, name.split(".")))
    ]
    assert path == ROOT / "_sklearn.py" or private == []


def test_every_folder_has_a_floor():
    assert {home(path) for path in SOURCES} <= set(FLOORS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path):
    for there, name in imports_of(path):
        assert FLOORS[there] < FLOORS[home(path)], f"{path.name} imports {name}, which is above it"
        if there in METHODS:
            parts = name.split(".")[2:]
            assert not any(map(is_private, parts)), f"{name} is private to its folder"


def test_imports_are_found_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "metrics" / "_score.py"
    path.parent.mkdir()
    path.write_text(
        "import sksubspace\n"
        "from ..cluster import Base\n"
        "def f():\n"
        "    from sksubspace import MEDAL\n"
        "    import_module('sksubspace.cli')\n"
        "    return sksubspace.report.write_report, sksubspace.__version__\n"
    )
    assert {there for there, _ in imports_of(path)} == {"cluster", "distillation", "cli", "report"}


def test_the_readme_is_short_and_its_picture_is_made_by_its_first_example():
    text = (ROOT.parent / "README.md").read_text(encoding="utf8")
    assert len(text.split()) <= 450
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", text)
    assert len(pictures) == 1
    code = (ROOT.parent / pictures[0]).with_suffix(".py").read_text(encoding="utf8")
    shown = [line.split("  #")[0] for line in readme_examples()[0].splitlines() if line]
    for line in shown[: shown.index("print(audit)") + 1]:
        assert line in code


@pytest.mark.slow
def test_readme_examples_keep_their_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for example in readme_examples():
        exec(example, namespace)
    said = (ROOT.parent / "README.md").read_text(encoding="utf8")
    assert str(namespace["audit"].reliability) in said
    assert "distances between clusters" in str(namespace["audit"])
    assert (tmp_path / "audit.html").stat().st_size > 10_000
    assert "UMAP (n_neighbors=15)" in str(namespace["result"])
    assert namespace["X_back"].shape == (5, 64)
