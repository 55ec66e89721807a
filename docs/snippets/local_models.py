import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsRegressor

from sksubspace.local import LocalizedRegressor

X, y = make_friedman1(2_000, n_features=6, noise=1, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
local = LocalizedRegressor().fit(X_train, y_train)
line = LinearRegression().fit(X_train, y_train)
nearest = KNeighborsRegressor(10).fit(X_train, y_train)
for name, model in (("nearest", nearest), ("line", line), ("local", local)):
    print(f"{name}: R2 {model.score(X_test, y_test):.2f}")
print(f"local, rows left out: {local.loo_score_:.2f}, {local.n_neighbors_} nearest")

slopes = local.coef_at(X_test)  # one row of coefficients for each row
true = {2: lambda x: 40 * (x - 0.5), 3: lambda x: 10 + 0 * x, 5: lambda x: 0 * x}
fig, axes = plt.subplots(1, 3, figsize=(7, 2.8), layout="constrained", sharey=True)
along = np.linspace(0, 1, 50)
for ax, (column, slope) in zip(axes, true.items(), strict=True):
    ax.plot(X_test[:, column], slopes[:, column], ".", ms=3, label="coef_at")
    ax.plot(along, slope(along), "k", label="the truth")
    ax.axhline(line.coef_[column], color="C1", ls="--", label="one line for all")
    ax.set(xlabel=f"column {column + 1}", ylim=(-26, 26))
axes[0].set_ylabel("change of y per unit")
axes[0].legend(loc="upper left", fontsize=7)
