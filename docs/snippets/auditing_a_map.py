from sklearn.datasets import load_digits
from sklearn.manifold import TSNE

from sksubspace import audit_embedding
from sksubspace.inspection import ReliabilityDisplay

X, y = load_digits(return_X_y=True)
X, y = X[:900], y[:900]
Z = TSNE(random_state=0).fit_transform(X)  # or any picture of these rows
audit = audit_embedding(X, Z, y=y)
print(audit)
ReliabilityDisplay.from_reliability(Z, audit.reliability)
