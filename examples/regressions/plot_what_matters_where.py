"""
Which measurements matter for whom? Diabetes
============================================

One line for 442 patients says how much the disease goes on per unit of each measurement. Is it the
same for all of them? A line around each patient, of the patients most like him, has coefficients of
its own (:ref:`local_models`).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from sksubspace.local import LocalizedRegressor

data = load_diabetes()
X, y = StandardScaler().fit_transform(data.data), data.target
names = ["age", "sex", "body mass", "blood pressure", *data.feature_names[4:]]
local = LocalizedRegressor().fit(X, y)
line = LinearRegression().fit(X, y)
print(f"{local.n_neighbors_} neighbors; R2 of patients left out {local.loo_score_:.2f}")

# %%
# It looks far: at most of the patients, with weights that fall with the distance, as far as is
# tried. So there is no patchwork, only a drift of the line.

slopes = local.coef_at(X)
mass, pressure = 2, 3
drift = np.corrcoef(X[:, pressure], slopes[:, mass])[0, 1]
print(f"slope of body mass with blood pressure: correlation {drift:.2f}")

# %%
# Would chance do that? The control has the same patients and one line for all: its targets are that
# line's, and the errors of other patients. Twenty shuffles say how far slopes drift by chance.


def steepening(targets):
    """Slope of body mass: of the third with the highest pressure less the third of the lowest."""
    model = LocalizedRegressor(n_neighbors=local.n_neighbors_, alpha=local.alpha_)
    found = model.fit(X, targets).coef_at(X)[:, mass]
    low, high = np.quantile(X[:, pressure], [1 / 3, 2 / 3])
    return found[X[:, pressure] >= high].mean() - found[X[:, pressure] <= low].mean()


rng = np.random.RandomState(0)
fitted = line.predict(X)
by_chance = [steepening(fitted + rng.permutation(y - fitted)) for _ in range(20)]
print(f"steeper by {steepening(y):.1f}; by chance at most {np.abs(by_chance).max():.1f}")

# %%
# Left, the slope of body mass at each patient. The higher the blood pressure, the more a unit of
# body mass counts; one line says the same number for all. Right, all measurements, in five groups
# of patients by blood pressure.

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].scatter(X[:, pressure], slopes[:, mass], s=12, c=X[:, mass], cmap="viridis")
axes[0].axhline(line.coef_[mass], color="crimson", ls="--", label="one line for all")
axes[0].set(xlabel="blood pressure (standard deviations)", ylabel="slope of body mass")
axes[0].legend()
fig.colorbar(axes[0].collections[0], ax=axes[0], label="body mass (standard deviations)")
groups = np.argsort(np.argsort(X[:, pressure])) * 5 // len(X)
table = np.array([slopes[groups == group].mean(axis=0) for group in range(5)])
picture = axes[1].imshow(table.T, cmap="RdBu_r", vmin=-35, vmax=35, aspect="auto")
axes[1].set_yticks(range(10), names)
axes[1].set_xticks(range(5), ["lowest", "", "blood pressure", "", "highest"])
fig.colorbar(picture, ax=axes[1], label="mean slope")
plt.show()
