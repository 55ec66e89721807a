"""Erasing a concept: what a reader still finds, what is lost of the rest, and what it costs.

A seed is a stratified split, 70 % of the rows for training. A probe is a logistic regression
trained on erased training rows and asked on erased held-out rows; "trained anew" is one trained and
asked on erased held-out rows by five folds, which nobody erased it for. The peers are the
`concept-erasure` package, with its defaults, and INLP and SAL by our own hands.
"""

from functools import partial

import numpy as np
import torch
from _clustering import cluster_data, has_cluster_data
from _common import cpu_seconds, has_data, read_data, result_row
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.svm import SVC

from sksubspace.erasure import ConceptEraser

try:
    from concept_erasure import LeaceFitter
except ImportError:
    LeaceFitter = None

N_SPLITS = 5
PACKAGE = "concept-erasure (package)"
AGREE = 0.005
# what the table of the design has: set, method, measure
ASKED = {
    ("USPS", "LEACE", "task"): (">=", 0.903),
    ("USPS", "SAL", "task"): (">=", 0.904),
    ("USPS", "LEACE", "removed"): ("<=", 0.089),
}


def probe(X, y, X_new, y_new):
    return LogisticRegression(max_iter=500).fit(X, y).score(X_new, y_new)


def package(X, concept, **options):
    """The map of the package, in double precision."""
    Z = torch.from_numpy(np.eye(concept.max() + 1)[concept])
    eraser = LeaceFitter.fit(torch.from_numpy(X), Z, **options).eraser
    return lambda rows: eraser(torch.from_numpy(rows)).numpy()


def own(method, X, concept, **options):
    return ConceptEraser(method, **options).fit(X, concept).transform


METHODS = {
    "nothing": lambda X, concept: lambda rows: rows,
    "LEACE": partial(own, "leace"),
    "LEACE, shrinkage .01": partial(own, "leace", shrinkage=0.01),
    PACKAGE: package,
    "SAL": partial(own, "sal"),
    "INLP, 8 readers": partial(own, "inlp", max_iter=8),
}


def measured(method, data, anew):
    """Probe, task, share of energy removed, CPU seconds and, maybe, a probe trained anew."""
    X, X_new, concept, concept_new, task, task_new = data
    erase, seconds = cpu_seconds(METHODS[method], X, concept)
    E, E_new = erase(X), erase(X_new)
    removed = np.square(X_new - E_new).sum() / np.square(X_new - X.mean(0)).sum()
    found = {
        "probe": probe(E, concept, E_new, concept_new),
        "task": probe(E, task, E_new, task_new),
        "removed": removed,
        "seconds": seconds,
    }
    if anew:
        found["anew"] = cross_val_score(LogisticRegression(max_iter=500), E_new, concept_new).mean()
    return found


def usps_parity(seed):
    X, y, _ = read_data("USPS")
    return parity_split(X.astype(np.float64), y, seed, 0.7)


def scattering_parity(seed):
    X, y = cluster_data("MNIST scattering", 3000, seed)
    return parity_split(X, y, seed, 400)


def parity_split(X, y, seed, train_size):
    X, X_new, y, y_new = train_test_split(
        X, y, train_size=train_size, stratify=y, random_state=seed
    )
    return X, X_new, y % 2, y_new % 2, y, y_new


CASES = {
    "USPS": ("USPS, parity", usps_parity, lambda: has_data("USPS")),
    "scattering": (
        "MNIST scattering, 400 x 500, parity",
        scattering_parity,
        lambda: has_cluster_data("MNIST scattering"),
    ),
}
SAID = {
    "probe": "probe",
    "task": "digit",
    "removed": "energy removed",
    "anew": "probe trained anew",
    "seconds": "fit, CPU s",
}


