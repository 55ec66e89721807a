import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksubspace.alignment import SubspaceAligner

X, _ = load_digits(return_X_y=True)
columns = np.arange(64).reshape(8, 8)
left, right = columns[:, :4].ravel(), columns[:, 4:].ravel()
X_train, X_test = train_test_split(X, test_size=100, random_state=1)

aligner = SubspaceAligner([left, right], random_state=0).fit(X_train)
partner = aligner.assign(X_test[:, left], X_test[:, right])
share = np.mean(partner == np.arange(100))
print(f"{share:.0%} of 100 halves find their own, by chance 1 %")
print(f"{aligner.score(X_test):.1f} nats that one half says about the other")

figure, axes = plt.subplots(2, 12, figsize=(9, 1.8), layout="constrained")
for k, pair in zip(range(0, 96, 8), axes.T, strict=True):
    for ax, j in zip(pair, (k, partner[k]), strict=True):
        whole = np.c_[X_test[k].reshape(8, 8)[:, :4], X_test[j].reshape(8, 8)[:, 4:]]
        ax.imshow(whole, cmap="gray_r")
        ax.axvline(3.5, color="tab:blue" if j == k else "tab:red", lw=1.5)
        ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("as it was")
axes[1, 0].set_ylabel("as matched")
