import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import train_test_split

from sksubspace.discriminant import TargetEmbeddingClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
reached = {"means": [], "random": []}
for q in range(1, 10):
    for codes, name in (("eigen", "means"), ("random", "random")):
        model = TargetEmbeddingClassifier(codes=codes, n_components=q)
        model.set_params(random_state=0)
        reached[name].append(model.fit(X_train, y_train).score(X_test, y_test))
one_hot = RidgeClassifier().fit(X_train, y_train).score(X_test, y_test)
for name, scores in reached.items():
    print(f"{name}: {scores[3]:.2f} with 4 outputs, {scores[7]:.2f} with 8")
print(f"one output a digit: {one_hot:.2f}")

fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, scores in reached.items():
    ax.plot(range(1, 10), scores, "o-", label=f"codes: {name}")
ax.axhline(one_hot, color="0.5", ls="--", label="one output a digit")
ax.axvline(4, color="0.8", zorder=0)
ax.annotate("log2 of 10, rounded up", (4.1, 0.45), color="0.4")
ax.set(xlabel="outputs of the regression", ylabel="held-out accuracy")
ax.legend(loc="lower right")
