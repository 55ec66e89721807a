"""Section `choice` of `audit.py`: which setting of a teacher three rules choose, seed by seed.

Ours is the left-out R2, bare or as compare_embeddings takes it by default. The other two are the
rules of scDEED (Xia, Lee and Li, Nature Communications 15, 2024: fewest dubious rows) and of EMBEDR
(Johnson, Kath and Mani, Patterns 3, 2022: lowest median p-value), written from their papers; either
draws one more map for each setting, of rows whose columns are shuffled one by one.
"""

from collections import Counter
from itertools import combinations

import numpy as np
from _audit_counts import FILE, components, has_counts, read_counts
from _common import result_row
from scipy.spatial.distance import pdist, squareform
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from sksubspace.metrics import embedding_score
from sksubspace.model_selection import compare_embeddings

N_ROWS = 600
N_SEEDS = 5
PERPLEXITIES = (5, 15, 30, 60, 120)
# scDEED: share of the rows that a row is compared with, and quantile of the shuffled rows
_NEAREST, _DUBIOUS = 0.5, 0.05
# EMBEDR: perplexity of the affinities in the data, the same for all settings
_AFFINITY_PERPLEXITY = 30
# what compare_embeddings does by default: the largest perplexity whose R2 is tied with the best
SIMPLEST = "simplest tied by R2"


def rows_of(data):  # -> (n, d), (n,) or None
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        return X[:N_ROWS] / 16, y[:N_ROWS]
    if not has_counts():
        return None
    counts, condition = read_counts()
    kept = np.random.RandomState(0).choice(len(condition), N_ROWS, replace=False)
    return components(counts)[kept], condition[kept]


def columns_shuffled(X, seed):
    rng = np.random.RandomState(seed)
    return np.column_stack([rng.permutation(column) for column in X.T])


def draw(X, perplexity, seed):
    return TSNE(perplexity=perplexity, init="random", random_state=seed).fit_transform(X)


def dubious_score(X, Z):  # -> (n,)
    """Correlation of a row's distances on the map: to those nearest there, and nearest in X."""
    in_data, on_map = squareform(pdist(X)), squareform(pdist(Z))
    k = int(_NEAREST * len(X))
    order = np.argsort(in_data, axis=1)[:, 1 : k + 1]
    there = np.take_along_axis(on_map, order, axis=1)
    nearest = np.sort(on_map, axis=1)[:, 1 : k + 1]
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(there, nearest, strict=True)])


def divergence(X, Z):  # -> (n,)
    """Kullback-Leibler divergence of a row's affinities on the map from those in the data."""
    squared = squareform(pdist(X, "sqeuclidean"))
    np.fill_diagonal(squared, np.inf)
    log_p = _log_affinities(squared)
    log_q = -np.log1p(squareform(pdist(Z, "sqeuclidean")))
    np.fill_diagonal(log_q, -np.inf)
    log_q -= logsumexp(log_q, axis=1, keepdims=True)
    p = np.exp(log_p)
    return np.where(p > 0, p * (log_p - np.where(p > 0, log_q, 0)), 0).sum(axis=1)


def _log_affinities(squared):  # (n, n) -> (n, n)
    """Gaussian affinities of each row whose entropy is that of the perplexity, by bisection."""
    low, high = np.full(len(squared), -50.0), np.full(len(squared), 50.0)
    scale = np.median(squared[np.isfinite(squared)])
    for _ in range(60):
        middle = (low + high) / 2
        log_p = -squared / scale * np.exp(middle)[:, None]
        log_p -= logsumexp(log_p, axis=1, keepdims=True)
        p = np.exp(log_p)
        entropy = -np.where(p > 0, p * log_p, 0).sum(axis=1)
        is_wide = entropy > np.log(_AFFINITY_PERPLEXITY)
        low, high = np.where(is_wide, middle, low), np.where(is_wide, high, middle)
    return log_p


def values_of(X, seed):
    """For each setting what the rules look at, less being better, and the map's accuracy."""
    shuffled, found = columns_shuffled(X, seed), []
    for perplexity in PERPLEXITIES:
        Z, null = draw(X, perplexity, seed), draw(shuffled, perplexity, seed)
        bound = np.quantile(dubious_score(shuffled, null), _DUBIOUS)
        of_null = np.sort(divergence(shuffled, null))
        p_values = (1 + np.searchsorted(of_null, divergence(X, Z), side="right")) / (1 + len(X))
        found.append(
            {
                "left-out R2": -embedding_score(X, Z).r2,
                "scDEED": int((dubious_score(X, Z) < bound).sum()),
                # ties at the smallest p-value are broken by the mean divergence
                "EMBEDR": (float(np.median(p_values)), float(divergence(X, Z).mean())),
                "map": Z,
            }
        )
    return found


def chosen_by(rule, X, settings):
    """Number of the setting that a rule chooses."""
    if rule != SIMPLEST:
        return min(range(len(PERPLEXITIES)), key=lambda k: settings[k][rule])
    maps = {str(value): one["map"] for value, one in zip(PERPLEXITIES, settings, strict=True)}
    result = compare_embeddings(X, maps, order=[*maps][::-1], controls=False, metrics=None)
    return PERPLEXITIES.index(int(result.best_name_))


def choice(bench):
    rows, compute = [], bench.memory.cache(values_of)
    for data in ("digits", FILE):
        given = rows_of(data)
        if given is None:
            rows.append(result_row("choice", data, "seeds that choose the same", []))
            continue
        X, y = given
        by_seed = [compute(X, seed) for seed in range(N_SEEDS)]
        nearest = KNeighborsClassifier(10)
        accuracy = [
            [cross_val_score(nearest, one["map"], y).mean() for one in settings]
            for settings in by_seed
        ]
        for rule in (SIMPLEST, "left-out R2", "scDEED", "EMBEDR"):
            best = [chosen_by(rule, X, settings) for settings in by_seed]
            same = [float(a == b) for a, b in combinations(best, 2)]
            chosen = Counter(PERPLEXITIES[k] for k in best)
            names = ", ".join(f"{value}: {n}" for value, n in sorted(chosen.items()))
            lost = [max(one) - one[k] for one, k in zip(accuracy, best, strict=True)]
            rows += [
                result_row("choice", data, f"{rule}: pairs of seeds that agree ({names})", same),
                result_row("choice", data, f"{rule}: 10-NN accuracy lost by the choice", lost),
            ]
    return rows
