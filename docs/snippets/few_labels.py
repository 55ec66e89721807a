import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

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

labels = (1, 2, 5, 10, 20, 40, 80)
methods = {
    "the rows": (model, rows),
    "and their neighbours": (model, Z),
    "the rows, RBF machine": (SVC(C=10), rows),
}
order = [np.random.RandomState(0).permutation(np.flatnonzero(y == c)) for c in range(10)]
fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for name, (classifier, columns) in methods.items():
    scores = []
    for n in labels:
        draws = [np.concatenate([one[k : k + n] for one in order]) for k in (0, 80)]
        others = [np.setdiff1d(np.arange(len(y)), few) for few in draws]
        fits = [classifier.fit(columns[few], y[few]).predict(columns) for few in draws]
        right = [(said == y)[rest].mean() for said, rest in zip(fits, others, strict=True)]
        scores.append(np.mean(right))
    ax.semilogx(labels, scores, ":" if "RBF" in name else "o-", label=name)
ax.set(xticks=labels, xticklabels=labels, xlabel="labels of each digit")
ax.minorticks_off()
ax.set_ylabel("accuracy on the other rows")
ax.legend()
