"""The student of a map: what it may be fooled by, how honest its left-out score is, what it costs.

Sections: `ranking` (does a broken map win? the readings local and continuous, eleven teachers),
`traps` (permuted maps, maps shuffled within islands), `bias` (left-out less held-out R2), `encoder`
(accuracy of new rows' places against the learned attention), `groups` (repeated rows, donors),
`copies` (near copies found), `same` (one student everywhere), `cost`.
Training rows 70 %, held-out 30 %, stratified; digits whole, USPS and MNIST 2,000 rows, COIL-20
whole, drawn by the split's seed. Nothing is chosen by held-out rows. CPU seconds of one thread.

    python benchmarks/student.py                             # everything, about 40 minutes
    python benchmarks/student.py --sections ranking --cache maps
    python benchmarks/student.py --sections cost --before ../checkout-of-the-version-before
"""

import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _common import (
    Page,
    Split,
    cpu_seconds,
    one_thread,
    permuted,
    r_squared,
    result_row,
    run_in,
    write_csv,
)
from _rows import REPEATED, fit_precomputed, mixture, noisy, repeated
from joblib import Memory
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap, SpectralEmbedding
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from sksubspace import MEDAL
from sksubspace._student import StudentPlan, learn_student
from sksubspace.encoding import MedianEncoder
from sksubspace.metrics import embedding_score

FILES = {
    "USPS": "usps.npz",
    "MNIST": "mnist_test.npz",
    "COIL-20": "coil20.npz",
    "ORL": "orl.npz",
    "Yale B": "yaleb.npz",
}
N_ROWS = {"USPS": 2000, "MNIST": 2000}
RANKED = ("digits", "USPS", "MNIST")
FOUR = ("digits", "USPS", "MNIST", "COIL-20")
TEACHERS = (
    "PCA(2)",
    *(f"t-SNE({k})" for k in (5, 30, 100)),
    *(f"UMAP({k})" for k in (2, 5, 15, 50)),
    "Isomap(10)",
    "Isomap(30)",
    "spectral(10)",
)
TORN = ("UMAP(2)", "tiles", "cells")
# asked: Spearman of left-out with held-out R2, and what a share of torn and natural maps may be
SPEARMAN, TORN_SHARE, NATURAL_SHARE = 0.93, 0.7, 0.75


def has_data(data):
    folder = os.environ.get("SKSUBSPACE_DATA")
    return data == "digits" or (folder is not None and (Path(folder) / FILES[data]).exists())


def read(data):  # -> (n, d) float32, (n,)
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype(np.float32), y
    with np.load(Path(os.environ["SKSUBSPACE_DATA"]) / FILES[data]) as file:
        if data == "USPS":
            X, y = (
                np.vstack([file["X_train"], file["X_test"]]),
                np.r_[file["y_train"], file["y_test"]],
            )
        else:
            X, y = file["X"], file["y"]
    return X.astype(np.float32) / (255 if X.dtype == np.uint8 else 1), y


def split_of(data, seed):
    X, y = read(data)
    if len(X) > N_ROWS.get(data, len(X)):
        X, _, y, _ = train_test_split(X, y, train_size=N_ROWS[data], stratify=y, random_state=seed)
    return Split(*train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed))


def draw_map(data, seed, name):
    """Embed the training rows of a split."""
    X = split_of(data, seed).X_train
    if name == "tiles":
        return tiles(draw_map(data, seed, "t-SNE(30)"), seed)
    if name == "cells":
        return cells(X, seed)
    kind, value = name.rstrip(")").split("(")
    if kind == "UMAP":
        from umap import UMAP

        return UMAP(n_neighbors=int(value), random_state=seed).fit_transform(X)
    return {
        "PCA": lambda: PCA(int(value)),
        "t-SNE": lambda: TSNE(perplexity=float(value), random_state=seed),
        "Isomap": lambda: Isomap(n_neighbors=int(value)),
        "spectral": lambda: SpectralEmbedding(n_neighbors=int(value), random_state=seed),
    }[kind]().fit_transform(X)


