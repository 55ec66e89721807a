"""Neighbouring libraries and this one, where both do the same: one run, same rows, one thread.

Each peer is imported from the package index (`pip install umap-learn openTSNE torchdr zadu clustpy
dictlearn`); an absent one is said so in the table. 70 % of at most 2,000 rows train, the rest is
held out; what is tuned is tuned on training rows. Losses stand in the same type as wins. What
`second_circle.py` measured of peers is set side by side in `evidence_second_circle.csv`.

    python benchmarks/evidence.py                                 # about 20 minutes
    python benchmarks/evidence.py --peers zadu dictlearn --seeds 3
"""

import argparse
import warnings
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from _common import has_data, print_table, read_csv, short, write_csv, write_page
from _evidence_groups import clustpy, dictlearn
from _evidence_maps import opentsne, torchdr, umap_learn, zadu
from _evidence_second import beside_second_circle

# name on the index -> what is measured
PEERS = {
    "umap-learn": umap_learn,
    "openTSNE": opentsne,
    "torchdr": torchdr,
    "zadu": zadu,
    "clustpy": clustpy,
    "dictlearn": dictlearn,
}
DATA = ("digits", "USPS", "MNIST")
# measures of which less is better
_COSTS = ("CPU s", "clusters off")
# a difference of means below this many of its standard errors is a tie
_CLEAR = 2.0


def beside(peer, data, seeds):
    """Rows of a peer and a data set: means of both, and who is ahead."""
    found = {}
    for seed in seeds:
        for what, theirs, ours in PEERS[peer](data, seed):
            found.setdefault(what, []).append((float(theirs), float(ours)))
    return [_row(peer, data, what, np.array(pairs)) for what, pairs in found.items()]


def _row(peer, data, what, pairs):  # (s, 2)
    theirs, ours = pairs.mean(axis=0)
    cost = what.startswith(_COSTS)
    apart = pairs[:, 1] - pairs[:, 0]
    error = apart.std(ddof=1) / len(apart) ** 0.5 if len(apart) > 1 else np.inf
    ahead = "tie"
    if what.startswith("CPU s") or abs(apart.mean()) > _CLEAR * error:
        ahead = "ours" if (ours < theirs) == cost else "theirs"
    if np.allclose(pairs[:, 0], pairs[:, 1], rtol=1e-6):
        ahead = "same"
    return {
        "peer": f"{peer} {version(peer)}", "data": data, "what": what, "theirs": short(theirs),
        "ours": short(ours), "sd of the difference": short(float(apart.std())),
        "seeds": len(pairs), "ahead": ahead,
    }  # fmt: skip


def absent(peer):
    """The row of a peer that is not installed."""
    return {
        "peer": peer, "data": "", "what": "absent: not installed", "theirs": "", "ours": "",
        "sd of the difference": "", "seeds": 0, "ahead": "",
    }  # fmt: skip


def is_installed(peer):
    try:
        version(peer)
    except PackageNotFoundError:
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    write_csv("evidence_second_circle.csv", beside_second_circle())
    rows = [row for row in read_csv("evidence.csv") if row["peer"].split()[0] not in options.peers]
    for peer in options.peers:
        found = [absent(peer)]
        if is_installed(peer):
            sets = [data for data in options.data if has_data(data)]
            found = [row for data in sets for row in beside(peer, data, range(options.seeds))]
        print_table(found)
        rows += found
        rows.sort(key=lambda row: list(PEERS).index(row["peer"].split()[0]))
        text = (
            "Both libraries in one run, on the same rows and one thread; means over seeds. `ahead` "
            "is a tie where\nthe difference is below two of its standard errors; CPU seconds are "
            "of this run, their ratio counts.\nMade by `python benchmarks/evidence.py`."
        )
        write_page("evidence", "Beside neighbouring libraries", text, rows)


if __name__ == "__main__":
    main()
