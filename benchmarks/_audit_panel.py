"""Sections `adversaries`, `global share`, `ranking` and `surrogate` of `audit.py`.

Training rows of a split of `student.py`: 70 % of digits, of 2,000 rows of USPS and of MNIST, of
COIL-20 and of ORL, with ten natural maps of each.
"""

import numpy as np
from _common import permuted, result_row, short, write_csv
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap
from sklearn.neighbors import KNeighborsClassifier
from student import TEACHERS, draw_map, has_data, held_out, learn, split_of, tiles

from sksubspace.audit._verdict import BROKEN_BELOW, MANY
from sksubspace.metrics import find_islands, global_share, linear_gain
from sksubspace.metrics._controls import dealt, derangement, islands_dealt_of
from sksubspace.metrics._group_scores import group_scores_of
from sksubspace.metrics._learnt import learn_map
from sksubspace.metrics._marks import reliability_of
from sksubspace.metrics._panel import has_arrangement, has_distances, is_one_picture

NATURAL = tuple(name for name in TEACHERS if name != "UMAP(2)")
CHOSEN_ON, CHECKED_ON = ("digits", "ORL", "COIL-20"), ("USPS", "MNIST")
SETS = (*CHOSEN_ON, *CHECKED_ON)
# islands are moved on these
BASES = ("t-SNE(30)", "UMAP(15)")
# what each lie is about
LIES = {
    "islands dealt": "arrangement",
    "two islands swapped": "distances",
    "36 tiles": "picture",
    "Hilbert": "picture",
    "cells": "picture",
    "UMAP(2)": "picture",
}
QUESTIONS = ("picture", "arrangement", "distances")
N_PLACES = 199
# dimensions and bits of the curve through the data, and of the one through the map
CURVE, MAP_BITS = (5, 6), 6
DEALT_SHARE, PERMUTED_SHARE, SURROGATE_GAIN = 0.6, 0.03, 0.05


# ---- lies ----------------------------------------------------------------------------------------


def islands_moved(Z, seed, n_moved):
    """Deal all islands, or swap two of them."""
    rng = np.random.RandomState(seed)
    island = find_islands(Z, random_state=0)
    n_islands = island.max() + 1
    order = derangement(n_islands, rng) if n_moved is None else np.arange(n_islands)
    if n_moved is not None:
        chosen = rng.choice(n_islands, n_moved, replace=False)
        order[chosen] = np.roll(chosen, 1)
    return dealt(np.asarray(Z, dtype=float), island, order)


