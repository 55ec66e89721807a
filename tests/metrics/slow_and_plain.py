"""The metrics again, by loops over their definitions; shares no code with the package."""

import numpy as np


def distances(A, B):
    return np.array([[np.sqrt(sum((a - b) ** 2)) for b in B] for a in A])


def neighbors(A, B=None):
    """Row numbers by (distance, index) from each row of A; among the other rows where B is None."""
    lists = []
    for i, row in enumerate(distances(A, A if B is None else B)):
        others = [j for j in range(len(row)) if B is not None or j != i]
        lists.append(sorted(others, key=lambda j, row=row: (row[j], j)))
    return lists


def trustworthiness(X, Z, k, X_train=None, Z_train=None):
    """The value of each row, scaled by the largest penalty that some order of the rows gives."""
    values = []
    for by_data, by_map in zip(neighbors(X, X_train), neighbors(Z, Z_train), strict=True):
        penalty = sum(max(0, by_data.index(j) + 1 - k) for j in by_map[:k])
        worst = sum(max(0, rank - k) for rank in range(1, len(by_data) + 1)[-k:])
        values.append(1 - penalty / worst)
    return np.array(values)


def q_nx(X, Z, X_train=None, Z_train=None):
    pairs = list(zip(neighbors(X, X_train), neighbors(Z, Z_train), strict=True))
    return np.array(
        [
            np.mean([len(set(a[:k]) & set(b[:k])) / k for a, b in pairs])
            for k in range(1, len(pairs[0][0]) + 1)
        ]
    )


def neighborhood_hit(Z, y, k, Z_train=None, y_train=None):
    labels = y if y_train is None else y_train
    lists = neighbors(Z, Z_train)
    return np.array(
        [np.mean([labels[j] == own for j in near[:k]]) for near, own in zip(lists, y, strict=True)]
    )


def distance_correlation(X, Z):
    def centered(A):
        a = distances(A, A)
        n = len(a)
        center = np.eye(n) - np.ones((n, n)) / n
        return center @ a @ center

    A, B = centered(X), centered(Z)
    return np.sqrt((A * B).mean() / np.sqrt((A * A).mean() * (B * B).mean()))
