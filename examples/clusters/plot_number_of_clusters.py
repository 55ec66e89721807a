"""
How many subspaces?
===================

Three answers that need no labels: the gap in the spectrum of the graph, the Bayesian information
criterion of a mixture of low-rank Gaussians, and where the held-out score stops to rise.
Guide: :ref:`subspace_clustering`.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator
from sklearn.model_selection import cross_val_score

from sksubspace.cluster import (
    KSubspaces,
    MixtureOfLowRankGaussians,
    ThresholdedSubspaceClustering,
)
from sksubspace.datasets import make_union_of_subspaces

X, y = make_union_of_subspaces(
    600, n_features=20, n_subspaces=6, subspace_dim=3, noise=0.03, random_state=0
)
numbers = np.arange(2, 11)

# %%
# The spectrum
# ------------
# As many eigenvalues near one as clusters; ``n_clusters="auto"`` takes the largest gap.

tsc = ThresholdedSubspaceClustering("auto", random_state=0).fit(X)
print("by the gap:", tsc.n_clusters_)

# %%
# A likelihood
# ------------
# The mixture is a density, so that an information criterion applies: the lowest is best.

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # too many components converge slowly
    bic = [MixtureOfLowRankGaussians(int(k), rank=3, random_state=0).fit(X).bic(X) for k in numbers]
print("by BIC:", numbers[np.argmin(bic)])

# %%
# The held-out score
# ------------------
# It rises with every cluster, also beyond the true number, but slowly there. It chooses between
# methods at one number of clusters; between numbers, look for the bend.

scores = [
    cross_val_score(KSubspaces(int(k), subspace_dim=3, random_state=0), X, cv=3).mean()
    for k in numbers
]
print(dict(zip(numbers.tolist(), np.round(scores, 3).tolist(), strict=True)))

# %%

fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
axes[0].plot(np.arange(1, 13), tsc.eigenvalues_[:12], "o-")
axes[0].set(title="spectrum of the graph", xlabel="index", ylabel="eigenvalue")
axes[1].plot(numbers, bic, "o-")
axes[1].set(title="BIC of the mixture", xlabel="clusters")
axes[2].plot(numbers, scores, "o-")
axes[2].set(title="held-out R²", xlabel="clusters")
for ax in axes:
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.axvline(6, color="0.7", lw=1, zorder=0)
plt.show()

# %%
# The grey line is the truth. On real data the three need not agree: the gap fades with noise, and
# BIC splits what is not Gaussian. A number that all three support is a good one.