def along_a_curve(X, seed):
    """Lay rows, in their order along a Hilbert curve through the data, along one in the plane."""
    n_dims, bits = CURVE
    scores = PCA(n_dims, random_state=0).fit_transform(X)
    ranks = np.argsort(np.argsort(scores, axis=0), axis=0)
    order = np.argsort(hilbert_number(ranks * 2**bits // len(X), bits), kind="stable")
    side = np.arange(2**MAP_BITS)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    plane = plane[np.argsort(hilbert_number(plane, MAP_BITS))]
    Z = np.empty((len(X), 2))
    Z[order] = plane[np.arange(len(X)) * len(plane) // len(X)]
    return Z + np.random.RandomState(seed).uniform(-0.3, 0.3, Z.shape)


def hilbert_number(cells, bits):  # (n, d) of int in [0, 2^bits) -> (n,)
    """Place of each cell along the curve, by the exchanges and inversions of its bits."""
    x = [*np.asarray(cells, dtype=np.int64).T.copy()]
    for bit in 2 ** np.arange(bits - 1, 0, -1):
        low = bit - 1
        for i, one in enumerate(x):
            is_set = (one & bit) > 0
            exchanged = np.where(is_set, 0, (x[0] ^ one) & low)
            x[i] = one ^ exchanged
            x[0] = x[0] ^ np.where(is_set, low, exchanged)
    for i in range(1, len(x)):
        x[i] = x[i] ^ x[i - 1]
    flips = np.zeros_like(x[0])
    for bit in 2 ** np.arange(bits - 1, 0, -1):
        flips ^= np.where((x[-1] & bit) > 0, bit - 1, 0)
    x = [one ^ flips for one in x]
    number = np.zeros_like(x[0])
    for bit in range(bits - 1, -1, -1):
        for one in x:
            number = (number << 1) | ((one >> bit) & 1)
    return number


def lies(bench, data):  # -> dict of str to (n, 2)
    natural = {base: draw_of(bench)(data, 0, base) for base in BASES}
    found = {}
    for base, Z in natural.items():
        found[f"islands dealt, {base}"] = islands_moved(Z, 0, None)
        found[f"two islands swapped, {base}"] = islands_moved(Z, 0, 2)
    found["36 tiles shuffled, t-SNE(30)"] = tiles(natural["t-SNE(30)"], 0)
    found["Hilbert order"] = along_a_curve(split_of(data, 0).X_train, 0)
    found["k-means cells"] = draw_of(bench)(data, 0, "cells")
    found["fragments, UMAP(2)"] = draw_of(bench)(data, 0, "UMAP(2)")
    return found


def draw_of(bench):
    return bench.memory.cache(draw_map)


# ---- sections ------------------------------------------------------------------------------------


def panel_of(data, Z):
    """Every column of the panel for a map of the training rows of a set."""
    split = split_of(data, 0)
    learnt = learn_map(split.X_train, Z)
    found = learnt.found
    marks = reliability_of(found, learnt.X, learnt.Z, n_places=N_PLACES)
    groups = group_scores_of(found, learnt.X, learnt.Z, split.y_train)
    islands = islands_dealt_of(learnt, has_r2=False, n_deals=1)
    return {
        "local": found.score,
        "within": float(np.nanmedian(groups.within_r2)),
        "global share": found.global_share,
        "arrangement p": islands.p_value,
        "continuous share": found.continuous / found.score,
        "reliable": float(marks.reliable.mean()),
        "misplaced": float(marks.misplaced.mean()),
        "torn": float(marks.torn.mean()),
        "merged": float(marks.merged.mean()),
        "kept": float(np.mean(groups.neighbors_kept)),
        "between": groups.between,
        "worst group": float(np.nanmin(groups.distance_rank)),
    }


def refused(panel):
    """Name what a map is refused for."""
    kept = {
        "picture": is_one_picture(panel["continuous share"], panel["torn"]),
        "arrangement": has_arrangement(panel["global share"], panel["arrangement p"]),
        "distances": has_distances(panel["between"]),
    }
    return [question for question, is_kept in kept.items() if not is_kept]


def adversaries(bench):
    rows, table, score = [], [], bench.memory.cache(panel_of)
    for data in SETS:
        if not has_data(data):
            rows.append(result_row("adversaries", data, "lies that are refused", []))
            continue
        maps = {("natural", name): draw_of(bench)(data, 0, name) for name in NATURAL}
        maps |= {("lie", name): Z for name, Z in lies(bench, data).items()}
        found = []
        for (kind, name), Z in maps.items():
            panel = score(data, Z)
            found.append({"data": data, "kind": kind, "map": name} | panel)
            found[-1]["refused"] = " and ".join(refused(panel))
        table += found
        rows += adversary_rows(data, found)
    if table:
        shown = [
            {key: short(value) if isinstance(value, float) else value for key, value in one.items()}
            for one in table
        ]
        write_csv("audit_maps.csv", shown)
    return rows


def adversary_rows(data, found):
    """Lies that are refused, by which question, and natural maps that are."""
    role = "chosen on" if data in CHOSEN_ON else "checked on"

    def of(kind, questions, word=""):
        return [
            any(question in one["refused"] for question in questions)
            for one in found
            if one["kind"] == kind and word in one["map"]
        ]

    rows = []
    for word, question in LIES.items():
        rows += [
            result_row("adversaries", data, f"{word}: refused by {question} ({role})",
                       of("lie", [question], word), (">=", 1)),
            result_row("adversaries", data, f"{word}: refused by any question ({role})",
                       of("lie", QUESTIONS, word), (">=", 1)),
        ]  # fmt: skip
    broken = [
        one["local"] < BROKEN_BELOW and one["reliable"] < MANY
        for one in found
        if one["kind"] == "natural"
    ]
    what = f"natural maps that the verdict calls broken ({role})"
    rows.append(result_row("adversaries", data, what, broken, ("<=", 0)))
    return rows + [
        result_row("adversaries", data, f"natural maps refused by {question} ({role})",
                   of("natural", [question]), ("<=", 0))
        for question in QUESTIONS
    ]  # fmt: skip


def shares(bench):
    """Section `global share`: as drawn, islands dealt, permuted."""
    rows = []
    for data in ("digits", "USPS", "ORL", "COIL-20"):
        for name in (*BASES, "Isomap(10)"):
            what = f"{name}: "
            if not has_data(data):
                rows.append(result_row("global share", data, what + "share of it when dealt", []))
                continue
            X, Z = split_of(data, 0).X_train, draw_of(bench)(data, 0, name)
            learnt = learn_map(X, Z)
            control = islands_dealt_of(learnt, has_r2=data == "digits")
            own = learnt.found.global_share
            rows += [
                result_row("global share", data, what + "as drawn", [own]),
                result_row("global share", data, what + "islands dealt, over as drawn",
                           [control.global_share / own], ("<=", DEALT_SHARE)),
                result_row("global share", data, what + "permuted, absolute",
                           [abs(global_share(X, permuted(Z, 0)))], ("<=", PERMUTED_SHARE)),
                result_row("global share", data, what + "p-value of the arrangement",
                           [control.p_value], ("<=", 0.05)),
            ]  # fmt: skip
            if data == "digits":
                gap = [learnt.found.score - control.r2]
                rows.append(
                    result_row("global share", data, what + "R2 lost when islands are dealt", gap)
                )
    return rows


def ranking(bench):
    """What the readings go with, over ten natural maps of a set: held-out rows."""
    rows = []
    for data in SETS:
        if not has_data(data):
            rows.append(result_row("ranking", data, "Spearman of R2 with accuracy", []))
            continue
        score = bench.memory.cache(held_out_readings)
        found = [score(data, draw_of(bench)(data, 0, name)) for name in NATURAL]
        of = {key: [one[key] for one in found] for key in found[0]}
        pairs = {
            "held-out R2 with 10-NN accuracy": ("r2", "accuracy"),
            "held-out R2 with distance ranks": ("r2", "distances"),
            "global share with distance ranks": ("global_share", "distances"),
            "global share with ranks of class centres": ("global_share", "centres"),
        }
        rows += [
            result_row("ranking", data, "Spearman of " + what, [spearmanr(of[a], of[b])[0]])
            for what, (a, b) in pairs.items()
        ]
    return rows


def held_out_readings(data, Z):
    """Readings of held-out rows, and how far labels and distances are kept."""
    split = split_of(data, 0)
    known = learn(split.X_train, Z)
    placed = known.student.place(split.X_test)
    nearest = KNeighborsClassifier(10).fit(Z, split.y_train)
    kinds = np.unique(split.y_train)
    centres = [
        pdist(np.stack([rows[split.y_train == kind].mean(axis=0) for kind in kinds]))
        for rows in (split.X_train, Z)
    ]
    return held_out(known, split.X_test) | {
        "accuracy": nearest.score(placed, split.y_test),
        "distances": spearmanr(pdist(split.X_test), pdist(placed))[0],
        "centres": spearmanr(*centres)[0],
    }


def surrogate(bench):
    """R2 less that of principal components, on the data and on a Gaussian surrogate."""
    rows = []
    for data in ("digits", "USPS"):
        for name, teacher in teachers().items():
            if not has_data(data):
                rows.append(result_row("surrogate", data, f"{name}: gain", []))
                continue
            X, Z = split_of(data, 0).X_train, draw_of(bench)(data, 0, name)
            found = bench.memory.cache(linear_gain)(X, Z, teacher=teacher)
            rows += [
                result_row("surrogate", data, f"{name}: gain over principal components",
                           [found.gain]),
                result_row("surrogate", data, f"{name}: the same on the surrogate",
                           [found.surrogate_gain], ("<=", SURROGATE_GAIN)),
                result_row("surrogate", data, f"{name}: lower end of nonlinear",
                           [found.nonlinear_interval[0]], (">=", 0)),
            ]  # fmt: skip
    return rows


def teachers():
    from umap import UMAP

    return {
        "t-SNE(30)": TSNE(random_state=0),
        "UMAP(15)": UMAP(random_state=0),
        "Isomap(10)": Isomap(n_neighbors=10),
    }
