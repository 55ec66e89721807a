from sklearn.datasets import load_digits
from sklearn.manifold import TSNE

from sksubspace.model_selection import compare_embeddings

X, y = load_digits(return_X_y=True)
X, y = X[:400], y[:400]
candidates = {"PCA": "pca", "t-SNE": (TSNE(), {"perplexity": [5, 15, 40]})}
result = compare_embeddings(X, candidates, method="cv", cv=3, random_state=0)
print(result)
result.plot()
