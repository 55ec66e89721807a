"""Section `reliability` of `audit.py`: p-values, marks and what they cost."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from _audit_sets import (
    elsewhere,
    natural_maps,
    overlaid_classes,
    shuffled,
    swapped_islands,
    torn_class,
)
from _common import result_row, write_csv
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from sksubspace.metrics._learnt import learn_map
from sksubspace.metrics._marks import reliability_of

DOSES = (0.05, 0.2, 0.5, 1.0)
LEVEL = 0.05
# what each number must be, in the order of the table
ASKED = {
    **{f"p <= .05 among shuffled rows, {d:.0%} shuffled": ("in", (0.03, 0.08)) for d in DOSES},
    **{f"shuffled among the reliable, {d:.0%} shuffled": ("<=", 0.05) for d in DOSES[:3]},
    "untouched rows that are reliable, 5% shuffled": (">=", 0.98),
    "untouched rows that are reliable, 20% shuffled": None,
    "untouched rows that are reliable, 50% shuffled": None,
    "all shuffled: rows that are reliable": ("<=", 0),
    "wrong island: marked misplaced": (">=", 0.97),
    "wrong island: AUROC of p": (">=", 0.97),
    "wrong island: AUROC of the left-out error": None,
    "wrong place of own island: marked misplaced": None,
    "wrong place of own island: AUROC of p": (">=", 0.96),
    "wrong place of own island: AUROC of the left-out error": None,
    "torn class: marked torn": (">=", 0.8),
    "torn class: AUROC of tear": (">=", 0.93),
    "torn class: AUROC of the left-out error": None,
    "overlaid classes: marked merged or misplaced": (">=", 0.6),
    "overlaid classes: AUROC of overlap": (">=", 0.88),
    "overlaid classes: AUROC of the left-out error": None,
    "two islands swapped: marked among them, more than before": ("<=", 0.03),
    "natural map: marked misplaced": ("<=", 0.01),
    "natural map: marked torn": ("<=", 0.1),
    "natural map: marked merged": ("<=", 0.01),
    "natural map: other classes among the 15 nearest rows of misplaced rows": None,
    "natural map: the same of torn rows": None,
    "natural map: the same of rows that are ok": None,
    "999 places instead of all: absolute difference of the share reliable": ("<=", 0.001),
    "pairs moved together, 20%: p <= .05, pairs found": ("in", (0, 0.08)),
    "pairs moved together, all: p <= .05, pairs found": ("in", (0, 0.08)),
    "pairs moved together, 20%: moved among the reliable": ("<=", 0.05),
    "pairs moved together, 20%: p <= .05, no groups": None,
}


def reliability(bench):
    rows, means = [], {what: {"what": what} for what in ASKED}
    for data, teacher, maps in natural_maps(bench):
        found = [one_map(*one) for one in maps]
        for what, asked in ASKED.items():
            values = [one[what] for one in found if what in one]
            rows.append(result_row("reliability", data, f"{teacher}, {what}", values, asked))
            means[what][f"{data} {teacher}"] = rows[-1]["reached"]
        print(f"{data}, {teacher}: done", file=sys.stderr, flush=True)
    write_csv("audit_reliability.csv", list(means.values()))
    return [*rows, *cost()]


def one_map(seed, X, y, Z):
    """Every number of `ASKED` for one map."""
    rng = np.random.RandomState(seed)
    found = natural(X, y, Z)
    for dose in DOSES:
        found |= of_dose(X, Z, dose, rng)
    for name, same in {"wrong island": False, "wrong place of own island": True}.items():
        moved, lie = elsewhere(Z, y, same, rng)
        learnt, marks = learnt_and_audited(X, lie)
        found[f"{name}: marked misplaced"] = marks.misplaced[moved].mean()
        found |= aurocs(name, "p", marks.p_value, moved, learnt)
    members, lie = torn_class(Z, y, rng)
    learnt, marks = learnt_and_audited(X, lie)
    found["torn class: marked torn"] = marks.torn[members].mean()
    found |= aurocs("torn class", "tear", marks.tear, members, learnt)
    found |= overlaid(X, y, Z, rng)
    members, before, after = swapped_islands(Z, y, rng)
    more = [(audited(X, lie).mark != "ok")[members].mean() for lie in (after, before)]
    found["two islands swapped: marked among them, more than before"] = more[0] - more[1]
    return found | pairs(X, Z, rng)


def audited(X, Z, groups=None):
    return learnt_and_audited(X, Z, groups)[1]


def learnt_and_audited(X, Z, groups=None):
    """What `embedding_reliability` does, and the student that it learns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* equal or nearly equal")
        learnt = learn_map(X, Z, groups=groups)
    return learnt, reliability_of(learnt.found, X, Z)


def natural(X, y, Z):
    """Marks of the map as it is, and how far they are of rows that are ambiguous in the data."""
    learnt, marks = learnt_and_audited(X, Z)
    some = reliability_of(learnt.found, X, Z, n_places=999)
    neighbors = NearestNeighbors(n_neighbors=15).fit(X).kneighbors(return_distance=False)
    strangers = (y[neighbors] != y[:, None]).mean(axis=1)
    found = {
        f"natural map: marked {mark}": (marks.mark == mark).mean()
        for mark in ("misplaced", "torn", "merged")
    }
    shares = {
        "misplaced": "natural map: other classes among the 15 nearest rows of misplaced rows",
        "torn": "natural map: the same of torn rows",
        "ok": "natural map: the same of rows that are ok",
    }
    for mark, what in shares.items():
        if (marks.mark == mark).any():
            found[what] = strangers[marks.mark == mark].mean()
    gap = abs(some.reliable.mean() - marks.reliable.mean())
    found["999 places instead of all: absolute difference of the share reliable"] = gap
    return found


