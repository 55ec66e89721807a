"""
Whom to follow up? Sixteen of 442 patients
==========================================

Of 442 patients with diabetes ten measurements are known. How the disease goes on is known a year
later, and only of those who are followed up. There is money for sixteen of them. Which? The volume
design looks at the measurements alone, so it can choose before anything is known
(:ref:`sampling_rows`).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from sksubspace.sampling import RowSampler

X, y = load_diabetes(return_X_y=True)
chosen = RowSampler(16, method="volume", random_state=0).fit(X)
print(f"{chosen.n_rows_} rows, of {len(np.unique(chosen.sample_indices_))} patients")

# %%
# Then their progression is measured, and a line is fitted with the weights. Here it is known of
# all, so that the line of sixteen can be compared with that of all 442: how much larger is its mean
# squared error on all patients? One hundred choices each.

least = np.square(y - LinearRegression().fit(X, y).predict(X)).mean()


def excess(method, seed):
    sampler = RowSampler(16, method=method, include_y=False, random_state=seed).fit(X)
    at = sampler.sample_indices_
    line = LinearRegression().fit(X[at], y[at], sampler.sample_weight_)
    return np.square(y - line.predict(X)).mean() / least - 1


found = {
    method: [excess(method, seed) for seed in range(100)]
    for method in ("uniform", "leverage", "volume")
}
for method, values in found.items():
    worst = np.quantile(values, 0.95)
    print(f"{method}: {np.mean(values):.0%} more on average, {worst:.0%} in one of twenty choices")

# %%
# Left, the patients along their two leading components. Those with unusual measurements have much
# leverage and are chosen often; whoever is chosen in spite of little leverage stands for many, and
# weighs more. Right, what the choice costs.

Z = PCA(2).fit_transform(X)
fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
dots = axes[0].scatter(*Z.T, c=chosen.scores_, cmap="viridis", s=14)
at = chosen.sample_indices_
axes[0].scatter(
    *Z[at].T, s=6 * chosen.sample_weight_, facecolors="none", edgecolors="crimson", lw=1.2
)
axes[0].set(xlabel="component 1", ylabel="component 2", xticks=[], yticks=[])
axes[0].set_title("chosen, by their weight")
fig.colorbar(dots, ax=axes[0], label="leverage")
axes[1].boxplot(list(found.values()), tick_labels=list(found), whis=(5, 95), showfliers=False)
axes[1].set(
    ylabel="error above that of all 442", ylim=(0, None), title="sixteen patients, 100 draws"
)
axes[1].yaxis.set_major_formatter("{x:.0%}")
plt.show()
