# data: pbmc_interferon.npz
# %% data
import os
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

path = Path(os.environ.get("SKSUBSPACE_DATA", "")) / "pbmc_interferon.npz"
if path.is_file():
    with np.load(path) as file:
        parts = (file["data"], file["indices"], file["indptr"])
        counts = sparse.csr_matrix(parts, shape=file["shape"]).astype(float)
        treated = file["condition"] == "stimulated"
    totals = np.asarray(counts.sum(axis=1)).ravel()
    logs = (sparse.diags_array(np.median(totals) / totals) @ counts).log1p()
    X = PCA(30, random_state=0).fit_transform(logs.tocsr())
    print(f"{counts.shape[0]:,} blood cells, {counts.shape[1]:,} genes")
else:
    X, digit = load_digits(return_X_y=True)
    treated = digit == 8
    print("No cells here: handwritten digits, and the eights are the new batch.")

rng = np.random.default_rng(0)
untreated = rng.permutation(np.flatnonzero(~treated))
known, new = untreated[:500], untreated[500:800]
X_known = X[known]
cluster = KMeans(6, random_state=0).fit_predict(X_known)
print(f"{len(known)} for the map, {len(new)} new, {treated.sum()} treated")
# %% picture
from umap import UMAP

from sksubspace.inspection import EmbeddingDisplay

Z = UMAP(random_state=0).fit_transform(X_known)
EmbeddingDisplay.from_predictions(Z, y=cluster, label_name="cluster")
# %% audit
from sksubspace import audit_embedding

audit = audit_embedding(X_known, Z, y=cluster, data_name="30 components")
print(audit)
# %% marks
from sksubspace.inspection import ReliabilityDisplay

ReliabilityDisplay.from_reliability(Z, audit.reliability)
print(audit.rows.query("mark != 'ok'").round(3).head(5).to_string())
# %% report
audit.to_report("audit.html")  # the page for a reviewer
print(audit.methods_text().split("\n\n")[0])  # the paragraph for the paper
# %% compare
from sksubspace.inspection import TuningCurveDisplay
from sksubspace.model_selection import compare_embeddings

candidates = {"PCA": "pca", "UMAP": (UMAP(), {"n_neighbors": [50, 15, 5]})}
result = compare_embeddings(X_known, candidates, random_state=0)
print(result)
TuningCurveDisplay.from_comparison(result, kind="ranking")
# %% keep
import sksubspace

medal = result.best_estimator_  # a map that can place new cells
sksubspace.save(medal, "map.skops")
# %% place
medal = sksubspace.load("map.skops")  # next week, on another machine
Z_new = medal.transform(X[new])
print(f"held-out R2 of {len(new)} new cells: {medal.score(X[new]):.2f}")
# %% shift
batches = {"new": X[new], "treated": X[treated][:300]}
for name, batch in batches.items():
    print(f"{name}: {medal.detect_shift(batch)}")
# %% shift_picture
from sksubspace.inspection import ShiftDisplay

ShiftDisplay.from_estimator(medal, batches["treated"])
