"""What Stein subspaces promise, as a table of asked and reached, beside their peers.

On generated data a seed is that of the data, of the split elsewhere, and of whatever is random in a
method. The distance of subspaces is ||P - P'||_F / sqrt(2 r): 0 is best and 1 is orthogonal. MNIST
is read from the folder SKSUBSPACE_DATA (mnist_test.npz); without it its rows say "absent". Peers
are in `_stein_peers.py`. Section "real" has two splits a seed; MNIST and the solvers have at most
three seeds. Times are CPU seconds of one thread.

    python benchmarks/stein.py                              # everything, about 25 minutes
    python benchmarks/stein.py --sections real moments      # these rows anew, others kept
    python benchmarks/stein.py --sections synthetic --seeds 1
"""

import argparse
import sys
import time
import warnings
from functools import partial

import numpy as np
from _common import (
    as_markdown,
    cpu_seconds,
    has_data,
    one_thread,
    print_table,
    r_squared,
    read_csv,
    read_data,
    result_row,
    write_csv,
    write_page,
)
from _stein_peers import autoencoder, bottleneck, dr, lda, pca, pls, save, sir
from sklearn.datasets import load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, train_test_split
from sklearn.preprocessing import StandardScaler

from sksubspace.datasets import make_multi_index
from sksubspace.decomposition import SteinPCA, SteinSubspace
from sksubspace.metrics import subspace_affinity, subspace_distance

NAME = "stein"
SETTINGS = (
    ("odd", "gaussian"),
    ("even", "gaussian"),
    ("mixed", "gaussian"),
    ("mixed", "student_t"),
    ("even", "student_t"),
)
ASKED = {
    ("mixed / gaussian", "both, gaussian"): ("<=", 0.15),
    ("mixed / gaussian", "order 1, gaussian"): ("<=", 0.25),
    ("even / gaussian", "order 2, gaussian"): ("<=", 0.15),
    ("even / gaussian", "order 1, gaussian"): (">=", 0.8),
    ("mixed / student_t", "both, student_t"): ("<=", 0.2),
    ("wine, k=2", "Stein, order 1, gaussian"): (">=", 0.96),
    ("diabetes, k=1", "Stein, order 1, gaussian"): (">=", 0.46),
}
NETWORK = "network with a bottleneck"


def stein(X, Y, k, order=1, score_model="gaussian", shrinkage="auto", seed=0):
    model = SteinSubspace(
        k, order=order, score_model=score_model, shrinkage=shrinkage, random_state=seed
    )
    return model.fit(X, Y).components_


def regressions():
    """Directions(X, Y, k, seed) of every method for responses that are numbers."""
    kinds = {}
    for score_model in ("gaussian", "student_t"):
        for order in (1, 2, "both"):
            name = f"{'both' if order == 'both' else f'order {order}'}, {score_model}"
            kinds[name] = partial(stein, order=order, score_model=score_model)
    peers = {"PCA": pca, "PLS": pls, "SIR": sir, "SAVE": save, "DR": dr}
    kinds |= {name: _seedless(peer) for name, peer in peers.items()}
    return kinds | {NETWORK: bottleneck}


def _seedless(directions):
    return lambda X, Y, k, seed=0: directions(X, Y, k)


def synthetic(bench):
    """Three directions of 50 features, 5,000 rows."""
    rows = []
    for link, design in SETTINGS:
        data = f"{link} / {design}"
        for name, distances, seconds in _distances(bench.seeds, link, design, 5000, 50):
            asked = ASKED.get((data, name))
            rows.append(result_row("synthetic", data, f"{name}: distance", distances, asked))
            rows.append(result_row("synthetic", data, f"{name}: CPU s", seconds))
    return rows


def large(bench):
    """Three directions of 200 features with heavy tails, 20,000 rows."""
    rows = []
    for name, distances, seconds in _distances(bench.seeds, "mixed", "student_t", 20_000, 200):
        for what, values in (("distance", distances), ("CPU s", seconds)):
            rows.append(result_row("large", "mixed / student_t", f"{name}: {what}", values))
    return rows


def _distances(seeds, link, design, n_samples, n_features, k=3):
    for name, directions in regressions().items():
        distances, seconds = [], []
        for seed in seeds:
            X, Y, B = make_multi_index(
                n_samples,
                n_features=n_features,
                n_components=k,
                link=link,
                design=design,
                return_components=True,
                random_state=seed,
            )
            Y = Y.reshape(len(Y), -1)
            found, spent = cpu_seconds(directions, X, Y, k, seed=seed)
            distances.append(subspace_distance(found, B) / np.sqrt(k))
            seconds.append(spent)
        yield name, distances, seconds


