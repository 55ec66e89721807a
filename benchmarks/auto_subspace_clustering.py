"""What `AutoSubspaceClustering(criterion="r2")` promises: a pick near the best one, unlabelled.

For each set and seed: the accuracy of the pick, of the best and of the worst of the nine default
candidates, all fitted to the same rows, and Spearman's correlation of score and accuracy. Section
"criteria": what is lost against the best candidate when the choice is made by other criteria.
"3 dim., mean, refitted" is the plain one: candidates fitted to 70 % of the rows, the rest scored by
the mean squared distance from subspaces of 3 dimensions. Without "refitted" candidates are fitted
once, to all rows, and only their subspaces without the tenth that is scored. "IQM" is the
interquartile mean, and "4, 8, 16 dim., IQM" the default of `AutoSubspaceClustering`. One thread;
sets are read from the folder SKSUBSPACE_DATA, and are "absent" without it.

    python benchmarks/auto_subspace_clustering.py             # about 6 CPU minutes
    python benchmarks/auto_subspace_clustering.py --seeds 1
"""

import argparse
import warnings

import numpy as np
from _clustering import accuracy, cluster_data, has_cluster_data, noise_case, synthetic
from _common import one_thread, print_table, result_row, write_csv, write_page
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.preprocessing import normalize

from sksubspace.cluster import AutoSubspaceClustering
from sksubspace.cluster._auto._candidates import subspace_candidates
from sksubspace.cluster._auto._scores import folds, interquartile_mean, squared_off_nearest

N_ROWS = {"Yale B": 1600, "COIL-20": None, "ORL": None, "MNIST scattering": 2000}
N_ROWS |= {"USPS": 2000, "digits": None}
SYNTHETIC = {
    "D=9, d=6, K=5": lambda seed: synthetic(1500, seed),
    "D=30, d=5, K=10, noise": lambda seed: noise_case(2000, seed),
}
ASKED = {"COIL-20": 0.03, "ORL": 0.03, "MNIST scattering": 0.03, "Yale B": 0.15}
DIMS = (4, 8, 16)
TITLE = "AutoSubspaceClustering: asked and reached"
TEXT = """Made by `python benchmarks/auto_subspace_clustering.py`, which says what is compared.
`reached` is the mean over the `n` seeds, `sd` their standard deviation. `met` is "yes" if every
seed meets what is asked, "mean only" if only the mean does. A seed draws the rows of Yale B, MNIST
and USPS, the synthetic sets, what is left out, and k-means.

The criterion was chosen among several hundred variants (dimensions, means, quantiles, logarithms,
pairwise comparisons, agreement of labels) by the accuracy lost over sixteen problems, with
prototypes of the candidates: random subsets of the classes of COIL-20, ORL, Yale B, MNIST and USPS,
MNIST pixels, two other synthetic sets, and other draws of the sets reported here. It was then left
alone. Yale B, MNIST, USPS and the synthetic sets are fresh draws here, though from the same images;
COIL-20, ORL and digits have no other rows to draw, so that their numbers are optimistic: only the
seeds of k-means and of what is left out are new."""


def main():
    options = read_options()
    names = [*N_ROWS, *SYNTHETIC]
    with one_thread():
        warnings.filterwarnings("ignore", message="The affinity graph has")
        found = {name: [measured(name, seed) for seed in range(options.seeds)] for name in names}
    rows = [row for name in names for row in rows_of(name, found[name])]
    rows += [row for name in names for row in criteria_rows(name, found[name])]
    print_table(rows)
    write_page("auto_subspace_clustering", TITLE, TEXT, rows)
    write_csv("auto_subspace_clustering_sets.csv", [summary(name, found[name]) for name in names])


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="splits and draws (default: 3)")
    return parser.parse_args()


