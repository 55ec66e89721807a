"""Ratios of cost beside the committed tables, in a few minutes; no table is written.

    python benchmarks/quick.py                            # all
    python benchmarks/quick.py --parts fits --only KSubspaces TLDR
    python benchmarks/quick.py --factor 1.2

Seconds of two machines cannot be compared, ratios nearly can. "engine": our training engine over a
bare torch loop that makes the same steps, both timed here in turns; committed in
`engine_overhead.csv`. "fits": CPU seconds of a fit to 25,000 made rows over those of UMAP in the
same run; committed in `growth.csv`. "worse" says that a ratio is more than `--factor` times the
committed one, and the exit code is then 1: run the whole benchmark, which repeats, before believing
it. Ratios of fits under a tenth of a second jump by half, so there are none here.
"""

import argparse
import sys
import time

from _common import one_thread, print_table, read_csv, short
from engine_overhead import CASES as LOOPS
from engine_overhead import compare
from growth import N_COLUMNS, measured

PEER, N_ROWS, BUDGET = "UMAP", 25_000, 60
FITS = (
    "TLDR", "SteinPCA", "SupervisedDictionaryLearning", "SparseSubspaceClusteringOMP",
    "LeastSquaresSubspaceClustering", "ThresholdedSubspaceClustering", "MultilayerGraphClustering",
    "KSubspaces", "MixtureOfLowRankGaussians",
)  # fmt: skip
N_PAIRS = 4


def engine(_):
    """Map each case to what is committed and what is reached."""
    committed = {row["case"]: float(row["reached"]) for row in read_csv("engine_overhead.csv")}
    with one_thread():
        return {
            f"train / bare loop, {case.name}": (
                committed[case.name], compare(case, N_PAIRS)["reached"],
            )
            for case in LOOPS
        }  # fmt: skip


def fits(only):
    """The same for fits, each in a process of its own; None for one that ran out of its budget."""
    committed = {
        row["estimator"]: float(row["fit_cpu_s"])
        for row in read_csv("growth.csv")
        if (row["section"], int(row["n"]), int(row["d"])) == ("rows", N_ROWS, N_COLUMNS)
        and row["fit_cpu_s"]
    }
    peer = _seconds(PEER)
    if peer is None:
        sys.exit(f"{PEER} did not finish, so that there is nothing to compare with")
    found = {}
    for name in only:
        seconds = _seconds(name)
        now = None if seconds is None else seconds / peer
        found[f"{name} / {PEER}"] = (committed[name] / committed[PEER], now)
    return found


def _seconds(name):
    row = measured("rows", name, N_ROWS, N_COLUMNS, "float32", BUDGET)
    return float(row["fit_cpu_s"]) if row["fit_cpu_s"] else None


def judged(found, factor):
    """Rows of the table: what was committed, what is now, and whether that is worse."""
    return [
        {
            "ratio": name,
            "committed": short(before),
            "now": "not finished" if now is None else short(now),
            "now / committed": "" if now is None else short(now / before),
            "worse": "yes" if now is None or now > factor * before else "",
        }
        for name, (before, now) in found.items()
    ]


PARTS = {"engine": engine, "fits": fits}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--only", nargs="+", default=list(FITS), choices=list(FITS))
    parser.add_argument("--factor", type=float, default=1.3, help="worse beyond it (default: 1.3)")
    options = parser.parse_args()
    rows = []
    for part in options.parts:
        start = time.perf_counter()
        new = judged(PARTS[part](options.only), options.factor)
        print_table(new)
        print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        rows += new
    worse = [row["ratio"] for row in rows if row["worse"]]
    print(f"\n{len(worse)} of {len(rows)} ratios are worse{': ' if worse else ''}", end="")
    print("; ".join(worse))
    sys.exit(bool(worse))


if __name__ == "__main__":
    main()
