import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import normalize

from sksubspace import TLDR
from sksubspace.metrics import retrieval_map

X, y = load_digits(return_X_y=True)
X = normalize(X)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def precision(Z_train, Z_test):
    return retrieval_map(Z_test, y_test, X_index=Z_train, y_index=y_train)


sizes = [4, 8, 16, 32]
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for model in (PCA(32), TLDR(32, random_state=0)):  # labels are not used
    Z_train = model.fit(X_train).transform(X_train)
    Z_test = model.transform(X_test)
    found = [precision(Z_train[:, :k], Z_test[:, :k]) for k in sizes]
    print(f"{type(model).__name__:4}", *(f"{value:.2f}" for value in found))
    ax.plot(sizes, found, "o-", label=type(model).__name__)
ax.set(xlabel="numbers kept", ylabel="mean average precision", xticks=sizes)
ax.legend()
