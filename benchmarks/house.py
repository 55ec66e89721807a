"""Counts of the source, of one checkout or of two side by side.

    python benchmarks/house.py                       # this checkout
    python benchmarks/house.py . --before ../before  # and one of the commit before
    python benchmarks/house.py . --tests             # with the tests that pytest collects

Writes benchmarks/results/house.csv and house.md. "Files to open" counts the files under
`sksubspace/` whose code names a thing of the kind that is there already (`CHANGES` in
`tests/house_counts.py`): the file that holds it, the page of names of its folder, and every other
that is opened for the next one. A decoder is a class of the caller's: no file here is opened.
"""

import argparse
import csv
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.house_counts import counts  # noqa: E402


def collected(root):
    """Count tests, checks of scikit-learn, and those checks that a second file runs again."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    tests = [line for line in listed if "::" in line]
    checks = [line.split("::")[0] for line in tests if "::test_scikit_learn_check" in line]
    instances = {
        re.search(r"\[(.*)-check_", line)[1]
        for line in tests
        if line.startswith("tests/test_common.py::test_scikit_learn_check")
    }
    return {
        "tests collected": len(tests),
        "instances that scikit-learn checks": len(instances),
        "checks of scikit-learn": len(checks),
        "of these outside tests/test_common.py": sum("test_common.py" not in c for c in checks),
    }


def table(root, with_tests):
    return counts(root) | (collected(root) if with_tests else {})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", nargs="?", default=HERE.parent)
    parser.add_argument("--before")
    parser.add_argument("--tests", action="store_true")
    given = parser.parse_args()
    columns = {"now": table(given.root, given.tests)}
    if given.before:
        columns = {"before": table(given.before, given.tests)} | columns
    header = ["count", *columns]
    rows = [[name, *(c.get(name, "") for c in columns.values())] for name in columns["now"]]
    folder = HERE / "results"
    with (folder / "house.csv").open("w", newline="", encoding="utf8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join("| " + " | ".join(map(str, row)) + " |" for row in lines)
    (folder / "house.md").write_text(f"# The house, counted\n\n{text}\n", encoding="utf8")
    print(text)


if __name__ == "__main__":
    main()
