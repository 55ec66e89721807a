"""
Find where the map lies
=======================

Two coordinates cannot hold 64 pixels, and every map lies somewhere: it puts a row where it does not
belong, tears apart what belongs together, or lays over each other what does not.
``embedding_reliability`` asks each row for it, of a map that is drawn already, by whatever method.
Guide: :ref:`marks_of_rows`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from sksubspace.inspection import ReliabilityDisplay
from sksubspace.metrics import embedding_reliability, embedding_score

X, y = load_digits(return_X_y=True)
X, y = X[:900] / 16, y[:900]
Z = TSNE(random_state=0).fit_transform(X)

# %%
# A row is *reliable* if the map decodes to it better where it stands than at most other places,
# by a decoder that never saw it; its p-value is the share of places that would do as well. At most
# 5 % of the rows called reliable are so by chance. Few digits of this map are not.

found = embedding_reliability(X, Z, y=y)
print(found)
ReliabilityDisplay.from_reliability(Z, found)
plt.show()

# %%
# Are these errors of t-SNE? The labels, which nothing has used so far but for the names above, can
# tell: how many of a digit's 15 neighbours *in the data* are of its own class? A mark says "look
# here", not "wrong": the digits that t-SNE tears from their neighbours are ambiguous to begin with.
# Three misplaced ones are too few to say.

neighbors = NearestNeighbors(n_neighbors=15).fit(X).kneighbors(return_distance=False)
agreement = (y[neighbors] == y[:, None]).mean(axis=1)
for mark in ("ok", "torn", "misplaced"):
    print(f"{mark:<10}{agreement[found.mark == mark].mean():.2f} of the neighbours agree")

# %%
# Now a lie that we know of: 45 digits, one in twenty, move onto the island of another digit.

rng = np.random.RandomState(0)
moved = rng.choice(len(Z), 45, replace=False)
lie = Z.copy()
for row in moved:
    lie[row] = Z[rng.choice(np.flatnonzero(y != y[row]))]
found = embedding_reliability(X, lie, y=y)
print(found)
display = ReliabilityDisplay.from_reliability(lie, found)
display.ax_.scatter(*lie[moved].T, s=110, facecolors="none", edgecolors="black", linewidths=0.9)
display.ax_.set_title("circles: digits that were moved")
plt.show()

# %%
# Each of them is found. The left-out distortion does not see them, because it asks another
# question: it places each row anew, and says how badly a *new* row like this one would be mapped.

was_moved = np.isin(np.arange(len(Z)), moved)
distortion = embedding_score(X, lie, per_row=True).distortion
print(f"moved digits marked misplaced   {found.misplaced[moved].mean():.0%}")
print(f"AUROC of the p-value            {roc_auc_score(was_moved, found.p_value):.2f}")
print(f"AUROC of the left-out error     {roc_auc_score(was_moved, distortion):.2f}")

# %%
# The most misplaced digits, and the average of their ten neighbours on the map, which is about what
# the map says that they are.

near = NearestNeighbors(n_neighbors=10).fit(lie).kneighbors(return_distance=False)
fig, axes = plt.subplots(2, 12, figsize=(13, 3), layout="constrained")
for (above, below), row in zip(axes.T, found.p_value.argsort()[::-1][:12], strict=True):
    labels = np.bincount(y[near[row]], minlength=10)
    for ax, picture in ((above, X[row]), (below, X[near[row]].mean(axis=0))):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    above.set_title(f"a {y[row]}\np = {found.p_value[row]:.2f}", fontsize=9)
    below.set_xlabel(f"{labels.max()} of 10: {labels.argmax()}", fontsize=9)
axes[0, 0].set_ylabel("digit")
axes[1, 0].set_ylabel("neighbours")
plt.show()