def tiles(Z, seed, side=6):
    """Cut a map into side^2 tiles of equal counts and shuffle their places."""
    rng = np.random.RandomState(seed)
    column = np.searchsorted(np.quantile(Z[:, 0], np.arange(1, side) / side), Z[:, 0])
    row = np.empty(len(Z), dtype=int)
    for one in range(side):
        inside = column == one
        edges = np.quantile(Z[inside, 1], np.arange(1, side) / side)
        row[inside] = np.searchsorted(edges, Z[inside, 1])
    tile = side * column + row
    centres = np.stack([Z[tile == one].mean(axis=0) for one in range(side**2)])
    return Z - centres[tile] + centres[rng.permutation(side**2)][tile]


def cells(X, seed, n_cells=49):
    """Put k-means cells of the data on a grid at random, rows at random within their cell."""
    rng = np.random.RandomState(seed)
    label = KMeans(n_cells, n_init=1, random_state=seed).fit_predict(X)
    grid = np.stack(np.meshgrid(np.arange(7), np.arange(7)), axis=-1).reshape(-1, 2)
    return grid[rng.permutation(n_cells)][label] + 0.6 * rng.rand(len(X), 2)


def shuffled_within(Z, seed, n_cells=12):
    """Shuffle places within k-means cells of the map; also the cells."""
    rng = np.random.RandomState(seed)
    label = KMeans(n_cells, n_init=3, random_state=seed).fit_predict(Z)
    dealt = Z.copy()
    for one in range(n_cells):
        inside = np.flatnonzero(label == one)
        dealt[inside] = Z[rng.permutation(inside)]
    return dealt, label


def learn(X, Z, seed=0, **plan):
    return learn_student(StudentPlan(**plan), X, Z, seed=seed)


def held_out(known, X):
    """The three readings on rows that the student has not seen."""
    return known.student.readings(X, known.student.place(X))[0]


def ranking(bench):
    rows, table = [], []
    for data in RANKED:
        if not has_data(data):
            rows.append(result_row("ranking", data, "Spearman, left-out with held-out", []))
            continue
        per_seed = [ranked(bench, data, seed) for seed in range(bench.seeds)]
        table += [one for found in per_seed for one in found]
        rows += ranking_rows(data, per_seed)
    write_csv("student_maps.csv", table)
    return rows


def ranked(bench, data, seed):
    split = split_of(data, seed)
    found = []
    for name in (*TEACHERS, "tiles", "cells"):
        Z = bench.draw(data, seed, name)
        known = learn(split.X_train, Z, seed)
        held = held_out(known, split.X_test)
        labels = KNeighborsClassifier(10).fit(Z, split.y_train)
        accuracy = labels.score(known.student.place(split.X_test), split.y_test)
        median = known
        if known.student.encoder.name != "median":
            median = learn(split.X_train, Z, seed, encoders=(MedianEncoder(),))
        found.append(
            {"data": data, "seed": seed, "map": name, "left-out": known.score,
             "held-out": held["r2"], "continuous, left-out": known.continuous,
             "continuous, held-out": held["continuous"], "global": held["global_share"],
             "accuracy": accuracy, "encoder": known.student.encoder.name,
             "median, left-out": median.score,
             "median, held-out": held_out(median, split.X_test)["r2"]}
        )  # fmt: skip
    return found


