"""Peers of the second circle: what `second_circle.py` measured of them and of us, side by side."""

from typing import NamedTuple

from _common import read_csv, short


class Pair(NamedTuple):
    """What stands in `second_circle.csv` for a peer, and for us.

    `less` says that less is better, `data` which sets are shown: all where it is empty.
    """

    peer: str
    section: str
    what: str
    theirs: str
    ours: str
    less: bool = False
    data: tuple = ()


_RIDGE = "RidgeCCA (cca_zoo), tuned"
_LEACE = "concept-erasure (package)"
_GENERATED = tuple(f"normal, {d} dimensions" for d in (2, 5, 10, 20))

PAIRS = (
    Pair("cca-zoo", "alignment", "match rate: RidgeCCA tuned, SubspaceAligner",
         f"{_RIDGE}: match rate", "SubspaceAligner: match rate"),
    Pair("cca-zoo", "alignment", "match rate, less hubs: RidgeCCA tuned, SubspaceAligner",
         f"{_RIDGE}: match rate, less hubs", "SubspaceAligner: match rate, less hubs"),
    Pair("concept-erasure", "erasure", "reader of the concept, trained before: LEACE of both",
         f"{_LEACE}: probe", "LEACE: probe", less=True),
    Pair("concept-erasure", "erasure", "reader of the concept, trained anew: LEACE of both",
         f"{_LEACE}: probe trained anew", "LEACE: probe trained anew", less=True),
    Pair("concept-erasure", "erasure", "accuracy of the digit that is left: LEACE of both",
         f"{_LEACE}: digit", "LEACE: digit"),
    Pair("concept-erasure", "erasure", "CPU s of a fit", f"{_LEACE}: fit, CPU s",
         "LEACE: fit, CPU s", less=True),
    Pair("scikit-dimension", "dimension", "dimensions found: FisherS, our tree",
         "by FisherS (scikit-dimension)", "by mst", data=_GENERATED),
    Pair("metric-learn", "discriminants", "accuracy of 5 neighbours: LFDA, ten subclasses",
         "5-NN, PCA .99 and LFDA 9 (metric_learn)", "5-NN, H = 10"),
    Pair("statsmodels", "local", "held-out R2: KernelReg, local ridge",
         "R2, KernelReg (statsmodels), bw='cv_ls'", "R2, local ridge"),
)  # fmt: skip
# a difference below so many standard errors is a tie
_CLEAR = 2.0


def beside_second_circle():
    """Rows of each pair and data set: means of both, and who is ahead."""
    rows = read_csv("second_circle.csv")
    found = {(row["section"], row["data"], row["what"]): row for row in rows}
    return [
        _row(pair, data, found[pair.section, data, pair.theirs], ours)
        for pair in PAIRS
        for (section, data, what), ours in found.items()
        if (section, what) == (pair.section, pair.ours)
        and (pair.section, data, pair.theirs) in found
        and (not pair.data or data in pair.data)
    ]


def _row(pair, data, theirs, ours):
    means = [float(row["reached"]) for row in (theirs, ours)]
    spread = sum(float(row["sd"] or 0) ** 2 / int(row["n"]) for row in (theirs, ours)) ** 0.5
    ahead = "tie"
    if pair.what.startswith("dimensions"):
        wanted = float(data.split()[1])
        theirs_off, ours_off = (abs(mean - wanted) for mean in means)
        if abs(theirs_off - ours_off) > _CLEAR * spread:
            ahead = "ours" if ours_off < theirs_off else "theirs"
    elif abs(means[1] - means[0]) > _CLEAR * spread:
        ahead = "ours" if (means[1] < means[0]) == pair.less else "theirs"
    return {
        "peer": pair.peer, "data": data, "what": pair.what, "theirs": short(means[0]),
        "ours": short(means[1]), "seeds": ours["n"], "ahead": ahead,
    }  # fmt: skip
