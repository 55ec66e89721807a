"""
Find where the map lies
=======================

Two coordinates cannot hold 64 pixels, and every map lies somewhere. ``distortion`` says how much of
each sample is lost on the way to the map and back, in the units of the data, so that the errors
can be laid over the map itself.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from umap import UMAP

from sksubspace import MEDAL

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

# %%
# A larger ``min_dist`` than the default draws UMAP's islands wider, so that the digits come apart.

medal = MEDAL(teacher=UMAP(min_dist=0.5), random_state=0).fit(X_train)

# %%
# Training rows need care: the map was made to suit them, so their plain errors flatter it.
# ``loo_distortion_`` leaves each row out, both when it is placed and when it is decoded. The second
# line shows how close that comes to the error of digits that were never in the fit.

print(f"training rows, plain          {medal.distortion(X_train).mean():.4f}")
print(f"training rows, leave-one-out  {medal.loo_distortion_.mean():.4f}")
print(f"held-out rows                 {medal.distortion(X_test).mean():.4f}")

# %%
# On the left, the leave-one-out distortion on the map. Some islands come back better than others,
# and many of the worst digits stand at a rim or between islands. On the right, the *relative*
# distortion of the held-out digits: the distortion divided by what is usual at that place of the
# map, so that 1 is ordinary. It finds digits that do not belong where they lie, also in a region
# that comes back badly as a whole.

distortion, relative = medal.loo_distortion_, medal.distortion(X_test, relative=True)
panels = (
    ("Training digits", medal.embedding_, distortion, "distortion (squared ink per pixel)"),
    ("Held-out digits", medal.transform(X_test), relative, "relative distortion (1 is usual)"),
)
fig, axes = plt.subplots(1, 2, figsize=(13, 5.6), sharex=True, sharey=True, layout="constrained")
for ax, (title, Z, values, label) in zip(axes, panels, strict=True):
    order = values.argsort()
    top = np.quantile(values, 0.99)
    points = ax.scatter(*Z[order].T, c=values[order], s=14, cmap="cividis_r", vmin=0, vmax=top)
    fig.colorbar(points, ax=ax, label=label, extend="max")
    ax.set(xticks=[], yticks=[], title=title)
plt.show()

# %%
# Is a distorted digit a misplaced one? The labels, which nothing has seen so far, can tell: how
# many of a digit's ten neighbours on the map carry its own label?

neighbors = NearestNeighbors(n_neighbors=10).fit(medal.embedding_).kneighbors()[1]
agreement = (y_train[neighbors] == y_train[:, None]).mean(axis=1)
worst_first = distortion.argsort()[::-1]
n_worst = len(worst_first) // 20
print(f"worst 5 %:  {agreement[worst_first[:n_worst]].mean():.2f} of the neighbours agree")
print(f"the others: {agreement[worst_first[n_worst:]].mean():.2f} of the neighbours agree")

# %%
# The twelve worst training digits, and the average of their ten neighbours on the map, which is
# about what the map says that they are. Some are written in a way of their own and lie among their
# kind: two coordinates have no room for their differences. Others lie among digits of another
# class. Either is worth a look before anything is concluded from where such a digit lies.

fig, axes = plt.subplots(2, 12, figsize=(13, 3), layout="constrained")
for (above, below), row in zip(axes.T, worst_first[:12], strict=True):
    near = neighbors[row]
    labels = np.bincount(y_train[near], minlength=10)
    for ax, picture in ((above, X_train[row]), (below, X_train[near].mean(axis=0))):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    above.set_title(f"a {y_train[row]}\n{distortion[row]:.3f}", fontsize=9)
    below.set_xlabel(f"{labels.max()} of 10: {labels.argmax()}", fontsize=9)
axes[0, 0].set_ylabel("digit")
axes[1, 0].set_ylabel("neighbours")
plt.show()
