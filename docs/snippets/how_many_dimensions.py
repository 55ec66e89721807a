import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from sksubspace import LeastVolumeAutoencoder
from sksubspace.inference import PrincipalSubspaceConfidence
from sksubspace.metrics import intrinsic_dimension
from sksubspace.model_selection import one_standard_error

images, y = load_digits().images, load_digits().target
X = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)  # 4 x 4 pixels
X_train, X_test, y_train, _ = train_test_split(X, y, random_state=0)
numbers = np.arange(1, 16)


def r2_of(rows):
    total = np.square(X_test - X_train.mean(axis=0)).sum()
    return 1 - np.square(X_test - rows).sum() / total


vote = Pipeline([("pca", PCA()), ("vote", KNeighborsClassifier())])
search = GridSearchCV(vote, {"pca__n_components": numbers}, cv=10,
                      refit=one_standard_error).fit(X_train, y_train)  # fmt: skip
least = LeastVolumeAutoencoder(16, random_state=0).fit(X_train)
codes = least.transform(X_test)
curved = [r2_of(least.inverse_transform(codes[:, :q])) for q in numbers]
regions = [PrincipalSubspaceConfidence(q, random_state=0) for q in numbers]
regions = [region.fit(X_train) for region in regions]
straight = [region.score(X_test) for region in regions]
sure = [region.n_components_ for region in regions if region.angle_ < 15]
print(f"for a vote of neighbours    {search.best_params_['pca__n_components']}")
print(f"for R2 of .85, straight     {numbers[np.searchsorted(straight, 0.85)]}")
print(f"for R2 of .85, curved       {numbers[np.searchsorted(curved, 0.85)]}")
print(f"known to within 15 degrees  {', '.join(map(str, sure))}")
print(f"rows vary in about          {intrinsic_dimension(X_train):.1f}")
# the picture
size = {"figsize": (9, 2.9), "layout": "constrained"}
fig, (task, rebuilt, known) = plt.subplots(1, 3, **size)
found = search.cv_results_
task.errorbar(numbers, found["mean_test_score"], found["std_test_score"] / 10**0.5)
task.axvline(numbers[search.best_index_], color="tab:red", ls=":")
task.set(title="For a task: accuracy", ylim=(0.2, 1))
rebuilt.plot(numbers, straight, label="straight")
rebuilt.plot(numbers, curved, color="tab:red", label="curved")
rebuilt.axhline(0.85, color="0.7", ls="--")
rebuilt.set(title="For a tolerance: R2 of new rows", ylim=(0, 1))
rebuilt.legend(loc="lower right")
known.bar(numbers, [region.angle_ for region in regions], color="0.8")
known.bar(sure, [regions[q - 1].angle_ for q in sure], color="tab:blue")
known.set(title="Known up to (degrees)", ylim=(0, 90), yticks=[0, 15, 45, 90])
for ax in (task, rebuilt, known):
    ax.set(xlabel="dimensions", xticks=numbers[1::3])
