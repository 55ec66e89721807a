"""Small data with and without ties, a map of it that errs, and rows held out."""

import numpy as np
from scipy import sparse


def cloud(n=40, d=5, seed=0):
    """Rows without ties, and a map that keeps some of them in place."""
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d)
    return X, X[:, :2] + 0.5 * rng.randn(n, 2)


def grid(n=40, seed=0):
    """Few different integers: most distances are tied, some rows are equal."""
    rng = np.random.RandomState(seed)
    X = rng.randint(0, 3, (n, 3)).astype(float)
    return X, X[:, :2] + (rng.rand(n, 2) < 0.2)


def sparse_cloud(n=40, seed=0):
    rng = np.random.RandomState(seed)
    X = sparse.random(n, 12, density=0.3, format="csr", random_state=rng)
    return X, rng.randn(n, 2)


def held_out(X, Z, n=15):
    """Split off the first rows, as keyword arguments."""
    return {"X": X[:n], "Z": Z[:n], "X_train": X[n:], "Z_train": Z[n:]}