def real(bench):
    """Accuracy or R2 from k directions; parameters are chosen on the training rows."""
    rows = []
    for data, (X, y), k in (
        ("wine, k=2", load_wine(return_X_y=True), 2),
        ("diabetes, k=1", load_diabetes(return_X_y=True), 1),
        ("digits, k=9", load_digits(return_X_y=True), 9),
    ):
        classes = None if data.startswith("diabetes") else y
        for name, (directions, grid) in _real_methods(classes is not None).items():
            found = [
                _held_out(directions, grid, X, y, k, classes, seed)
                for seed in range(2 * len(bench.seeds))
            ]
            what = f"{name}: {'R2' if classes is None else 'accuracy'}"
            rows.append(result_row("real", data, what, found, ASKED.get((data, name))))
    return rows


def _real_methods(classes):
    """Method -> directions(X, y, k, seed, **parameters), and the parameters that are tried."""
    orders = [
        {"order": order, "score_model": score_model, "shrinkage": shrinkage}
        for order in (1, "both")
        for score_model in ("gaussian", "student_t")
        for shrinkage in ("auto", 0.1, 0.5)
    ]
    sliced = [{}] if classes else [{"n_slices": n} for n in (5, 10, 20)]
    kinds = {
        "all features": (None, [{}]),
        "Stein, order 1, gaussian": (stein, [{}]),
        "Stein, chosen": (stein, orders),
        NETWORK: (_network, [{}]),
    }
    for name, peer, grid in [
        ("PCA", pca, [{}]),
        ("PLS", pls, [{}]),
        ("SIR", sir, sliced),
        ("SAVE", save, sliced),
        ("DR", dr, sliced),
    ]:
        kinds[name] = (partial(_on_indicators, peer), grid)
    if classes:
        kinds["LDA"] = (lambda X, y, k, seed: lda(X, y, k), [{}])
    return kinds


def _is_classes(y):
    return y.dtype.kind in "iu"


def _on_indicators(peer, X, y, k, seed, **params):
    if not _is_classes(y):
        return peer(X, y[:, None], k, **params)
    if peer in (sir, save, dr):
        return peer(X, y[:, None].astype(float), k, n_slices=len(np.unique(y)), **params)
    return peer(X, np.eye(y.max() + 1)[y], k, **params)


def _network(X, y, k, seed):
    labels = y if _is_classes(y) else None
    return bottleneck(X, y[:, None].astype(float), k, seed, labels)


def _held_out(directions, grid, X, y, k, classes, seed):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, stratify=classes, random_state=seed
    )
    splitter = (KFold if classes is None else StratifiedKFold)(5, shuffle=True, random_state=seed)

    def validated(params):
        folds = splitter.split(X_train, y_train)
        return np.mean(
            [
                _accuracy(
                    directions, params, X_train[a], y_train[a], X_train[b], y_train[b], k, seed
                )
                for a, b in folds
            ]
        )

    params = grid[0] if len(grid) == 1 else max(grid, key=validated)
    return _accuracy(directions, params, X_train, y_train, X_test, y_test, k, seed)


def _accuracy(directions, params, X_train, y_train, X_test, y_test, k, seed):
    scaler = StandardScaler().fit(X_train)
    Z_train, Z_test = scaler.transform(X_train), scaler.transform(X_test)
    if directions is not None:
        C = directions(Z_train, y_train, k, seed=seed, **params)
        Z_train, Z_test = Z_train @ C.T, Z_test @ C.T
        unit = np.maximum(Z_train.std(axis=0), 1e-12)
        Z_train, Z_test = Z_train / unit, Z_test / unit
    classes = _is_classes(y_train)
    model = LogisticRegression(max_iter=2000) if classes else LinearRegression()
    return model.fit(Z_train, y_train).score(Z_test, y_test)


PCA_SETS = {
    "digits": (8, (">=", 0.77), ("in", (0.649, 0.689)), (15, 30, 60, 100)),
    "MNIST": (12, (">=", 0.64), ("in", (0.515, 0.555)), (5, 10, 20, 40)),
}


