"""Small rows and models for the tests of TLDR."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from sksubspace.manifold import TLDR

CLOSED = {
    "spectral": {"encoder": "linear", "solver": "spectral"},
    "lbfgs": {"encoder": "linear", "solver": "lbfgs", "tol": 1e-5},
    "fourier": {"encoder": "fourier"},
    "blend": {"encoder": "blend"},
}
TRAINED = {
    "sgd": {"encoder": "linear", "solver": "sgd", "max_iter": 3},
    "mlp": {"encoder": "mlp", "hidden_layer_sizes": (8,), "max_iter": 3},
}
KINDS = {**CLOSED, **TRAINED}
every_kind = pytest.mark.parametrize("kind", list(KINDS))
closed_kinds = pytest.mark.parametrize("kind", list(CLOSED))
linear_kinds = pytest.mark.parametrize("kind", ["spectral", "lbfgs"])


def tldr(kind="spectral", **params):
    return TLDR(**{"n_components": 6, "random_state": 0, **KINDS[kind], **params})


def curve(n=200, d=12, seed=0):
    """Noisy rows along a closed curve in several dimensions: neighbours share much."""
    rng = np.random.RandomState(seed)
    angles = rng.uniform(0, 2 * np.pi, n)
    slow = np.column_stack([f(m * angles) for m in range(1, 5) for f in (np.cos, np.sin)])
    mixed = slow @ np.random.RandomState(99).randn(8, d)
    return mixed + 0.3 * rng.randn(n, d) + 5


X = curve()
DIGITS, LABELS = load_digits(return_X_y=True)


def quiet(model, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.fit(*args, **kwargs)


def assert_same_map(one, other, rows=X, atol=1e-8):
    Z = one.transform(rows)
    assert_allclose(other.transform(rows), Z, atol=atol * np.abs(Z).max())
    assert_allclose(other.explained_variance_, one.explained_variance_, rtol=1e-6)
