"""
=========================================
Are there clusters, which, and how many?
=========================================

Any method cuts any data into clusters. Here several methods are set beside each other on
handwritten digits without their labels, and on a single Gaussian, where each finds ten as well.
Guide: :ref:`clustering`.
"""

# sphinx_gallery_thumbnail_number = 3

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from sksubspace.cluster import MultilayerGraphClustering, ThresholdedSubspaceClustering
from sksubspace.model_selection import compare_clusterings

X, y = load_digits(return_X_y=True)
X, y = X[:900], y[:900]
candidates = {
    "k-means": KMeans(n_init=10),
    "Ward": AgglomerativeClustering(),
    "tied mixture": make_pipeline(PCA(30), GaussianMixture(covariance_type="tied")),
    "graph": MultilayerGraphClustering(),
    "thresholding": ThresholdedSubspaceClustering(n_neighbors=5),
}

# %%
# Which method
# ------------
# E is what labels say of those of neighbours, beyond what clusters of one Gaussian say. The labels
# of the digits stand in the column "y" and are not used.

found = compare_clusterings(X, candidates, n_clusters=10, y=y, random_state=0)
print(found)
found.plot()

# %%
# How many
# --------
# X is the same between fits to two halves of the rows. The curve over the number of clusters is a
# hint, with its range over the halvings.

curve = compare_clusterings(X, candidates, n_clusters=[4, 6, 8, 10, 12, 15, 20], random_state=0)
curve.plot()

# %%
# Which rows are doubtful
# -----------------------
# Rows of whose neighbours most are in other clusters have a cross.

Z = TSNE(random_state=0).fit_transform(X)
found.plot(embedding=Z)
plt.show()

# %%
# No clusters at all
# ------------------
# A single Gaussian is cut into ten by every method. The evidence says what it is.

noise = np.random.RandomState(0).randn(900, 20)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of exactly that
    cut = compare_clusterings(noise, candidates, n_clusters=10, random_state=0)
print(f"digits {found.evidence_:.2f}, a Gaussian {cut.evidence_:.2f}; below .1 there is nothing")
