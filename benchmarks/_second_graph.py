"""Features along a graph with five labels a class, beside what else uses rows without labels.

Draws of five labelled rows a class; the accuracy is that on all other rows. All methods see the
same 50 principal components of all rows. The penalty of logistic regression is chosen on the
labelled rows, by folds; LabelSpreading has 10 neighbours and its default alpha, and, as a control
that may look at the answers, the best of 5 and 10 neighbours and four values. New rows: four
fifths of the rows make the graph, with the same labels among them, and the last fifth joins it;
transductive is the accuracy on just those rows with all rows in the graph. Other numbers of labels
a class tell when it no longer pays, also beside a support vector machine of the rows themselves,
whose parameters are chosen on the labelled rows.
"""

import json
import subprocess
import sys
from itertools import product

import numpy as np
from _common import has_data, read_data, result_row
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

from sksubspace.neighbors import GraphFeatureExpansion

N_DRAWS, N_LABELS, USPS_ROWS = 5, 5, 2500
OTHER_LABELS = (2, 5, 20, 80)
GAINS = ("flattened less logistic regression", "flattened less SVC")
MAPS = {
    "S^2 X (SGC)": {"powers": (2,)},
    "flattened": {},
    "flattened, 30 structural": {"n_structural": 30},
}
# rows of the memory that is asked for, by the width of a principal subspace
N_LARGE = 100_000
_MEASURE = """
import json, sys, time
import numpy as np
from sksubspace.neighbors import GraphFeatureExpansion

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(one.split()[1]) for one in lines if one.startswith("VmHWM")) / 2**20

centres = np.random.RandomState(1).standard_normal((50, 50)) * 3
rng = np.random.RandomState(0)
X = centres[rng.randint(50, size=int(sys.argv[1]))]
X = X + rng.standard_normal(X.shape)
before, start = peak(), time.process_time()
model = GraphFeatureExpansion().fit(X)
print(json.dumps({
    "rows, GiB": X.nbytes / 2**30,
    "peak of the fit, GiB": peak() - before,
    "graph, GiB": (model.adjacency_.data.nbytes + model.adjacency_.indices.nbytes) / 2**30,
    "kept steps, GiB": model.propagated_.nbytes / 2**30,
    "CPU s": time.process_time() - start,
}))
"""


def graph(options):
    """Few labels, new rows, and the memory of a large table."""
    n_draws = min(options.seeds or N_DRAWS, N_DRAWS)
    rows = []
    for data in ("digits", "USPS"):
        if not has_data(data):
            rows.append(result_row("graph", data, "accuracy, flattened", []))
            continue
        X, y = principal_rows(data)
        found = [one_draw(X, y, seed) for seed in range(n_draws)]
        for name in found[0]:
            asked = (">=", -0.02) if name.startswith("new rows") and "less" in name else None
            asked = (">=", 0) if name == "flattened less LabelSpreading" else asked
            rows.append(result_row("graph", data, name, [one[name] for one in found], asked))
        for n_labels in OTHER_LABELS:
            gains = [gain(X, y, n_labels, seed) for seed in range(n_draws)]
            rows += [
                result_row("graph", data, f"{what}, {n_labels} labels a class", list(values))
                for what, values in zip(GAINS, zip(*gains, strict=True), strict=True)
            ]
    return rows + large_table()


def principal_rows(data):  # -> (n, 50), (n,)
    X, y, _ = read_data(data)
    if data == "USPS":
        X, _, y, _ = train_test_split(X, y, train_size=USPS_ROWS, stratify=y, random_state=0)
    return PCA(50, random_state=0).fit_transform(X.astype(np.float64)), y.astype(int)


def labelled(y, seed, n_labels=N_LABELS):  # (n,) -> (n_labels C,)
    rng = np.random.RandomState(seed)
    few = [rng.choice(np.flatnonzero(y == c), n_labels, replace=False) for c in np.unique(y)]
    return np.concatenate(few)


