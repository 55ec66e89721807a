import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline

from sksubspace.inspection import EmbeddingDisplay
from sksubspace.model_selection import compare_embeddings

rng = np.random.RandomState(0)  # made counts of 400 cells, five types
kind = rng.randint(5, size=400)
rates = rng.gamma(0.5, size=300) * np.exp(0.7 * rng.randn(5, 300))
counts = rng.poisson(rates[kind])
maps = {"PCA": PCA(2), "t-SNE": make_pipeline(PCA(20), TSNE())}
result = compare_embeddings(counts, maps, validation="thin", random_state=0)
print(result)
EmbeddingDisplay.from_estimator(result.best_estimator_, y=kind)