def ranking_rows(data, per_seed):
    def by_map(found, what, names=TEACHERS):
        return np.array([one[what] for one in found if one["map"] in names], dtype=float)

    def of(name, what):
        return [one[what] for found in per_seed for one in found if one["map"] == name]

    def share(names):
        return np.concatenate(
            [
                by_map(f, "continuous, held-out", names) / by_map(f, "held-out", names)
                for f in per_seed
            ]
        )

    natural = [name for name in TEACHERS if name != "UMAP(2)"]
    held_out = [spearmanr(by_map(f, "left-out"), by_map(f, "held-out"))[0] for f in per_seed]
    of_median = [
        spearmanr(by_map(f, "median, left-out"), by_map(f, "median, held-out"))[0] for f in per_seed
    ]
    labels = [spearmanr(by_map(f, "left-out"), by_map(f, "accuracy"))[0] for f in per_seed]
    lost = [
        by_map(f, "accuracy").max() - by_map(f, "accuracy")[by_map(f, "left-out").argmax()]
        for f in per_seed
    ]
    below = ("<=", 0)
    gaps = {
        what: np.subtract(of("UMAP(2)", what), of("PCA(2)", what))
        for what in ("left-out", "held-out", "median, left-out", "median, held-out",
                     "continuous, left-out", "continuous, held-out")
    }  # fmt: skip
    rows = [
        ("Spearman of left-out with held-out R2, eleven teachers", held_out, (">=", SPEARMAN)),
        ("the same, the median for all of them", of_median, (">=", SPEARMAN)),
        ("Spearman of left-out R2 with held-out 10-NN accuracy", labels, None),
        ("accuracy lost by the first choice", lost, None),
        ("left-out R2, UMAP(2) less PCA", gaps["left-out"], below),
        ("held-out R2, UMAP(2) less PCA", gaps["held-out"], below),
        *((f"{kind} R2, UMAP(2) less PCA, the median for both", gaps[f"median, {kind}"], below)
          for kind in ("left-out", "held-out")),
        *((f"continuous {kind} R2, UMAP(2) less PCA", gaps[f"continuous, {kind}"], below)
          for kind in ("left-out", "held-out")),
        *((f"continuous share of {name}", share([name]), ("<=", TORN_SHARE)) for name in TORN),
        ("lowest continuous share of ten natural maps", [share(natural).min()],
         (">=", NATURAL_SHARE)),
        *((f"held-out R2 of {name}", of(name, "held-out"), None)
          for name in ("t-SNE(30)", "UMAP(15)")),
        *((f"continuous R2 of {name}", of(name, "continuous, held-out"), None)
          for name in ("t-SNE(30)", "UMAP(15)", "tiles", "cells", "UMAP(2)")),
    ]  # fmt: skip
    return [result_row("ranking", data, *row) for row in rows]


def traps(bench):
    rows = identity_cards(bench)
    for name in ("t-SNE(30)", "UMAP(15)"):
        left, held, gaps_left, gaps_held = [], [], [], []
        for seed in range(bench.seeds):
            split, Z = split_of("digits", seed), bench.draw("digits", seed, name)
            known = learn(split.X_train, permuted(Z, seed), seed)
            left.append(abs(known.score))
            held.append(abs(held_out(known, split.X_test)["r2"]))
            dealt, label = shuffled_within(Z, seed)
            truth = island_means(split, Z, label)
            known = learn(split.X_train, dealt, seed)
            gaps_left.append(abs(known.score - truth))
            gaps_held.append(abs(held_out(known, split.X_test)["r2"] - truth))
        rows += [
            result_row("traps", "digits", f"{name}, permuted: |left-out R2|", left, ("<=", 0.02)),
            result_row("traps", "digits", f"{name}, permuted: |held-out R2|", held, ("<=", 0.02)),
            result_row("traps", "digits", f"{name}, shuffled within 12 cells: |left-out R2 less "
                       "that of island means|", gaps_left, ("<=", 0.035)),
            result_row("traps", "digits", f"{name}, shuffled within 12 cells: |held-out R2 less "
                       "that of island means|", gaps_held, ("<=", 0.035)),
        ]  # fmt: skip
    return rows


def identity_cards(bench):
    """What is not offered: the nearest row's place, decoded by distance-weighted neighbours."""
    found = {"as drawn": [], "permuted": []}
    for seed in range(bench.seeds):
        split, Z = split_of("digits", seed), bench.draw("digits", seed, "t-SNE(30)")
        for kind, places in {"as drawn": Z, "permuted": permuted(Z, seed)}.items():
            placed = KNeighborsRegressor(1).fit(split.X_train, places).predict(split.X_test)
            decoder = KNeighborsRegressor(15, weights="distance").fit(places, split.X_train)
            X_hat = decoder.predict(placed)
            found[kind].append(r_squared(split.X_test, X_hat, split.X_train))
    what = "nearest row, distance-weighted 15-NN (not offered): held-out R2, map "
    return [result_row("traps", "digits", what + kind, values) for kind, values in found.items()]


