"""Sets, splits, methods and measures that the benchmark of TLDR compares."""

import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _common import cpu_seconds
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize
from sklearn.random_projection import GaussianRandomProjection

from sksubspace import TLDR
from sksubspace.metrics import retrieval_map
from sksubspace.neighbors import k_nearest

N_COMPONENTS = 32
HELD_OUT = 0.2
NCA_ROWS = 2000
FILES = {
    "USPS": "usps.npz",
    "MNIST": "mnist_test.npz",
    "COIL-20": "coil20.npz",
    "ORL": "orl.npz",
    "Yale B": "yaleb.npz",
    "scattering": "mnist_test_scattering500.npz",
}
SETS = ("digits", *FILES)
NEW_SETS = ("ORL", "Yale B", "scattering")  # no default was chosen by looking at these
N_ROWS = {"scattering": 4000}


class Split(NamedTuple):
    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def has_set(name):
    """Whether a set can be read: digits always, others from the folder SKSUBSPACE_DATA."""
    folder = os.environ.get("SKSUBSPACE_DATA")
    return name == "digits" or (folder is not None and (Path(folder) / FILES[name]).exists())


def load_set(name, n_rows=None, seed=0):  # -> (n, d) float64, (n,)
    """Rows of length 1, perhaps a stratified draw of them; of USPS the training rows."""
    X, y = _read(name)
    n_rows = n_rows or N_ROWS.get(name)
    if n_rows is not None and n_rows < len(X):
        X, _, y, _ = train_test_split(X, y, train_size=n_rows, stratify=y, random_state=seed)
    return normalize(np.asarray(X, dtype=np.float64)), np.unique(y, return_inverse=True)[1]


def _read(name):
    if name == "digits":
        return load_digits(return_X_y=True)
    ending = "_train" if name == "USPS" else ""
    with np.load(Path(os.environ["SKSUBSPACE_DATA"]) / FILES[name]) as file:
        return file[f"X{ending}"], file[f"y{ending}"]


def split_set(name, seed, n_rows=None):
    """Split 80/20, stratified by `seed`, in single precision."""
    X, y = load_set(name, n_rows, seed)
    X = X.astype(np.float32)
    return Split(*train_test_split(X, y, test_size=HELD_OUT, stratify=y, random_state=seed))


class FewRows:
    """A method that is fitted on a stratified draw of the rows, where there are more."""

    def __init__(self, model, n_rows, seed):
        self.model = model
        self.n_rows = n_rows
        self.seed = seed

    def fit(self, X, y):
        if len(X) > self.n_rows:
            drawn = train_test_split(
                X, y, train_size=self.n_rows, stratify=y, random_state=self.seed
            )
            X, y = drawn[0], drawn[2]
        self.model.fit(X, y)
        return self

    def transform(self, X):
        return self.model.transform(X)


def _lda(y):
    return LinearDiscriminantAnalysis(n_components=min(N_COMPONENTS, len(np.unique(y)) - 1))


def _nca(seed):
    nca = NeighborhoodComponentsAnalysis(
        N_COMPONENTS, init="identity", max_iter=50, random_state=seed
    )
    return FewRows(make_pipeline(PCA(N_COMPONENTS, random_state=seed), nca), NCA_ROWS, seed)


def _umap(seed):
    from umap import UMAP

    return UMAP(n_components=N_COMPONENTS, random_state=seed, n_jobs=1)


FIRST_MAP = {
    "encoder": "linear",
    "mutual": False,
    "n_neighbors": 20,
    "smoothing": 1.0,
    "metric_power": 0.25,
}
SMOOTHER = {"encoder": "linear", "smoothing": 3.0, "metric_power": 0.05}
DEFAULT, LINEAR, FOURIER = "TLDR", "TLDR, linear", "TLDR, Fourier"
METHODS = {  # (labels of the training rows, seed) -> an estimator
    "PCA": lambda y, seed: PCA(N_COMPONENTS, random_state=seed),
    "PCA, whitened": lambda y, seed: PCA(N_COMPONENTS, whiten=True, random_state=seed),
    "random projection": lambda y, seed: GaussianRandomProjection(N_COMPONENTS, random_state=seed),
    DEFAULT: lambda y, seed: TLDR(random_state=seed),
    FOURIER: lambda y, seed: TLDR(encoder="fourier", random_state=seed),
    LINEAR: lambda y, seed: TLDR(encoder="linear", random_state=seed),
    "TLDR, linear, smoothing 3": lambda y, seed: TLDR(**SMOOTHER, random_state=seed),
    "TLDR, linear, lbfgs": lambda y, seed: TLDR(
        encoder="linear", solver="lbfgs", random_state=seed
    ),
    "TLDR, linear, sgd": lambda y, seed: TLDR(encoder="linear", solver="sgd", random_state=seed),
    "TLDR, mlp": lambda y, seed: TLDR(encoder="mlp", random_state=seed),
    "TLDR, linear, 20 one-sided": lambda y, seed: TLDR(**FIRST_MAP, random_state=seed),
    "TLDR, 10 % anchors": lambda y, seed: TLDR(n_anchors=0.1, random_state=seed),
    "UMAP": lambda y, seed: _umap(seed),
    "LDA, with labels": lambda y, seed: _lda(y),
    "NCA, with labels": lambda y, seed: _nca(seed),
}
QUALITY = ("mAP", "10-NN")
MEASURES = (*QUALITY, "fit, CPU s", "transform, CPU s")


def methods_for(name, wanted):
    """UMAP takes minutes on the larger sets."""
    return [m for m in METHODS if m in wanted and (m != "UMAP" or name == "digits")]


def accuracy(Z_train, y_train, Z_test, y_test, k=10):
    """Share of the test rows whose k nearest training rows by cosine have mostly their class.

    Of classes with as many votes the first is taken.
    """
    nearest = k_nearest(normalize(Z_test), normalize(Z_train), k)[1]
    votes = np.eye(y_train.max() + 1)[y_train[nearest]].sum(axis=1)
    return float((votes.argmax(axis=1) == y_test).mean())


def quality(Z_train, Z_test, split):
    """MAP and 10-NN accuracy of test rows searched among the training rows, in percent."""
    score = retrieval_map(Z_test, split.y_test, X_index=Z_train, y_index=split.y_train)
    hits = accuracy(Z_train, split.y_train, Z_test, split.y_test)
    return {"mAP": 100 * score, "10-NN": 100 * hits}


def measure(method, split, seed):
    """Fit on the training rows; the quality and the CPU seconds."""
    model = METHODS[method](split.y_train, seed)
    model, fitting = cpu_seconds(partial(model.fit, split.X_train, split.y_train))
    Z_train = model.transform(split.X_train)
    Z_test, transforming = cpu_seconds(model.transform, split.X_test)
    found = quality(Z_train, Z_test, split)
    return found | {"fit, CPU s": fitting, "transform, CPU s": transforming}
