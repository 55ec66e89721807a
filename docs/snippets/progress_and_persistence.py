from sklearn.datasets import load_digits

import sksubspace
from sksubspace.callbacks import LossMonitor
from sksubspace.inspection import LossCurveDisplay

X, _ = load_digits(return_X_y=True)
monitor = LossMonitor()
model = sksubspace.Autoencoder(8, max_iter=40, random_state=0)
model.set_callbacks(monitor).fit(X)
print(len(monitor.get_logs()), "epochs were recorded")

sksubspace.save(model, "model.skops")
same = sksubspace.load("model.skops")  # runs no code of the file
print("codes are the same:", (same.transform(X) == model.transform(X)).all())
LossCurveDisplay.from_estimator(model)
