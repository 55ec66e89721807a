"""Data, natural maps and lies about them, which the sections of `audit.py` share."""

import os
from pathlib import Path

import numpy as np
from _common import FILES, has_data
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

N_ROWS = 2000
SETS = ("digits", "USPS", "MNIST")
TEACHERS = ("t-SNE(30)", "UMAP(15)")


def rows_of(data, seed):  # -> (n, d) float64, (n,)
    """Digits whole; 2,000 rows of the others, drawn by the seed and stratified."""
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    with np.load(Path(os.environ["SKSUBSPACE_DATA"]) / FILES[data]) as file:
        if data == "USPS":
            X = np.vstack([file["X_train"], file["X_test"]]) / 2
            y = np.r_[file["y_train"], file["y_test"]]
        else:
            X, y = file["X"] / 255, file["y"]
    X, _, y, _ = train_test_split(X, y, train_size=N_ROWS, stratify=y, random_state=seed)
    return X.astype(np.float64), y


def draw_natural(data, seed, teacher):  # -> (n, 2)
    """Draw a set by "t-SNE(30)" or "UMAP(15)"."""
    X, _ = rows_of(data, seed)
    kind, value = teacher.rstrip(")").split("(")
    if kind == "t-SNE":
        Z = TSNE(perplexity=float(value), random_state=seed).fit_transform(X)
    else:
        from umap import UMAP

        Z = UMAP(n_neighbors=int(value), random_state=seed).fit_transform(X)
    return Z.astype(np.float64)


def natural_maps(bench):
    """Yield (data, teacher, list of (seed, X, y, Z)); the list is empty where data is absent."""
    for data in SETS:
        for teacher in TEACHERS:
            found = []
            for seed in range(bench.seeds if has_data(data) else 0):
                found.append((seed, *rows_of(data, seed), bench.draw(data, seed, teacher)))
            yield data, teacher, found


# ---- lies: (rows moved, map) ---------------------------------------------------------------------


def some_rows(n, share, rng):  # -> (m,)
    return np.sort(rng.choice(n, round(share * n), replace=False))


def shuffled(Z, share, rng):
    """Shuffle the places of a share of the rows among these."""
    moved = some_rows(len(Z), share, rng)
    lie = Z.copy()
    lie[moved] = Z[rng.permutation(moved)]
    return moved, lie


def elsewhere(Z, y, same, rng, share=0.05):
    """Put rows where one of another class is drawn, or with `same` another one of their own."""
    moved = some_rows(len(Z), share, rng)
    lie = Z.copy()
    for row in moved:
        others = np.flatnonzero((y == y[row]) == same)
        lie[row] = Z[rng.choice(others[others != row])]
    return moved, lie


def torn_class(Z, y, rng):
    """Move a random half of a class to a place of its own beside the map."""
    members = np.flatnonzero(y == rng.choice(np.unique(y)))
    moved = rng.permutation(members)[: len(members) // 2]
    lie = Z.copy()
    beside = Z.max(axis=0) + 0.2 * np.ptp(Z, axis=0)
    lie[moved] += beside - Z[members].mean(axis=0)
    return members, lie


def overlaid_classes(Z, y, rng):
    """Lay a class over another one, centre upon centre."""
    over, under = (y == one for one in rng.choice(np.unique(y), 2, replace=False))
    lie = Z.copy()
    lie[over] += Z[under].mean(axis=0) - Z[over].mean(axis=0)
    return over, under, lie


def swapped_islands(Z, y, rng):
    """Draw the islands of a map further apart, so that two of them can change places whole.

    An island is where most of the ten nearest places are of one class: rows of other classes that
    are drawn there belong to it. Returned are the rows of the two, the map before, and after.
    """
    nearest = KNeighborsClassifier(10).fit(Z, y)
    island = nearest.predict(Z)
    names = np.unique(island)
    centres = np.stack([Z[island == name].mean(axis=0) for name in names])
    where = np.searchsorted(names, island)
    before = Z + 2 * (centres - centres.mean(axis=0))[where]
    one, other = rng.choice(len(names), 2, replace=False)
    order = np.arange(len(names))
    order[[one, other]] = other, one
    after = before + 3 * (centres[order] - centres)[where]
    return np.flatnonzero((where == one) | (where == other)), before, after
