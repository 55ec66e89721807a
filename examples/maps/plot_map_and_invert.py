"""
Place new samples on a t-SNE map, and walk back to the data
===========================================================

t-SNE can place neither a new sample nor name what lies at a point of its map. Distilled, it does
both: ``transform`` places new samples, and ``inverse_transform`` turns any point of the map into
the picture that would lie there (:ref:`trusting_an_embedding`).
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from sksubspace import MEDAL
from sksubspace.inspection import EmbeddingDisplay, LatentGridDisplay

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

medal = MEDAL(teacher=TSNE(), random_state=0).fit(X_train)
Z_train, Z_test = medal.embedding_, medal.transform(X_test)

fig, ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
ax.scatter(*Z_train.T, s=6, color="0.88")
EmbeddingDisplay.from_predictions(Z_test, y=y_test, label_name="digit", ax=ax)
ax.set_title("new digits on a t-SNE map")
plt.show()

# %%
# Do new digits land among their own kind? A classifier that sees nothing but the map answers:
# ten neighbours on the map, taken from the training digits, vote for each new one.

vote = KNeighborsClassifier(n_neighbors=10)
print(f"10-NN accuracy on the map     {vote.fit(Z_train, y_train).score(Z_test, y_test):.3f}")
print(f"10-NN accuracy on the pixels  {vote.fit(X_train, y_train).score(X_test, y_test):.3f}")

# %%
# ``score_components`` sets references beside the held-out score: two principal components,
# reconstructed linearly, and a plain autoencoder, which is free to draw a map of its own. The third
# line says how closely the encoder finds t-SNE's place for a training digit that it is not shown.
# The second would compare it with the teacher's own ``transform``, which t-SNE does not have.

print(medal.score_components(X_test))

# %%
# The whole map as pictures
# -------------------------
#
# A grid of points covers the map, and each is decoded. Where no training digit is near, the decoder
# has nothing to go by, and its picture is a blend of what lies around; those points are left
# blank. The islands show as regions of one digit. Slant and stroke change gradually across them.

LatentGridDisplay.from_estimator(medal, image_shape=(8, 8), grid=(22, 22))
plt.show()

# %%
# A walk over the map
# -------------------
#
# Take two points, walk from one to the other in a straight line, and decode on the way. The numbers
# beneath are the distance to the nearest training digit on the map. Within an island the pictures
# change smoothly. Between islands they are blends that nobody has written: the map has nothing
# there, and the distance says so.


def walk(start, end, n_steps=12):
    """Points on the straight line between two points of the map."""
    t = np.linspace(0, 1, n_steps, dtype=np.float32)[:, None]
    return (1 - t) * start + t * end


def ends(digit, axis):
    """The two ends of a digit's island along one axis of the map, without its outliers."""
    Z = Z_train[y_train == digit]
    center = np.median(Z, axis=0)
    near = Z[np.argsort(np.linalg.norm(Z - center, axis=1))[: len(Z) * 3 // 4]]
    return near[near[:, axis].argmin()], near[near[:, axis].argmax()]


neighbors = NearestNeighbors(n_neighbors=1).fit(Z_train)
zero, six = (np.median(Z_train[y_train == digit], axis=0) for digit in (0, 6))
walks = {
    "Across the island of the fives": walk(*ends(5, axis=0)),
    "From the zeros to the sixes": walk(zero, six),
}

fig = plt.figure(figsize=(12, 3.3), layout="constrained")
for part, (title, path) in zip(fig.subfigures(2, 1), walks.items(), strict=True):
    part.suptitle(title)
    distances = neighbors.kneighbors(path)[0][:, 0]
    decoded = medal.inverse_transform(path)
    for ax, picture, distance in zip(part.subplots(1, 12), decoded, distances, strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], xlabel=f"{distance:.1f}")
plt.show()