def island_means(split, Z, label):
    """Held-out R2 of answering with the mean of the island of a row's nearest training row."""
    means = np.stack([split.X_train[label == one].mean(axis=0) for one in range(label.max() + 1)])
    island = KNeighborsClassifier(1).fit(split.X_train, label).predict(split.X_test)
    return r_squared(split.X_test, means[island], split.X_train)


def bias(bench):
    rows = []
    for data, bounds in {"digits": 0.03, "USPS": 0.03, "COIL-20": None}.items():
        for name in ("t-SNE(30)", "UMAP(15)"):
            what = f"{name}: left-out less held-out R2"
            asked = ("in", (-0.03, 0.03) if bounds else (-0.045, 0.03))
            values = []
            for seed in range(bench.seeds if has_data(data) else 0):
                split = split_of(data, seed)
                known = learn(split.X_train, bench.draw(data, seed, name), seed)
                values.append(known.score - held_out(known, split.X_test)["r2"])
            rows.append(result_row("bias", data, what, values, asked))
    values = []
    for seed in range(3):
        X, fresh = mixture(400, seed), mixture(3000, seed, draw=1)
        for Z in (PCA(5).fit_transform(X), TSNE(random_state=seed).fit_transform(X)):
            known = learn(X, Z, seed)
            values.append(abs(known.score - held_out(known, fresh)["r2"]))
    what = "PCA(5), t-SNE: |left-out less fresh R2|, 400 rows"
    return [*rows, result_row("bias", "mixture", what, values, ("<=", 0.015))]


def encoder(bench):
    rows, found = [], {}
    for data in FOUR if all(map(has_data, FOUR)) else ("digits",):
        for seed in range(bench.seeds):
            split = split_of(data, seed)
            for name in ("t-SNE(30)", "UMAP(15)"):
                Z = bench.draw(data, seed, name)
                labels = KNeighborsClassifier(10).fit(Z, split.y_train)
                for kind in ("median", "local"):
                    medal = fit_precomputed(split.X_train, Z, encoder=kind, random_state=seed)
                    score = labels.score(medal.transform(split.X_test), split.y_test)
                    found.setdefault((name, kind), []).append(score)
            Z, placed = bench.umap_transform(data, seed)
            for kind in ("median", "local"):
                medal = fit_precomputed(split.X_train, Z, encoder=kind, random_state=seed)
                apart = np.square(medal.transform(split.X_test) - placed).sum()
                total = np.square(placed - placed.mean(axis=0)).sum()
                found.setdefault(("coordinates", kind), []).append(1 - apart / total)
    asked = {"t-SNE(30)": 0.915, "UMAP(15)": 0.90, "coordinates": 0.975}
    title = {"coordinates": "R2 of coordinates against UMAP.transform"}
    for (name, kind), values in found.items():
        what = f"{kind}: " + title.get(name, f"10-NN accuracy of placed rows, {name}")
        bound = (">=", asked[name]) if kind == "median" else None
        rows.append(result_row("encoder", "mean of four sets", what, [np.mean(values)], bound))
    chosen = [
        learn(split_of(data, 0).X_train, bench.draw(data, 0, "PCA(2)")).student.encoder.name
        for data in FOUR if has_data(data)
    ]  # fmt: skip
    share = np.mean([one == "linear" for one in chosen])
    rows.append(
        result_row("encoder", "four sets", "PCA maps that choose linear", [share], (">=", 1))
    )
    X = split_of("digits", 0).X_train
    X, Z = np.vstack([X, X[:743] + 0.01]), np.tile(bench.draw("digits", 0, "t-SNE(30)"), (2, 1))
    seconds = [cpu_seconds(MedianEncoder().fit, X, Z[: len(X)])[1] for _ in range(3)]
    what = "CPU s of fitting the median at 2,000 x 64, its search included"
    return [*rows, result_row("encoder", "digits", what, [min(seconds)], ("<=", 0.3))]


