"""
The directions that drive a response
====================================

Twenty measurements, and a response that depends on two combinations of them in a way that nobody
knows. Principal components never look at the response. A linear regression does, but sees nothing
where the response rises to both sides. Stein's lemma gives the combinations in closed form, before
any model of the response is fitted (:ref:`response_subspaces`).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from sksubspace import SteinSubspace
from sksubspace.datasets import make_multi_index
from sksubspace.metrics import subspace_distance

# %%
# A valley
# --------
# The response is the absolute value of one direction less the cosine of another, and noise: an
# *even* link, the same for x and -x. A regression on all features explains nothing of it.

X, y, truth = make_multi_index(
    3000,
    n_features=20,
    n_components=2,
    n_responses=1,
    link="even",
    noise=0.2,
    return_components=True,
    random_state=0,
)
print(f"R2 of a linear regression: {LinearRegression().fit(X, y).score(X, y):.3f}")

stein = SteinSubspace(2, order="both").fit(X, y)
planes = {
    "truth": truth,
    "SteinSubspace": stein.components_,
    "PCA": PCA(2).fit(X).components_,
    "PLS": PLSRegression(2).fit(X, y).x_rotations_.T,
}


def off(directions):
    """0 for the right plane, 1 for one at right angles to it."""
    return subspace_distance(directions, truth) / np.sqrt(len(truth))


for name, directions in planes.items():
    print(f"{name:13} off by {off(directions):.2f}")

# %%
# The rows on each plane, coloured by the response. Where the plane is the right one there is a
# picture, of which a regression in two dimensions can make use.

fig, axes = plt.subplots(2, 2, figsize=(7, 6), sharex=True, sharey=True, layout="constrained")
for ax, (name, directions) in zip(axes.flat, planes.items(), strict=True):
    Z = X @ directions.T
    points = ax.scatter(*Z.T, c=y, s=6, cmap="viridis", vmin=-1, vmax=3)
    ax.set_title(f"{name}, off by {off(directions):.2f}")
    ax.set(xticks=[], yticks=[], aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
fig.colorbar(points, ax=axes, label="response")
plt.show()

# %%
# Order and density
# -----------------
# ``order=1`` uses mean slopes, ``order=2`` mean curvatures, "both" both. The lemma needs the score
# of the density of X. The default takes X for Gaussian, which is not only wrong for heavy tails: a
# few rows far out then decide the curvatures. ``score_model="student_t"`` knows how heavy they are.

methods = {
    "PLS": lambda X, Y: PLSRegression(2).fit(X, Y).x_rotations_.T,
    "order 1": lambda X, Y: SteinSubspace(2, order=1).fit(X, Y).components_,
    "order 2": lambda X, Y: SteinSubspace(2, order=2).fit(X, Y).components_,
    "both": lambda X, Y: SteinSubspace(2, order="both").fit(X, Y).components_,
    "both, student_t": lambda X, Y: (
        SteinSubspace(2, order="both", score_model="student_t").fit(X, Y).components_
    ),
}
kinds = [("odd", "gaussian"), ("even", "gaussian"), ("odd", "student_t"), ("even", "student_t")]
distances = {name: [] for name in methods}
for link, design in kinds:
    X, Y, truth = make_multi_index(
        3000,
        n_features=20,
        n_components=2,
        link=link,
        design=design,
        return_components=True,
        random_state=0,
    )
    for name, directions in methods.items():
        distances[name].append(off(directions(X, Y)))

fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
colours = ("0.6", "tab:olive", "tab:green", "tab:orange", "tab:blue")
for i, ((name, values), colour) in enumerate(zip(distances.items(), colours, strict=True)):
    ax.bar(np.arange(len(kinds)) + (i - 2) / 6, values, width=1 / 7, label=name, color=colour)
names = [f"{link} link\n{'heavy tails' if d == 'student_t' else 'Gaussian'}" for link, d in kinds]
ax.set(xticks=range(len(kinds)), xticklabels=names, ylabel="distance from the truth", ylim=(0, 1))
fig.legend(loc="outside right upper", frameon=False)
plt.show()
