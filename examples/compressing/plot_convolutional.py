"""
==============================
An autoencoder of your own net
==============================

:class:`~sksubspace.Autoencoder` takes any two torch modules for its encoder and decoder. Here they
are convolutional. The rest is a scikit-learn estimator as before: it scales the data, stops when
held-out rows get no better, scores on new rows, and goes through ``clone``, ``Pipeline`` and
pickles.

MNIST is read from the folder that the environment variable ``SKSUBSPACE_DATA`` names; where there
is none, the smaller digits of scikit-learn take its place. Guide: :ref:`autoencoders`.
"""

# %%
# Modules that take and return rows
# ---------------------------------
#
# A row is an image laid flat. The modules fold it up and lay it flat again. They are trained from
# the weights that they have, so it is they that are seeded here.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from torch import nn

from sksubspace import Autoencoder, LeastVolumeAutoencoder

mnist = Path(os.environ.get("SKSUBSPACE_DATA", "")) / "mnist_test.npz"
if mnist.is_file():
    X = np.load(mnist)["X"][:1800].astype(np.float32) / 255
else:
    X = load_digits().data.astype(np.float32) / 16
side = int(np.sqrt(X.shape[1]))
quarter = side // 4
X_train, X_test = train_test_split(X, test_size=0.2, random_state=0)

torch.manual_seed(0)
encoder = nn.Sequential(
    nn.Unflatten(1, (1, side, side)),
    nn.Conv2d(1, 16, 3, stride=2, padding=1),
    nn.GELU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1),
    nn.GELU(),
    nn.Flatten(),
    nn.Linear(32 * quarter**2, 10),
)
decoder = nn.Sequential(
    nn.Linear(10, 32 * quarter**2),
    nn.Unflatten(1, (32, quarter, quarter)),
    nn.GELU(),
    nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
    nn.GELU(),
    nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
    nn.Flatten(),
)

# %%
# Fit, and compare on held-out images
# -----------------------------------
#
# Ten latent dimensions each. The modules that were given are copied, not trained.

settings = {"n_components": 10, "max_iter": 30, "batch_size": 64, "learning_rate": 3e-3}
models = {
    "convolutional": Autoencoder(encoder=encoder, decoder=decoder, random_state=0, **settings),
    "dense": Autoencoder(random_state=0, **settings),
}
images = {"image": X_test}
for name, model in models.items():
    model.fit(X_train)
    images[f"{name}\nR2 {model.score(X_test):.2f}"] = model.inverse_transform(
        model.transform(X_test)
    )
pca = PCA(10, random_state=0).fit(X_train)
back = pca.inverse_transform(pca.transform(X_test))
score = r2_score(X_test, back, multioutput="variance_weighted")
images[f"PCA\nR2 {score:.2f}"] = back

# %%
# How they look
# -------------

fig, axes = plt.subplots(len(images), 9, figsize=(9, 4.2), layout="constrained")
for row, (name, pictures) in zip(axes, images.items(), strict=True):
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, picture in zip(row, pictures, strict=False):
        ax.imshow(picture.reshape(side, side), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
plt.show()

# %%
# How many dimensions convolutions need
# -------------------------------------
#
# The decoder of :class:`~sksubspace.LeastVolumeAutoencoder` may not lengthen distances. Its
# convolutions are held to that as what they are, operators on images of their size, and the
# activations must do so too: ELU does, GELU does not. It starts with 32 dimensions and keeps those
# that it needs, in order. Of the first few the dense networks make more. With all of them the
# convolutions reconstruct MNIST better; on the small digits both end level.

wide_encoder = nn.Sequential(*encoder[:-1], nn.Linear(32 * quarter**2, 32))
wide_decoder = nn.Sequential(
    nn.Linear(32, 32 * quarter**2),
    nn.Unflatten(1, (32, quarter, quarter)),
    nn.ELU(),
    nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
    nn.ELU(),
    nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
    nn.Flatten(),
)
settings = {"volume_weight": 3e-3, "max_iter": 20, "batch_size": 128, "random_state": 0}
orders = {
    "convolutional": LeastVolumeAutoencoder(
        32, encoder=wide_encoder, decoder=wide_decoder, **settings
    ),
    "dense": LeastVolumeAutoencoder(32, **settings),
}
fig, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for name, model in orders.items():
    model.fit(X_train)
    reached = model.explained_reconstruction_ratio_.cumsum()
    ax.plot(np.arange(1, len(reached) + 1), reached, ".-", label=f"least volume, {name}")
variance = PCA(32, random_state=0).fit(X_train).explained_variance_ratio_.cumsum()
ax.plot(np.arange(1, 33), variance, ".-", label="PCA", color="grey")
ax.set(xlabel="dimensions", ylabel="R2 of the training rows", ylim=(0, 1))
ax.legend(loc="lower right")
plt.show()
