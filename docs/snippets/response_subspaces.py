import matplotlib.pyplot as plt
from sklearn.decomposition import PCA

from sksubspace import SteinSubspace
from sksubspace.datasets import make_multi_index
from sksubspace.inspection import EmbeddingDisplay

X, y = make_multi_index(
    3000,
    n_features=20,
    n_components=2,
    n_responses=1,
    link="even",
    random_state=0,
)
stein = SteinSubspace(n_components=2, order="both").fit(X, y)
print(f"R2 of the response from its neighbours {stein.score(X, y):.2f}")
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.8), layout="constrained")
for ax, model in zip(axes, (PCA(2).fit(X), stein), strict=True):
    Z = model.transform(X)
    EmbeddingDisplay.from_predictions(Z, y=y, label_name="response", ax=ax)
    ax.set_title(type(model).__name__)
