"""
Several views of the same samples
=================================

Measurements often come in blocks: shape and texture, two assays of one cell, layers of a network.
Put side by side, the block with the most noise decides. A graph of each view, and a clustering that
all graphs agree with, does not weigh columns against each other. Guide: :ref:`subspace_clustering`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sksubspace.cluster import MultilayerGraphClustering
from sksubspace.metrics import clustering_accuracy

images, y = load_digits(return_X_y=True)
images, y = images[:1000].reshape(-1, 8, 8), y[:1000]

# %%
# Four views of handwritten digits: the upper half, the lower half, the spectrum (which does not
# know where the digit stands), and a view of pure noise, in a unit of its own.

spectrum = np.abs(np.fft.fft2(images))[:, :, :5].reshape(len(images), -1)
noise = 30 * np.random.RandomState(0).randn(len(images), 60)
blocks = {
    "upper half": images[:, :4].reshape(len(images), -1),
    "lower half": images[:, 4:].reshape(len(images), -1),
    "spectrum": spectrum,
    "noise": noise,
}
X = np.hstack(list(blocks.values()))
ends = np.cumsum([block.shape[1] for block in blocks.values()])
views = [
    list(range(end - block.shape[1], end)) for end, block in zip(ends, blocks.values(), strict=True)
]

# %%
# ``views`` are lists of columns, so that one array goes through ``fit`` and pipelines.

found = {}
for name, columns in zip(blocks, views, strict=True):
    alone = MultilayerGraphClustering(10, views=[columns], random_state=0).fit(X)
    found[name] = clustering_accuracy(y, alone.labels_)
side_by_side = MultilayerGraphClustering(10, random_state=0).fit(X)
found["all columns, one graph"] = clustering_accuracy(y, side_by_side.labels_)
joint = MultilayerGraphClustering(10, views=views, random_state=0).fit(X)
found["one graph a view"] = clustering_accuracy(y, joint.labels_)
for name, accuracy in found.items():
    print(f"{name:25} {accuracy:.2f}")

# %%
# No single view is enough. Side by side the largest numbers decide; with a graph for each view, its
# unit does not matter and the noise does little harm. Where all views are good and their units are
# comparable, one graph of all columns can do as well.

fig, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
colours = ["0.7"] * 4 + ["tab:orange", "tab:blue"]
ax.barh(list(found), list(found.values()), color=colours)
ax.invert_yaxis()
ax.set(xlabel="accuracy", xlim=(0, 1))
plt.show()