def classifier(n_labels=N_LABELS):
    """Logistic regression whose penalty is chosen on the rows that it is given."""
    grid = {"C": [1.0, 10.0, 100.0, 1000.0]}
    folds = StratifiedKFold(min(n_labels, N_LABELS), shuffle=True, random_state=0)
    return GridSearchCV(LogisticRegression(max_iter=2000), grid, cv=folds)


def gain(X, y, n_labels, seed):  # -> float, float
    """What the columns add to the accuracy on the other rows, and what is left beside a kernel."""
    few = labelled(y, seed, n_labels)
    others = np.setdiff1d(np.arange(len(y)), few)
    unit = X / np.linalg.norm(X, axis=1).mean()
    folds = StratifiedKFold(min(n_labels, N_LABELS), shuffle=True, random_state=0)
    grid = {"C": [1.0, 10.0, 100.0], "gamma": [0.3, 1.0, 3.0]}  # of rows of mean length one
    flat, plain, kernel = (
        model.fit(Z[few], y[few]).score(Z[others], y[others])
        for model, Z in (
            (classifier(n_labels), GraphFeatureExpansion().fit_transform(X)),
            (classifier(n_labels), unit),
            (GridSearchCV(SVC(), grid, cv=folds), unit),
        )
    )
    return flat - plain, flat - kernel


def one_draw(X, y, seed):
    few = labelled(y, seed)
    others = np.setdiff1d(np.arange(len(y)), few)
    unit = X / np.linalg.norm(X, axis=1).mean()

    def accuracy(Z):
        return classifier().fit(Z[few], y[few]).score(Z[others], y[others])

    found = {"accuracy, logistic regression": accuracy(unit)}
    for name, params in MAPS.items():
        found[f"accuracy, {name}"] = accuracy(GraphFeatureExpansion(**params).fit_transform(X))
    partly = np.where(np.isin(np.arange(len(y)), few), y, -1)
    spread = {}
    for k, alpha in product((5, 10), (0.1, 0.2, 0.5, 0.9)):
        peer = LabelSpreading(kernel="knn", n_neighbors=k, alpha=alpha).fit(X, partly)
        spread[k, alpha] = float((peer.transduction_[others] == y[others]).mean())
    found["accuracy, LabelSpreading"] = spread[10, 0.2]
    found["accuracy, LabelSpreading, best of 8 in hindsight"] = max(spread.values())
    nearest = KNeighborsClassifier(1).fit(X[few], y[few])
    found["accuracy, 1-NN"] = nearest.score(X[others], y[others])
    flat = found["accuracy, flattened"]
    found["flattened less logistic regression"] = flat - found["accuracy, logistic regression"]
    found["flattened less LabelSpreading"] = flat - found["accuracy, LabelSpreading"]
    found["flattened less LabelSpreading, best in hindsight"] = flat - max(spread.values())
    for name in list(MAPS)[1:]:
        found |= new_rows(X, y, few, others, name, seed)
    return found


def new_rows(X, y, few, others, name, seed):
    """Accuracy on rows that join, and on the same rows where all are in the graph."""
    new = np.random.RandomState(seed).permutation(others)[: len(y) // 5]
    kept = np.setdiff1d(np.arange(len(y)), new)
    model = GraphFeatureExpansion(**MAPS[name])
    Z = model.fit_transform(X)
    whole = classifier().fit(Z[few], y[few]).score(Z[new], y[new])
    model.fit(X[kept])
    learnt = classifier().fit(model.transform(X[few]), y[few])
    joined = learnt.score(model.transform(X[new]), y[new])
    return {
        f"new rows, {name}": joined,
        f"new rows, {name}, less transductive": joined - whole,
    }


def large_table():
    """Peak memory of a fit in a process of its own, beside that of all pairs of rows."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _MEASURE, str(N_LARGE)],
        check=True, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    pairs = 8 * N_LARGE**2 / 2**30
    rows = [result_row("graph", "1e5 x 50, made up", name, [one]) for name, one in found.items()]
    share = found["peak of the fit, GiB"] / pairs
    what = "peak over that of a matrix of all pairs"
    return [*rows, result_row("graph", "1e5 x 50, made up", what, [share], ("<=", 0.02))]
