"""Section `cells` of `audit.py`: what donors and a treatment do to maps of blood cells."""

import os
from pathlib import Path

import numpy as np
from _audit_counts import FILE, components, has_counts, read_counts
from _common import make_teacher, result_row

from sksubspace import MEDAL
from sksubspace.metrics import group_loss

DONORS = "pbmc_donors.npz"
TEACHERS = ("PCA(2)", "t-SNE(30)", "UMAP(15)")
# asked of UMAP, all cells
RAW, CORRECTED = ("in", (0.04, 0.1)), ("<=", 0.02)
# of a batch of treated cells, and of as many that are not
SHIFTED, CLEAN = ("<=", 1e-10), (">=", 0.05)


def cells(bench):
    return _donors(bench) + _treatment(bench)


def _donors(bench):
    path = Path(os.environ.get("SKSUBSPACE_DATA", "")) / DONORS
    if not path.is_file():
        return [result_row("cells", DONORS, "lost to donors", [])]
    with np.load(path) as file:
        raw, corrected, donor = file["X"], file["X_corrected"], file["donor"].astype(str)
    rows, draw = [], bench.memory.cache(_drawn)
    for name in TEACHERS:
        for what, X, asked in (("raw", raw, RAW), ("corrected", corrected, CORRECTED)):
            X = X.astype(np.float64)
            loss = group_loss(X, draw(X, name), donor)
            asked = asked if name == "UMAP(15)" else None
            said = {
                "R2 without the cell": (loss.row_r2, None),
                "R2 without the donor": (loss.r2, None),
                "lost to donors": (loss.lost, asked),
            }
            rows += [
                result_row("cells", DONORS, f"{name} of {what}: {key}", [value], wanted)
                for key, (value, wanted) in said.items()
            ]
    return rows


def _drawn(X, name):
    return np.asarray(make_teacher(name).fit_transform(X), dtype=np.float64)


def _treatment(bench):
    """A map of half of the controls, and two batches: the other half, and stimulated cells."""
    if not has_counts():
        return [result_row("cells", FILE, "p of stimulated cells", [])]
    counts, condition = read_counts()
    X, found = components(counts), {"stimulated": [], "other controls": [], "flagged": []}
    for seed in range(bench.seeds):
        rng = np.random.RandomState(seed)
        known, new = np.array_split(rng.permutation(np.flatnonzero(condition == "control")), 2)
        medal = MEDAL("pca", random_state=seed).fit(X[known])
        treated = medal.detect_shift(X[condition == "stimulated"])
        found["stimulated"].append(treated.p_value)
        found["flagged"].append(float(np.mean(medal.pvalue(X[condition == "stimulated"]) <= 0.05)))
        found["other controls"].append(medal.detect_shift(X[new]).p_value)
    return [
        result_row("cells", FILE, "p of stimulated cells", found["stimulated"], SHIFTED),
        result_row("cells", FILE, "stimulated cells with p <= .05 each", found["flagged"]),
        result_row("cells", FILE, "p of the other controls", found["other controls"], CLEAN),
    ]