def nonlinear_pca(bench):
    """Subspaces x decoders, R2 on a fifth of the rows, and an autoencoder beside them."""
    rows = []
    for data, (k, asked, asked_linear, epochs) in PCA_SETS.items():
        if not has_data(data):
            rows.append(result_row("pca", f"{data}, k={k}", "default: R2", [], asked))
            continue
        X = read_data(data)[0]
        seeds = bench.seeds[:3] if data == "MNIST" else bench.seeds
        splits = [train_test_split(X, test_size=0.2, random_state=s) for s in seeds]
        rows += _against_autoencoder(data, k, splits, epochs, asked)
        for score_model in ("gaussian", "student_t", "gmm", "denoiser"):
            rows += _decoders(data, k, splits, score_model, asked_linear)
    return rows


def _decoders(data, k, splits, score_model, asked_linear):
    rows, overlaps = [], []
    for decoder in ("linear", "ridge", "network"):
        scores, seconds = [], []
        for seed, (a, b) in enumerate(splits):
            model = SteinPCA(k, score_model=score_model, decoder=decoder, random_state=seed)
            seconds.append(cpu_seconds(model.fit, a)[1])
            scores.append(model.score(b))
            if decoder == "linear":
                overlaps.append(subspace_affinity(model.components_, PCA(k).fit(a).components_))
        bound = asked_linear if (score_model, decoder) == ("gaussian", "linear") else None
        what = f"{score_model}, {decoder}"
        rows.append(result_row("pca", f"{data}, k={k}", f"{what}: R2", scores, bound))
        rows.append(result_row("pca", f"{data}, k={k}", f"{what}: CPU s", seconds))
    bound = (">=", 0.999) if score_model == "gaussian" else None
    what = f"{score_model}: overlap with PCA"
    return [*rows, result_row("pca", f"{data}, k={k}", what, overlaps, bound)]


def _against_autoencoder(data, k, splits, epochs, asked):
    """The default decoder beside an autoencoder that is trained for more and more epochs."""
    ours, spent = [], []
    for seed, (a, b) in enumerate(splits):
        model = SteinPCA(k, random_state=seed)
        spent.append(cpu_seconds(model.fit, a)[1])
        ours.append(model.score(b))
    row = partial(result_row, "pca", f"{data}, k={k}")
    rows = [row("default: R2", ours, asked), row("default: CPU s", spent)]
    for n in epochs:
        theirs, times = [], []
        for seed, (a, b) in enumerate(splits):
            reconstruct, seconds = cpu_seconds(autoencoder, a, k, n, seed)
            theirs.append(r_squared(b, reconstruct(b), a))
            times.append(seconds)
        last = n == epochs[-1]
        name = f"autoencoder, {n} epochs"
        gaps, ratios = np.subtract(theirs, ours), np.divide(spent, times)
        rows += [
            row(f"{name}: R2", theirs),
            row(f"{name}: CPU s", times),
            row(f"{name}: R2 less the default's", gaps, ("<=", 0.03) if last else None),
            row(f"{name}: default's time / its time", ratios, ("<=", 0.333) if last else None),
        ]
    return rows


def moments(bench):
    """Batches against one fit; the operator against matrices."""
    rows = []
    for order in (1, 2, "both"):
        gaps = [_partial_gap(order, seed) for seed in bench.seeds]
        what = f"partial_fit less fit, order={order!r}"
        rows.append(result_row("moments", "mixed / gaussian", what, gaps, ("<=", 1e-9)))
    for d in (300, 600, 1000):
        pairs = [_solvers(d, seed) for seed in bench.seeds[:3]]
        distances, ratios = zip(*pairs, strict=True)
        data, what = f"d={d}, n=5000, L=10", "operator, matrices: "
        bound = (">=", 1.0) if d >= 600 else None
        rows.append(result_row("moments", data, what + "distance", distances, ("<=", 1e-2)))
        rows.append(result_row("moments", data, what + "time ratio", ratios, bound))
    return rows


def _partial_gap(order, seed):
    X, Y = make_multi_index(
        3000, n_features=20, n_components=3, link="mixed", design="gaussian", random_state=seed
    )[:2]
    whole = SteinSubspace(3, order=order).fit(X, Y)
    batches = SteinSubspace(3, order=order)
    for rows in np.array_split(np.arange(len(X)), 7):
        batches.partial_fit(X[rows], Y[rows])
    return np.abs(whole.components_ - batches.components_).max()


