"""
Angles that no picture of the training has: codes from distances between classes
================================================================================

How far is a picture turned? With twenty-four angles as classes, a classifier can only answer an
angle it has seen. The classes have distances, though: they stand on a circle. A regression of
places on that circle answers angles between those it has seen (:ref:`few_outputs`).
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sksubspace.discriminant import TargetEmbeddingClassifier

images = load_digits().images
fours = images[load_digits().target == 4]
rng = np.random.RandomState(0)
angle = rng.randint(24, size=len(fours) * 8)
pictures = np.repeat(fours, 8, axis=0)
X = np.array(
    [
        rotate(np.pad(one, 2), 15 * turn, reshape=False, order=1).ravel()
        for one, turn in zip(pictures, angle, strict=True)
    ]
)
# people whose fours train are not those whose fours test; eight angles are never seen
train = np.arange(len(X)) < len(X) // 2
unseen = np.array([1, 4, 7, 10, 13, 16, 19, 22])
seen = ~np.isin(angle, unseen)
fitted = train & seen

# %%
# Distances between the classes are all that is told: the chords of the circle. Width and penalty of
# the kernel are chosen by `score`, on angles that are seen.

place = np.exp(2j * np.pi * np.arange(24) / 24)
circle = TargetEmbeddingClassifier(
    KernelRidge(kernel="rbf"),
    classes=np.arange(24),
    distances=np.abs(place[:, None] - place),
    n_components=2,
    random_state=0,
)
grid = {"estimator__gamma": [1e-4, 3e-4, 1e-3], "estimator__alpha": [0.01, 0.1]}
search = GridSearchCV(circle, grid, cv=3).fit(X[fitted], angle[fitted])
print(search.best_params_)
logistic = LogisticRegression(max_iter=3000).fit(X[fitted], angle[fitted])

# %%
# Mean error in degrees, on pictures of other fours.


def error(answer, true):
    turn = (answer - true) % 24
    return 15 * np.minimum(turn, 24 - turn).mean()


for name, model in (("logistic regression", logistic), ("codes on a circle", search)):
    for rows, which in ((~train & seen, "seen"), (~train & ~seen, "never seen")):
        print(f"{name}, angles {which}: {error(model.predict(X[rows]), angle[rows]):.1f} degrees")

# %%
# Where pictures of angles that were never seen are placed. They come to lie between their
# neighbours, on the circle that nobody has drawn for the regression but its corners.

Z = search.best_estimator_.transform(X[~train & ~seen])
true = angle[~train & ~seen]
fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
codes = search.best_estimator_.codes_
axes[0].plot(*codes[unseen].T, "o", color="w", mec="k", ms=10, label="codes, never seen")
axes[0].plot(*np.delete(codes, unseen, axis=0).T, "k.", label="codes, seen")
dots = axes[0].scatter(*Z.T, c=15 * true, cmap="hsv", vmin=0, vmax=360, s=12)
axes[0].set(aspect="equal", xlabel="output 1", ylabel="output 2", title="places of new pictures")
axes[0].set(ylim=(-1.6, 1.3))
axes[0].legend(loc="lower center", ncols=2, fontsize=8)
fig.colorbar(dots, ax=axes[0], label="angle, degrees")
for name, model, mark in (
    ("logistic regression", logistic, "x"),
    ("codes on a circle", search, "."),
):
    jitter = rng.uniform(-5, 5, len(true))
    answer = 15 * model.predict(X[~train & ~seen])
    axes[1].plot(15 * true + jitter, answer, mark, ms=4, alpha=0.6, label=name)
axes[1].set(xlabel="angle, never seen", ylabel="answer", title="answers, degrees")
axes[1].legend(fontsize=8)
plt.show()
