from sklearn.datasets import load_digits
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from sksubspace import SupervisedDictionaryLearning
from sksubspace.inspection import AtomsDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
model = SupervisedDictionaryLearning(n_components=10, random_state=0)
codes = model.fit(X_train, y_train).transform(X_test)  # ten numbers a row
rows = model.inverse_transform(codes)  # and back
print(f"accuracy {model.score(X_test, y_test):.2f}")
r2 = r2_score(X_test, rows, multioutput="variance_weighted")
print(f"R2 of the rows {r2:.2f}")
AtomsDisplay.from_estimator(model, image_shape=(8, 8), n_columns=5)
