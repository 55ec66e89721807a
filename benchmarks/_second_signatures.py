"""Signatures of series beside plain methods, on the official splits of sets that aeon ships.

The series are files of the package aeon (`pip install --no-deps aeon` is enough: nothing of it is
imported), read here; each set has one split, so that there is no spread. Penalties, and the
parameters of the support vector machine, are chosen by folds of the training rows. Columns are
standardised before every classifier but nearest neighbours. JapaneseVowels is taken as the package
has it at one length for all methods, and for the signatures also as it was recorded, 7 to 29 steps.
Differences below .02 on the small test sets (40 rows of BasicMotions) are noise.
"""

import importlib.util
from pathlib import Path

import numpy as np
from _common import cpu_seconds, result_row
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sksubspace.functional import SignatureFeatures

# folder and file, and the depths that are tried
SETS = {
    "GunPoint": ("GunPoint/GunPoint", (2, 3, 4)),
    "ItalyPowerDemand": ("ItalyPowerDemand/ItalyPowerDemand", (2, 3, 4)),
    "ArrowHead": ("ArrowHead/ArrowHead", (2, 3, 4)),
    "BasicMotions, 6 channels": ("BasicMotions/BasicMotions", (2, 3, 4)),
    "JapaneseVowels, 12 channels": ("JapaneseVowels/JapaneseVowels_eq", (2, 3)),
}
RAGGED = "JapaneseVowels/JapaneseVowels"
VOWELS = "JapaneseVowels, 12 channels"


def folder():
    """Where aeon keeps its sets; None where it is not installed."""
    found = importlib.util.find_spec("aeon")
    return found and Path(found.submodule_search_locations[0]) / "datasets" / "data"


def read_series(path):  # -> (n, c, T) padded by NaN, (n,)
    """Read a file of the format .ts: channels are parted by colons, the class stands last."""
    lines = path.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().lower() == "@data")
    rows = [line.strip().split(":") for line in lines[start + 1 :] if line.strip()]
    series = [[np.array(one.split(","), dtype=float) for one in row[:-1]] for row in rows]
    longest = max(len(one) for row in series for one in row)
    X = np.full((len(series), len(series[0]), longest), np.nan)
    for i, row in enumerate(series):
        for j, one in enumerate(row):
            X[i, j, : len(one)] = one
    return X, np.array([row[-1] for row in rows])


def read_split(name):  # -> X, y, X_test, y_test, n_channels
    (X, y), (X_test, y_test) = (
        read_series(folder() / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")
    )
    most = max(X.shape[2], X_test.shape[2])
    X, X_test = (
        np.pad(one, ((0, 0), (0, 0), (0, most - one.shape[2])), constant_values=np.nan)
        for one in (X, X_test)
    )
    return X.reshape(len(X), -1), y, X_test.reshape(len(X_test), -1), y_test, X.shape[1]


def logistic():
    return GridSearchCV(LogisticRegression(max_iter=3000), {"C": [0.01, 0.1, 1.0, 10.0]}, cv=3)


def machine():
    grid = {"C": [1.0, 10.0, 100.0], "gamma": ["scale", 0.01, 0.1]}
    return GridSearchCV(SVC(), grid, cv=3)


def by_signature(depth, n_channels, log=False):
    features = SignatureFeatures(depth, n_channels=n_channels, log=log)
    ridge = RidgeClassifierCV(alphas=np.logspace(-3, 5, 17))
    return make_pipeline(features, StandardScaler(), ridge)


def signatures(options):
    """Accuracy on official test rows, and the time of many rows."""
    rows = []
    for data, (name, depths) in SETS.items():
        if folder() is None:
            rows.append(result_row("signatures", data, "accuracy, signature 2", []))
            continue
        found = one_set(name, depths)
        if data == VOWELS:
            found |= as_recorded()
        bounds = {}
        if data == VOWELS:
            bounds = {
                "accuracy, signature 2": (">=", 0.985),
                "signature 2 less raw logistic regression": (">=", 0.005),
            }
        rows += [
            result_row("signatures", data, what, [value], bounds.get(what))
            for what, value in found.items()
        ]
    X = np.random.RandomState(0).standard_normal((10_000, 1200))
    _, seconds = cpu_seconds(SignatureFeatures(2, n_channels=12).fit_transform, X)
    what = "CPU s, depth 2"
    return [*rows, result_row("signatures", "10,000 x 12 x 100", what, [seconds], ("<=", 5))]


def one_set(name, depths):
    X, y, X_test, y_test, c = read_split(name)
    models = {
        "raw logistic regression": make_pipeline(StandardScaler(), logistic()),
        "FPCA(10), logistic regression": make_pipeline(PCA(10), StandardScaler(), logistic()),
        "FPCA(10), SVC": make_pipeline(PCA(10), StandardScaler(), machine()),
        "1-NN": KNeighborsClassifier(1),
        **{f"signature {m}": by_signature(m, c) for m in depths},
        f"log-signature {depths[-1]}": by_signature(depths[-1], c, log=True),
    }
    found = {
        f"accuracy, {what}": model.fit(X, y).score(X_test, y_test) for what, model in models.items()
    }
    plain = [found[f"accuracy, {what}"] for what in list(models)[:4]]
    best = max(found[f"accuracy, signature {m}"] for m in depths)
    found["best signature less best plain method, in hindsight"] = best - max(plain)
    found["signature 2 less raw logistic regression"] = (
        found["accuracy, signature 2"] - found["accuracy, raw logistic regression"]
    )
    return found


def as_recorded():
    """Series of their own lengths, which only signatures take as they are."""
    X, y, X_test, y_test, c = read_split(RAGGED)
    return {
        f"accuracy, signature {m}, lengths as recorded": (
            by_signature(m, c).fit(X, y).score(X_test, y_test)
        )
        for m in (2, 3)
    }