def erasure(options):
    """Parity of digits erased: what is read, of parity and of the digit."""
    rows = []
    for name, (data, split, is_there) in CASES.items():
        runs = []
        for seed in range(min(N_SPLITS, options.seeds or N_SPLITS)) if is_there() else ():
            parts = split(seed)
            usable = [m for m in METHODS if m != PACKAGE or LeaceFitter is not None]
            cpu_seconds(METHODS[usable[-1]], *parts[0:3:2])  # the first call pays for imports
            runs.append({method: measured(method, parts, True) for method in usable})
            runs[-1]["majority"] = np.bincount(parts[3]).max() / len(parts[3])
        majority = [run["majority"] for run in runs]
        rows.append(result_row("erasure", data, "share of the larger class", majority))
        for method in METHODS:
            for kind, said in SAID.items():
                values = [run[method][kind] for run in runs if method in run]
                asked = ASKED.get((name, method, kind))
                rows.append(result_row("erasure", data, f"{method}: {said}", values, asked))
        rows += against_package(data, [run for run in runs if PACKAGE in run])
    return [*rows, same_map(options), many_features()]


def against_package(data, runs):
    """Ours less the package, and the ratio of time."""
    found = []
    for kind, said in (("probe", "probe"), ("task", "digit")):
        gap = [run["LEACE"][kind] - run[PACKAGE][kind] for run in runs]
        what = f"LEACE less the package: {said}"
        found.append(result_row("erasure", data, what, gap, ("in", (-AGREE, AGREE))))
    ratio = [run["LEACE"]["seconds"] / run[PACKAGE]["seconds"] for run in runs]
    what = "CPU time of LEACE over the package"
    return [*found, result_row("erasure", data, what, ratio, ("<=", 0.5))]


def same_map(options):
    """Largest difference to the package's rows, both without shrinkage, in units of a row's sd."""
    found = []
    for seed in range(min(3, options.seeds or 3)) if has_data("USPS") and LeaceFitter else ():
        X, X_new, concept, *_ = usps_parity(seed)
        exact = {"shrinkage": False, "svd_tol": 1e-6, "constrain_cov_trace": False}
        theirs = package(X, concept, **exact)(X_new)
        found.append(np.abs(own("leace", X, concept)(X_new) - theirs).max() / X.std())
    what = "largest difference to the package's rows, both without shrinkage"
    return result_row("erasure", "USPS, parity", what, found, ("<=", 1e-6))


def many_features():
    rng = np.random.RandomState(0)
    concept = rng.randint(2, size=500)
    X = rng.randn(500, 2000) + concept[:, None]
    erase, seconds = cpu_seconds(own, "leace", X, concept)
    E = erase(X)
    gap = np.abs(E[concept == 0].mean(0) - E[concept == 1].mean(0)).max()
    data = f"n=500, d=2,000 ({seconds:.2f} CPU s)"
    return result_row("erasure", data, "largest difference of class means", [gap], ("<=", 1e-8))


def low_rank(options):
    """Three directions for ten classes: which three leave least to read, and a nonlinear reader."""
    found = {}
    X_all, y_all = load_digits(return_X_y=True)
    for seed in range(min(N_SPLITS, options.seeds or N_SPLITS)):
        X, X_new, y, y_new = train_test_split(
            X_all / 16, y_all, test_size=0.3, stratify=y_all, random_state=seed
        )
        for method in ("sal", "rlace", "leace", "inlp"):
            erase, seconds = cpu_seconds(own, method, X, y, n_components=3)
            values = probe(erase(X), y, erase(X_new), y_new), seconds
            found.setdefault(method, []).append(values)
        erase = own("leace", X, y)
        values = (
            probe(erase(X), y, erase(X_new), y_new),
            SVC(C=10).fit(erase(X), y).score(erase(X_new), y_new),
        )
        found.setdefault("all", []).append(values)
    found = {key: np.array(values) for key, values in found.items()}
    data, rows = "digits, 10 classes, rank 3", []
    for method in ("sal", "rlace", "leace", "inlp"):
        what = f"{method.upper()}: probe"
        rows.append(result_row("low rank", data, what, found[method][:, 0]))
        rows.append(
            result_row("low rank", data, f"{method.upper()}: fit, CPU s", found[method][:, 1])
        )
    gap = found["rlace"][:, 0] - found["sal"][:, 0]
    rows.append(result_row("low rank", data, "RLACE less SAL: probe", gap, ("<=", -0.02)))
    data = "digits, 10 classes, LEACE of rank 9"
    rows.append(result_row("low rank", data, "probe", found["all"][:, 0]))
    what = "a reader that is not linear (SVC, Gaussian kernel)"
    return [*rows, result_row("low rank", data, what, found["all"][:, 1])]


