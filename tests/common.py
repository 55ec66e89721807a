"""What the common tests share: rows for each kind of instance, and all that it says of new ones."""

import random
from functools import cached_property

import numpy as np
import torch
from numpy.testing import assert_array_equal
from scipy import sparse

from tests import instances

IGNORED = [
    "ignore:calibration='loo' needs an encoder and a decoder",
    "ignore:n_components=",
    "ignore:n_neighbors=",
    "ignore:n_structural=",
    "ignore:X has values at a single time",
    "ignore:n_neighbors=.* is not below",
    "ignore:The concept does not covary",
    "ignore:The gap between eigenvalues",
    "ignore:There are .* degrees of freedom",
    "ignore:.* columns are constant",
    "ignore:order=1 finds",
    "ignore:transform_max_iter",
    "ignore:The affinity graph has",
    "ignore:The graph of nearest neighbors has",
    "ignore:The columns, with those of the constant",
    "ignore:The outputs of the encoder collapsed",
    "ignore::sklearn.exceptions.ConvergenceWarning",
]
METHODS = (
    "predict", "predict_proba", "transform", "reconstruct", "distortion", "pvalue",
    "score_function",
)  # fmt: skip


def rows_on_a_surface(n, seed, dtype=np.float64, d=5):
    """Rows near a surface of two dimensions."""
    rng = np.random.RandomState(seed)
    Z = rng.uniform(-1.5, 1.5, size=(n, 2))
    X = np.hstack([Z, np.sin(2 * Z), Z.prod(axis=1, keepdims=True), rng.randn(n, 3)])
    return (X[:, :d] + 0.05 * rng.randn(n, d)).astype(dtype), None


def rows_near_subspaces(n, seed, dtype=np.float64, d=12):
    """Rows near three subspaces of dimension 3, the same for every seed, and whose they are."""
    rng = np.random.RandomState(seed)
    bases = np.random.RandomState(7).randn(3, 3, d) / np.sqrt(d)
    y = rng.randint(3, size=n)
    ball = rng.randn(n, 3)
    ball *= rng.uniform(1, 3, size=(n, 1)) / np.linalg.norm(ball, axis=1, keepdims=True)
    return (np.einsum("nr,nrd->nd", ball, bases[y]) + 0.02 * rng.randn(n, d)).astype(dtype), y


def rows_with_responses(n, seed, dtype=np.float64, d=10):
    """Rows with three strong directions, and two responses that depend on them."""
    rng = np.random.RandomState(seed)
    latent = rng.randn(n, 3)
    mixing = np.random.RandomState(7).randn(3, d)
    X = latent @ mixing + 0.3 * rng.randn(n, d) + 1
    y = np.c_[latent[:, 0] ** 2 + latent[:, 1], np.tanh(latent[:, 2])] + 0.1 * rng.randn(n, 2)
    return X.astype(dtype), y


def positive_rows(n, seed, dtype=np.float64, d=5):
    """Positive rows in three heaps, of two classes."""
    rng = np.random.default_rng(seed)
    X = np.abs(rng.normal(size=(n, d)) + 4 * np.eye(3, d)[rng.integers(3, size=n)])
    return X.astype(dtype), (X[:, 0] > 3).astype(int)


_ROWS = {
    "distillation": (rows_on_a_surface, 60),
    "cluster": (rows_near_subspaces, 120),
    "choice": (rows_near_subspaces, 120),
    "partition": (positive_rows, 120),
    "map": (rows_with_responses, 120),
    "linear": (positive_rows, 60),
    "score": (positive_rows, 60),
    "dictionary": (positive_rows, 60),
    "discriminant": (positive_rows, 60),
    "regression": (rows_with_responses, 120),
}


class Case:
    """An instance and rows for it; what is fitted here is fitted once, for tests that only read.

    Parameters
    ----------
    name, kind : str
        As in `tests.instances`.
    """

    def __init__(self, name, kind):
        self.name = name
        self.rows, n = _ROWS[kind]
        self.X, self.y = self.rows(n, 0)
        self.X_new, self.y_new = self.rows(23, 1)

    def __str__(self):
        return self.name

    def make(self, **params):
        return instances.make(self.name, **params)

    def fit(self, X=None, **params):
        """Fit a new instance to `X`, or to the rows of the case."""
        return self.make(**params).fit(self.X if X is None else X, self.y)

    @property
    def params(self):
        return self.make().get_params(deep=False)

    def has(self, method):
        return hasattr(self.make(), method)

    @property
    def takes_sparse(self):
        tags = self.make().__sklearn_tags__().input_tags
        return tags.sparse and self.params.get("order", 1) == 1

    @cached_property
    def fitted(self):
        return self.fit()

    @cached_property
    def single(self):
        """Fitted in single precision."""
        return self.fit(self.X.astype(np.float32))

    @cached_property
    def said(self):
        return self.outputs(self.fitted)

    def outputs(self, estimator, X_new=None):
        """Return all that an estimator says of new rows, and of those it was fitted to."""
        X_new = self.X_new if X_new is None else X_new
        found = {
            method: getattr(estimator, method)(X_new)
            for method in METHODS
            if hasattr(estimator, method)
        }
        if hasattr(estimator, "inverse_transform"):
            found["inverse_transform"] = estimator.inverse_transform(found["transform"])
        if hasattr(estimator, "score"):
            found["score"] = estimator.score(X_new, self.y_new)
        if hasattr(estimator, "detect_shift"):
            found["detect_shift"] = str(estimator.detect_shift(X_new))
        for attribute in ("labels_", "embedding_", "loss_curve_", "sample_indices_"):
            if hasattr(estimator, attribute):
                found[attribute] = getattr(estimator, attribute)
        assert found
        return found

    def assert_same(self, estimator):
        """Bit for bit what `fitted` says."""
        assert_same(self.outputs(estimator), self.said)


def assert_same(first, second):
    assert first.keys() == second.keys()
    for method in first:
        assert_array_equal(first[method], second[method], err_msg=method)


def unsorted(X, below):
    """Return CSR rows without the entries below a size, the last column of each row first."""
    thin = sparse.csr_matrix(np.where(np.abs(X) < below, 0, X))
    row = np.repeat(np.arange(len(X)), np.diff(thin.indptr))
    order = np.lexsort((-thin.indices, row))
    return sparse.csr_matrix((thin.data[order], thin.indices[order], thin.indptr), thin.shape)


def assert_unwritten(rows, before):
    """Neither the entries nor their order are others than before."""
    for part in ("data", "indices", "indptr"):
        assert_array_equal(getattr(rows, part), getattr(before, part), err_msg=part)


_CASES = {kind: [Case(name, kind) for name in instances.names(kind)] for kind in _ROWS}


def cases(*kinds):
    """Return the cases of some kinds, or of all."""
    return [case for kind in kinds or _CASES for case in _CASES[kind]]


class GlobalState:
    """Random states and settings of the process."""

    def __init__(self):
        self.torch = torch.get_rng_state()
        self.numpy = np.random.get_state()[1].copy()
        self.python = random.getstate()
        self.settings = (torch.get_num_threads(), torch.get_default_dtype(), np.geterr())
        self.grad = torch.is_grad_enabled()

    def assert_untouched(self):
        now = GlobalState()
        assert torch.equal(now.torch, self.torch)
        assert_array_equal(now.numpy, self.numpy)
        assert now.python == self.python
        assert (now.settings, now.grad) == (self.settings, self.grad)
