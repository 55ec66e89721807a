"""Print a constraints file that holds every requirement of pyproject.toml at its lower bound.

    python .ci/minimum.py > minimum.txt
    pip install --constraint minimum.txt '.[dev,scanpy,opentsne]'

Standard library only, so that it runs before anything is installed.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
_BOUND = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?\s*>=\s*(?P<version>[0-9][0-9a-z.]*)")


def lower_bounds(project):
    """Map the name of each requirement, those of extras included, to its lower bound.

    A requirement of the project's own extras is passed over; one without a lower bound, or with
    another one elsewhere, is a ValueError.
    """
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    found = {}
    for one in wanted:
        if one.startswith(f"{project['name']}["):
            continue
        match = _BOUND.fullmatch(one)
        if match is None:
            raise ValueError(f"{one!r} has no lower bound of the form 'name>=version'.")
        name, version = match["name"], match["version"]
        if found.setdefault(name, version) != version:
            raise ValueError(f"{name} has two lower bounds: {found[name]} and {version}.")
    return found


if __name__ == "__main__":
    bounds = lower_bounds(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"])
    sys.stdout.writelines(f"{name}=={version}\n" for name, version in sorted(bounds.items()))
