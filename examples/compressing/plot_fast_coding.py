"""
Sparse codes without a search
=============================

A sparse code of a row is the solution of a lasso over all atoms, found by many steps, for each new
row again. ``PredictiveSparseCoding`` learns, with the atoms, one layer of a network that predicts
the solution. Guide: :ref:`autoencoders`.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import sparse_encode
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import PredictiveSparseCoding
from sksubspace.inspection import AtomsDisplay, LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
model = PredictiveSparseCoding(128, random_state=0).fit(X_train)
print(model.components_.shape, "atoms,", model.n_iter_, "epochs")

# %%
# The atoms are strokes, and differences of strokes.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
AtomsDisplay.from_estimator(model, image_shape=(8, 8), n_columns=12, ax=left)
LossCurveDisplay.from_estimator(model, ax=right)
left.set_title("atoms")
right.set_ylabel("energy")
plt.show()

# %%
# Prediction and search
# ---------------------
# The same atoms, three ways to a code: the prediction, the solver of the estimator, and that of
# scikit-learn with coordinate descent. The latter two solve the same lasso.


def predicted(rows):
    return model.set_params(transform_algorithm="encoder").transform(rows)


def solved(rows):
    return model.set_params(transform_algorithm="fista").transform(rows)


def encoded(rows):
    penalty = model.alpha * model.scale_ / 2
    return sparse_encode(
        rows - model.mean_, model.components_, algorithm="lasso_cd", alpha=penalty, max_iter=2000
    )


def seconds(function, rows, n_times):
    """The shortest of several times, after one call that does not count."""
    function(rows)
    times = []
    for _ in range(n_times):
        start = perf_counter()
        function(rows)
        times.append(perf_counter() - start)
    return min(times)


def probe(function):
    """Accuracy of a linear classifier on the codes."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return classifier.fit(function(X_train), y_train).score(function(X_test), y_test)


ways = {"encoder": predicted, "FISTA": solved, "sparse_encode": encoded}
codes = {name: function(X_test) for name, function in ways.items()}
times = {name: seconds(way, X_test, 20 if way is predicted else 2) for name, way in ways.items()}
for name, Z in codes.items():
    r2 = r2_score(X_test, model.inverse_transform(Z), multioutput="variance_weighted")
    print(
        f"{name:14} {1e3 * times[name]:7.1f} ms ({times[name] / times['encoder']:4.0f} times), "
        f"R2 {r2:.3f}, probe {probe(ways[name]):.3f}, zeros {np.mean(Z == 0):.0%}"
    )
difference = np.abs(codes["FISTA"] - codes["sparse_encode"]).max()
print(f"largest difference of the two solvers: {difference:.1e}")

# %%
# The prediction takes a small part of the time. Pixels are rebuilt less well from it, and a linear
# classifier loses a little.

fig, axes = plt.subplots(3, 10, figsize=(10, 3.4), layout="constrained")
pictures = {"digit": X_test[:10]}
pictures |= {name: model.inverse_transform(codes[name][:10]) for name in ("encoder", "FISTA")}
for line, (name, images) in zip(axes, pictures.items(), strict=True):
    line[0].set_ylabel(name)
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
plt.show()

# %%
# The codes of one digit, with atoms in order of the solution. The prediction spreads over many
# atoms what the solution puts on few, and is nowhere exactly zero. For codes that have to be
# sparse, or for atoms with a meaning, use the solver.

order = np.argsort(-codes["FISTA"][0])
fig, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
ax.bar(np.arange(128), codes["FISTA"][0, order], width=1, color="tab:blue", label="FISTA")
ax.plot(codes["encoder"][0, order], ".", color="tab:orange", label="encoder")
ax.set(xlabel="atoms", ylabel="code", xlim=(-1, 128))
ax.legend()
plt.show()
