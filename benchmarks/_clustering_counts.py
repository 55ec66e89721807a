"""Section `counts` of `clustering_choice.py`: resolutions of a graph clustering, by thinned counts.

Blood cells, `pbmc_interferon.npz`. Leiden's communities of the graph of 15 neighbours in 50
principal components of one half of the counts, if igraph is installed; Louvain's if networkx is;
else k-means over its number of clusters. Each is scored by the deviance of the other half that its
mean rates explain, by that of the half it has seen, and by the silhouette.
"""

import random

import numpy as np
from _audit_counts import components, has_counts, read_counts
from _common import result_row, write_csv
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.neighbors import kneighbors_graph

from sksubspace.metrics import cluster_deviance_explained
from sksubspace.model_selection import compare_clusterings, thin_counts

RESOLUTIONS = (0.1, 0.3, 0.6, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32)
NUMBERS = (2, 3, 5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160)
CELLS = "blood cells"


def counts(_):
    """Resolutions of a graph clustering, and numbers of clusters of k-means."""
    if not has_counts():
        return [result_row("counts", CELLS, "unseen counts turn, seen ones do not", [])]
    table = read_counts()[0]
    return [*_resolutions(table), *_numbers_of_clusters(table)]


def _numbers_of_clusters(table):
    """What `compare_clusterings` takes by unseen counts."""
    tried = (2, 4, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96)
    found = compare_clusterings(
        components(table), {"k-means": KMeans(n_init=2)}, n_clusters=tried, counts=table
    )
    unseen, seen = (
        [getattr(one, name) for one in found.numbers]
        for name in ("deviance_explained", "deviance_seen")
    )
    across = [one.out_of_sample for one in found.numbers]
    return [
        result_row("counts", CELLS, f"k-means, {what}", [value], asked)
        for what, value, asked in (
            ("number of clusters by unseen counts", found.n_clusters, ("<=", 48)),
            ("D2 of unseen counts, highest", max(unseen), None),
            (
                "D2 of unseen counts with 96, as a share of that",
                unseen[-1] / max(unseen),
                ("<=", 0.9),
            ),
            ("number where seen D2 is highest", tried[int(np.argmax(seen))], (">=", 96)),
            ("number where X is highest", tried[int(np.argmax(across))], None),
        )
    ]


def _resolutions(table):
    """The curve over resolutions for each of three cuts, and where it turns."""
    method, cluster_at, settings = _method()
    curves = [_curve(table, cluster_at, settings, seed) for seed in range(3)]
    write_csv("clustering_counts.csv", _as_table(curves, settings))
    turned = [curve[int(np.argmax(curve[:, 1]))] for curve in curves]
    falls = [float((np.diff(curve[np.argmax(curve[:, 1]) :, 1]) < 0).mean()) for curve in curves]
    rises = [float((np.diff(curve[:, 2]) > 0).mean()) for curve in curves]
    at_last = [float(curve[-1, 1] - curve[:, 1].max()) for curve in curves]
    silhouette = [float(curve[int(np.argmax(curve[:, 3])), 0]) for curve in curves]
    last = [float(curve[-1, 0]) for curve in curves]
    return [
        result_row("counts", CELLS, f"{method}, {what}", values, asked)
        for what, values, asked in (
            (
                "clusters where unseen D2 is highest",
                [float(t[0]) for t in turned],
                None,
            ),
            ("clusters at the last resolution", last, None),
            ("D2 of unseen counts at the best", [float(t[1]) for t in turned], None),
            ("D2 of unseen counts at the last, less the best", at_last, ("<=", 0)),
            ("share of steps after the best where unseen D2 falls", falls, (">=", 0.8)),
            ("share of all steps where seen D2 rises", rises, (">=", 0.95)),
            ("clusters where the silhouette is highest", silhouette, None),
        )
    ]


def _curve(table, cluster_at, settings, seed):  # -> (n_settings, 4)
    train, test = thin_counts(table, random_state=seed)
    X = components(train)
    found = []
    for labels in map(cluster_at(X), settings):
        found.append(
            [
                len(np.unique(labels)),
                cluster_deviance_explained(test, labels, train=train),
                cluster_deviance_explained(train, labels),
                silhouette_score(X, labels),
            ]
        )
    return np.array(found)


def _as_table(curves, settings):
    mean = np.mean(curves, axis=0)
    names = ("clusters", "D2 unseen", "D2 seen", "silhouette")
    return [
        {"setting": f"{one:g}", **{n: round(float(v), 4) for n, v in zip(names, row, strict=True)}}
        for one, row in zip(settings, mean, strict=True)
    ]


def _method():
    """Name of what is installed, labels of rows as a function of a setting, and settings."""
    try:
        import igraph  # noqa: F401

        return "Leiden (igraph)", _leiden, RESOLUTIONS
    except ImportError:
        pass
    try:
        import networkx  # noqa: F401

        return "Louvain (networkx)", _louvain, RESOLUTIONS
    except ImportError:
        return "k-means", _k_means, NUMBERS


def _edges(X):
    near = kneighbors_graph(X, 15)
    near = near.maximum(near.T).tocoo()
    return [(i, j) for i, j in zip(near.row.tolist(), near.col.tolist(), strict=True) if i < j]


def _leiden(X):
    from igraph import Graph

    graph = Graph(n=len(X), edges=_edges(X))

    def labels(resolution):
        random.seed(0)  # igraph draws from it
        found = graph.community_leiden("modularity", resolution=resolution, n_iterations=5)
        return np.array(found.membership)

    return labels


def _louvain(X):
    import networkx

    graph = networkx.Graph(_edges(X))

    def labels(resolution):
        found = np.empty(len(X), dtype=int)
        for k, rows in enumerate(
            networkx.community.louvain_communities(graph, resolution=resolution, seed=0)
        ):
            found[list(rows)] = k
        return found

    return labels


def _k_means(X):
    return lambda k: KMeans(k, n_init=3, random_state=0).fit_predict(X)
