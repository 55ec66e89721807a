"""
Sparse codes of image patches
=============================

A patch of a photograph is close to a sum of a few out of many small pictures, its atoms.
``SparseAutoencoder`` learns the atoms together with a matrix that chooses them. Units that are
never chosen never learn, and how many these are depends on the atoms to begin with.
Guide: :ref:`autoencoders`.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

from sksubspace import SparseAutoencoder
from sksubspace.inspection import AtomsDisplay, LossCurveDisplay

SIDE = 8
photographs = [photograph / 255 for photograph in load_sample_images().images]


def patches(n_patches, seed):
    """Patches of 8 by 8 pixels in three colours, as rows, as many of each photograph."""
    drawn = [
        extract_patches_2d(photograph, (SIDE, SIDE), max_patches=n_patches // 2, random_state=seed)
        for photograph in photographs
    ]
    return np.concatenate(drawn).reshape(n_patches, -1).astype(np.float32)


X_train, X_test = patches(6000, seed=0), patches(2000, seed=1)
print(X_train.shape, X_test.shape)

# %%
# Two starts
# ----------
# Each patch is written with at most eight of 384 atoms. Neighbouring pixels are alike, so patches
# lie near a subspace of few dimensions. Random atoms hardly agree with any patch; atoms within the
# principal subspace, the default, do.

coders = {
    init: SparseAutoencoder(384, k=8, init=init, max_iter=30, random_state=0).fit(X_train)
    for init in ("random", "subspace")
}
for init, coder in coders.items():
    print(
        f"{init:9} R2 on new patches {coder.score(X_test):.3f}, "
        f"never used {coder.dead_fraction_:.1%} of {coder.n_components_} units"
    )

# %%
# The reconstructions are about equally good. What the better start saves are units that would be
# computed for every row, and never say anything. On the left, how often units are used, the most
# used one first; a curve ends where the dead ones begin.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
losses = LossCurveDisplay.from_estimator(*coders.values(), names=list(coders), ax=right)
for line, (init, coder) in zip(losses.lines_, coders.items(), strict=True):
    usage = np.sort(coder.usage_[coder.usage_ > 0])[::-1]
    left.plot(100 * usage, color=line.get_color(), label=init)
left.set(xlabel="units", ylabel="used for so many % of patches", yscale="log", xlim=(0, 384))
left.legend(title="init", frameon=False)
plt.show()

# %%
# The hundred atoms that are used most. Each is on its own scale, with grey for zero. Those on the
# left keep the noise that they began with: training moves atoms along patches, and patches have
# little of it that could take it away.

fig, axes = plt.subplots(1, 2, figsize=(10, 5.4), layout="constrained")
for ax, (init, coder) in zip(axes, coders.items(), strict=True):
    AtomsDisplay.from_estimator(
        coder, image_shape=(SIDE, SIDE, 3), order=coder.usage_, n_atoms=100, n_columns=10, ax=ax
    )
    ax.set_title(f'init="{init}"')
plt.show()

# %%
# A picture from its codes
# ------------------------
# Codes are rows of a sparse matrix. Here are those of the patches of a part of a photograph, side
# by side, and what comes back.

part = photographs[0][160:320, 360:600]
height, width = part.shape[0] // SIDE, part.shape[1] // SIDE
tiles = part.reshape(height, SIDE, width, SIDE, 3).swapaxes(1, 2).reshape(height * width, -1)
coder = coders["subspace"]
codes = coder.transform(tiles.astype(np.float32))
print(f"{type(codes).__name__} of shape {codes.shape}, {codes.nnz / len(tiles):.1f} entries a row")
back = coder.inverse_transform(codes).reshape(height, width, SIDE, SIDE, 3)
rebuilt = back.swapaxes(1, 2).reshape(part.shape).clip(0, 1)

fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
titles = (f"{tiles.shape[1]} numbers a patch", f"at most {coder.k} numbers and their places")
for ax, picture, title in zip(axes, (part, rebuilt), titles, strict=True):
    ax.imshow(picture)
    ax.set_title(title)
    ax.set_axis_off()
plt.show()
