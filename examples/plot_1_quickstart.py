"""
Quickstart: give a map what it lacks
====================================

A UMAP picture shows the samples that it was made from. :class:`sksubspace.MEDAL` learns the two
functions that are missing: one that places new samples on the map, and one that goes back from
the map to the data. What comes back of *held-out* samples is then a score for the map.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksubspace import MEDAL

# %%
# The data are pictures of 8 x 8 pixels, with ink from 0 to 1. A third of them is set aside before
# anything is fitted. The labels are for colouring only; neither the map nor the score sees them.

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=1 / 3, random_state=0)

# %%
# The *teacher* draws the map: here UMAP with its defaults. Any other estimator with
# ``fit_transform`` would do.

medal = MEDAL(teacher="umap", random_state=0).fit(X_train)
Z_test = medal.transform(X_test)  # new digits on the map that was there already
X_back = medal.inverse_transform(Z_test)  # from two coordinates back to 64 pixels

# %%
# How much is left of a digit after that round trip? ``score`` says it for rows that the map has
# not seen: 1 is a perfect return, 0 is no better than answering with the mean picture.
# ``loo_score_`` estimates the same from the training rows alone, each left out in turn, a little
# optimistically.

print(f"held-out R2       {medal.score(X_test):.3f}")
print(f"leave-one-out R2  {medal.loo_score_:.3f}")

# %%
# On the left, the map in grey and the new digits on it. Most land on the island of their kind; a
# few land between the islands, because the training digits most like them lie on both sides. On
# the right, one new digit of each class above what comes back of it. Two coordinates keep which
# digit it is and roughly how it leans. They do not keep the details of the hand that wrote it.

COLORS = (
    "#332288", "#2E8BC0", "#117733", "#B07D00", "#CC6677",
    "#AA4499", "#2A8C7E", "#882255", "#7F7F1F", "#555555",
)  # fmt: skip

fig = plt.figure(figsize=(12, 5), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=(1.1, 1))
ax = left.subplots()
ax.scatter(*medal.embedding_.T, s=8, color="0.88")
for digit, color in enumerate(COLORS):
    ax.scatter(*Z_test[y_test == digit].T, s=32, color=color, marker=f"${digit}$", linewidths=0.3)
ax.set(xticks=[], yticks=[], title="New digits on the map (grey: the training digits)")

shown = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
axes = right.subplots(4, 5)
for column, row in enumerate(shown):
    top = 2 * (column // 5)
    for ax, picture in zip(axes[top : top + 2, column % 5], (X_test, X_back), strict=True):
        ax.imshow(picture[row].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
for ax, label in zip(axes[:, 0], ("new digit", "from the map") * 2, strict=True):
    ax.set_ylabel(label)
right.suptitle("To the map and back")
plt.show()
