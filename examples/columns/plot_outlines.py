"""
Outlines of different lengths: signatures as rows of one width
==============================================================

The outline of a digit is a closed curve of 19 to 49 points, here. A classifier wants rows of one
width. Signatures give them: iterated integrals of the two coordinates, and of the number of
points gone by, however many there are (:ref:`series`).
"""

import matplotlib.pyplot as plt
import numpy as np
from contourpy import contour_generator
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sksubspace.functional import SignatureFeatures

digits = load_digits()


def outline(image):
    """The longest level curve, from its topmost point on, counterclockwise."""
    curves = contour_generator(z=np.pad(image, 1)).lines(6.0)
    curve = max(curves, key=len)[:-1]
    curve = np.roll(curve, -np.lexsort((curve[:, 0], curve[:, 1]))[0], axis=0)
    curve = np.vstack([curve, curve[:1]])
    x, y = curve.T
    area = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2
    return curve if area > 0 else curve[::-1]


outlines = [outline(image) for image in digits.images]
longest = max(map(len, outlines))
# channel by channel; what a shorter outline does not have is NaN
X = np.full((len(outlines), 2, longest), np.nan)
for i, curve in enumerate(outlines):
    X[i, :, : len(curve)] = curve.T
X = X.reshape(len(X), -1)
X_train, X_test, y_train, y_test = train_test_split(X, digits.target, random_state=0)

# %%
# What else one would do: forty points at even distances along each outline.


def even_points(X, n_points=40):
    rows = []
    for row in X.reshape(len(X), 2, -1):
        points = row[:, ~np.isnan(row[0])].T
        way = np.r_[0, np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()]
        at = np.linspace(0, way[-1], n_points)
        rows.append([np.interp(at, way, coordinate) for coordinate in points.T])
    return np.array(rows).reshape(len(X), -1)


even, even_test = even_points(X_train), even_points(X_test)
plain = {}
for name, classifier in (
    ("logistic regression", LogisticRegression(max_iter=2000)),
    ("RBF machine", SVC(C=10)),
):
    model = make_pipeline(StandardScaler(), classifier).fit(even, y_train)
    plain[name] = model.score(even_test, y_test)
    print(f"forty even points, {name}: {plain[name]:.3f}")

DEPTHS = (1, 2, 3, 4, 5, 6)
scores = {}
for time in (True, False):
    scores[time] = []
    for depth in DEPTHS:
        signature = SignatureFeatures(depth, n_channels=2, time=time)
        model = make_pipeline(signature, StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 7)))
        scores[time].append(model.fit(X_train, y_train).score(X_test, y_test))
    n_columns = len(signature.get_feature_names_out())
    print(f"depth {DEPTHS[-1]}, time {time}: {scores[time][-1]:.3f} from {n_columns} columns")

# %%
# The first levels say little of a closed curve: where it starts, and its area. With every level
# more of its shape is told. Six of them, and a linear model, come between a linear model and one
# that is not on points at even distances, which are a good idea for curves. Signatures ask for
# nothing but the points.

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained", width_ratios=(1, 1.2))
for place, i in enumerate((10, 11, 12, 13, 14, 15)):
    shift = np.array([11 * (place % 3), -11 * (place // 3)])
    curve = outlines[i] * [1, -1] + shift
    axes[0].plot(*curve.T, ".-", ms=4, lw=1)
    axes[0].plot(*curve[0], "k*", ms=8)
    axes[0].text(*(shift - np.array([0, 10.2])), f"{len(curve)} points", fontsize=8)
axes[0].set(aspect="equal", xticks=[], yticks=[], title="outlines, from the star on")
axes[0].margins(0.12)
for time, label in ((True, "with time"), (False, "without")):
    axes[1].plot(DEPTHS, scores[time], "o-", label=f"signature, {label}")
for (name, score), style in zip(plain.items(), ("--", ":"), strict=True):
    axes[1].axhline(score, color="0.5", ls=style, label=f"40 even points, {name}")
axes[1].set(xlabel="depth", ylabel="accuracy on other rows", ylim=(0, 1))
axes[1].legend(loc="lower right", fontsize=8)

# %%
# A level is made of words. In the logarithm, "x1.x2" is the signed area, which we can check:

areas = SignatureFeatures(2, n_channels=2, time=False, basepoint=False, log=True).fit(X)
column = areas.get_feature_names_out().tolist().index("x1.x2")
x, y = outlines[0].T
print(f"{areas.transform(X[:1])[0, column]:.4f}", end=" ")
print(f"{(x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2:.4f}")
plt.show()
