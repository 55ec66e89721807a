"""
Which halves belong together?
=============================

The left and the right half of a digit are two representations of one thing. ``SubspaceAligner``
learns from some whole digits what the halves say about each other, finds the partner of each left
half among new right halves, and says in nats how much there was to find.
Guide: :ref:`alignment`.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import orthogonal_procrustes
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import normalize

from sksubspace.alignment import SubspaceAligner

X, _ = load_digits(return_X_y=True)
kept = np.flatnonzero(X.std(axis=0) > 1)  # pixels that vary; the others say nothing
left, right = np.flatnonzero(kept % 8 < 4), np.flatnonzero(kept % 8 >= 4)
X_train, X_test = train_test_split(X[:, kept], test_size=100, random_state=1)
aligner = SubspaceAligner([left, right], random_state=0).fit(X_train)
print(f"{len(left)} and {len(right)} pixels, {aligner.n_components_} pairs of directions hold")

# %%
# What it says of itself
# ----------------------
# Every pair of directions was judged on rows that it was not found on. So the fit says by itself
# what to expect of new rows, and the new rows agree. Partners that are somebody else's are the
# control: nothing is found in them.

shuffled = X_train.copy()
shuffled[:, right] = X_train[np.random.RandomState(0).permutation(len(X_train))][:, right]
control = SubspaceAligner([left, right], random_state=0).fit(shuffled)
print(
    f"information: {aligner.information_:.2f} nats left out, {aligner.score(X_test):.2f} new rows"
)
print(f"the same of shuffled partners: {control.information_:.2f}, {control.score(X_test):.2f}")

# %%
# How many known pairs?
# ---------------------
# The share of 100 new left halves whose own right half ranks first, beside an orthogonal turn of
# one half to the other (Procrustes) and canonical correlation without shrinkage.


def first(scores):
    return np.mean(scores.argmax(axis=1) == np.arange(len(scores)))


def cosine(U, V):
    return normalize(U) @ normalize(V).T


def rates(rows):
    A, B, A_new, B_new = (table[:, part] for table in (rows, X_test) for part in (left, right))
    q = min(A.shape[1], B.shape[1])
    R, _ = orthogonal_procrustes((A - A.mean(0))[:, :q], (B - B.mean(0))[:, :q])
    turned = cosine((A_new - A.mean(0))[:, :q] @ R, (B_new - B.mean(0))[:, :q])
    plain = cosine(*CCA(8).fit(A, B).transform(A_new, B_new))
    ours = SubspaceAligner([left, right], random_state=0).fit(rows)
    return first(ours.match(A_new, B_new)), first(plain), first(turned)


numbers = [50, 100, 200, 400, 800, 1600]
found = np.array([rates(X_train[:n]) for n in numbers])
fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for values, name in zip(found.T, ("SubspaceAligner", "CCA", "Procrustes"), strict=True):
    ax.plot(numbers, values, "o-", label=name)
ax.axhline(0.01, color="0.7", ls="--", label="chance")
ax.set_xscale("log")
ax.set(xticks=numbers, xticklabels=numbers, xlabel="known pairs", ylabel="own half ranks first")
ax.legend()
plt.show()

# %%
# Who was matched with whom
# -------------------------
# Every eighth new left half, with its own right half and with the one that was found. A red line is
# a wrong partner. Many of them are as good a digit as the right one: a left half does not say
# all. One to one, where no half may be taken twice, more are right.

whole = np.zeros((2, 100, 64))
partner = aligner.assign(X_test[:, left], X_test[:, right])
single = aligner.assign(X_test[:, left], X_test[:, right], one_to_one=True)
for images, order in zip(whole, (np.arange(100), partner), strict=True):
    images[:, kept[left]] = X_test[:, left]
    images[:, kept[right]] = X_test[order][:, right]
print(f"right: {np.mean(partner == np.arange(100)):.2f}")
print(f"right, one to one: {np.mean(single == np.arange(100)):.2f}")

fig, axes = plt.subplots(2, 12, figsize=(9, 1.9), layout="constrained")
for k, pair in zip(range(0, 96, 8), axes.T, strict=True):
    for ax, image in zip(pair, whole[:, k], strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r")
        right_one = ax is pair[0] or partner[k] == k
        ax.axvline(3.5, color="tab:blue" if right_one else "tab:red")
        ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("own")
axes[1, 0].set_ylabel("found")
plt.show()

# %%
# What the right half looks like, by the left one
# -----------------------------------------------
# ``predict_view`` gives the mean of all right halves that could belong to a left one.

predicted = whole[0].copy()
predicted[:, kept[right]] = aligner.predict_view(X_test[:, left])
fig, axes = plt.subplots(2, 12, figsize=(9, 1.9), layout="constrained")
for k, pair in zip(range(0, 96, 8), axes.T, strict=True):
    for ax, image in zip(pair, (whole[0, k], predicted[k]), strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.axvline(3.5, color="tab:blue")
        ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("own")
axes[1, 0].set_ylabel("predicted")
plt.show()

# %%
# Choosing by the score
# ---------------------
# The information on held-out rows is a score, so that a search chooses what is left to choose.
# Fewer pairs than all lose; what does not hold has no say by itself.

search = GridSearchCV(
    SubspaceAligner([left, right], random_state=0), {"n_components": [2, 5, 10, None]}, cv=3
).fit(X_train)
for params, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"n_components={params['n_components']}: {score:.2f} nats")
