"""The page "How large can I go?": its plan follows from what was measured, its table is true."""

import csv
import re
from pathlib import Path

import pytest

from tests.distributed import fits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/user_guide/how_large.rst").read_text(encoding="utf-8")

pytestmark = pytest.mark.distributed


def measured(case, what):
    with open(ROOT / "benchmarks/results/many_machines.csv", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["data"] == f"10,000,000 x 50, {case}" and row["what"] == what
        ]
    assert len(rows) == 1, (case, what)
    return rows[0]


def test_the_plan_follows_from_the_table():
    """A billion rows of 50 columns in single precision, 16 cores, 1 GB/s, $.05 a core-hour."""
    text = (ROOT / "docs/snippets/how_large.txt").read_text()
    first, *lines = text.splitlines()
    assert first == "200 GB, 4,000 files of 250,000 rows"  # 1e9 * 50 * 4 bytes
    assert len(lines) == 3
    for line in lines:
        name, passes, work, reading, dollars = re.fullmatch(
            r"(.+): passes (\d+), work (\d+) min, reading (\d+) min, \$([\d.]+)", line
        ).groups()
        each = float(measured(name, "CPU s of a fit, each worker")["reached"])
        n_passes = float(measured(name, "passes over the rows of a fit")["reached"])
        minutes = 100 * 2 * each / 16 / 60  # a hundred times the rows, two workers
        read = n_passes * 200 / 60  # each pass 200 GB
        assert int(passes) == round(n_passes)
        assert float(work) == pytest.approx(minutes, abs=0.51)
        assert float(reading) == pytest.approx(read, abs=0.51)
        cents = max(minutes, read) / 60 * 16 * 5
        assert float(dollars) * 100 == pytest.approx(cents, abs=0.51)


def test_the_fits_that_stream_are_those_that_are_tested():
    rows = re.findall(r"^   \* - (.+?)\n     - (.+?)\n", PAGE, re.MULTILINE | re.DOTALL)
    streamed = {
        name.rsplit(".")[-1]
        for cell, kind in rows
        if kind in ("streamed", "drawn, then streamed", "sharded")
        for name in re.findall(r":class:`~([\w.]+)`", cell)
    }
    assert streamed == {type(fits.make(name)[0]).__name__ for name in fits.NAMES}
