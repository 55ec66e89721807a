"""A run that was killed: the same command finishes from what was saved."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sksubspace
from tests.cli.tables import blobs

pytest.importorskip("skops")
pytest.importorskip("jinja2")

ROOT = Path(sksubspace.__path__[0]).parent
TEACHERS = ["--teachers", "pca", "isomap", "--grid", "isomap.n_neighbors=20,30", "--cv", "2"]


def start(folder, *more):
    words = [sys.executable, "-m", "sksubspace", "validate", str(folder.parent / "data.csv")]
    words += [*TEACHERS, "--label", "kind", "--n-jobs", "2", "--out", str(folder), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        words, start_new_session=True, env=environment, preexec_fn=listen_to_ctrl_c,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def listen_to_ctrl_c():
    """Undo that a shell lets its background jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(folder, *more):
    process = start(folder, *more)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def finished_parts(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}


def stop_after(process, folder, n_parts, number):
    """Send a signal to the process and its workers once so many parts are finished."""
    deadline = time.monotonic() + 120
    while len(finished_parts(folder)) < n_parts:
        assert process.poll() is None, "ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    return errors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")
    blobs(n_rows=120, n_columns=6).to_csv(folder / "data.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def uninterrupted(folder):
    finish(folder / "whole")
    return (folder / "whole" / "results.json").read_bytes()


@pytest.mark.slow
def test_after_sigkill_the_same_command_gives_the_same_file(folder, uninterrupted):
    out = folder / "killed"
    process = start(out)
    stop_after(process, out, 4, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (out / "results.json").exists()
    before = finished_parts(out)
    finish(out)
    assert (out / "results.json").read_bytes() == uninterrupted
    after = finished_parts(out)
    assert len(after) > len(before) >= 4
    assert {name: after[name] for name in before} == before


@pytest.mark.slow
def test_after_ctrl_c_the_same_command_continues(folder, uninterrupted):
    out = folder / "interrupted"
    process = start(out)
    errors = stop_after(process, out, 4, signal.SIGINT)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "sksubspace: interrupted; the same command continues"
    assert "Traceback" not in errors
    before = finished_parts(out)
    finish(out)
    assert (out / "results.json").read_bytes() == uninterrupted
    assert {name: finished_parts(out)[name] for name in before} == before
