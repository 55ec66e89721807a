"""
Which map, and is the difference real?
======================================

You have a picture of your data. How good is it, would another method or setting draw a better one,
and is the difference more than luck? One function for each question, and a page to hand on.
Guide: :ref:`comparing_embeddings`.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from umap import UMAP

from sksubspace.metrics import embedding_score
from sksubspace.model_selection import compare_embeddings

X, y = load_digits(return_X_y=True)
X, y = (X[:500] / 16).astype(np.float32), y[:500]

# %%
# The picture that you have
# -------------------------
# ``embedding_score`` needs the data and the picture, and not the method that drew it. Each sample
# is placed by the others, and reconstructed from there by a regression that has not seen it.

Z = TSNE(random_state=0).fit_transform(X)
print(embedding_score(X, Z))
print(embedding_score(X, Z[np.random.default_rng(0).permutation(len(Z))]))

# %%
# The second line is the same picture with its points dealt out to the wrong samples: nothing comes
# back. The placement says how well the positions themselves can be told from the data; where it is
# low, a picture cannot be extended to new samples, whatever its score.
#
# Methods and settings
# --------------------
# ``compare_embeddings`` refits every candidate on the same folds and scores it on rows that it has
# not seen. A pair of a teacher and a grid stands for all of its settings. List the simple ones
# first: among candidates that are tied with the best, the first is chosen.

candidates = {
    "PCA": "pca",
    "t-SNE": TSNE(),
    "UMAP": (UMAP(n_jobs=1), {"n_neighbors": [5, 15]}),
}
result = compare_embeddings(X, candidates, y=y, method="cv", cv=3, random_state=0)
print(result)

# %%
# Differences are paired, because all candidates had the same folds, and their intervals allow for
# folds that share training rows. A tie is a difference that the data cannot tell from none. The
# permuted control is the best map with its rows dealt out at random.
#
# The ranking as a picture:

result.plot(kind="ranking")
plt.show()

# %%
# The chosen map has been fitted on all rows, and is an ordinary estimator.

medal = result.best_estimator_
print(medal)
print(medal.transform(X[:3]).round(2))

# %%
# For a fraction of the time
# --------------------------
# A candidate that is behind beyond chance is spared the other folds, and says "dropped". With many
# rows, let a draw rank: the chosen one is fitted to all of them. Settings are never scaled with the
# draw, so that few rows are a disadvantage for large neighbourhoods.

ranked = compare_embeddings(
    X, candidates, method="cv", cv=3, max_rows=250, metrics=(), random_state=0
)
print(ranked)
print(ranked.best_estimator_.embedding_.shape)

# %%
# A page to hand on
# -----------------
# One file without scripts or connections: the ranking, the tuning curves, the map and where it
# lies, the worst-represented rows, a test of a second batch, and what is needed to repeat it. The
# command ``sksubspace validate data.csv --label species`` writes the same page from a table.

with tempfile.TemporaryDirectory() as folder:
    path = result.to_report(
        Path(folder) / "report.html", X=X, y=y, label_name="digit", image_shape=(8, 8)
    )
    print(f"{path.stat().st_size / 2**20:.1f} MiB")
