"""Every Python block of the README and of the guide runs, page by page, as a reader would.

The blocks of a page share one namespace, and so do the snippets that it includes. A block that
cannot run everywhere says why in a comment that the page does not show: ``.. not run: why`` before
a directive, ``<!-- not run: why -->`` before a fence.
"""

import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# pages with code of other kinds have tests of their own
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.rst")),
    *sorted((ROOT / "docs" / "user_guide").glob("*.rst")),
]
# pages of a few seconds; all others are run with `-m slow`
QUICK = {
    "docs/user_guide/classes_of_several_kinds.rst",
    "docs/user_guide/few_outputs.rst",
    "docs/user_guide/local_models.rst",
    "docs/user_guide/response_subspaces.rst",
    "docs/user_guide/supervised_dictionaries.rst",
}
RST_BLOCK = re.compile(r"( *)\.\. (?:code-block|literalinclude):: *(python|\S+\.py) *$")
NOT_RUN = re.compile(r"^ *(?:\.\.|<!--) not run: \S.*")


def rst_blocks(path):
    """Pairs of a line number and the code that stands there, of a page in reStructuredText."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        found = RST_BLOCK.match(line)
        if not found or is_excused(lines[:number]):
            continue
        indent, what = len(found[1]), found[2]
        if what != "python":
            yield 0, (path.parent / what).resolve()
            continue
        end = number + 1
        while end < len(lines) and (not lines[end].strip() or indent_of(lines[end]) > indent):
            end += 1
        start = number + 1
        while start < end and (not lines[start].strip() or lines[start].strip().startswith(":")):
            start += 1
        yield start, textwrap.dedent("\n".join(lines[start:end]))


def markdown_blocks(path):
    """The same of a page in Markdown."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.strip() == "```python" and not is_excused(lines[:number]):
            end = next(i for i in range(number + 1, len(lines)) if lines[i].strip() == "```")
            yield number + 1, textwrap.dedent("\n".join(lines[number + 1 : end]))


def indent_of(line):
    return len(line) - len(line.lstrip())


def is_excused(before):
    last = next((line for line in reversed(before) if line.strip()), "")
    return bool(NOT_RUN.match(last))


def blocks_of(path):
    return list(markdown_blocks(path) if path.suffix == ".md" else rst_blocks(path))


def parameters():
    for path in PAGES:
        name = path.relative_to(ROOT).as_posix()
        if blocks_of(path):
            marks = () if name in QUICK else pytest.mark.slow
            yield pytest.param(path, id=name, marks=marks)


@pytest.mark.parametrize("path", list(parameters()))
@pytest.mark.filterwarnings("ignore")
def test_blocks_of_a_page_run(path, tmp_path, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    try:
        for line, code in blocks_of(path):
            file, text = path, "\n" * line
            if isinstance(code, Path):
                file, code = code, code.read_text(encoding="utf-8")
                text = ""
            namespace["__file__"] = str(file)
            exec(compile(text + code, str(file), "exec"), namespace)
            plt.close("all")
    finally:
        plt.close("all")


def test_blocks_are_found(tmp_path):
    page = tmp_path / "page.rst"
    page.write_text(
        "Title\n\n.. code-block:: python\n    :caption: c\n\n    a = 1\n\n    b = 2\n\ntext\n\n"
        ".. not run: no such package\n\n.. code-block:: python\n\n    import nothing\n\n"
        "* point\n\n  .. code-block:: python\n\n      c = 3\n\n  text\n\n"
        ".. literalinclude:: page.py\n"
    )
    found = [code if isinstance(code, Path) else code.strip() for _, code in blocks_of(page)]
    assert found == ["a = 1\n\nb = 2", "c = 3", (tmp_path / "page.py").resolve()]
    assert [line for line, _ in blocks_of(page)][:2] == [5, 21]
    other = tmp_path / "page.md"
    other.write_text(
        "```python\na = 1\n```\n\n<!-- not run: a GPU -->\n```python\nb\n```\n\n```bash\nc\n```\n"
    )
    assert blocks_of(other) == [(1, "a = 1")]
