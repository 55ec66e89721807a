"""
Would the next sample give the same plane?
==========================================

Eight measurements of cell nuclei are drawn on two principal components, and the picture is
interpreted. Had the hospital sent other patients, how different would the plane be?
``PrincipalSubspaceConfidence`` is a PCA that says so, and the other half of the patients is there
to check it.
Guide: :ref:`how_many_dimensions`.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sksubspace.inference import PrincipalSubspaceConfidence, principal_subspace_test
from sksubspace.metrics import principal_angles

data = load_breast_cancer()
names = [name.removeprefix("mean ") for name in data.feature_names[:8]]
X = data.data[:, :8]
# units by quartiles of all patients; by standard deviations of the sample they would add to what is
# not known of the plane
X = X / np.subtract(*np.percentile(X, [75, 25], axis=0))
here, there = train_test_split(X, test_size=0.5, random_state=0)

plane = PrincipalSubspaceConfidence(2, random_state=0).fit(here)
other = PrincipalSubspaceConfidence(2, random_state=0).fit(there)
apart = np.degrees(principal_angles(plane.components_, other.components_).max())
print(f"variance of new patients in the plane: {plane.score(there):.2f}")
print(f"the true plane is within {plane.angle_:.0f} degrees (95 %)")
print(f"another sample's within {2**0.5 * plane.angle_:.0f}; the other half's is {apart:.0f} away")
print(f"gap of the eigenvalues: {plane.gap_:.1f}")

# %%
# The plane and its axes
# ----------------------
# Each arrow is a measurement, as long as the plane holds of it. The grey ones are of 40 samples
# that are drawn from the same patients again, turned within the plane as they fit best: what a
# reader may take from the directions of arrows is what survives. Red ones are of the other half.
# Size and shape are two bundles in every sample; where texture points, none of them knows.


def arrows(region, like=None):  # (8, 2), turned to lie on others where these are given
    loadings = region.components_.T * np.sqrt(region.explained_variance_)
    if like is None:
        return loadings
    U, _, Vt = np.linalg.svd(loadings.T @ like)
    return loadings @ U @ Vt


rng = np.random.RandomState(0)
again = [
    PrincipalSubspaceConfidence(2, method="robust").fit(
        here[rng.randint(len(here), size=len(here))]
    )
    for _ in range(40)
]
own = arrows(plane)
fig, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
for region in again:
    ax.plot(*arrows(region, own).T, ".", color="0.75", ms=4)
for name, tip, also in zip(names, own, arrows(other, own), strict=True):
    ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "->", "color": "tab:blue", "lw": 1.5})
    ax.plot(*also, "x", color="tab:red")
    ax.annotate(name, tip, xytext=(4, 4), textcoords="offset points")
ax.plot([], [], ".", color="0.75", label="drawn again")
ax.plot([], [], "x", color="tab:red", label="the other half")
ax.legend(loc="upper right")
ax.set(xlabel="first axis", ylabel="second axis", aspect="equal", xlim=(-0.05, 1.25))
plt.show()

# %%
# How many directions are known?
# ------------------------------
# For every number of components: how far the true subspace may be, how far another sample's may be,
# which has an error too, and how far that of the other half is. Where the gap is narrow, after two
# and after six, least is known; with three components more is known than with two, as the third is
# no longer taken for the second. Were a gap below 1.2, a warning would say so.

# 284 rows are 19 for each of the 15 degrees of freedom of three components, and 20 are asked for
warnings.filterwarnings("ignore", message="There are 28. rows for 1[56] degrees")
numbers = np.arange(1, 8)
both = [
    [PrincipalSubspaceConfidence(q, random_state=0).fit(half) for half in (here, there)]
    for q in numbers
]
apart = [np.degrees(principal_angles(a.components_, b.components_).max()) for a, b in both]
fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
angles = np.array([region.angle_ for region, _ in both])
ax.bar(numbers, 2**0.5 * angles, color="0.9", label="another sample's, at most")
ax.bar(numbers, angles, color="tab:blue", alpha=0.5, label="the true one, at most (95 %)")
ax.plot(numbers, apart, "rx", label="the other half's")
for q, (region, _) in zip(numbers, both, strict=True):
    tip = (q, 2**0.5 * region.angle_)
    ax.annotate(f"gap {region.gap_:.1f}", tip, ha="center", va="bottom", fontsize=8)
ax.set(xlabel="dimensions of the subspace", ylabel="degrees", ylim=(0, 60))
ax.legend(loc="upper left")
plt.show()

# %%
# A plane from a textbook
# -----------------------
# May the plane be that of size (radius, perimeter, area) and of shape (the last four), each with
# equal weights? A test answers for one plane. The region answers for all.

size, shape = [1, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
test = principal_subspace_test(here, 2, [size, shape])
print(f"size and shape: p = {test.p_value:.3f}, within the region: {plane.contains([size, shape])}")
far = np.degrees(principal_angles(plane.components_, [size, shape]).max())
print(f"it is {far:.0f} degrees away")
