"""The audit of a map that is drawn already: what it finds, what it must not find, what it costs.

Sections: `reliability` (marks of rows: calibration and power under shuffled, moved, torn, overlaid
and swapped rows; natural maps; cost), `adversaries` (lies about whole maps, and which question
refuses them; thresholds set on digits, ORL and COIL-20), `global share` (islands dealt, permuted),
`ranking` (what the readings go with), `surrogate` (gains over principal components where there is
nothing else). The first is of digits whole, 2,000 rows of USPS and of MNIST drawn by the seed, each
by t-SNE(30) and UMAP(15), and nothing is chosen by its numbers; the others are of the training rows
of a split of `student.py`. CPU seconds of one thread.

    python benchmarks/audit.py                                   # everything
    python benchmarks/audit.py --sections reliability adversaries --cache maps
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from _audit_panel import adversaries, ranking, shares, surrogate
from _audit_reliability import reliability
from _audit_sets import draw_natural
from _common import cpu_seconds, one_thread, print_table, read_csv, write_page
from joblib import Memory

# a section is a function of a `Bench` that returns rows of `result_row`; one line adds another
SECTIONS = {
    "reliability": reliability,
    "adversaries": adversaries,
    "global share": shares,
    "ranking": ranking,
    "surrogate": surrogate,
}

TEXT = """Made by `python benchmarks/audit.py`, which says what is compared. `reached` is the mean
over the `n` values beside it (seeds), `sd` their standard deviation. `met` is "yes" if every single
value meets what is asked, "mean only" if only their mean does. Rows without `asked` are for
information. "absent": the data, or the run, are not in this copy."""


class Bench:
    """Options, and maps that are drawn once."""

    def __init__(self, options, folder):
        self.seeds = options.seeds
        self.cache = options.cache or folder
        Path(self.cache).mkdir(parents=True, exist_ok=True)
        self.memory = Memory(self.cache, verbose=0)
        self.draw = self.memory.cache(draw_natural)


def replace_rows(section, rows):
    """Put the rows of a section in the place of its old ones, and write all."""
    kept = [row for row in read_csv("audit.csv") if row["section"] != section]
    rows = sorted([*kept, *rows], key=lambda row: list(SECTIONS).index(row["section"]))
    write_page("audit", "The audit of a map: asked and reached", TEXT, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="*", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=3, help="draws of rows and maps (default: 3)")
    parser.add_argument("--cache", help="folder that keeps the maps for the next run")
    options = parser.parse_args()
    with one_thread(), TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        for section in options.sections:
            wall = time.perf_counter()
            rows, seconds = cpu_seconds(SECTIONS[section], bench)
            print_table(rows)
            replace_rows(section, rows)
            wall = time.perf_counter() - wall
            print(f"{section}: {seconds:.0f} CPU s, {wall:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
