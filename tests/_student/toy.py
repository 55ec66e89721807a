"""Small data sets, a torn map and a trainer that tests of encoders and distillation share."""

import numpy as np
import torch
from sklearn.base import BaseEstimator

from sksubspace._torch.trainer import Trainer


def blobs(n=120, d=6, seed=0, spread=0.3):
    """Rows of four far clusters; the label of each."""
    rng = np.random.RandomState(seed)
    labels = np.arange(n) % 4
    centres = 4 * np.random.RandomState(99).randn(4, d)
    return centres[labels] + spread * rng.randn(n, d), labels


def curve(n=150, seed=0, noise=0.05):
    """Rows along a bent sheet in five dimensions, and the two coordinates on it."""
    rng = np.random.RandomState(seed)
    Z = rng.uniform(-1.5, 1.5, size=(n, 2))
    X = np.column_stack([Z, np.sin(2 * Z), Z.prod(1)])
    return X + noise * rng.randn(n, 5), Z


def radius(Z):
    """Root mean squared distance to the centre."""
    return np.sqrt(np.square(Z - Z.mean(0)).sum(1).mean())


def make_trainer(dtype=np.float64, seed=0, **params):
    params = {"learning_rate": 2e-3, "batch_size": 64, "max_iter": 3, **params}
    random_state = np.random.RandomState(seed)
    return Trainer(
        device=torch.device("cpu"), dtype=np.dtype(dtype), random_state=random_state, **params
    )


class Torn(BaseEstimator):
    """A teacher whose map is torn: it tells apart rows by the sign of their first column."""

    def fit_transform(self, X, y=None):
        return X[:, :2] + 20 * np.sign(X[:, :1]) * [1, 0] - 30 * (X[:, 1:2] > 0) * [0, 1]
