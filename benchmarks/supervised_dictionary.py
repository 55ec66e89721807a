"""What supervised dictionaries promise, as a table of asked and reached, beside their peers.

Everything is a mean over splits of the rows by seed: 80/20 for SMS, 70/30 else. What is tuned is
tuned on the training rows, by F1 for SMS and accuracy else: penalties; class weights for SMS. A
chosen weight of the reconstruction is the smallest of four whose R2 on held-out training rows is
within 0.015 of that of PCA. Else weights and the penalties of variants are the default. Auxiliary
covariates are the logarithms of one plus length, digits and capitals. Peers get codes of unit
variance, and R2 of a peer is that of the best linear map from its codes to the rows. USPS, MNIST
and the messages are read from the folder SKSUBSPACE_DATA (usps.npz, mnist_test.npz, sms_spam.tsv);
without it their rows say "absent". One thread, CPU seconds.

    python benchmarks/supervised_dictionary.py                        # everything
    python benchmarks/supervised_dictionary.py --sections sms limits  # these rows anew, others kept
    python benchmarks/supervised_dictionary.py --sections digits --seeds 1
"""

import argparse
import os
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

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
    write_page,
)
from _dictionary_peers import Regression, encoders, on_codes, tuned
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sksubspace.decomposition import SupervisedDictionaryLearning
from sksubspace.metrics import subspace_affinity

NAME = "supervised_dictionary"
SDL = partial(SupervisedDictionaryLearning, random_state=0)
ALPHAS = (1e-5, 1e-4, 1e-3)
WEIGHTS = (1.0, 1.5, 2.0, 3.0)
LOSS_OF_R2 = 0.015
MANY_ROWS = 3000
CHOSEN = "SDL, chosen weight"
RANKS = {"digits": 10, "breast_cancer": 2, "USPS": 10}
COSTS = [None, "balanced"]


def accuracy(y, found):
    return float(np.mean(y == found))


def inner_folds(X, y, seed):
    """Three folds of the training rows to choose on, one quarter of many rows."""
    if len(y) < MANY_ROWS:
        return list(StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y))
    return [train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=seed)]


def chosen_weight(r, X, y, fold):
    """The smallest weight that rebuilds held-out training rows nearly as PCA does."""
    train, test = X[fold[0]], X[fold[1]]
    pca = PCA(r, random_state=0).fit(train)
    best = r_squared(test, pca.inverse_transform(pca.transform(test)), train)
    for weight in WEIGHTS[:-1]:
        model = SDL(r, reconstruction_weight=weight).fit(train, y[fold[0]])
        if r_squared(test, _rebuild(model, train, test), train) >= best - LOSS_OF_R2:
            return weight
    return WEIGHTS[-1]


def accuracies(data, bench):
    """Accuracy and R2 from r components."""
    what, asked = f"{data}, r={RANKS[data]}", data != "breast_cancer"
    gain, loss = (">=", 0.015) if asked else None, (">=", -0.02) if asked else None
    if data == "USPS" and not has_data(data):
        return [result_row(data, what, f"{CHOSEN}: accuracy less PCA+LR's", [], gain)]
    found = [_one_split(data, RANKS[data], seed) for seed in bench.seeds]
    row, rows = partial(result_row, data, what), []
    for name in found[0]:
        for k, value in enumerate(("accuracy", "R2", "CPU s")):
            values = [split[name][k] for split in found]
            if not np.isnan(values[0]):
                rows.append(row(f"{name}: {value}", values))
    for name, bounds in (("SDL", (None, None)), (CHOSEN, (gain, loss))):
        gains = np.array([np.subtract(s[name][:2], s["PCA+LR"][:2]) for s in found])
        rows.append(row(f"{name}: accuracy less PCA+LR's", gains[:, 0], bounds[0]))
        rows.append(row(f"{name}: R2 less PCA's", gains[:, 1], bounds[1]))
    return rows


def _read(data):
    if data != "breast_cancer":
        X, y = read_data(data)[:2]
        return X.astype(np.float64), y.astype(int)
    X, y = load_breast_cancer(return_X_y=True)
    return X / X.std(axis=0), y


