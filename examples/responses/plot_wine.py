"""
A table with classes: directions as a step of a pipeline
========================================================

Three kinds of wine, thirteen measurements. Which few combinations of the measurements tell the
wines apart? Classes are responses too, one indicator for each, and
:class:`~sksubspace.SteinSubspace` is a transformer as any other (:ref:`response_subspaces`).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import SteinSubspace
from sksubspace.inspection import EmbeddingDisplay

table = load_wine()
kind = np.array(["wine A", "wine B", "wine C"])[table.target]
X_train, X_test, y_train, y_test = train_test_split(
    table.data, kind, test_size=0.3, stratify=kind, random_state=0
)

# %%
# Order and number of directions are parameters as any others. Order 1 looks at mean slopes, "both"
# at curvatures as well.

search = GridSearchCV(
    Pipeline(
        [
            ("scale", StandardScaler()),
            ("stein", SteinSubspace()),
            ("classify", LogisticRegression()),
        ]
    ),
    {"stein__order": [1, "both"], "stein__n_components": [1, 2]},
    cv=5,
).fit(X_train, y_train)
for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(*parameters.values(), f"{score:.3f}")
print("held-out wines:", round(search.score(X_test, y_test), 3))

# %%
# Two directions hold what tells the wines apart. These are the wines that were not in the fit.

Z = search.best_estimator_[:-1].transform(X_test)
EmbeddingDisplay.from_predictions(Z, y=y_test)
plt.show()

# %%
# What the first direction is made of: its largest weights, of measurements scaled to one deviation.

stein = search.best_estimator_["stein"]
order = np.argsort(-np.abs(stein.components_[0]))[:5]
for j in order:
    print(f"{stein.components_[0, j]:6.2f}  {table.feature_names[j]}")
