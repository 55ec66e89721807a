"""Neighbouring libraries that cluster rows or learn dictionaries, beside this one."""

import numpy as np
from _common import cpu_seconds, load_split, one_thread, read_data
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV

from sksubspace import SupervisedDictionaryLearning
from sksubspace.cluster import AutoClustering
from sksubspace.model_selection import compare_clusterings

_N_ROWS = 1_500


def clustpy(data, seed):
    """Clusters at the number of classes; how many clusters each finds by itself."""
    from clustpy.centroid import DipMeans, GMeans, ProjectedDipMeans, SubKmeans, XMeans

    X, y, _ = read_data(data)
    rows = np.random.RandomState(seed).permutation(len(X))[:_N_ROWS]
    X, y = X[rows].astype(np.float64), y[rows]
    n_clusters = len(np.unique(y))
    with one_thread():
        theirs, seconds = cpu_seconds(SubKmeans(n_clusters, n_init=10, random_state=seed).fit, X)
        ours, our_seconds = cpu_seconds(AutoClustering(n_clusters, random_state=seed).fit, X)
        yield (
            "adjusted Rand index: SubKmeans, AutoClustering",
            *(adjusted_rand_score(y, one.labels_) for one in (theirs, ours)),
        )
        yield "CPU s of these (ours tries all families)", seconds, our_seconds
        curve = compare_clusterings(
            X, {"k-means": KMeans(n_init=10)}, n_clusters=range(2, 21), random_state=seed
        )
        hint = abs(curve.n_clusters - n_clusters)
        for kind in (XMeans, GMeans, DipMeans, ProjectedDipMeans):
            found = kind(random_state=seed, max_n_clusters=60).fit(X).n_clusters_
            name = f"clusters off the number of classes: {kind.__name__}, our curve's hint"
            yield name, abs(found - n_clusters), hint


def dictlearn(data, seed):
    """Classes from a dictionary; both tuned by three folds of the training rows."""
    from dictlearn.classification import DPLClassifier, LCDLClassifier

    split = load_split(data, seed, 2_000)
    searches = {
        "DPL": (DPLClassifier(30, random_state=seed), {"n_components": [10, 30]}),
        "LCDL": (
            LCDLClassifier(100, n_nonzero_coefs=8, random_state=seed),
            {"n_components": [100, 200]},
        ),
    }
    own = SupervisedDictionaryLearning(10, random_state=seed)
    with one_thread():
        ours = GridSearchCV(own, {"n_components": [10, 30]}, cv=3)
        ours, our_seconds = cpu_seconds(ours.fit, split.X_train, split.y_train)
        reached = ours.score(split.X_test, split.y_test)
        for name, (model, grid) in searches.items():
            theirs, seconds = cpu_seconds(
                GridSearchCV(model, grid, cv=3).fit, split.X_train, split.y_train
            )
            accuracy = theirs.score(split.X_test, split.y_test)
            yield f"held-out accuracy: {name}, ours", accuracy, reached
            yield f"CPU s of the search: {name}, ours", seconds, our_seconds
