"""
Quickstart: give a map what it lacks
====================================

A UMAP picture shows the samples that it was made from. :class:`sksubspace.MEDAL` learns the two
functions that are missing: one that places new samples on the map, and one that goes back from
the map to the data. What comes back of *held-out* samples is then a score for the map
(:ref:`trusting_an_embedding`).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksubspace import MEDAL
from sksubspace.inspection import EmbeddingDisplay

# %%
# The data are pictures of 8 x 8 pixels, with ink from 0 to 1. A third of them is set aside before
# anything is fitted. The labels are for colouring only; neither the map nor the score sees them.

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=1 / 3, random_state=0)

# %%
# The *teacher* draws the map: here UMAP with its defaults. Any other estimator with
# ``fit_transform`` would do. Grey are the digits that it drew, in colour the new ones. Most land on
# the island of their kind; a few land between islands, because the training digits most like them
# lie on both sides.

medal = MEDAL(teacher="umap", random_state=0).fit(X_train)
fig, ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
ax.scatter(*medal.embedding_.T, s=8, color="0.88")
EmbeddingDisplay.from_estimator(medal, X_test, y=y_test, label_name="digit", ax=ax)
plt.show()

# %%
# How much is left of a digit after a trip to the map and back? ``score`` says it for rows that the
# map has not seen: 1 is a perfect return, 0 is no better than answering with the mean picture.
# ``loo_score_`` estimates the same from the training rows alone, each left out in turn, a little
# optimistically.

print(f"held-out R2       {medal.score(X_test):.3f}")
print(f"leave-one-out R2  {medal.loo_score_:.3f}")

# %%
# One new digit of each class, above what comes back of it. Two coordinates keep which digit it is
# and roughly how it leans. They do not keep the details of the hand that wrote it.

shown = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
back = medal.inverse_transform(medal.transform(X_test[shown]))
fig, axes = plt.subplots(2, 10, figsize=(10, 2.3), layout="constrained")
for line, pictures, label in zip(axes, (X_test[shown], back), ("new", "back"), strict=True):
    line[0].set_ylabel(label)
    for ax, picture in zip(line, pictures, strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
plt.show()