def sources(seed):  # -> dict of (n, 64), (n,)
    """Digits of three sources in 8 x 8 pixels from 0 to 1, of each at most as many rows."""
    X, y = load_digits(return_X_y=True)
    found = {"digits": (X / 16, y)}
    X, y, _ = read_data("USPS")
    found["USPS"] = X.reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4)).reshape(-1, 64), y
    X, y, _ = read_data("MNIST")
    cut = X.reshape(-1, 28, 28)[:, 2:26, 2:26]
    found["MNIST"] = cut.reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4)).reshape(-1, 64), y
    drawn = {}
    for name, (X, y) in found.items():
        rows = np.random.RandomState(seed).permutation(len(X))[:1797]
        drawn[name] = X[rows].astype(np.float64), y[rows]
    return drawn


def across(X, source, new):  # -> dict of (rows, new rows)
    """Rows of two sources and of a third one after each treatment."""
    both, of_both = np.vstack([X, new]), np.r_[source, np.full(len(new), 2)]
    leace, inlp = ConceptEraser().fit(X, source), ConceptEraser("inlp").fit(X, source)
    centre = ConceptEraser(n_components=1).fit(X, source, center_by=source)
    told = ConceptEraser().fit(both, of_both)
    return {
        "nothing": (X, new),
        "LEACE of the source": (leace.transform(X), leace.transform(new)),
        "INLP of the source": (inlp.transform(X), inlp.transform(new)),
        "each source about its own mean (center_by)": (
            centre.transform(X, center_by=source),
            centre.transform(new, center_by=of_both[len(X) :]),
        ),
        "LEACE with the target's rows": (told.transform(X), told.transform(new)),
    }


def domains(options):
    """The claim that erasing the source makes a classifier hold for another source."""
    found = {}
    there = has_data("USPS") and has_data("MNIST")
    for seed in range(min(3, options.seeds or 3)) if there else ():
        drawn, accuracies = sources(seed), {}
        for target in drawn:
            known = [name for name in drawn if name != target]
            X, y = (np.concatenate([drawn[name][k] for name in known]) for k in range(2))
            source = np.repeat([0, 1], [len(drawn[name][1]) for name in known])
            new, y_new = drawn[target]
            for how, (rows, new_rows) in across(X, source, new).items():
                linear = probe(rows, y, new_rows, y_new)
                curved = SVC(C=10).fit(rows, y).score(new_rows, y_new)
                accuracies.setdefault(how, []).append((linear, curved))
        for how, values in accuracies.items():
            found.setdefault(how, []).append(np.mean(values, axis=0))
    data, rows = "digits, USPS, MNIST in 8 x 8, train on two", []
    for how, values in found.items():
        values = np.array(values)
        rows.append(result_row("domains", data, f"{how}: linear", values[:, 0]))
        rows.append(result_row("domains", data, f"{how}: Gaussian kernel", values[:, 1]))
    if found:
        none = np.array(found["nothing"])
        for how, said in (
            ("LEACE of the source", "claim: erasing the source helps"),
            ("INLP of the source", "claim: INLP of the source helps"),
            ("each source about its own mean (center_by)", "centring helps"),
        ):
            gain = np.array(found[how]) - none
            for k, kind in enumerate(("linear", "Gaussian kernel")):
                what = f"{said}: {kind}, less nothing"
                rows.append(result_row("domains", data, what, gain[:, k], (">=", 0.005)))
    return rows or [result_row("domains", data, "claim: erasing the source helps", [])]
