"""What numbers without labels say of maps for retrieval: their rank correlations with the labels.

Twelve closed forms of 32 components are fitted on the training rows of each split, of at most 2,000
rows; the number and the two qualities are those of the held-out rows. A correlation is Spearman's
over the maps of one split.

"TLDR.score" is the correlation of the outputs between neighbours. "10-NN regression" is the R2 with
which the mean of a held-out row's ten nearest training rows, in the map, predicts the row, both
whitened by the principal components of the training rows. "both" is the sum of the two ranks.
"""

import itertools

import numpy as np
from _common import result_row
from _tldr_sets import N_COMPONENTS, QUALITY, has_set, quality, split_set
from scipy.stats import rankdata, spearmanr
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from sksubspace import TLDR
from sksubspace._linalg import match_r_squared
from sksubspace.neighbors import k_nearest

MOST_ROWS = 2000
SETTINGS = ((0.0, 0.5), (1.0, 0.5), (1.5, 0.25), (3.0, 0.05))
MAPS = [
    {"encoder": encoder, "smoothing": smoothing, "metric_power": power}
    for encoder, (smoothing, power) in itertools.product(("linear", "fourier", "blend"), SETTINGS)
]
NUMBERS = ("TLDR.score", "10-NN regression", "both")


def ranks(bench):
    """Spearman's correlations of three numbers with mAP and 10-NN accuracy, by set."""
    for data in [name for name in bench.sets if has_set(name)]:
        found = [_correlations(split_set(data, seed, MOST_ROWS), seed) for seed in bench.seeds[:2]]
        yield (
            data,
            [
                result_row(
                    "ranks", data, f"{number} and {what}", [one[number, what] for one in found]
                )
                for number, what in itertools.product(NUMBERS, QUALITY)
            ],
        )


def _correlations(split, seed):
    white = PCA(min(128, *np.shape(split.X_train)), whiten=True, random_state=0).fit(split.X_train)
    rows, new = (white.transform(X) for X in (split.X_train, split.X_test))
    measured = []
    for params in MAPS:
        model = TLDR(N_COMPONENTS, random_state=seed, **params).fit(split.X_train)
        Z, Z_new = model.transform(split.X_train), model.transform(split.X_test)
        near = k_nearest(normalize(Z_new), normalize(Z), 10)[1]
        regression = match_r_squared(rows[near].mean(axis=1), new)
        labels = quality(Z, Z_new, split)
        measured.append((model.score(split.X_test), regression, *(labels[w] for w in QUALITY)))
    score, regression, *labels = np.transpose(measured)
    numbers = score, regression, rankdata(score) + rankdata(regression)
    return {
        (name, what): spearmanr(number, label).statistic
        for name, number in zip(NUMBERS, numbers, strict=True)
        for what, label in zip(QUALITY, labels, strict=True)
    }
