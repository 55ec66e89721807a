"""What the benchmarks share: one thread, real data, teachers that are fitted once, and tables."""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

# numba hands its number of threads to the OpenMP runtime that torch uses, whatever torch is told
os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}

import numpy as np
import torch
from joblib import Memory
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

RESULTS = Path(__file__).parent / "results"
DATASETS = ("digits", "USPS", "MNIST")
FILES = {"USPS": "usps.npz", "MNIST": "mnist_test.npz"}
HELD_OUT = 0.3
ABSENT = "absent"

_MEETS = {
    ">=": lambda value, bound: value >= bound,
    "<=": lambda value, bound: value <= bound,
    "in": lambda value, bounds: bounds[0] <= value <= bounds[1],
}
_QUIET = (
    "n_jobs value .* overridden",
    "A precomputed embedding was drawn",
    "calibration='loo' needs an encoder",
    "Spectral initialisation failed",
    "Graph is not fully connected",
)


class Split(NamedTuple):
    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


@contextmanager
def one_thread():
    """Keep BLAS, OpenMP, numba and torch to one thread, and the expected warnings quiet."""
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        for message in _QUIET:
            warnings.filterwarnings("ignore", message=message)
        yield


def has_data(name):
    """Whether a data set can be read: digits always, others from the folder SKSUBSPACE_DATA."""
    folder = os.environ.get("SKSUBSPACE_DATA")
    return name == "digits" or (folder is not None and (Path(folder) / FILES[name]).exists())


def read_data(name):  # -> (n, d) float32 in [0, 1], (n,), number of training rows or None
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype(np.float32), y, None
    with np.load(Path(os.environ["SKSUBSPACE_DATA"]) / FILES[name]) as file:
        if name == "MNIST":
            return (file["X"] / 255).astype(np.float32), file["y"], None
        X = np.vstack([file["X_train"], file["X_test"]]).astype(np.float32) / 2
        return X, np.r_[file["y_train"], file["y_test"]], len(file["y_train"])


def load_split(name, seed, n_rows=None):
    """Split stratified 70/30 by `seed`; all of USPS by its official split, whatever the seed.

    With `n_rows`, that many rows are drawn first, stratified too, and then split 70/30.
    """
    X, y, n_official = read_data(name)
    if n_rows is not None and n_rows < len(X):
        X, _, y, _ = train_test_split(X, y, train_size=n_rows, stratify=y, random_state=seed)
    elif n_official is not None:
        return Split(X[:n_official], X[n_official:], y[:n_official], y[n_official:])
    return Split(*train_test_split(X, y, test_size=HELD_OUT, stratify=y, random_state=seed))


def make_teacher(name):
    """Make the teacher that a name such as "UMAP(15)", "t-SNE(30)" or "PCA(2)" stands for."""
    kind, value = name.rstrip(")").split("(")
    if kind == "PCA":
        return PCA(int(value), random_state=0)
    if kind == "t-SNE":
        return TSNE(perplexity=float(value), random_state=0)
    from umap import UMAP

    return UMAP(n_neighbors=int(value), random_state=0)


def permuted(Z, seed):
    """Shuffle the rows of an embedding: a map that says nothing about the data."""
    return Z[np.random.RandomState(seed).permutation(len(Z))]


class Teachers:
    """Embeddings by (data set, split, teacher), each computed once and kept in `folder`."""

    def __init__(self, folder):
        memory = Memory(folder, verbose=0)
        self._embed = memory.cache(_embed, verbose=0)
        self._place = memory.cache(_embed_and_place, verbose=0)

    def embedding(self, data, seed, name, n_rows=None):  # -> (n, q)
        """Embed the training rows."""
        if name == "permuted":
            return permuted(self.embedding(data, seed, "UMAP(15)", n_rows), seed)
        if name == "UMAP(15)" and n_rows is None:
            return self.placed(data, seed)[0]
        return self._embed(data, self._split_seed(data, seed, n_rows), name, n_rows)

    def placed(self, data, seed):  # -> (n, q), (m, q)
        """UMAP(15) of the training rows, and where its `transform` puts the held-out rows."""
        return self._place(data, self._split_seed(data, seed, None))

    def _split_seed(self, data, seed, n_rows):
        return 0 if data == "USPS" and n_rows is None else seed


