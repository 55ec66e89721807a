"""
Which method for my clusters? Faces and digits, without labels
==============================================================

Pictures of one face under changing light and pose, or of one digit by many hands, lie near a
subspace of few dimensions. Many methods find such clusters, no method wins everywhere, and nobody
has labels to choose by. The choice can be made as for supervised models: by how well the subspaces
hold the data. Guide: :ref:`subspace_clustering`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sksubspace.cluster import AutoSubspaceClustering
from sksubspace.datasets import fetch_orl
from sksubspace.metrics import clustering_accuracy

try:
    faces = fetch_orl(download_if_missing=False)  # 40 people, ten pictures each
    images, people, n_clusters = faces.images, faces.target, 40
except OSError:  # not on this machine: the digits come with scikit-learn
    images, people = load_digits(return_X_y=True)
    images, people, n_clusters = images[:900].reshape(-1, 8, 8), people[:900], 10
X = images.reshape(len(images), -1)
print(X.shape)

# %%
# Nine candidates: self-expression by few rows, by all, by the smallest angles; graphs of nearest
# neighbours; k-means. Each is fitted without labels and scored by how much of the data its
# subspaces hold.

auto = AutoSubspaceClustering(n_clusters, random_state=0).fit(X)
for name, score, tied in zip(
    *(auto.scores_[key] for key in ("name", "score", "tied")), strict=True
):
    print(f"{name:30} {score:.3f} {'tied with the best' if tied else ''}")

# %%
# The labels of the people, which nothing above has seen, say how good the choice is.

print(auto.best_name_, round(clustering_accuracy(people, auto.labels_), 2))

# %%
# What is in a cluster
# --------------------
# One row for each of five clusters of middle size: its mean, the direction of largest variance (a
# turn of the head, a slant of the hand), and six of its members.


def show(ax, image, title=""):
    ax.imshow(image.reshape(images.shape[1:]), cmap="gray")
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=9)


sizes = np.bincount(auto.labels_)
middle = np.argsort(sizes, kind="stable")[n_clusters // 2 - 2 :][:5]
fig, axes = plt.subplots(5, 8, figsize=(8, 5.4), layout="constrained")
for k, line in zip(middle, axes, strict=True):
    members = np.flatnonzero(auto.labels_ == k)[:6]
    show(line[0], auto.cluster_means_[k], "mean" if k == middle[0] else "")
    show(line[1], auto.cluster_bases_[k][0], "direction" if k == middle[0] else "")
    for ax, i in zip(line[2:], members, strict=False):
        show(ax, X[i])
    line[0].set_ylabel(f"{sizes[k]} images", fontsize=9)
plt.show()
