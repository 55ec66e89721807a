"""
Picture a map and its faults
============================

:mod:`sksubspace.inspection` draws maps the way scikit-learn draws confusion matrices: a class for
each kind of picture, with ``from_estimator`` for a fitted model, ``from_predictions`` for arrays
that are at hand, and ``ax=`` for a place in a figure of one's own. All pictures can be told apart
when printed in grey. Guide: :ref:`comparing_embeddings`.
"""

# sphinx_gallery_thumbnail_number = 3

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import Isomap
from sklearn.model_selection import train_test_split
from umap import UMAP

from sksubspace import MEDAL
from sksubspace.inspection import (
    DistortionDisplay,
    EmbeddingDisplay,
    LatentGridDisplay,
    ReliabilityDisplay,
    ShiftDisplay,
    TuningCurveDisplay,
)
from sksubspace.model_selection import compare_embeddings

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)

# %%
# Which map?
# ----------
# The curve shows the R² of each candidate and its standard error. The band is one standard error of
# the best, and the ring is the choice: the simplest candidate that is tied with the best. PCA, a
# control, is the dotted line. A part of the digits has to do here, with each left out in turn;
# ``method="cv"`` would refit the maps on folds.

candidates = {"Isomap": (Isomap(), {"n_neighbors": [80, 30, 10, 5]})}
result = compare_embeddings(X_train[:300], candidates, method="loo", random_state=0)
TuningCurveDisplay.from_comparison(result)
plt.show()

# %%
# The same outcome as a ranking. Candidates with a filled marker cannot be told from the best one.
# A control too far below for the axis is marked at its edge, with its score beside it.

TuningCurveDisplay.from_comparison(result, kind="ranking")
plt.show()

# %%
# The map
# -------
# Isomap has shown how a curve is read; the map from here on is one of UMAP. Names of classes stand
# on the map where they are right and have room, and in a legend beside it otherwise. Names of one
# character are drawn as their own markers. Numbers, such as an age, would get a colour bar.

medal = MEDAL(UMAP(min_dist=0.5), random_state=0).fit(X_train)
EmbeddingDisplay.from_estimator(medal, y=y_train, label_name="digit")
plt.show()

# %%
# Where it lies
# -------------
# A digit is misplaced if it may as well stand anywhere on the map, torn if its neighbours in the
# data stand far apart, merged if its neighbours on the map are far apart in the data.

ReliabilityDisplay.from_embedding(X_train, medal.embedding_, y=y_train)
plt.show()

# %%
# What it has no room for
# -----------------------
# The distortion of a digit is what would be lost of a new one like it on the way to the map and
# back: each training row is left out in turn. The outline encloses the worst regions, and the
# numbers are the worst digits.

display = DistortionDisplay.from_estimator(medal, n_worst=10)
plt.show()

# %%
# These digits, and what the map gives back for them:

display.plot_reconstructions(X=X_train, image_shape=(8, 8))
plt.show()

# %%
# What it can say
# ---------------
# A grid of places on the map, each turned back into a digit. Places without a training row about
# are left blank: there the decoder can only guess.

LatentGridDisplay.from_estimator(medal, image_shape=(8, 8), grid=(18, 18))
plt.show()

# %%
# Without ``image_shape`` each place would show a small profile of all features; ``feature=`` shows
# a single one as a heat map. On the left the ink of a pixel in the middle of the digit, on the
# right the same map coloured by the ink of that pixel in the digits themselves.

pixel = 4 * 8 + 4
fig, axes = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
LatentGridDisplay.from_estimator(medal, feature=pixel, grid=(60, 60), ax=axes[0])
EmbeddingDisplay.from_estimator(
    medal, y=X_train[:, pixel], y_kind="values", label_name="ink", ax=axes[1]
)
axes[0].set_title("decoded from the map")
axes[1].set_title("in the digits")
plt.show()

# %%
# Does a new batch belong on it?
# ------------------------------
# The test digits are of the kind that the map was made from, and the test finds nothing.

ShiftDisplay.from_estimator(medal, X_test)
plt.show()

# %%
# The same digits with a third of the ink gone: their distortions are larger than those of the
# calibration rows, and the flagged rows show where on the map that happens.

ShiftDisplay.from_estimator(medal, X_test * (2 / 3))
plt.show()
