"""Small data, and teachers that count, spy or fail, for the tests of the comparison."""

from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from sksubspace.decoding import FourierRidge
from sksubspace.model_selection import compare_embeddings


def linear(**params):
    """A student that learns in milliseconds."""
    return MEDAL(encoder="linear", decoder=FourierRidge(n_frequencies=40), **params)


LINEAR = linear()


def digits(n=150):
    X, y = load_digits(return_X_y=True)
    return X[:n] / 16, y[:n]


def compare(X, candidates, **params):
    """A comparison by three folds with the cheapest student."""
    params = {"method": "cv", "cv": 3, "student": LINEAR, **params}
    return compare_embeddings(X, candidates, **params)


def row(result, name):
    return next(one for one in result.results if one.name == name)


class Scribe(BaseEstimator):
    """A PCA that writes a line into a file at every fit, and notes how it was called."""

    def __init__(self, path=None, n_components=2, random_state=None):
        self.path = path
        self.n_components = n_components
        self.random_state = random_state

    def fit_transform(self, X, y=None):
        self.seen_y_ = y
        with open(self.path, "a") as file:
            file.write(f"{self.n_components} {self.random_state} {y is None}\n")
        return PCA(self.n_components).fit_transform(X)


def calls(path):
    return len(Path(path).read_text().splitlines()) if Path(path).exists() else 0


class Seeded(BaseEstimator):
    """A map that depends on its seed: two columns turned by a random angle, and noise."""

    def __init__(self, noise=0.1, random_state=None):
        self.noise = noise
        self.random_state = random_state

    def fit_transform(self, X, y=None):
        rng = np.random.RandomState(self.random_state)
        Z = PCA(2).fit_transform(X)
        return Z + self.noise * rng.standard_normal(Z.shape)


class Broken(BaseEstimator):
    """Fails always, or only on the rows of one split."""

    def __init__(self, first_value=None):
        self.first_value = first_value

    def fit_transform(self, X, y=None):
        if self.first_value is None or X[0].sum() != self.first_value:
            raise ValueError("no map\nat all")
        return X[:, 20:22] + X[:, 30:32]
