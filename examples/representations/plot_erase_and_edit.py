"""
Erase a concept, or give it another value
=========================================

``ConceptEraser`` takes off rows what a linear reader could find out about a concept, and changes
them little. ``shift`` puts another value in its place: what would this digit look like as a 3?
Guide: :ref:`erasure`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.svm import SVC

from sksubspace import Autoencoder
from sksubspace.erasure import ConceptEraser, edit

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)

# %%
# A probe before and after
# ------------------------
# Whether a digit is odd is erased; which digit it is should stay. The four ways differ in how much
# is still read and in what they cost of the rest. A reader that is not linear is not stopped.


def read(model, rows, new_rows, concept):
    return model.fit(rows, concept(y_train)).score(new_rows, concept(y_test))


def odd(y):
    return y % 2


methods = {
    "nothing": None,
    "LEACE": ConceptEraser(),
    "SAL": ConceptEraser("sal"),
    "INLP, 3 readers": ConceptEraser("inlp", max_iter=3),
}
found = {}
for name, eraser in methods.items():
    rows = X_train if eraser is None else eraser.fit_transform(X_train, odd(y_train))
    new_rows = X_test if eraser is None else eraser.transform(X_test)
    linear = LogisticRegression(C=10, max_iter=2000)
    found[name] = [
        read(linear, rows, new_rows, odd),
        read(linear, rows, new_rows, lambda y: y),
        read(SVC(C=10), rows, new_rows, odd),
    ]
    kept = 1.0 if eraser is None else eraser.retained_energy(X_test)
    print(f"{name:15} energy kept {kept:.2f}")

kinds = ("odd, linear reader", "digit, linear reader", "odd, Gaussian kernel")
fig, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
for k, (name, values) in enumerate(found.items()):
    ax.bar(np.arange(3) + 0.2 * k, values, 0.18, label=name)
ax.axhline(np.mean(y_test % 2), color="k", lw=0.8, ls=":")
ax.set(xticks=np.arange(3) + 0.3, xticklabels=kinds, ylabel="held-out accuracy", ylim=(0, 1.25))
ax.legend(ncols=4, loc="upper center", fontsize="small")
plt.show()

# %%
# How many directions?
# --------------------
# Ten classes have nine directions. Fewer guard less and keep more; the score, 1 where a reader is
# no better than the largest class, and the energy that is kept say what is exchanged for what.

search = GridSearchCV(ConceptEraser(), {"n_components": [1, 3, 5, 7, 9]}, cv=3)
search.fit(X_train, y_train)
print("chosen:", search.best_params_)
for params, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    kept = ConceptEraser(**params).fit(X_train, y_train).retained_energy(X_test)
    print(f"{params['n_components']} directions: hidden {score:.2f}, energy kept {kept:.2f}")

# %%
# Edited digits
# -------------
# Erase the digit and add what digits of another kind have on average. In the pixels that is a
# closed form, and looks like one; behind an autoencoder the same step is made between codes,
# and what comes out is drawn like a digit. Nothing is trained for it, and no label of the edited
# row is needed.

pixels = ConceptEraser().fit(X_train, y_train)
autoencoder = Autoencoder(24, max_iter=100, random_state=0).fit(X_train)
codes = ConceptEraser().fit(autoencoder.transform(X_train), y_train)
some = [np.flatnonzero(y_test == k)[1] for k in (0, 4, 7)]

fig, axes = plt.subplots(6, 11, figsize=(9, 5.2), layout="constrained")
for line, i in enumerate(some):
    row = np.repeat(X_test[i : i + 1], 10, axis=0)
    edits = pixels.shift(row, np.arange(10)), edit(autoencoder, codes, row, np.arange(10))
    for k, (how, images) in enumerate(zip(("pixels", "codes"), edits, strict=True)):
        cells = axes[2 * line + k]
        for ax, image in zip(cells, [X_test[i], *images], strict=True):
            ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
        cells[0].set_ylabel(how)
for ax, title in zip(axes[0], ["row", *range(10)], strict=True):
    ax.set_title(title)
plt.show()

# %%
# A judge that never saw an edit
# ------------------------------
# Each held-out digit gets a random other class. How often does a support vector machine read the
# class that was asked for?

wanted = (y_test + np.random.RandomState(0).randint(1, 10, size=len(y_test))) % 10
judge = SVC(C=10).fit(X_train, y_train)
print(f"pixels: {judge.score(pixels.shift(X_test, wanted), wanted):.3f}")
print(f"codes:  {judge.score(edit(autoencoder, codes, X_test, wanted), wanted):.3f}")
