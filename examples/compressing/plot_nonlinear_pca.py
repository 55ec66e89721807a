"""
Principal components, and a better way back
===========================================

Eight principal scores of a digit say more about its pixels than a linear reconstruction makes of
them. :class:`~sksubspace.SteinPCA` keeps the linear scores, the ones you know, and learns the way
back (:ref:`response_subspaces`).
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sksubspace import SteinPCA
from sksubspace.metrics import subspace_distance

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, test_size=0.2, random_state=0)
linear = SteinPCA(8, decoder="linear").fit(X_train)
curved = SteinPCA(8, random_state=0).fit(X_train)

# %%
# The subspace is that of principal components:

pca = PCA(8).fit(X_train)
print(f"distance from PCA's subspace: {subspace_distance(curved.components_, pca.components_):.0e}")

# %%
# Ten digits that were not in the fit, and what comes back of eight numbers:

pictures = {"digit": X_test[:10]}
for name, model in (("linear", linear), (curved.decoder_name_, curved)):
    title = f"{name}\nR2 {model.score(X_test):.2f}"
    pictures[title] = model.inverse_transform(model.transform(X_test[:10]))
fig, axes = plt.subplots(3, 10, figsize=(10, 3.4), layout="constrained")
for line, (title, images) in zip(axes, pictures.items(), strict=True):
    line[0].set_ylabel(title)
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
plt.show()
