"""
How many latent dimensions are needed?
======================================

Principal components say how much of the data the first k of them hold. An autoencoder does not: its
dimensions have no order, and each number of them is a training of its own.
``LeastVolumeAutoencoder`` starts with many, makes those short that are not needed, and orders the
rest. Guide: :ref:`autoencoders`.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from sksubspace import Autoencoder, LeastVolumeAutoencoder
from sksubspace.inspection import LatentImportanceDisplay, LossCurveDisplay

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, test_size=0.2, random_state=0)


def r2(rows):
    return r2_score(X_test, rows, multioutput="variance_weighted")


# %%
# As few as will do
# -----------------
# You know how much may be lost, rather than the weight of a penalty: ``min_score`` is the R2 to
# keep, on rows that the estimator holds out. The weight of the volume is found while the networks
# train.

least = LeastVolumeAutoencoder(32, min_score=0.85, validation_fraction=0.2, random_state=0)
least.fit(X_train)
print(
    f"{least.n_components_} of 32 dimensions left, weight of the volume {least.volume_weight_:.2g}"
)
print(f"R2 of new digits {least.score(X_test):.3f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
LossCurveDisplay.from_estimator(least, ax=left, names=["loss"])
right.semilogy(1 + np.arange(32), least.latent_std_, "o", color="tab:blue", markersize=4)
right.axhline(0.01 * least.latent_std_[0], color="0.4", linestyle="--", linewidth=0.8)
right.set(xlabel="latent dimension", ylabel="standard deviation, in pixel values")
plt.show()

# %%
# On the left, the loss with the weighted volume, and 1 - R2 of the rows held out. On the right,
# dimensions below the dashed line, a hundredth of the longest, are dropped.
#
# Three orders
# ------------
# A plain autoencoder of 32 dimensions can be ordered after it was trained, by principal components
# of its latent points. Then all three are asked for reconstructions from their first k dimensions.

pca = PCA(32).fit(X_train)
plain = Autoencoder(32, random_state=0).fit(X_train)
latent = PCA().fit(plain.transform(X_train))


def first(scores, model, k):
    """Rows from the first k principal scores; the others are at their mean."""
    return model.inverse_transform(np.where(np.arange(scores.shape[1]) < k, scores, 0.0))


Z, T, L = least.transform(X_test), pca.transform(X_test), latent.transform(plain.transform(X_test))
sizes = range(1, 33)
curves = {
    "LeastVolumeAutoencoder": [r2(least.inverse_transform(Z[:, :k])) for k in sizes[: Z.shape[1]]],
    "Autoencoder(32), then PCA": [r2(plain.inverse_transform(first(L, latent, k))) for k in sizes],
    "PCA": [r2(first(T, pca, k)) for k in sizes],
}
for target in (0.7, 0.8, 0.85, 0.9):
    print(f"R2 of {target}:", end="")
    for name, values in curves.items():
        enough = np.flatnonzero(np.array(values) >= target)
        print(f"   {name} {enough[0] + 1 if len(enough) else 'never'}", end="")
    print()
price = curves["Autoencoder(32), then PCA"][-1] - curves["LeastVolumeAutoencoder"][-1]
print(f"with all dimensions the plain autoencoder has {price:.3f} more: the price of the volume")

# %%
# The display wants what each dimension adds. Crosses are autoencoders that were trained for exactly
# so many dimensions.

trained = {k: Autoencoder(k, random_state=0).fit(X_train).score(X_test) for k in (8, 16)}
display = LatentImportanceDisplay(
    {name: np.diff(values, prepend=0) for name, values in curves.items()}
).plot(threshold=0.85)
display.ax_.plot(*zip(*trained.items(), strict=True), "x", color="k", label="Autoencoder(k)")
display.ax_.set(title="digits that were not in the fit")
display.ax_.legend(loc="lower right", frameon=False)
plt.show()

# %%
# One training gives the whole curve. It is above that of principal components up to about the score
# that was asked for, and further dimensions add nothing. The last epochs of the fit, in which the
# first dimensions learn to do without the others, are what lifts its beginning (``refine=False``
# leaves them out). It does not give the best autoencoder of each size: the crosses are above, as
# all of a network serves these few dimensions, and a plain autoencoder of all 32 ends higher. Nor
# is the number that is left the dimension of the data; it depends on networks, weight and target.
#
# A target out of reach
# ---------------------
# The constrained decoder does not reach every target. The weight of the volume then falls to next
# to nothing, and ``score`` on new rows says what was reached. Look at both.

asked = LeastVolumeAutoencoder(32, min_score=0.9, random_state=0).fit(X_train)
print(f"asked for 0.9: {asked.n_components_} dimensions, weight {asked.volume_weight_:.2g}")
print(f"R2 of new digits {asked.score(X_test):.3f}")

# %%
# The first dimensions
# --------------------
# A digit from its first k dimensions, by principal components and by least volume.

shown, counts = 0, (1, 2, 4, 6, 8, 10, 12)
fig, axes = plt.subplots(2, len(counts) + 1, figsize=(10, 2.8), layout="constrained")
for line, name in zip(axes, ("PCA", "least volume"), strict=True):
    line[0].set_ylabel(name)
    rows = [X_test[shown]]
    for k in counts:
        by_pca, by_least = first(T, pca, k), least.inverse_transform(Z[:, :k])
        rows.append((by_pca if name == "PCA" else by_least)[shown])
    for ax, row, title in zip(line, rows, ("digit", *counts), strict=True):
        ax.imshow(row.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
        if name == "PCA":
            ax.set_title(title)
plt.show()
