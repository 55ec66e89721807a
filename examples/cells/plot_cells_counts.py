"""
======================================
Cells, from raw counts to a verdict
======================================

A map of cells is drawn from counts, after a logarithm and principal components. Which map should it
be, which of its dots may be read, and do cells that were treated still belong on it? More is on the
page :ref:`cells`.

The counts are those of blood cells, half of them stimulated with interferon, from the folder that
the environment variable ``SKSUBSPACE_DATA`` names (``pbmc_interferon.npz``). Where there is none,
counts of the same form are generated: cells of six types, of which half answer with a program of
fifty genes. The numbers in the text are of the blood cells.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline

from sksubspace import MEDAL, audit_embedding
from sksubspace.inspection import EmbeddingDisplay, ReliabilityDisplay
from sksubspace.model_selection import compare_embeddings


def generated(n_cells=1200, n_genes=1500, random_state=0):
    """Draw counts of six types of cells; in half of them fifty genes are turned up."""
    rng = np.random.RandomState(random_state)
    rates = rng.gamma(0.3, size=n_genes) * np.exp(0.7 * rng.randn(6, n_genes))
    kind, stimulated = rng.randint(6, size=n_cells), np.arange(n_cells) % 2 == 1
    rates = rates[kind]
    rates[np.ix_(stimulated, range(50))] += 3 * rates.mean()
    totals = rng.lognormal(np.log(1500), 0.3, size=(n_cells, 1))
    counts = rng.poisson(totals * rates / rates.sum(axis=1, keepdims=True))
    return sparse.csr_matrix(counts), np.where(stimulated, "stimulated", "control")


path = Path(os.environ.get("SKSUBSPACE_DATA", "")) / "pbmc_interferon.npz"
if path.is_file():
    with np.load(path) as file:
        parts = (file["data"], file["indices"], file["indptr"])
        counts = sparse.csr_matrix(parts, shape=file["shape"])
        condition = file["condition"].astype(str)
else:
    counts, condition = generated()
print(
    f"{counts.shape[0]:,} cells, {counts.shape[1]:,} genes, {counts.nnz:,} entries that are not 0"
)

# %%
# Which map?
# ----------
#
# A map is usually judged by the very counts that it was drawn from, and then the noise in them
# speaks for it. ``validation="thin"`` cuts every count in two at random. The halves of a Poisson
# count are independent: each teacher draws its map from one half, and the score is the share of
# the deviance of the *other* half that the neighbours on the map explain, each cell left out. A map
# of noise scores 0. Sparse counts stay sparse.

some = np.sort(np.random.RandomState(0).choice(counts.shape[0], 500, replace=False))
candidates = {
    "PCA": PCA(2),
    "t-SNE(30)": make_pipeline(PCA(30), TSNE(perplexity=30)),
    "t-SNE(2)": make_pipeline(PCA(30), TSNE(perplexity=2)),
}
print(compare_embeddings(counts[some], candidates, validation="thin", random_state=0))

# %%
# What may be read off it?
# ------------------------
#
# The audit holds the map against the matrix that it was drawn from, here 30 principal components,
# and says which readings are licensed. ``to_report`` writes the page for a reviewer.

totals = np.asarray(counts.sum(axis=1), dtype=float).ravel()
scaled = sparse.diags_array(np.median(totals) / totals) @ counts.astype(float)
logarithms = scaled.log1p().tocsr()
X = PCA(30, random_state=0).fit_transform(logarithms[some])
Z = TSNE(random_state=0).fit_transform(X)
audit = audit_embedding(X, Z, y=condition[some], data_name="30 principal components")
print(audit)
ReliabilityDisplay.from_embedding(X, Z, y=condition[some])
plt.show()
with tempfile.TemporaryDirectory() as folder:
    page = audit.to_report(Path(folder) / "audit.html")
    print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")

# %%
# Do stimulated cells still belong?
# ---------------------------------
#
# The components of all cells say which directions there are; the map is drawn of half of the
# control cells alone. Then two batches that it has not seen: the other half of the controls, and
# the stimulated cells. (Components of the controls alone would hardly have the directions of the
# answer, and a test can find only what is in its matrix.)

X = PCA(30, random_state=0).fit_transform(logarithms)
rng = np.random.RandomState(0)
known, new = np.array_split(rng.permutation(np.flatnonzero(condition == "control")), 2)
treated = np.flatnonzero(condition == "stimulated")
medal = MEDAL("pca", random_state=0).fit(X[known])
for name, rows in {"other controls": new, "stimulated": treated}.items():
    print(f"{name}: {medal.detect_shift(X[rows])}")

# %%
# On the map itself, the cells that it has not seen:

seen = np.concatenate([new, treated])
EmbeddingDisplay.from_estimator(medal, X[seen], y=condition[seen], label_name="cells")
plt.show()
