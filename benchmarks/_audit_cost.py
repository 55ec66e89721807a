"""What an audit costs: CPU seconds and memory, without a teacher."""

import os
import resource
import subprocess
import sys
from textwrap import dedent

import numpy as np

# rows, features, what was asked for: CPU seconds and GiB
ASKED = ((2_000, 50, 15, 2), (100_000, 50, 120, 2))
_ONE = """
    import sys
    sys.path.insert(0, {folder!r})
    from _audit_cost import one
    one({n}, {d})
"""


def blobs(n, d, n_groups=12, random_state=0):  # -> (n, d), (n, 2), (n,)
    """Groups of rows in d dimensions, and a map with an island for each."""
    rng = np.random.RandomState(random_state)
    y = rng.randint(n_groups, size=n)
    centres = rng.randn(n_groups, d) * 3
    inner = rng.randn(n, 2)
    X = centres[y] + inner @ rng.randn(2, d) + 0.5 * rng.randn(n, d)
    angle = 2 * np.pi * np.arange(n_groups) / n_groups
    islands = 9 * np.column_stack([np.cos(angle), np.sin(angle)])
    return X, islands[y] + inner, y


def one(n, d):
    """Audit a map, and print CPU seconds and the peak of resident memory in GiB."""
    from sksubspace import audit_embedding

    X, Z, y = blobs(n, d)
    audit_embedding(X[:200], Z[:200], y=y[:200])  # imports are no part of it
    before = os.times()
    audit_embedding(X, Z, y=y)
    after = os.times()
    seconds = after.user + after.system - before.user - before.system
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(f"{seconds} {memory}\n")


def cost_rows():
    """Yield rows of a table: size, CPU seconds and GiB, asked and reached."""
    for n, d, seconds, memory in ASKED:
        code = dedent(_ONE.format(folder=os.path.dirname(os.path.abspath(__file__)), n=n, d=d))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True,
            check=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        took, peak = map(float, done.stdout.split())
        yield f"{n:,} x {d}", seconds, took, memory, peak


if __name__ == "__main__":
    for row in cost_rows():
        sys.stdout.write("{}: CPU s asked {}, reached {:.1f}; GiB asked {}, {:.2f}\n".format(*row))
        sys.stdout.flush()
