import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE

from sksubspace.inspection import EmbeddingDisplay
from sksubspace.metrics import embedding_score

X, y = load_digits(return_X_y=True)
X, y = X[:900], y[:900]
Z = TSNE(random_state=0).fit_transform(X)  # or any coordinates of these rows
maps = {"t-SNE": Z, "rows shuffled": np.random.RandomState(0).permutation(Z)}
figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.8), layout="constrained")
for ax, (name, places) in zip(axes, maps.items(), strict=True):
    score = embedding_score(X, places)
    print(f"{name}: R2 {score.r2:.2f}, of the places {score.placement_r2:.2f}")
    EmbeddingDisplay.from_predictions(places, y=y, ax=ax)
    ax.set_title(f"{name}, score {score.r2:.2f}")