def of_dose(X, Z, dose, rng):
    moved, lie = shuffled(Z, dose, rng)
    marks = audited(X, lie)
    found = {
        f"p <= .05 among shuffled rows, {dose:.0%} shuffled": (marks.p_value <= LEVEL)[moved].mean()
    }
    if dose == 1:
        return found | {"all shuffled: rows that are reliable": marks.reliable.mean()}
    touched = np.isin(np.arange(len(Z)), moved)
    return found | {
        f"shuffled among the reliable, {dose:.0%} shuffled": share(touched, marks.reliable),
        f"untouched rows that are reliable, {dose:.0%} shuffled": marks.reliable[~touched].mean(),
    }


def share(wanted, among):
    """Share of rows among some; 0 where there are none."""
    return wanted[among].mean() if among.any() else 0.0


def aurocs(lie, name, values, rows, learnt, among=None):
    """Of a number of each row, and of the left-out error, for `rows` against the others."""
    positive = np.isin(np.arange(len(values)), rows)
    among = np.ones(len(values), dtype=bool) if among is None else among
    errors = learnt.found.squared_errors
    return {
        f"{lie}: AUROC of {name}": roc_auc_score(positive[among], values[among]),
        f"{lie}: AUROC of the left-out error": roc_auc_score(positive[among], errors[among]),
    }


def overlaid(X, y, Z, rng):
    """Rows with more than a fifth of the other class around them, against all other classes."""
    over, under, lie = overlaid_classes(Z, y, rng)
    neighbors = NearestNeighbors(n_neighbors=30).fit(lie).kneighbors(return_distance=False)
    strangers = np.where(over, under[neighbors].mean(axis=1), over[neighbors].mean(axis=1))
    mixed = (over | under) & (strangers > 0.2)
    learnt, marks = learnt_and_audited(X, lie)
    found = {
        "overlaid classes: marked merged or misplaced": (marks.merged | marks.misplaced)[
            mixed
        ].mean()
    }
    among = mixed | ~(over | under)
    rows = np.flatnonzero(mixed)
    return found | aurocs("overlaid classes", "overlap", marks.overlap, rows, learnt, among)


def pairs(X, Z, rng):
    """Half of the rows, twice each with 1 % noise: pairs move together, and know their places."""
    half = rng.choice(len(X), len(X) // 2, replace=False)
    X, Z = np.repeat(X[half], 2, axis=0), np.repeat(Z[half], 2, axis=0)
    X = X + 0.01 * X.std(axis=0) * rng.randn(*X.shape)
    Z = Z + 1e-3 * Z.std(axis=0) * rng.randn(*Z.shape)
    found = {}
    for dose, name in {0.2: "20%", 1.0: "all"}.items():
        pair = rng.choice(len(X) // 2, round(dose * len(X) / 2), replace=False)
        lie, moved = Z.copy(), np.stack([2 * pair, 2 * pair + 1])
        lie[moved] = Z[moved[:, rng.permutation(len(pair))]]
        marks, touched = audited(X, lie), np.isin(np.arange(len(X)), moved)
        found[f"pairs moved together, {name}: p <= .05, pairs found"] = share(
            marks.p_value <= LEVEL, touched
        )
        if dose == 1:
            return found
        found["pairs moved together, 20%: moved among the reliable"] = share(
            touched, marks.reliable
        )
        alone = audited(X, lie, groups=np.arange(len(X)))
        what = "pairs moved together, 20%: p <= .05, no groups"
        found[what] = share(alone.p_value <= LEVEL, touched)
    return found


COST = """
import json, resource, sys, time, warnings
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
warnings.simplefilter("ignore")
from sksubspace.metrics import embedding_reliability, embedding_score
def seconds(work, n_runs):
    best = np.inf
    for _ in range(n_runs):
        start = time.process_time(); work(); best = min(best, time.process_time() - start)
    return best
rng = np.random.RandomState(0)
size = int(sys.argv[1])
if size == 1257:
    X = load_digits().data[:1257] / 16
else:
    X = 2 * rng.randn(30, 50)[rng.randint(30, size=size)] + rng.randn(size, 50)
Z = PCA(2).fit_transform(X)
n_runs = 3 if size < 10_000 else 1
whole = seconds(lambda: embedding_reliability(X, Z), n_runs)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
student = seconds(lambda: embedding_score(X, Z), n_runs) if size < 10_000 else None
print(json.dumps([whole, student, memory]))
"""


def cost():
    """CPU seconds of the whole, and of what the student costs anyway, each size on its own."""
    rows = []
    for size, name, bound in (
        (1257, "digits 1,257 x 64", None),
        (2000, "clusters 2,000 x 50", ("<=", 15)),
        (100_000, "clusters 100,000 x 50", ("<=", 120)),
    ):
        done = subprocess.run(
            [sys.executable, "-c", COST, str(size)], stdout=subprocess.PIPE, text=True, check=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )  # fmt: skip
        whole, student, memory = json.loads(done.stdout)
        rows.append(result_row("reliability", name, "CPU s, student included", [whole], bound))
        if student is not None:
            what = "CPU s beyond those of embedding_score"
            rows.append(result_row("reliability", name, what, [whole - student]))
        else:
            what = "peak memory in GiB, imports and data included"
            rows.append(result_row("reliability", name, what, [memory], ("<=", 2)))
    return rows
