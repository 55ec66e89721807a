"""What landmarks cost: `MultilayerGraphClustering` beside its exact graph where both run."""

import warnings

import numpy as np
from _common import cpu_seconds, has_data, one_thread, read_data
from sklearn.metrics import adjusted_rand_score

from sksubspace.cluster import MultilayerGraphClustering
from sksubspace.metrics import clustering_accuracy

SETS, SEEDS = ("digits", "USPS", "MNIST"), 2
# of digits, which has 1,797 rows, a quarter
LANDMARKS = {"digits": (450,), "USPS": (1_000, 2_000), "MNIST": (1_000, 2_000)}


def landmarks():
    """Accuracy of the exact graph and of landmarks, one view of all columns and two of halves."""
    rows = []
    for name in filter(has_data, SETS):
        X, y, _ = read_data(name)
        half = X.shape[1] // 2
        for n_views, views in ((1, None), (2, [slice(0, half), slice(half, None)])):
            exact = [fitted(X, views, None, seed) for seed in range(SEEDS)]
            rows.append(line(name, len(X), n_views, "exact graph", exact, exact, y))
            for m in LANDMARKS[name]:
                found = [fitted(X, views, m, seed) for seed in range(SEEDS)]
                rows.append(line(name, len(X), n_views, f"{m:,} landmarks", found, exact, y))
    return rows


def fitted(X, views, n_landmarks, seed):  # -> (n,), CPU seconds
    model = MultilayerGraphClustering(10, views=views, n_landmarks=n_landmarks, random_state=seed)
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, seconds = cpu_seconds(model.fit, X)
    return model.labels_, seconds


def line(name, n, n_views, what, found, exact, y):
    """Means over the seeds."""
    agreement = [
        adjusted_rand_score(labels, others)
        for (labels, _), (others, _) in zip(found, exact, strict=True)
    ]
    return {
        "data": f"{name}, {n:,} rows", "views": n_views, "graph": what,
        "accuracy": f"{np.mean([clustering_accuracy(y, labels) for labels, _ in found]):.3f}",
        "ARI with the exact graph": f"{np.mean(agreement):.2f}" if found is not exact else "",
        "CPU s of fit": f"{np.mean([seconds for _, seconds in found]):.1f}",
    }  # fmt: skip
