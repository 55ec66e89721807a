"""
Bodies that move: trajectories, and points that appear later
============================================================

A tracker follows points through the frames of a film. Seen by a camera from far away, the points of
one rigid body have trajectories in an affine subspace of at most three dimensions, however the body
turns. So the bodies are the clusters, and a point that was tracked later is given to its body by
``predict``. Guide: :ref:`subspace_clustering`.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.transform import Rotation

from sksubspace.cluster import (
    KSubspaces,
    LeastSquaresSubspaceClustering,
    MixtureOfLowRankGaussians,
)
from sksubspace.metrics import clustering_accuracy

N_FRAMES, N_POINTS = 25, 120
rng = np.random.RandomState(0)


def film(points, axis, turn, drift):  # (n, 3) -> trajectories (n, 2 * N_FRAMES)
    """Turn a body about an axis while it drifts, and look at it from far along z."""
    frames = []
    for t in np.linspace(0, 1, N_FRAMES):
        turned = Rotation.from_rotvec(turn * t * axis / np.linalg.norm(axis)).apply(points)
        frames.append(turned[:, :2] + drift * t)
    return np.hstack(frames)


bodies = [
    film(rng.randn(N_POINTS, 3), rng.randn(3), 1.5, np.array([2.0, 0.5])),
    film(rng.randn(N_POINTS, 3), rng.randn(3), -2.0, np.array([-1.0, 1.0])),
    film(rng.randn(N_POINTS, 3), rng.randn(3), 0.8, np.array([0.5, -2.0])),
]
X = np.vstack(bodies) + 0.01 * rng.randn(3 * N_POINTS, 2 * N_FRAMES)
y = np.repeat([0, 1, 2], N_POINTS)

# %%
# All bodies start at the same place, and no single frame tells them apart. Two thirds of the points
# are tracked from the start.

seen = rng.permutation(len(X))[: 2 * len(X) // 3]
late = np.setdiff1d(np.arange(len(X)), seen)
lsr = LeastSquaresSubspaceClustering(n_clusters=3, random_state=0).fit(X[seen])
print("tracked points, least squares:", round(clustering_accuracy(y[seen], lsr.labels_), 3))
print("late points, least squares:", round(clustering_accuracy(y[late], lsr.predict(X[late])), 3))

# %%
# New points go to the nearest subspace; no training rows are kept for that. Here that costs some
# points: rows were scaled to unit length, and the dimension was guessed. Both are known for a film:
# the subspaces are affine, of dimension three, in units of the film. Two methods take that as said.

ks = KSubspaces(3, subspace_dim=3, affine=True, normalize=False, random_state=0).fit(X[seen])
print("late points, K-subspaces:", round(clustering_accuracy(y[late], ks.predict(X[late])), 3))
mixture = MixtureOfLowRankGaussians(3, rank=3, random_state=0).fit(X[seen])
given = mixture.predict(X[late])
print("late points, mixture:", round(clustering_accuracy(y[late], given), 3))

# %%
# The mixture knows the noise of the tracker (.01 was put in), how sure it is of each point, and can
# take the noise out.

print("noise:", np.sqrt(mixture.noise_variances_).round(4))
print("least certain point:", mixture.predict_proba(X[late]).max(axis=1).min().round(3))

# %%
# The first frame, and the paths of some late points, in the colours of the clusters they were given
# to.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained", sharey=True)
colours = np.array(["tab:blue", "tab:orange", "tab:green"])
left.scatter(X[seen, 0], X[seen, 1], s=12, color="0.6")
left.set_title("the first frame")
for i, k in zip(late[::3], given[::3], strict=True):
    right.plot(X[i, 0::2], X[i, 1::2], color=colours[k], lw=0.9)
    right.plot(X[i, 0], X[i, 1], ".", color=colours[k])
right.set_title("late points, by predict")
for ax in (left, right):
    ax.set_xlabel("x")
left.set_ylabel("y")
plt.show()
