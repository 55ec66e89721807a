"""
Odd or even: kinds within a class, and classes as subspaces
===========================================================

A linear discriminant of two classes is a single line. Where a class has several kinds, as "odd" has
five digits, more lines are there to be found: one less than kinds
(:ref:`classes_of_several_kinds`).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from sksubspace.discriminant import GrassmannClassifier, SubclassDiscriminantAnalysis

X, digit = load_digits(return_X_y=True)
parity = np.where(digit % 2, "odd", "even")
X_train, X_test, y_train, y_test, d_train, d_test = train_test_split(
    X, parity, digit, test_size=0.3, stratify=digit, random_state=0
)

# %%
# The number of kinds is chosen by `score` on rows left out, as any other parameter. With one kind
# a class this is linear discriminant analysis.

search = GridSearchCV(
    SubclassDiscriminantAnalysis(random_state=0), {"n_subclasses": [1, 2, 5, 10, 15]}, cv=5
).fit(X_train, y_train)
for kinds, score in zip((1, 2, 5, 10, 15), search.cv_results_["mean_test_score"], strict=True):
    print(f"{kinds:2d} kinds a class: {score:.3f}")
print("held-out rows:", round(search.score(X_test, y_test), 3))

# %%
# The kinds, as the means of their pictures. Nobody told the model what a digit is: it was told odd
# and even alone, and still most kinds are one digit. The share of its commonest digit stands above
# each.

model = search.best_estimator_
fig, axes = plt.subplots(2, 10, figsize=(9, 2.6), layout="constrained")
for row, (axs, name) in enumerate(zip(axes, model.classes_, strict=True)):
    for ax, kind in zip(axs, np.flatnonzero(model.subclass_classes_ == row), strict=False):
        members = model.subclass_labels_ == kind
        counts = np.bincount(d_train[members], minlength=10)
        ax.imshow(X_train[members].mean(axis=0).reshape(8, 8), cmap="gray_r")
        ax.set_title(f"{counts.argmax()}: {counts.max() / counts.sum():.0%}", fontsize=8)
    for ax in axs:
        ax.set(xticks=[], yticks=[])
    axs[0].set_ylabel(name)
plt.show()

# %%
# Seen the other way round, each digit is a class, and a class is a subspace: a few pictures of
# which all others of the class are combinations. How many is again chosen by `score`.

search = GridSearchCV(
    GrassmannClassifier(random_state=0, max_iter=10), {"n_dims": [1, 2, 4, 8]}, cv=3
).fit(X_train, d_train)
grassmann = search.best_estimator_
print("dimensions of a digit:", grassmann.n_dims)
print("held-out rows:", round(grassmann.score(X_test, d_test), 3))

# %%
# Above, the first two directions of each digit. The largest cosine says how much of a picture any
# digit explains: below, the held-out pictures that are explained least, with the digit and the
# answer. They are the ones to look at by hand.

cosines = grassmann.score_samples(X_test)
doubtful = np.argsort(cosines)[:10]
answers = grassmann.predict(X_test[doubtful])
fig, axes = plt.subplots(3, 10, figsize=(9, 3.8), layout="constrained")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
for k in range(10):
    for ax, direction in zip(axes[:2, k], grassmann.subspaces_[k, :64].T, strict=False):
        limit = np.abs(direction).max()
        ax.imshow(direction.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes[2, k].imshow(X_test[doubtful[k]].reshape(8, 8), cmap="gray_r")
    axes[2, k].set_title(f"{d_test[doubtful[k]]}, told {answers[k]}", fontsize=8)
for ax, name in zip(axes[:, 0], ("first", "second", "doubtful"), strict=True):
    ax.set_ylabel(name)
plt.show()

# %%
# Of the doubtful tenth, and of the rest, so many answers are right.

order = np.argsort(cosines)
right = grassmann.predict(X_test) == d_test
tenth = len(order) // 10
print(f"doubtful: {right[order[:tenth]].mean():.2f}, others: {right[order[tenth:]].mean():.3f}")
