import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sksubspace.erasure import ConceptEraser

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
eraser = ConceptEraser().fit(X_train, y_train % 2)  # whether a digit is odd
Z_train, Z_test = eraser.transform(X_train), eraser.transform(X_test)


def read(rows, new_rows, concept):
    model = LogisticRegression(max_iter=5000).fit(rows / 16, concept(y_train))
    return model.score(new_rows / 16, concept(y_test))


concepts = {"odd or even": lambda y: y % 2, "digit": lambda y: y}
before = [read(X_train, X_test, concept) for concept in concepts.values()]
after = [read(Z_train, Z_test, concept) for concept in concepts.values()]
for name, *found in zip(concepts, before, after, strict=True):
    print(f"{name:11} read right: {found[0]:.2f} before, {found[1]:.2f} after")
print(f"energy kept: {eraser.retained_energy(X_test):.2f}")

figure, (bars, *images) = plt.subplots(
    1, 3, figsize=(8, 2.8), width_ratios=[2, 1, 1], layout="constrained"
)
at = np.arange(2)
bars.bar(at - 0.2, before, 0.38, label="before", color="0.7")
bars.bar(at + 0.2, after, 0.38, label="after", color="tab:blue")
bars.axhline(0.5, color="k", lw=0.8, ls=":")
bars.set(xticks=at, xticklabels=concepts, ylabel="held-out accuracy", ylim=(0, 1.25))
bars.legend(ncols=2, loc="upper center")
shown = {"a row": X_test, "erased": Z_test}
for ax, (title, rows) in zip(images, shown.items(), strict=True):
    ax.imshow(rows[3].reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    ax.set(title=title, xticks=[], yticks=[])
