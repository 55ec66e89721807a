"""What the sparse coders promise, as a table of asked and reached, beside dictionary learning.

Section "patches": 40,000 patches of 12 x 12 pixels in colour, from the left three quarters of the
two sample pictures of scikit-learn; R2 is that of 4,000 patches of the other quarter. A seed is
that of the patches and of the method. Section "predictive": digits, a quarter of them held out; the
linear probe is a logistic regression on codes divided by the scale of the data. Sections "active"
and "modules": the same splits of digits, k = 8, beside the linear maps and k throughout; the hidden
layers have 256 units. All parameters but those that are named are the defaults. Times are CPU
seconds of one thread.

    python benchmarks/sparse_autoencoders.py                       # everything, about 30 minutes
    python benchmarks/sparse_autoencoders.py --sections predictive # these rows anew, others kept
    python benchmarks/sparse_autoencoders.py --seeds 1
"""

import argparse
import sys
import time
import warnings
from itertools import product

import numpy as np
import torch
from _common import (
    as_markdown,
    cpu_seconds,
    one_thread,
    print_table,
    r_squared,
    read_csv,
    result_row,
    write_page,
)
from sklearn.datasets import load_digits, load_sample_images
from sklearn.decomposition import PCA, MiniBatchDictionaryLearning, sparse_encode
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch import nn

from sksubspace.autoencoder import PredictiveSparseCoding, SparseAutoencoder

NAME = "sparse_autoencoders"
SIDE = 12
N_UNITS, K, DIGITS_K = 2048, 16, 8
N_TRAIN, N_TEST, N_PURSUIT = 40_000, 4_000, 1_000
STARTS = {
    "subspace": {},
    "subspace of .9": {"subspace_variance": 0.9},
    "random": {"init": "random"},
    "data": {"init": "data"},
}
ASKED_DEAD = {"subspace": ("<=", 0.03), "random": (">=", 0.1)}
PATCHES = f"patches, {N_UNITS} atoms, k={K}"


