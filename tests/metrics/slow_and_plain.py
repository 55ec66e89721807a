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


def places(A, B=None):
    """For each row of A, the ranks from 1 that each other row may have, as equally far ones do."""
    lists = []
    for i, row in enumerate(distances(A, A if B is None else B)):
        others = [j for j in range(len(row)) if B is not None or j != i]
        possible = {}
        for j in others:
            nearer = (row[others] < row[j] * (1 - 1e-12)).sum()
            as_far = (np.abs(row[others] - row[j]) <= 1e-12 * row[j]).sum()
            possible[j] = range(nearer + 1, nearer + as_far + 1)
        lists.append(possible)
    return lists


def ranks_of_pair(by_data, by_map, j):
    """All pairs of ranks of row j, equally likely: one order where the same rows are tied."""
    if len(by_data[j]) == len(by_map[j]) == 1:
        return [(by_data[j][0], by_map[j][0])]
    tied = [{o for o in ranks if ranks[o] == ranks[j]} for ranks in (by_data, by_map)]
    if tied[0] == tied[1]:
        return list(zip(by_data[j], by_map[j], strict=True))
    return [(r, s) for r in by_data[j] for s in by_map[j]]


def trustworthiness(X, Z, k, X_train=None, Z_train=None):
    """The value of each row, scaled by the largest penalty that some order of the rows gives."""
    values = []
    for by_data, by_map in zip(places(X, X_train), places(Z, Z_train), strict=True):
        pairs = [ranks_of_pair(by_data, by_map, j) for j in by_data]
        penalty = sum(np.mean([max(0, r - k) * (s <= k) for r, s in one]) for one in pairs)
        worst = sum(max(0, rank - k) for rank in range(1, len(by_data) + 1)[-k:])
        values.append(1 - penalty / worst)
    return np.array(values)


def q_nx(X, Z, X_train=None, Z_train=None):
    total = 0
    for by_data, by_map in zip(places(X, X_train), places(Z, Z_train), strict=True):
        sizes = np.arange(1, len(by_data) + 1)
        for j in by_data:
            needed = [max(ranks) for ranks in ranks_of_pair(by_data, by_map, j)]
            total = total + np.mean([sizes >= one for one in needed], axis=0) / sizes
    return total / len(X)


def neighborhood_hit(Z, y, k, Z_train=None, y_train=None):
    labels = y if y_train is None else y_train
    lists = places(Z, Z_train)
    return np.array(
        [
            sum(np.mean([r <= k for r in near[j]]) * (labels[j] == own) for j in near) / k
            for near, own in zip(lists, y, strict=True)
        ]
    )


def distance_correlation(X, Z):
    def centered(A):
        a = distances(A, A)
        n = len(a)
        center = np.eye(n) - np.ones((n, n)) / n
        return center @ a @ center

    A, B = centered(X), centered(Z)
    return np.sqrt((A * B).mean() / np.sqrt((A * A).mean() * (B * B).mean()))
