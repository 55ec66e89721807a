"""Print the share of branches and of lines that the tests ran, and fail below the floor.

    python .ci/branches.py [coverage.json]

`coverage report` mixes lines and branches in one number; here they stand apart.
"""

import json
import sys
from pathlib import Path

FLOOR = 95.0


def shares(totals):
    """Per cent of branches and of lines, from the totals of coverage's JSON."""
    branches = 100 * totals["covered_branches"] / totals["num_branches"]
    return branches, 100 * totals["covered_lines"] / totals["num_statements"]


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "coverage.json")
    branches, lines = shares(json.loads(path.read_text(encoding="utf-8"))["totals"])
    sys.stdout.write(f"branches {branches:.2f} % (at least {FLOOR:.0f}), lines {lines:.2f} %\n")
    sys.exit(branches < FLOOR)
