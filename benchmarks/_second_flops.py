"""The penalty "flops" of SparseAutoencoder for an inverted index, on USPS.

2,500 rows drawn by each seed, 70/30: codes of 512 ReLU units are compared by cosine, held-out rows
with training rows. `flops_` is the number of units that two training rows are expected to share,
which is what an inverted index multiplies for each pair; maps of few columns multiply all of them.
The weight that is "chosen" is the largest whose precision among training rows, each left out, is
within .01 of that without the penalty. What the l1 norm reaches at equal flops is read off between
two of its weights, linearly in the logarithm of its flops.
"""

import numpy as np
from _common import has_data, load_split, result_row
from sklearn.decomposition import PCA

from sksubspace import TLDR, SparseAutoencoder
from sksubspace._linalg import unit_rows
from sksubspace.metrics import retrieval_map

USPS_ROWS, N_SEEDS = 2500, 3
WEIGHTS = {"flops": (0.0, 1.0, 3.0, 10.0, 30.0), "l1": (0.01, 0.03, 0.1, 0.15)}


def gini(share):  # (m,) -> float
    """0 where all are equal, and near 1 where one has all."""
    share, m = np.sort(share), len(share)
    return float((2 * np.arange(1, m + 1) - m - 1) @ share / (m * share.sum()))


def precision(Z_query, y_query, Z, y, left_out=False):
    """Share of the ten rows of the largest cosine that are of the query's class."""
    cosines = unit_rows(Z_query) @ unit_rows(Z).T
    if left_out:
        np.fill_diagonal(cosines, -np.inf)
    near = np.argsort(-cosines, axis=1, kind="stable")[:, :10]
    return float((y[near] == y_query[:, None]).mean())


def flops(options):
    """Operations, precision and balance by weight and by penalty."""
    if not has_data("USPS"):
        return [result_row("flops", "USPS", "P@10, flops chosen", [])]
    found = [one_seed(seed) for seed in range(min(options.seeds or N_SEEDS, N_SEEDS))]
    asked = {
        "flops without the penalty over those with it, chosen": (">=", 3),
        "P@10 less that without the penalty, chosen": (">=", -0.015),
        "Gini less that of l1 at equal flops, chosen": ("<=", 0),
    }
    return [
        result_row("flops", "USPS", what, [one[what] for one in found], asked.get(what))
        for what in found[0]
    ]


def one_seed(seed):
    X, X_test, y, y_test = load_split("USPS", seed, USPS_ROWS)

    def judged(Z, Z_test, operations):
        return {
            "flops": operations,
            "P@10": precision(Z_test, y_test, Z, y),
            "mAP": retrieval_map(Z_test, y_test, X_index=Z, y_index=y),
        }

    made = {}
    for penalty, weights in WEIGHTS.items():
        for weight in weights:
            model = SparseAutoencoder(
                512, activation="relu", penalty=penalty, penalty_weight=weight,
                sparse_output=False, device="cpu", random_state=seed,
            ).fit(X)  # fmt: skip
            Z = model.transform(X)
            made[penalty, weight] = {
                **judged(Z, model.transform(X_test), model.flops_),
                "Gini": gini(model.usage_),
                "R2": model.score(X_test),
                "dead": model.dead_fraction_,
                "own": precision(Z, y, Z, y, left_out=True),
            }
    found = {
        f"{what}, {penalty} {weight:g}": one[what]
        for (penalty, weight), one in made.items()
        for what in ("flops", "P@10", "mAP", "Gini", "R2", "dead")
    }
    for name, model in (("PCA 16", PCA(16)), ("PCA 32", PCA(32)), ("TLDR 16", TLDR(16))):
        model.set_params(random_state=seed).fit(X)
        Z = model.transform(X)
        one = judged(Z, model.transform(X_test), Z.shape[1])
        found |= {f"{what}, {name}": value for what, value in one.items()}
    return found | beside_l1(made)


def beside_l1(made):
    """The weight chosen on training rows against no penalty, and against l1 at equal flops."""
    free = made["flops", 0.0]
    good = [
        weight for weight in WEIGHTS["flops"] if made["flops", weight]["own"] >= free["own"] - 0.01
    ]
    chosen = made["flops", max(good)]
    peers = sorted((made["l1", weight] for weight in WEIGHTS["l1"]), key=lambda one: one["flops"])

    def of_l1(what):
        at = np.log([one["flops"] for one in peers])
        return float(np.interp(np.log(chosen["flops"]), at, [one[what] for one in peers]))

    return {
        "weight, chosen": max(good),
        "flops without the penalty over those with it, chosen": free["flops"] / chosen["flops"],
        "P@10 less that without the penalty, chosen": chosen["P@10"] - free["P@10"],
        "Gini less that of l1 at equal flops, chosen": chosen["Gini"] - of_l1("Gini"),
        "P@10 less that of l1 at equal flops, chosen": chosen["P@10"] - of_l1("P@10"),
        "R2 less that of l1 at equal flops, chosen": chosen["R2"] - of_l1("R2"),
    }
