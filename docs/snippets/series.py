import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace.functional import SignatureFeatures

# two channels rise, or both fall, at any time; the class is which of them is first
rng = np.random.RandomState(0)
y, sign = rng.randint(2, size=600), rng.choice([-1, 1], size=(600, 1))
t, start = np.linspace(0, 1, 30), rng.uniform(0.1, 0.7, (600, 1))
first, second = (sign / (1 + np.exp(40 * (start + d - t))) for d in (0, 0.1))
X = np.where(y[:, None] == 0, np.hstack([first, second]), np.hstack([second, first]))
X[rng.uniform(size=X.shape) < 0.3] = np.nan  # three in ten are not observed

signature = SignatureFeatures(n_channels=2, log=True)
model = make_pipeline(signature, StandardScaler(), LogisticRegression())
print(f"signature: {model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]):.2f}")
plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
filled = np.nan_to_num(X)
print(f"values: {plain.fit(filled[::2], y[::2]).score(filled[1::2], y[1::2]):.2f}")

# %% picture
Z, names = signature.transform(X), signature.get_feature_names_out().tolist()
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3.2), layout="constrained")
for i in (np.flatnonzero(y == 0)[0], np.flatnonzero(y == 1)[1]):
    color = f"C{y[i]}"
    axes[0].plot(t, X[i, :30], "o", ms=4, color=color)
    axes[0].plot(t, X[i, 30:], "x", ms=5, color=color)
axes[0].set(xlabel="time", title="two series: x1 dots, x2 crosses")
for c, label in ((0, "x1 first"), (1, "x2 first")):
    areas = Z[y == c][:, names.index("x1.x2")]
    axes[1].hist(areas, bins=np.linspace(-0.5, 0.5, 41), alpha=0.7, label=label)
axes[1].set(xlabel="signed area between x1 and x2", yticks=[], title="one column: x1.x2")
axes[1].legend()
