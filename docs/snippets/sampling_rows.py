import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import scale

from sksubspace.sampling import CoresetRegressor, RowSampler

data = scale(load_breast_cancer().data)
X, y = data[:, 8:20], data[:, 20]  # 569 tumours, and how large each grows
least = 1 - LinearRegression().fit(X, y).score(X, y)
sizes, seeds = (15, 20, 26, 39, 52, 80, 120), range(40)
excess = {}
for method in ("uniform", "leverage", "volume"):
    excess[method] = np.empty((len(sizes), len(seeds)))
    for i, m in enumerate(sizes):
        for seed in seeds:
            sampler = RowSampler(m, method=method, random_state=seed)
            model = CoresetRegressor(LinearRegression(), sampler).fit(X, y)
            excess[method][i, seed] = (1 - model.score(X, y)) / least - 1
    few = {m: excess[method][sizes.index(m)].mean() for m in (26, 52)}
    print(f"{method}: {few[26]:.0%} more error from 26 rows, {few[52]:.0%} from 52")

fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for method, found in excess.items():
    (line,) = ax.plot(sizes, found.mean(axis=1), "o-", label=method)
    low, high = np.quantile(found, [0.1, 0.9], axis=1)
    ax.fill_between(sizes, low, high, color=line.get_color(), alpha=0.15, lw=0)
ax.set(xscale="log", yscale="log", xlabel="rows of 569")
ax.set_ylabel("error above the least")
ax.set_xticks(sizes, sizes, minor=False)
ax.minorticks_off()
ax.set_yticks((0.1, 1, 10), ("10 %", "100 %", "1,000 %"))
ax.legend()
