import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from sksubspace.metrics import continuity, q_nx, trustworthiness

X = load_digits().data[:900]
figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
for method in (PCA(2), TSNE(random_state=0)):
    name, Z = type(method).__name__, method.fit_transform(X)
    print(f"{name:4}  trustworthiness {trustworthiness(X, Z):.2f}", end="")
    print(f"  continuity {continuity(X, Z):.2f}")
    ax.semilogx(q_nx(X, Z), label=name)
ax.set(xlabel="size of the neighbourhood", ylabel="share of neighbours kept")
ax.legend()
