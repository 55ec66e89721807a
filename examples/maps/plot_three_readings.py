"""
====================================
A broken map must not win: three R2s
====================================

A score of a map can be fooled. Cut a map into tiles and shuffle them: each tile still says which
rows lie in it, so that a score that looks at surroundings alone stays high. Here are four maps of
handwritten digits, and the three readings that :class:`~sksubspace.MEDAL` gives of each
(:ref:`three_readings`).
"""

# %%
# Four maps: PCA, t-SNE, the same t-SNE cut into 36 tiles that are shuffled, and the same again with
# all rows dealt to its places at random.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split

from sksubspace import MEDAL
from sksubspace.inspection import EmbeddingDisplay

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, train_size=1000, stratify=y, random_state=0)
rng = np.random.RandomState(0)


def tiled(Z, side=6):
    """Cut a map into tiles of equal counts and shuffle their places."""
    order = np.argsort(Z[:, 0], kind="stable")
    tile = np.empty(len(Z), dtype=int)
    for column, rows in enumerate(np.array_split(order, side)):
        inner = rows[np.argsort(Z[rows, 1], kind="stable")]
        for row, here in enumerate(np.array_split(inner, side)):
            tile[here] = side * column + row
    centres = np.stack([Z[tile == one].mean(axis=0) for one in range(side**2)])
    return Z + (centres[rng.permutation(side**2)] - centres)[tile]


tsne = TSNE(random_state=0).fit_transform(X)
maps = {
    "PCA": PCA(2).fit_transform(X),
    "t-SNE": tsne,
    "t-SNE, tiles shuffled": tiled(tsne),
    "t-SNE, rows shuffled": rng.permutation(tsne),
}

# %%
# The student learns each map, and is judged on rows that it has not seen.

readings = {}
for name, Z in maps.items():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A precomputed embedding was drawn")
        medal = MEDAL("precomputed", random_state=0).fit(X, embedding=Z)
    readings[name] = medal.score_readings(X_test)
    found = "  ".join(f"{reading} {value:.2f}" for reading, value in readings[name].items())
    print(f"{name:<24}{found}")

# %%
# **Local** (``r2``, what ``score`` returns): the shuffled tiles keep most of it and stay above PCA.
# Had we only this number, a broken map would beat an honest one. The shuffled rows have nothing,
# because the decoder forgets the row next door: no place can serve as an identity card.
#
# **Continuous**: each row is put at the *mean* place of its ten neighbours. Between tiles that mean
# lies in a wrong tile, and the score falls under .75 of the local one: the map is torn.
#
# **Global**: what a straight line from the map tells, beside as many principal components.

figure, axes = plt.subplots(2, 2, figsize=(9, 8), layout="constrained")
for ax, (name, Z) in zip(axes.flat, maps.items(), strict=True):
    EmbeddingDisplay.from_predictions(Z, y=y, ax=ax)
    value = readings[name]
    torn = ", torn" if value["continuous"] < 0.75 * value["r2"] else ""
    ax.set_title(f"{name}\nlocal {value['r2']:.2f}, continuous {value['continuous']:.2f}{torn}")
plt.show()
