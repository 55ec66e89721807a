import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from sksubspace.neighbors import GraphFeatureExpansion

X, y = load_digits(return_X_y=True)
X = PCA(50, random_state=0).fit_transform(X)
Z = GraphFeatureExpansion().fit_transform(X)  # of all rows; no label is used
rng = np.random.RandomState(0)
few = [rng.choice(np.flatnonzero(y == c), 5, replace=False) for c in range(10)]
few = np.concatenate(few)
model = LogisticRegression(C=10, max_iter=2000).fit(Z[few], y[few])
print(f"50 labels and the graph: {model.score(Z, y):.2f}")

rows = X / np.linalg.norm(X, axis=1).mean()
print(f"50 labels: {model.fit(rows[few], y[few]).score(rows, y):.2f}")

labels, found = (1, 2, 5, 10, 20, 40, 80), {"the rows": [], "and their neighbours": []}
for n_labels in labels:
    order = [np.random.RandomState(0).permutation(np.flatnonzero(y == c)) for c in range(10)]
    parts = np.split(np.concatenate([one[: 2 * n_labels] for one in order]), 10)
    draws = [np.concatenate([one[half::2] for one in parts]) for half in (0, 1)]
    for name, columns in zip(found, (rows, Z), strict=True):
        scores = []
        for few in draws:
            others = np.setdiff1d(np.arange(len(y)), few)
            model.fit(columns[few], y[few])
            scores.append(model.score(columns[others], y[others]))
        found[name].append(np.mean(scores))
fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for name, scores in found.items():
    ax.semilogx(labels, scores, "o-", label=name)
ax.set(xticks=labels, xticklabels=labels, xlabel="labels of each digit")
ax.minorticks_off()
ax.set_ylabel("accuracy on the other rows")
ax.legend()
