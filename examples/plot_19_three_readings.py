"""
====================================
A broken map must not win: three R2s
====================================

A score of a map can be fooled. Cut a map into tiles and shuffle them: each tile still says which
rows lie in it, so that a score that looks at surroundings alone stays high. Here are four maps of
handwritten digits, and the three readings that :class:`~sksubspace.MEDAL` gives of each.
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
# lies in a wrong tile, and the score falls under .755 of the local one: the map is torn.
#
# **Global**: what a straight line from the map tells, beside as many principal components.

figure, axes = plt.subplots(2, 4, figsize=(12, 5.6), height_ratios=(2, 1))
for (name, Z), above, below in zip(maps.items(), *axes, strict=True):
    above.scatter(*Z.T, c=y, s=4, cmap="tab10", linewidths=0)
    above.set(title=name, xticks=[], yticks=[])
    values = readings[name]
    torn = values["continuous"] < 0.75 * values["r2"]
    colors = ["C0", "C3" if torn else "C0", "C7"]
    below.barh(
        ["local", "continuous", "global"], np.clip(list(values.values()), 0, 1), color=colors
    )
    for place, value in enumerate(values.values()):
        below.text(max(value, 0) + 0.02, place, f"{value:.2f}", va="center")
    below.set(xlim=(0, 1.15), xticks=[0, 0.5, 1])
    below.invert_yaxis()
    below.spines[["top", "right"]].set_visible(False)
    if below is not axes[1, 0]:
        below.set_yticklabels([])
axes[1, 2].set_xlabel("red: torn, under .75 of local", color="C3")
figure.tight_layout()
plt.show()
