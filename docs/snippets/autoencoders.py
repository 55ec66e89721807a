from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sksubspace import LeastVolumeAutoencoder
from sksubspace.inspection import LatentImportanceDisplay

X = load_digits().data[:900]
X_train, X_test = train_test_split(X, random_state=0)
model = LeastVolumeAutoencoder(32, min_score=0.85, random_state=0).fit(X_train)
print(f"{model.n_components_} of 32 dimensions are left")
print(f"R2 of new digits {model.score(X_test):.2f}")
names = ["least volume", "principal components"]
LatentImportanceDisplay.from_estimator(model, PCA(32).fit(X_train), names=names)
