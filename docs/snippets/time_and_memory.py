from sksubspace.cluster import ThresholdedSubspaceClustering
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy

X, y = make_union_of_subspaces(30_000, n_features=30, random_state=0)
model = ThresholdedSubspaceClustering(5, random_state=0).fit(X)  # landmarks
print(f"{len(X):,} rows, accuracy {clustering_accuracy(y, model.labels_):.3f}")

# %% picture
import csv
from pathlib import Path

import matplotlib.pyplot as plt

import sksubspace

results = Path(sksubspace.__file__).parents[1] / "benchmarks" / "results"
with open(results / "growth_rows.csv", encoding="utf-8") as file:
    table = list(csv.DictReader(file))
shown = ("UMAP", "TLDR", "SteinSubspace", "ThresholdedSubspaceClustering",
         "SparseSubspaceClusteringOMP", "KSubspaces")  # fmt: skip
figure, ax = plt.subplots(figsize=(7.4, 3.8), layout="constrained")
for row in table:
    if row["estimator"] in shown:
        sizes = [name for name in row if name[0].isdigit() and "new" not in name]
        met = [(int(name.replace(",", "")), row[name]) for name in sizes if " s," in row[name]]
        line = [(size, float(text.split(" s")[0])) for size, text in met]
        ax.loglog(*zip(*line, strict=True), "o-", label=row["estimator"])
ax.set(xlabel="rows", ylabel="CPU seconds of a fit")
ax.legend(fontsize=8)