def measured(name, seed):
    """Accuracy and score of each candidate, and its value under the other criteria."""
    if name in N_ROWS and not has_cluster_data(name):
        return None
    X, y = SYNTHETIC[name](seed) if name in SYNTHETIC else cluster_data(name, N_ROWS[name], seed)
    n_clusters = len(np.unique(y))
    candidates = {
        key: one.set_params(n_clusters=n_clusters, random_state=seed)
        for key, one in subspace_candidates(len(X)).items()
    }
    auto = AutoSubspaceClustering(n_clusters, candidates, random_state=seed, criterion="r2").fit(X)
    if any(auto.scores_["error"]):
        raise RuntimeError(f"A candidate failed on {name}: {auto.scores_['error']}")
    order = [candidates[key] for key in auto.scores_["name"]]
    labels = [clone(one).fit_predict(normalize(X)) for one in order]
    assert np.array_equal(labels[0], auto.labels_)
    return {
        "accuracy": np.array([accuracy(y, one) for one in labels]),
        "score": auto.scores_["score"],
        "tied": int(auto.scores_["tied"].sum()),
        "criteria": criteria(normalize(X), order, labels, n_clusters, seed),
    }


def criteria(X, candidates, labels, n_clusters, seed):  # -> dict of str to (n_candidates,)
    random_state = np.random.RandomState(seed)
    parts = folds(np.arange(len(X)), n_clusters, 1, random_state)
    dims = [min(d, max(2, len(X) // (3 * n_clusters)), X.shape[1] - 1) for d in DIMS]
    squared = np.stack([cross_fitted(X, one, parts, (3, *dims)) for one in labels])
    held_out = np.sort(random_state.permutation(len(X))[: round(0.3 * len(X))])
    plain = [refitted(X, one, held_out) for one in candidates]
    return {
        "3 dim., mean, refitted": np.mean(plain, axis=1),
        "3 dim., IQM, refitted": interquartile_mean(np.array(plain)),
        "3 dim., mean": squared[..., 0].mean(axis=1),
        "3 dim., IQM": interquartile_mean(squared[..., 0]),
        "4, 8, 16 dim., mean": geometric_mean(squared[..., 1:]).mean(axis=1),
        "4, 8, 16 dim., IQM": interquartile_mean(geometric_mean(squared[..., 1:])),
    }


def geometric_mean(squared):
    return np.exp(np.log(squared + 1e-6).mean(axis=-1))


def cross_fitted(X, labels, parts, dims):  # -> (n, n_dims)
    squared = np.empty((len(X), len(dims)))
    for rows in parts:
        others = np.setdiff1d(np.arange(len(X)), rows)
        squared[rows] = squared_off_nearest(X[others], labels[others], X[rows], dims)
    return squared


def refitted(X, candidate, held_out):  # -> (m,)
    others = np.setdiff1d(np.arange(len(X)), held_out)
    labels = clone(candidate).fit_predict(X[others])
    return squared_off_nearest(X[others], labels, X[held_out], (3,))[:, 0]


def rows_of(name, found):
    found = [one for one in found if one is not None]
    accuracies = [one["accuracy"] for one in found]
    spearman = [_spearman(one) for one in found]
    lost = [values.max() - values[0] for values in accuracies]
    asked = ("<=", ASKED[name]) if name in ASKED else None
    wanted = (
        ("accuracy lost against the best candidate", lost, asked),
        ("accuracy of the pick", [values[0] for values in accuracies], None),
        ("accuracy of the best candidate", [values.max() for values in accuracies], None),
        ("accuracy of the worst candidate", [values.min() for values in accuracies], None),
        ("Spearman of score and accuracy", spearman, None),
        ("candidates tied with the pick, itself included", [one["tied"] for one in found], None),
    )
    return [result_row("pick", name, *rest) for rest in wanted]


def summary(name, found):
    """Means over the seeds: a line of the table in the user guide."""
    found = [one for one in found if one is not None]
    columns = ("picked", "best", "worst", "Spearman")
    if not found:
        return {"set": name} | dict.fromkeys(columns, "absent")
    values = [
        (one["accuracy"][0], one["accuracy"].max(), one["accuracy"].min(), _spearman(one))
        for one in found
    ]
    means = (f"{value:.2f}" for value in np.mean(values, axis=0))
    return {"set": name} | dict(zip(columns, means, strict=True))


def _spearman(one):
    return spearmanr(one["score"], one["accuracy"]).statistic


def criteria_rows(name, found):
    found = [one for one in found if one is not None]
    kinds = found[0]["criteria"] if found else ()
    return [
        result_row(
            "criteria", name, f"accuracy lost by {kind}", [lost_by(one, kind) for one in found]
        )
        for kind in kinds
    ]


def lost_by(one, kind):
    return one["accuracy"].max() - one["accuracy"][one["criteria"][kind].argmin()]


if __name__ == "__main__":
    main()