def groups(bench):
    teachers = {"PCA(5)": lambda seed: PCA(5), "t-SNE": lambda seed: TSNE(random_state=seed)}
    rows = []
    for kind in REPEATED:
        for name, teacher in teachers.items():
            found = [grouped(kind, teacher(seed), seed) for seed in range(8)]
            gap, flagged, shifted, ungrouped = np.transpose(found)
            signed, gap = gap, np.abs(gap)
            what = f"{kind}, {name}: "
            rows += [
                result_row("groups", "mixture", what + "|left-out less fresh R2|", gap,
                           ("<=", 0.04)),
                result_row("groups", "mixture", what + "fresh rows with p <= .05", flagged,
                           ("in", (0, 0.075))),
                result_row("groups", "mixture", what + "clean batches of 100 called shifted",
                           shifted, ("<=", 0.1)),
                result_row("groups", "mixture", what + "left-out less fresh R2", signed,
                           ("in", (-0.04, 0.04))),
                result_row("groups", "mixture", what + "the same without groups", ungrouped),
            ]  # fmt: skip
    return rows


def grouped(kind, teacher, seed):
    """Gap, share of fresh rows flagged, share of clean batches shifted, gap without groups."""
    X, donor, fresh, new = repeated(kind, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        medal = MEDAL(teacher, random_state=seed).fit(X, groups=donor)
        bare = MEDAL(teacher, random_state=seed).fit(X, groups=np.arange(len(X)))
        truth, flagged = medal.score(fresh), (medal.pvalue(fresh) <= 0.05).mean()
        batches = [slice(100 * i, 100 * (i + 1)) for i in range(20)]
        shifted = [
            medal.detect_shift(fresh[b], groups=None if new is None else new[b]).shifted
            for b in batches
        ]
    gap = medal.loo_score_ - truth
    return gap, flagged, np.mean(shifted), bare.loo_score_ - bare.score(fresh)


def copies(bench):
    rng, rows = np.random.RandomState(0), []
    for data in (*FOUR, "ORL", "Yale B"):
        values = []
        if has_data(data):
            X = read(data)[0]
            X = X[rng.permutation(len(X))[:2000]].astype(np.float64)
            known = learn(X, PCA(2).fit_transform(X))
            values = [known.n_copies / len(X)]
        asked = ("<=", 0.005) if data in FOUR else None
        rows.append(result_row("copies", data, "share of rows with a near copy", values, asked))
    full = rng.randn(200, 20) + 1.5 * rng.randn(8, 20)[rng.randint(8, size=200)]
    for what, X in {
        "pairs with 1 % noise": noisy(np.repeat(full, 2, axis=0), 0.01, rng),
        "pairs with 1 % noise, components of three directions": noisy(
            np.repeat(mixture(200, 0), 2, axis=0), 0.01, rng
        ),
        "40 rows x 10, 5 % noise": noisy(np.repeat(mixture(40, 0), 10, axis=0), 0.05, rng),
    }.items():
        share = learn(X, PCA(2).fit_transform(X)).n_copies / len(X)
        rows.append(result_row("copies", "mixture", f"{what}: share found", [share], (">=", 0.99)))
    return rows


def same(bench):
    """The score of a student is its own everywhere; `auto` and `cv` choose the same map."""
    from sklearn.decomposition import FactorAnalysis

    from sksubspace.model_selection import compare_embeddings

    X = load_digits().data[:300] / 16
    candidates = {"factor analysis": FactorAnalysis(2), "t-SNE": TSNE(random_state=0)}
    gaps, alike = [], []
    for params in ({}, {"encoder": "linear", "exact": None}, {"encoder": "linear"},
                   {"encoder": "local"}):  # fmt: skip
        student = MEDAL(random_state=0, **params)
        Z = TSNE(random_state=0).fit_transform(X)
        own = fit_precomputed(X, Z, **{"random_state": 0, **params})
        gaps.append(abs(embedding_score(X, Z, student=student).r2 - own.loo_score_))
        chosen = {
            method: compare_embeddings(
                X, candidates, method=method, student=student, cv=3, controls=False, select="best"
            ).best_name_
            for method in ("auto", "cv")
        }
        alike.append(len(set(chosen.values())) == 1)
    return [
        result_row("same", "digits", "|embedding_score less the student's own loo_score_|", gaps,
                   ("<=", 1e-12)),
        result_row("same", "digits", "students with which auto and cv choose the same map",
                   [np.mean(alike)], (">=", 1)),
    ]  # fmt: skip


COST = """
import json, sys, time, warnings
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
warnings.simplefilter("ignore")
from sksubspace import MEDAL
from sksubspace.metrics import embedding_score
rng = np.random.RandomState(0)
X = load_digits().data.astype(np.float32) / 16
X = np.vstack([X, X[:203] + .2 * rng.rand(203, 64).astype(np.float32)])
Z = np.load(sys.argv[1])
Z = np.vstack([Z, Z[:203] + .1])
MEDAL("precomputed", random_state=0).fit(X[:200], embedding=Z[:200])
def seconds(work):
    best = np.inf
    for _ in range(3):
        start = time.process_time(); work(); best = min(best, time.process_time() - start)
    return best
found = {"2000": seconds(lambda: MEDAL("precomputed", random_state=0).fit(X, embedding=Z))}
X_few, Z_few = X[:1257], Z[:1257]
found["1257"] = seconds(lambda: MEDAL("precomputed", random_state=0).fit(X_few, embedding=Z_few))
big = rng.randn(100_000, 4) @ rng.randn(4, 50) + .3 * rng.randn(100_000, 50)
start = time.process_time()
embedding_score(big.astype(np.float32), PCA(2).fit_transform(big))
found["100000"] = time.process_time() - start
print(json.dumps(found))
"""


def cost(bench):
    X = load_digits().data.astype(np.float32) / 16
    np.save(Path(bench.cache) / "digits.npy", TSNE(random_state=0).fit_transform(X))

    def measure(folder):
        return run_in(folder, COST, (Path(bench.cache) / "digits.npy").resolve())

    now = measure(Path(__file__).parents[1])
    rows = [
        result_row("cost", "digits", "CPU s of the student at 1,257 x 64", [now["1257"]],
                   ("<=", 1.6)),
        result_row("cost", "100,000 x 50", "CPU s of embedding_score", [now["100000"]]),
    ]  # fmt: skip
    if bench.before is None:
        return rows
    before = measure(Path(bench.before).resolve())
    titles = {"1257": ("digits 1,257 x 64", None), "2000": ("digits 2,000 x 64", ("<=", 0.6)),
              "100000": ("100,000 x 50, embedding_score", ("<=", 1.0))}  # fmt: skip
    for key, (data, asked) in titles.items():
        what = "CPU s over those of the version before, without the teacher"
        rows.append(result_row("cost", data, what, [now[key] / before[key]], asked))
    return rows


SECTIONS = {
    "ranking": ranking,
    "traps": traps,
    "bias": bias,
    "encoder": encoder,
    "groups": groups,
    "copies": copies,
    "same": same,
    "cost": cost,
}

TEXT = """Made by `python benchmarks/student.py`, which says what is compared. `reached` is the mean
over the `n` values beside it (splits, seeds, or maps), `sd` their standard deviation. `met` is
"yes" if every single value meets what is asked, "mean only" if only their mean does. Rows without
`asked` are for information. Scores by map and split: `student_maps.csv`."""


class Bench:
    """Options, and maps that are drawn once."""

    def __init__(self, options, folder):
        self.seeds, self.before = options.seeds, options.before
        self.cache = options.cache or folder
        Path(self.cache).mkdir(parents=True, exist_ok=True)
        memory = Memory(self.cache, verbose=0)
        self.draw = memory.cache(draw_map)
        self.umap_transform = memory.cache(_umap_transform)


def _umap_transform(data, seed):
    from umap import UMAP

    split, umap = split_of(data, seed), UMAP(random_state=seed)
    Z = umap.fit_transform(split.X_train).copy()
    return Z, umap.transform(split.X_test)


PAGE = Page("student", "One student: asked and reached", TEXT, SECTIONS)


def main():
    parser = PAGE.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="splits (default: 2)")
    parser.add_argument("--before", help="checkout of the version before, for ratios of cost")
    options = parser.parse_args()
    with one_thread(), TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        PAGE.run(options.sections, bench)


if __name__ == "__main__":
    main()