def _one_split(data, r, seed):
    """Accuracy, R2 and seconds of the fit of each method on one split."""
    X, y = _read(data)
    a, b, ya, yb = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    folds, found = inner_folds(a, ya, seed), {}

    def measure(name, model, grid, rebuild):
        fitted, seconds = tuned(model, grid, a, ya, accuracy, folds)
        r2 = np.nan if rebuild is None else r_squared(b, rebuild(fitted, a, b), a)
        found[name] = accuracy(yb, fitted.predict(b)), r2, seconds

    alphas = {"alpha": ALPHAS}
    measure("SDL", SDL(r), alphas, _rebuild)
    weight = chosen_weight(r, a, ya, folds[0])
    measure(CHOSEN, SDL(r, reconstruction_weight=weight), alphas, _rebuild)
    if data != "USPS":
        measure("SDL, feature", SDL(r, variant="feature", solver="bcd"), {}, _rebuild)
        measure("SDL, non-negative", SDL(r, nonnegative=True, solver="bcd"), {}, _rebuild)
    with tempfile.TemporaryDirectory() as folder:
        for name, encoder in encoders(r, y.max() + 1).items():
            measure(f"{name}+LR", on_codes(encoder, folder), alphas, _linear)
    measure("full LR", Regression(), alphas, None)
    measure("balanced LR", Regression(class_weight="balanced"), alphas, None)
    return found


def _rebuild(model, a, b):
    return model.inverse_transform(model.transform(b))


def _linear(model, a, b):
    codes = model[:-1]
    return LinearRegression().fit(codes.transform(a), a).predict(codes.transform(b))


def limits(bench):
    """Principal components, and logistic regression."""
    rows = []
    for data in ("digits", "USPS"):
        if not has_data(data):
            rows.append(result_row("limits", data, "weight 1e4", [], (">=", 0.99)))
            continue
        overlaps, gaps = [], []
        for seed in bench.seeds:
            X, y = _read(data)
            a, b, ya, yb = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
            pca = PCA(10, random_state=0).fit(a).components_
            heavy = SDL(10, reconstruction_weight=1e4).fit(a, ya)
            overlaps.append(subspace_affinity(heavy.components_, pca))
            free = SDL(9, reconstruction_weight=0.0).fit(a, ya)
            gaps.append(abs(free.score(b, yb) - Regression().fit(a, ya).score(b, yb)))
        what = "weight 1e4, r=10: overlap with PCA"
        rows.append(result_row("limits", data, what, overlaps, (">=", 0.99)))
        what = "weight 0, r=9: |accuracy less LogisticRegression's|"
        rows.append(result_row("limits", data, what, gaps, ("<=", 0.005)))
    return rows


def solvers(bench):
    """The objective by L-BFGS, projected gradient and block coordinate descent."""
    rows, (X, y) = [], _read("digits")
    for r in (6, 10):
        losses, seconds, rises = {}, {}, []
        for seed in bench.seeds:
            a, _, ya, _ = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
            for name, options in {
                "lbfgs": {},
                "lpgd": {"solver": "lpgd", "max_iter": 3000},
                "lpgd, tol=0": {"solver": "lpgd", "max_iter": 3000, "tol": 0.0},
                "bcd": {"solver": "bcd", "max_iter": 3000},
            }.items():
                model, spent = cpu_seconds(SDL(r, **options).fit, a, ya)
                losses.setdefault(name, []).append(model.loss_curve_[-1])
                seconds.setdefault(name, []).append(spent)
                if name == "lpgd, tol=0":
                    rises.append(max(np.diff(model.loss_curve_)))
        row = partial(result_row, "solvers", f"digits, r={r}")
        for name in losses:
            rows.append(row(f"{name}: objective", losses[name]))
            rows.append(row(f"{name}: CPU s", seconds[name]))
            if name.startswith("lpgd"):
                gaps = np.subtract(losses["lbfgs"], losses[name])
                ratios = np.divide(seconds["lbfgs"], seconds[name])
                rows.append(row(f"lbfgs less {name}: objective", gaps, ("<=", 0.0)))
                rows.append(row(f"lbfgs / {name}: CPU s", ratios, ("<=", 0.2)))
        # a converged curve moves by rounding only
        rows.append(row("lpgd, tol=0: largest rise", rises, ("<=", 1e-12)))
    return rows


def read_messages():  # -> (n,) of str, (n,), (n, 3)
    """Messages, whether they are spam, and their lengths and numbers of digits and capitals."""
    path = Path(os.environ["SKSUBSPACE_DATA"]) / "sms_spam.tsv"
    lines = [line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines() if line]
    texts = np.array([text for _, text in lines], dtype=object)
    counts = [
        (len(text), sum(map(str.isdigit, text)), sum(map(str.isupper, text))) for text in texts
    ]
    return texts, np.array([kind == "spam" for kind, _ in lines]).astype(int), np.array(counts)


