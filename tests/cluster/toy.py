"""Rows of the tests of clusterings that fit subspaces."""

import numpy as np


def union(n, d=12, dim=3, k=4, noise=0.0, offset=0.0, seed=0):
    """Rows near k random subspaces of one dimension, `offset` off the origin."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % k
    bases, points = rng.randn(k, dim, d), offset * rng.randn(k, d)
    X = np.einsum("nr,nrd->nd", rng.randn(n, dim), bases[y]) + points[y]
    return X + noise * rng.randn(n, d), y
