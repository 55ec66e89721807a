import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans

from sksubspace.cluster import ThresholdedSubspaceClustering
from sksubspace.inspection import EmbeddingDisplay
from sksubspace.metrics import clustering_accuracy

rng = np.random.RandomState(0)  # rows on four lines through one point
y = rng.randint(4, size=400)
angle = np.array([0.2, 0.9, 1.7, 2.6])[y]
length = rng.choice([-1, 1], 400) * rng.uniform(0.15, 1, 400)
X = np.column_stack([length * np.cos(angle), length * np.sin(angle)])
X += 0.01 * rng.randn(*X.shape)
subspaces = ThresholdedSubspaceClustering(4, random_state=0)
figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.8), layout="constrained")
for ax, model in zip(axes, (KMeans(4, random_state=0), subspaces), strict=True):
    labels = model.fit_predict(X)
    print(f"{type(model).__name__}: {clustering_accuracy(y, labels):.2f}")
    EmbeddingDisplay.from_predictions(X, y=labels, names=None, ax=ax)
    ax.set_title(type(model).__name__)
