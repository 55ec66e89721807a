from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split

from sksubspace import MEDAL
from sksubspace.inspection import LatentGridDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
medal = MEDAL(TSNE(), random_state=0).fit(X_train)
print(f"R2 of new digits  {medal.score(X_test):.2f}")
print("places of two     ", medal.transform(X_test[:2]).round(1).tolist())
print(f"shifted batch? p = {medal.detect_shift(X_test).p_value:.2f}")
LatentGridDisplay.from_estimator(medal, image_shape=(8, 8))
