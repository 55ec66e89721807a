"""
The directions that drive a response
====================================

Twenty measurements, and a response that depends on two combinations of them in a way that nobody
knows. Principal components never look at the response. A linear regression does, but sees nothing
where the response rises to both sides. Stein's lemma gives the combinations in closed form, before
any model of the response is fitted.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import SteinPCA, SteinSubspace
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

fig, axes = plt.subplots(1, 4, figsize=(11, 3.2), sharex=True, sharey=True, layout="constrained")
for ax, (name, directions) in zip(axes, planes.items(), strict=True):
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

# %%
# As a step of a pipeline
# -----------------------
# Three kinds of wine, thirteen measurements. The classes are the response; order and number of
# directions are parameters as any others.

X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
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
# Two directions hold what tells the wines apart; the crosses are wines that were not in the fit.

two = search.best_estimator_[:-1]
fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
for kind in range(3):
    ax.scatter(*two.transform(X_train[y_train == kind])[:, :2].T, s=14, color=f"C{kind}")
    ax.scatter(*two.transform(X_test[y_test == kind])[:, :2].T, s=40, marker="x", color=f"C{kind}")
ax.set(xlabel="first direction", ylabel="second direction")
plt.show()

# %%
# Without a response
# ------------------
# With X as its own response, the lemma gives back principal components. What can be gained is in
# the way back: eight scores of a digit say more about its pixels than a linear reconstruction makes
# of them. ``SteinPCA`` keeps the linear scores and learns the rest.

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, test_size=0.2, random_state=0)
linear = SteinPCA(8, decoder="linear").fit(X_train)
curved = SteinPCA(8, random_state=0).fit(X_train)
pca = PCA(8).fit(X_train)
print(f"distance from PCA's subspace: {subspace_distance(curved.components_, pca.components_):.0e}")

pictures = {"digit": X_test[:10]}
for name, model in (("linear", linear), (curved.decoder_name_, curved)):
    title = f"{name}\nR2 {model.score(X_test):.2f}"
    pictures[title] = model.inverse_transform(model.transform(X_test[:10]))
fig, axes = plt.subplots(3, 10, figsize=(10, 3.4), layout="constrained")
for line, (title, images) in zip(axes, pictures.items(), strict=True):
    line[0].set_ylabel(title)
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
plt.show()