def sms(bench):
    """F1 of spam from TF-IDF, with and without auxiliary covariates, and with topics."""
    folder = os.environ.get("SKSUBSPACE_DATA")
    if folder is None or not (Path(folder) / "sms_spam.tsv").exists():
        return [result_row("sms", "r=5", "SDL: F1", [], (">=", 0.92))]
    found = [_one_message_split(*read_messages(), seed) for seed in bench.seeds]
    asked = {
        ("r=5", "SDL: F1"): (">=", 0.92),
        ("r=5, with covariates", "SDL: F1"): (">=", 0.94),
        ("r=5", "SDL: CPU s"): ("<=", 1.0),
        ("r=20", "SDL, non-negative: F1"): (">=", 0.88),
        ("r=20", "SDL, non-negative: F1 less NMF+LR's"): (">=", 0.1),
    }
    return [
        result_row("sms", *key, [split[key] for split in found], asked.get(key)) for key in found[0]
    ]


def _one_message_split(texts, y, counts, seed):
    a, b = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=seed)
    words = TfidfVectorizer(min_df=2)
    Xa, Xb, ya = words.fit_transform(texts[a]), words.transform(texts[b]), y[a]
    kept = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(Xa, ya))
    found = {("all", "number of features"): Xa.shape[1]}

    def measure(data, name, model, grid, X=(Xa, Xb), aux=None, folds=kept):
        extra = None if aux is None else aux[a]
        fitted, seconds = tuned(model, grid, X[0], ya, f1_score, folds, extra)
        found[data, f"{name}: CPU s"] = seconds
        told = fitted.predict(X[1]) if aux is None else fitted.predict(X[1], X_aux=aux[b])
        found[data, f"{name}: F1"] = f1_score(y[b], told)

    alphas = {"alpha": (1e-6, 1e-5, 1e-4, 1e-3)}
    grid = {**alphas, "class_weight": COSTS}
    measure("r=5", "SDL", SDL(5), grid)
    measure("r=5, with covariates", "SDL", SDL(5), grid, aux=np.log1p(counts))
    topics = {"alpha": (1e-5, 1e-4), "reconstruction_weight": (0.3, 3.0)}
    measure("r=20", "SDL", SDL(20), grid)
    model = SDL(20, nonnegative=True, solver="bcd")
    measure("r=20", "SDL, non-negative", model, topics, folds=kept[:1])
    measure("all", "LR", Regression(), alphas)
    measure("all", "balanced LR", Regression(class_weight="balanced"), alphas)
    with tempfile.TemporaryDirectory() as folder:
        for r in (5, 20):
            for name in ("NMF", "SVD"):
                measure(f"r={r}", f"{name}+LR", on_codes(encoders(r, 2)[name], folder), grid)
        dense = Xa.toarray(), Xb.toarray()
        for name in ("PCA", "PLS"):
            model = on_codes(encoders(5, 2)[name], folder)
            measure("r=5", f"{name}+LR", model, grid, X=dense, folds=kept[:1])
        svd = TruncatedSVD(5, random_state=0).fit(Xa)
        scaler = StandardScaler().fit(np.log1p(counts[a]))
        both = [
            np.c_[svd.transform(X), scaler.transform(np.log1p(counts[rows]))]
            for X, rows in ((Xa, a), (Xb, b))
        ]
        plain = on_codes(FunctionTransformer(), folder)
        measure("r=5, with covariates", "SVD+LR", plain, grid, X=both)
    gap = found["r=20", "SDL, non-negative: F1"] - found["r=20", "NMF+LR: F1"]
    found["r=20", "SDL, non-negative: F1 less NMF+LR's"] = gap
    return found


def speed(bench):
    """Seconds of one fit to all MNIST test pictures."""
    if not has_data("MNIST"):
        return [result_row("speed", "MNIST, r=20", "lbfgs: CPU s", [], ("<=", 20.0))]
    X, y = read_data("MNIST")[:2]
    seconds = [
        cpu_seconds(SDL(20, random_state=seed).fit, X, y)[1] for seed in list(bench.seeds)[:3]
    ]
    return [result_row("speed", "MNIST, r=20", "lbfgs: CPU s", seconds, ("<=", 20.0))]


SECTIONS = {
    **{data: partial(accuracies, data) for data in RANKS},
    "limits": limits,
    "solvers": solvers,
    "sms": sms,
    "speed": speed,
}

TEXT = """Made by `python benchmarks/supervised_dictionary.py`, which says how. SDL is
SupervisedDictionaryLearning. `reached` is the mean over the `n` splits, `sd` their standard
deviation. `met` is "yes" if every split meets what is asked, "mean only" if only their mean does.
Rows without `asked` are for information. One thread, CPU seconds.

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
    write_page(NAME, "Supervised dictionaries: asked and reached", text, rows)


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
        warnings.simplefilter("ignore", ConvergenceWarning)
        for section in options.sections:
            wall = time.perf_counter()
            rows, seconds = cpu_seconds(SECTIONS[section], Bench(options.seeds))
            print_table(rows)
            replace_rows(section, rows)
            wall = time.perf_counter() - wall
            print(f"{section}: {seconds:.0f} CPU s, {wall:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