def _embed(data, seed, name, n_rows):
    return make_teacher(name).fit_transform(load_split(data, seed, n_rows).X_train)


def _embed_and_place(data, seed):
    split = load_split(data, seed)
    umap = make_teacher("UMAP(15)")
    Z = umap.fit_transform(split.X_train).copy()
    return Z, umap.transform(split.X_test)


def cpu_seconds(work, *args, **kwargs):
    """Return what `work` returns, and the CPU seconds it took."""
    start = time.process_time()
    result = work(*args, **kwargs)
    return result, time.process_time() - start


def run_in(folder, code, *arguments):
    """Run code that prints JSON with the package of a checkout; return what it printed."""
    # in that folder: a program of the command line sees the working folder first
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=folder, check=True, text=True,
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    return json.loads(done.stdout)


def r_squared(X, X_hat, X_train):
    """1 - sum ||x - x_hat||^2 / sum ||x - mean of the training rows||^2."""
    total = np.square(X - X_train.mean(axis=0), dtype=np.float64).sum()
    return float(1 - np.square(X - X_hat, dtype=np.float64).sum() / total)


def result_row(section, data, what, values, asked=None):
    """Make one row of the table asked / reached; `asked` is such as (">=", 0.95).

    `met` is "yes" if every value meets what is asked, "mean only" if only their mean does.
    """
    values = [float(value) for value in values]
    row = {"section": section, "data": data, "what": what, "asked": "", "reached": ABSENT}
    row |= {"sd": "", "min": "", "max": "", "n": len(values), "met": ""}
    if asked is not None:
        row["asked"] = f"{asked[0]} {asked[1]}"
    if not values:
        return row
    row |= {"reached": short(np.mean(values)), "min": short(min(values)), "max": short(max(values))}
    if len(values) > 1:
        row["sd"] = short(statistics.stdev(values))
    if asked is not None:
        row["met"] = _verdict(values, *asked)
    return row


def _verdict(values, sign, bound):
    if all(_MEETS[sign](value, bound) for value in values):
        return "yes"
    return "mean only" if _MEETS[sign](np.mean(values), bound) else "no"


def short(value):
    """Write a number with three decimals, or as a power of ten, or as seconds are written."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 100:
        return f"{value:.3f}"
    return f"{value:.1e}" if abs(value) < 1e-3 else f"{value:.0f}"


def read_csv(name):
    path = RESULTS / name
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write_csv(name, rows):
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / name, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def as_markdown(rows):
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([*row.values()] for row in rows)]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in cells) + "\n"


def write_page(name, title, text, rows):
    """Write rows to `name`.csv and, below a title and a text, to `name`.md."""
    write_csv(f"{name}.csv", rows)
    (RESULTS / f"{name}.md").write_text(f"# {title}\n\n{text}\n\n{as_markdown(rows)}")


def print_table(rows):
    print(f"\n{as_markdown(rows)}", end="", flush=True)


class Page(NamedTuple):
    """A table of asked and reached, of sections that can be run anew one by one.

    `sections` maps names to functions that take what a script hands over and return rows.
    """

    name: str
    title: str
    text: str
    sections: dict

    def parser(self, doc):
        """The options that all such scripts have."""
        parser = argparse.ArgumentParser(description=doc.splitlines()[0])
        names = list(self.sections)
        parser.add_argument("--sections", nargs="*", default=names, choices=names)
        parser.add_argument("--cache", help="folder that keeps the maps for the next run")
        return parser

    def run(self, names, subject):
        """Run sections; put the rows of each in the place of its old ones, and write all."""
        for name in names:
            wall = time.perf_counter()
            rows, seconds = cpu_seconds(self.sections[name], subject)
            print_table(rows)
            kept = [row for row in read_csv(f"{self.name}.csv") if row["section"] != name]
            order = list(self.sections)
            rows = sorted([*kept, *rows], key=lambda row: order.index(row["section"]))
            write_page(self.name, self.title, self.text, rows)
            wall = time.perf_counter() - wall
            print(f"{name}: {seconds:.0f} CPU s, {wall:.0f} s", file=sys.stderr, flush=True)
