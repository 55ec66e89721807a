"""
Fewer dimensions for a search, and better answers
=================================================

A search by nearest neighbours costs time and memory for every feature. Principal components make
rows short and keep what varies most, which is not what makes two rows alike. ``TLDR`` learns from
pairs of near rows, without labels, what neighbours have in common, and keeps that.
Guide: :ref:`retrieval_maps`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer

from sksubspace import TLDR
from sksubspace.metrics import retrieval_map

X, y = load_digits(return_X_y=True)
images_train, images, y_train, y_test = train_test_split(
    X, y, test_size=0.2, stratify=y, random_state=0
)
X_train, X_test = (Normalizer().fit_transform(rows) for rows in (images_train, images))
print(X_train.shape, X_test.shape)

# %%
# Three maps, fitted once
# -----------------------
# Each maps the 64 pixels to 32 numbers. The linear map of TLDR costs as much to apply as principal
# components; the default one, which puts that, principal scores and a ridge regression on Fourier
# features side by side, costs more.

maps = {
    "PCA": PCA(32),
    "TLDR, linear": TLDR(32, encoder="linear"),
    "TLDR": TLDR(32, random_state=0),
}
rows = {
    name: (model.fit(X_train).transform(X_train), model.transform(X_test))
    for name, model in maps.items()
}

# %%
# Held-out digits are the queries, and the training digits what is searched. Labels are used for
# nothing but counting: the mean average precision (mAP) looks at the whole ranking, the vote of
# the ten nearest at its top. Columns come by importance, as those of principal components do, so
# that a shorter map is the first columns of a longer one.


def quality(Z_train, Z_test):
    precision = retrieval_map(Z_test, y_test, X_index=Z_train, y_index=y_train)
    vote = KNeighborsClassifier(10, metric="cosine").fit(Z_train, y_train)
    return precision, vote.score(Z_test, y_test)


sizes = [2, 4, 8, 16, 24, 32]
found = {
    name: np.array([quality(Z_train[:, :size], Z_test[:, :size]) for size in sizes])
    for name, (Z_train, Z_test) in rows.items()
}
pixels = quality(X_train, X_test)
print(f"{'dimensions':17}", *(f" {size:5}" for size in sizes))
for name, values in found.items():
    print(f"{name:13} mAP", *(f" {precision:.3f}" for precision, _ in values))
print(f"{'all 64 pixels':13} mAP  {pixels[0]:.3f}")

# %%
# From four dimensions on, the whole ranking is better than that by principal components, and better
# than that by all pixels from eight on. The vote of the nearest rows is a little better too, and
# from 24 dimensions on about that by all pixels. In two dimensions there is little to search with:
# TLDR is not made to draw pictures.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
colours = dict(zip(maps, ("0.5", "tab:orange", "tab:blue"), strict=True))
for j, (ax, label) in enumerate(zip(axes, ("mAP", "accuracy of ten neighbours"), strict=True)):
    for name, values in found.items():
        ax.plot(sizes, values[:, j], "o-", color=colours[name], label=name)
    ax.axhline(pixels[j], color="0.7", linestyle="--", label="all 64 pixels")
    ax.set_xscale("log", base=2)
    ax.set(xticks=sizes, xticklabels=sizes, xlabel="dimensions", ylabel=label)
axes[0].legend()
plt.show()

# %%
# A map that is fitted for eight components and the first eight of 32 are the same linear map. With
# the default encoder they are not, as the regression sees other targets, but they are as good.

for name, model in (("linear", TLDR(8, encoder="linear")), ("default", TLDR(8, random_state=0))):
    Z_train, Z_test = model.fit(X_train).transform(X_train), model.transform(X_test)
    long = rows["TLDR, linear" if name == "linear" else "TLDR"]
    short = quality(long[0][:, :8], long[1][:, :8])
    print(f"{name:8} fitted {quality(Z_train, Z_test)[0]:.3f}, cut {short[0]:.3f}")

# %%
# What a search returns
# ---------------------
# The six nearest training digits in eight dimensions, for the three queries that gain most from
# TLDR and the one that loses most. A red frame is a wrong answer.


def nearest(name, n_neighbors=6):
    Z_train, Z_test = (Z[:, :8] for Z in rows[name])
    search = NearestNeighbors(n_neighbors=n_neighbors, metric="cosine").fit(Z_train)
    return search.kneighbors(Z_test, return_distance=False)


answers = {name: nearest(name) for name in ("PCA", "TLDR")}
right = {name: (y_train[near] == y_test[:, None]).sum(axis=1) for name, near in answers.items()}
gain = right["TLDR"] - right["PCA"]
print(f"more right answers for {np.sum(gain > 0)} queries, fewer for {np.sum(gain < 0)}")
order = np.argsort(-gain, kind="stable")
queries = [*order[:3], order[-1]]


def show(ax, image, wrong=False):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(color="tab:red" if wrong else "0.8", linewidth=3 if wrong else 1)


fig = plt.figure(figsize=(10, 3.6), layout="constrained")
asked, before, after = fig.subfigures(1, 3, width_ratios=[1.2, 6, 6], wspace=0.04)
asked.suptitle("query")
for ax, i in zip(asked.subplots(4, 1), queries, strict=True):
    show(ax, images[i])
for part, name in ((before, "PCA"), (after, "TLDR")):
    part.suptitle(f"nearest by {name}")
    for line, i in zip(part.subplots(4, 6), queries, strict=True):
        for ax, j in zip(line, answers[name][i], strict=True):
            show(ax, images_train[j], wrong=y_train[j] != y_test[i])
plt.show()

# %%
# Choosing without labels
# -----------------------
# ``score`` is the mean correlation of the outputs with those of the neighbours, on held-out rows,
# and needs no labels. It compares maps with one number of components and one definition of
# neighbours, and does not see how outputs are scaled. The first candidate is principal components
# once more, of rows weighted by their number of neighbours: nothing is smoothed, and the metric is
# that of the input. The labels, which ``score`` has not seen, say whether its order is right.

candidates = {
    "no smoothing": {"encoder": "linear", "smoothing": 0, "metric_power": 0.5},
    "linear": {"encoder": "linear"},
    "blend (default)": {},
    "Fourier": {"encoder": "fourier"},
    "network": {"encoder": "mlp"},
}
for name, parameters in candidates.items():
    model = TLDR(32, random_state=0, **parameters).fit(X_train)
    precision, vote = quality(model.transform(X_train), model.transform(X_test))
    print(f"{name:18} score {model.score(X_test):.3f}   mAP {precision:.3f}  accuracy {vote:.3f}")

# %%
# For the whole ranking it is right about the four maps in closed form; of the vote it knows less.
# The network, which is trained by a loss of that kind, has the best score and the worst ranking:
# neighbours that agree are not all that a search needs. Between ways of learning, ask a task.
#
# Choosing with labels
# --------------------
# Where there is a task, the number of components is a parameter as any other. The map is fitted
# anew in each fold, on its training rows only.

search = GridSearchCV(
    Pipeline(
        [
            ("normalize", Normalizer()),
            ("tldr", TLDR(random_state=0)),
            ("vote", KNeighborsClassifier(10, metric="cosine")),
        ]
    ),
    {"tldr__n_components": [4, 8, 16, 32]},
    cv=3,
).fit(images_train, y_train)
for size, score in zip(
    search.param_grid["tldr__n_components"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"{size:2} components: {score:.3f}")
print("held-out digits:", round(search.score(images, y_test), 3))