def patches(seed):  # -> (n, 432), (m, 432)
    """Training rows from the left of both pictures and others from the right, in [0, 1]."""
    rng = np.random.RandomState(seed)
    train, test = [], []
    for picture in load_sample_images().images:
        picture = picture.astype(np.float32) / 255
        border = 3 * picture.shape[1] // 4
        for found, part, n in (
            (train, picture[:, :border], N_TRAIN // 2),
            (test, picture[:, border:], N_TEST // 2),
        ):
            drawn = extract_patches_2d(part, (SIDE, SIDE), max_patches=n, random_state=rng)
            found.append(drawn.reshape(n, -1))
    return np.concatenate(train), np.concatenate(test)


def starts(seeds):
    """Dead units and R2 by the atoms that the training starts from."""
    found = {name: [] for name in STARTS}
    for seed in seeds:
        X, X_test = patches(seed)
        for name, params in STARTS.items():
            model = SparseAutoencoder(N_UNITS, k=K, random_state=seed, **params)
            _, seconds = cpu_seconds(model.fit, X)
            found[name].append((model.dead_fraction_, model.score(X_test), seconds))
    rows = []
    for name, values in found.items():
        dead, scores, seconds = zip(*values, strict=True)
        asked = ASKED_DEAD.get(name)
        rows.append(result_row("patches", PATCHES, f"{name}: dead units", dead, asked))
        rows.append(result_row("patches", PATCHES, f"{name}: R2", scores))
        rows.append(result_row("patches", PATCHES, f"{name}: CPU s", seconds))
    gaps = [abs(a[1] - b[1]) for a, b in zip(found["subspace"], found["random"], strict=True)]
    what = "subspace, random: difference of R2"
    return [*rows, result_row("patches", PATCHES, what, gaps, ("<=", 0.01))]


def pursuits(seeds):
    """R2 of 1,000 held-out patches at equal k: the encoder, and orthogonal matching pursuit."""
    found = {}
    for seed in seeds:
        X, X_test = patches(seed)
        X_test = X_test[:: N_TEST // N_PURSUIT]
        model = SparseAutoencoder(N_UNITS, k=K, random_state=seed)
        _, fit_seconds = cpu_seconds(model.fit, X)
        back, seconds = cpu_seconds(lambda m, T: m.inverse_transform(m.transform(T)), model, X_test)
        _note(found, "SparseAutoencoder", r_squared(X_test, back, X), fit_seconds, seconds)
        back, seconds = cpu_seconds(_pursue, X_test, model.components_, model.intercept_)
        _note(found, "its atoms + OMP", r_squared(X_test, back, X), fit_seconds, seconds)
        mean = X.mean(axis=0)
        # one pass over a quarter of the rows: with so many atoms a pass takes minutes
        peer = MiniBatchDictionaryLearning(
            N_UNITS, batch_size=256, max_iter=1, fit_algorithm="cd", random_state=seed
        )
        _, fit_seconds = cpu_seconds(peer.fit, X[::4] - mean)
        back, seconds = cpu_seconds(_pursue, X_test, peer.components_, mean)
        name = "MiniBatchDictionaryLearning + OMP"
        _note(found, name, r_squared(X_test, back, X), fit_seconds, seconds)
        pca = PCA(K).fit(X)
        back = pca.inverse_transform(pca.transform(X_test))
        _note(found, f"PCA, {K} components", r_squared(X_test, back, X), 0.0, 0.0)
    names = ("R2", "CPU s of fit", "CPU s of 1,000 rows")
    return [
        result_row("pursuit", PATCHES, f"{method}: {name}", values)
        for method, noted in found.items()
        for name, values in zip(names, zip(*noted, strict=True), strict=True)
        if any(values)
    ]


def _note(found, method, *values):
    found.setdefault(method, []).append(values)


def _pursue(X, atoms, offset):  # (n, d), (m, d), (d,) -> (n, d)
    codes = sparse_encode(X - offset, atoms, algorithm="omp", n_nonzero_coefs=K)
    return codes @ atoms + offset


def predictive(seeds):
    """Codes of the encoder beside those that solve the lasso, for the same atoms."""
    rows = []
    for n_atoms in (64, 128, 256):
        found = [_digits(n_atoms, seed) for seed in seeds]
        asked = {"exact less encoder: accuracy": ("<=", 0.01)} if n_atoms == 128 else {}
        asked |= {"sparse_encode / encoder: time": (">=", 20)}
        for what in found[0]:
            values = [one[what] for one in found]
            rows.append(
                result_row("predictive", f"digits, {n_atoms} atoms", what, values, asked.get(what))
            )
    return rows


def _split(seed):
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, stratify=y, random_state=seed)


def _digits(n_atoms, seed):
    X, X_test, y, y_test = _split(seed)
    model, fit_seconds = cpu_seconds(PredictiveSparseCoding(n_atoms, random_state=seed).fit, X)
    found = {"fit: CPU s": fit_seconds, "pixels: accuracy": _probe(X / 16, y, X_test / 16, y_test)}
    for name, algorithm in (("exact", "fista"), ("encoder", "encoder")):
        model.set_params(transform_algorithm=algorithm)
        codes = [model.transform(rows) / model.scale_ for rows in (X, X_test)]
        found[f"{name}: accuracy"] = _probe(codes[0], y, codes[1], y_test)
        found[f"{name}: R2"] = model.score(X_test)
    found["exact less encoder: accuracy"] = found["exact: accuracy"] - found["encoder: accuracy"]
    return found | _speed(model, X_test)


def _probe(Z, y, Z_test, y_test):
    return LogisticRegression(max_iter=1000).fit(Z, y).score(Z_test, y_test)


def _speed(model, X, repeats=20):
    """Fastest of scikit-learn's two lasso solvers, and the encoder, on the same rows."""
    alpha = model.alpha * model.scale_ / 2
    solved = {
        solver: cpu_seconds(
            sparse_encode, X - model.mean_, model.components_, algorithm=solver, alpha=alpha
        )
        for solver in ("lasso_lars", "lasso_cd")
    }
    slow = min(seconds for _, seconds in solved.values())
    _, quick = cpu_seconds(lambda: [model.transform(X) for _ in range(repeats)])
    exact = model.set_params(transform_algorithm="fista").transform(X)
    gap = np.abs(exact - solved["lasso_lars"][0]).max() / np.abs(exact).max()
    return {
        "fista, sparse_encode: largest gap / largest code": gap,
        "sparse_encode / encoder: time": slow / (quick / repeats),
    }


def active(seeds):
    """More active units in the first epochs, and in the codes of new rows."""
    found = {}
    for n_units, init, start in product((128, 512), ("subspace", "random"), (None, 4 * DIGITS_K)):
        data = f"digits, {n_units} units, {init}"
        for seed in seeds:
            X, X_test = _split(seed)[:2]
            model = SparseAutoencoder(
                n_units, k=DIGITS_K, k_start=start, init=init, random_state=seed
            ).fit(X)
            name = "k throughout" if start is None else "from 4k"
            _note(found, (data, f"{name}: dead units"), model.dead_fraction_)
            _note(found, (data, f"{name}: R2"), model.score(X_test))
            for k in (12, 16) if start is None else ():
                model.set_params(transform_k=k)
                what = f"{name}: R2 of {k / DIGITS_K:g}k entries"
                _note(found, (data, what), model.score(X_test))
    return [
        result_row("active", data, what, [value for (value,) in values])
        for (data, what), values in found.items()
    ]


def modules(seeds):
    """A hidden layer in the encoder or in the decoder, beside linear maps."""
    found = {}
    for seed in seeds:
        X, X_test = _split(seed)[:2]
        torch.manual_seed(seed)
        cases = {
            "linear": {},
            "hidden layer in the encoder": {"encoder": _hidden(X.shape[1], 128)},
            "hidden layer in the decoder": {"decoder": _hidden(128, X.shape[1])},
        }
        for name, params in cases.items():
            model = SparseAutoencoder(128, k=DIGITS_K, random_state=seed, **params).fit(X)
            _note(found, f"sparse, {name}: R2", model.score(X_test))
            _note(found, f"sparse, {name}: R2 of training rows", model.score(X))
            _note(found, f"sparse, {name}: dead units", model.dead_fraction_)
        for name in ("linear", "hidden layer in the encoder"):
            encoder = cases[name].get("encoder")
            model = PredictiveSparseCoding(128, encoder=encoder, random_state=seed).fit(X)
            predicted = model.transform(X_test)
            _note(found, f"predictive, {name}: R2", model.score(X_test))
            exact = model.set_params(transform_algorithm="fista").transform(X_test)
            _note(found, f"predictive, {name}: R2, exact codes", model.score(X_test))
            error = np.square(predicted - exact).sum() / np.square(exact).sum()
            _note(found, f"predictive, {name}: squared error of the codes", error)
    return [
        result_row("modules", "digits, 128 units", what, [value for (value,) in values])
        for what, values in found.items()
    ]


def _hidden(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 256), nn.GELU(), nn.Linear(256, n_out))


SECTIONS = {
    "patches": starts,
    "pursuit": pursuits,
    "predictive": predictive,
    "active": active,
    "modules": modules,
}
TEXT = """Made by `python benchmarks/sparse_autoencoders.py`, which says what was measured.
`reached` is the mean over the `n` seeds, `sd` their standard deviation. `met` is "yes" if every
single value meets what is asked, "mean only" if only their mean does. Rows without `asked` are for
information. One thread, CPU seconds.

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
    write_page(NAME, "Sparse autoencoders: asked and reached", text, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="*", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Orthogonal matching pursuit ended")
        for section in options.sections:
            wall = time.perf_counter()
            rows, seconds = cpu_seconds(SECTIONS[section], range(options.seeds))
            print_table(rows)
            replace_rows(section, rows)
            wall = time.perf_counter() - wall
            print(f"{section}: {seconds:.0f} CPU s, {wall:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
