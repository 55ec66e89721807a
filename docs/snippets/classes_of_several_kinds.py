from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split

from sksubspace.discriminant import SubclassDiscriminantAnalysis
from sksubspace.inspection import EmbeddingDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
model = SubclassDiscriminantAnalysis(10, random_state=0)
for name, fitted in (("LDA", lda), ("subclasses", model)):
    fitted.fit(X_train, y_train % 2)  # odd or even is all that is told
    print(f"{name}: {fitted.score(X_test, y_test % 2):.2f}")
EmbeddingDisplay.from_predictions(model.transform(X_test)[:, :2], y=y_test)
