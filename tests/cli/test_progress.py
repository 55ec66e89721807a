"""Progress, on a terminal and only there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sksubspace
from tests.cli.tables import numbers

pytest.importorskip("skops")
pytest.importorskip("jinja2")
pytest.importorskip("rich")
pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")

ROOT = Path(sksubspace.__path__[0]).parent


def run_on_a_terminal(words):
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    process = subprocess.Popen(words, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    seen = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(leader)
    assert process.wait() == 0, seen
    return seen.decode()


@pytest.mark.slow
@pytest.mark.parametrize("quiet", [False, True])
def test_two_lines_say_what_is_done_and_how_long_it_may_take(quiet, tmp_path):
    numbers().to_csv(tmp_path / "data.csv", index=False)
    words = [sys.executable, "-m", "sksubspace", "validate", str(tmp_path / "data.csv")]
    words += ["--teachers", "pca", "--cv", "2", "--n-jobs", "1", "--out", str(tmp_path / "out")]
    seen = run_on_a_terminal([*words, "--quiet"] if quiet else words)
    assert "chosen" in seen
    before = seen.partition("Which map")[0]
    # which fit is on the screen when it is drawn, twice a second, is up to the machine
    doing = r"  ([a-z0-9 -]+: [\w ()]+, fit \d|fit of the chosen one to all rows)"
    for pattern in ("comparing", "at most about", doing, "\x1b\\["):
        assert bool(re.search(pattern, before)) is not quiet
