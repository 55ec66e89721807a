"""The audit of a map that is drawn already: what it finds, what it must not find, what it costs.

Sections: `reliability` (marks of rows: calibration and power under shuffled, moved, torn, overlaid
and swapped rows; natural maps; cost): digits whole, 2,000 rows of USPS and of MNIST drawn by the
seed, each by t-SNE(30) and UMAP(15); nothing is chosen by these numbers. `adversaries`, `global
share`, `ranking`, `surrogate`: what the panel refuses, and its columns; thresholds were chosen on
digits, ORL and COIL-20. `choice`: the setting of t-SNE that is chosen seed by seed, beside two
other rules. `counts`: scores of thinned counts on pbmc_interferon.npz. `cells`: donors, and cells
that were treated. `large file`: the command line on 100,000 x 30,000 counts (needs anndata).
`cost`: a whole audit. CPU seconds of one thread.

    python benchmarks/audit.py                                   # everything
    python benchmarks/audit.py --sections reliability adversaries --cache maps
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from _audit_cells import cells
from _audit_choice import choice
from _audit_cost import cost_rows
from _audit_counts import FILE, has_counts, large_file_rows, thinning_rows
from _audit_panel import adversaries, ranking, shares, surrogate
from _audit_reliability import reliability
from _audit_sets import draw_natural
from _common import Page, one_thread, result_row
from joblib import Memory


def counts(bench):
    """Scores of thinned counts beside held-out R2."""
    found = thinning_rows(range(bench.seeds)) if has_counts() else []
    return [result_row("counts", FILE, what, values, asked) for what, asked, values in found]


def large_file(bench):
    """Peak memory of the command line on a large sparse file."""
    return [
        result_row("large file", "generated", what, values, asked)
        for what, asked, values in large_file_rows()
    ]


def cost(bench):
    """CPU seconds and memory of a whole audit without a teacher."""
    rows = []
    for size, asked_seconds, seconds, asked_memory, memory in cost_rows():
        rows += [
            result_row("cost", size, "CPU s of an audit", [seconds], ("<=", asked_seconds)),
            result_row("cost", size, "peak, GiB", [memory], ("<=", asked_memory)),
        ]
    return rows


# a section is a function of a `Bench` that returns rows of `result_row`; one line adds another
SECTIONS = {
    "reliability": reliability,
    "adversaries": adversaries,
    "global share": shares,
    "ranking": ranking,
    "surrogate": surrogate,
    "choice": choice,
    "counts": counts,
    "cells": cells,
    "large file": large_file,
    "cost": cost,
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


PAGE = Page("audit", "The audit of a map: asked and reached", TEXT, SECTIONS)


def main():
    parser = PAGE.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="draws of rows and maps (default: 3)")
    options = parser.parse_args()
    with one_thread(), TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        PAGE.run(options.sections, bench)


if __name__ == "__main__":
    main()