def _solvers(d, seed):
    """Distance of the two subspaces of order 2, and explicit time / operator time."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((5000, d))
    B = np.linalg.qr(rng.standard_normal((d, 3)))[0]
    Z = X @ B
    Y = Z**2 @ rng.standard_normal((3, 10)) + 0.1 * rng.standard_normal((5000, 10))
    found, seconds = {}, {}
    for solver in ("full", "operator"):
        model = SteinSubspace(3, order=2, svd_solver=solver, random_state=seed)
        fitted, seconds[solver] = cpu_seconds(model.fit, X, Y)
        found[solver] = fitted.components_
    distance = subspace_distance(found["full"], found["operator"])
    return distance, seconds["full"] / seconds["operator"]


def score(bench):
    """What `score` chooses, by cross-validation and one standard error, beside the truth."""
    rows = []
    for link in ("odd", "even", "mixed"):
        found = [_chosen(link, seed) for seed in bench.seeds]
        directions, order_gaps, distances = zip(*found, strict=True)
        data = f"{link}, 2 of 20 directions"
        rows.append(result_row("score", data, "directions, of 1 to 4", directions, ("<=", 2)))
        what = "standard errors behind the order nearest to the truth"
        rows.append(result_row("score", data, what, order_gaps, ("<=", 1)))
        rows.append(result_row("score", data, "distance of what is chosen", distances))
    return rows


def _chosen(link, seed):
    """Number of directions, score of the nearest order less that of the best, distance."""
    X, Y, B = make_multi_index(
        3000, n_features=20, n_components=2, link=link, return_components=True, random_state=seed
    )
    folds = KFold(5, shuffle=True, random_state=seed)
    means, errors, distances = {}, {}, {}
    for order in (1, 2, "both"):
        for k in (1, 2, 3, 4):
            model = SteinSubspace(k, order=order, random_state=seed)
            values = cross_val_score(model, X, Y, cv=folds)
            means[order, k] = values.mean()
            errors[order, k] = values.std(ddof=1) / np.sqrt(len(values))
            distances[order, k] = subspace_distance(model.fit(X, Y).components_, B) if k == 2 else 0
    best = max(means, key=means.get)
    good = [one for one in means if means[one] >= means[best] - errors[best]]
    chosen = min(good, key=lambda one: one[1])
    nearest = min(((order, 2) for order in (1, 2, "both")), key=distances.get)
    behind = (means[best] - means[nearest]) / errors[best]
    return chosen[1], behind, distances[chosen] / np.sqrt(2)


SECTIONS = {
    "synthetic": synthetic,
    "large": large,
    "real": real,
    "pca": nonlinear_pca,
    "moments": moments,
    "score": score,
}

# section -> what is shown of it, and what to add to the name of the data
GUIDE = {
    "synthetic": {"distance": ""},
    "real": {"accuracy": "", "R2": ""},
    "pca": {"R2": ": R2", "CPU s": ": CPU s"},
}
TEXT = """Made by `python benchmarks/stein.py`, which says what a seed is. `reached` is the mean
over the `n` values beside it, `sd` their standard deviation. `met` is "yes" if every single value
meets what is asked, "mean only" if only their mean does. Rows without `asked` are for information.
One thread, CPU seconds.

What was asked:

{asked}
Everything:"""


def replace_rows(section, rows):
    """Put the rows of a section in the place of its old ones, and write all."""
    kept = [row for row in read_csv(f"{NAME}.csv") if row["section"] != section]
    order = list(SECTIONS)
    rows = sorted([*kept, *rows], key=lambda row: order.index(row["section"]))
    asked = [row for row in rows if row["asked"]]
    text = TEXT.format(asked=as_markdown(asked) if asked else "")
    write_page(NAME, "Stein subspaces: asked and reached", text, rows)
    write_guide_tables(rows)


def write_guide_tables(rows):
    """The tables that the user guide shows: methods x data, means only."""
    for section, whats in GUIDE.items():
        table = {}
        for row in rows:
            method, _, what = row["what"].rpartition(": ")
            if row["section"] == section and what in whats and row["reached"] not in ("", "absent"):
                column = f"{row['data']}{whats[what]}"
                table.setdefault(method, {"method": method})[column] = row["reached"]
        columns = list(dict.fromkeys(column for line in table.values() for column in line))
        lines = [dict.fromkeys(columns, "") | line for line in table.values()]
        if lines:
            write_csv(f"{NAME}_{section}.csv", lines)


class Bench:
    """What every section is given."""

    def __init__(self, seeds):
        self.seeds = range(seeds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="*", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    with one_thread(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*second order.*")
        for section in options.sections:
            wall = time.perf_counter()
            rows, seconds = cpu_seconds(SECTIONS[section], Bench(options.seeds))
            print_table(rows)
            replace_rows(section, rows)
            wall = time.perf_counter() - wall
            print(f"{section}: {seconds:.0f} CPU s, {wall:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
