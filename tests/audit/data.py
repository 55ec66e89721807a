"""Islands in a plane, blown up to more features: a map of them that is right, and lies about it."""

import numpy as np

N_GROUPS, N_EACH, N_FEATURES = 6, 30, 10
NAMES = np.array([f"type {k}" for k in range(N_GROUPS)])


def islands(random_state=0):  # -> (n, d), (n, 2), (n,) of str
    """Rows, the plane that they came from, and their groups."""
    rng = np.random.RandomState(random_state)
    group = np.repeat(np.arange(N_GROUPS), N_EACH)
    centres = np.array([[0, 0], [7, 2], [16, 0], [1, 9], [9, 13], [20, 11]])
    Z = centres[group] + rng.randn(len(group), 2)
    X = Z @ rng.randn(2, N_FEATURES) + 0.2 * rng.randn(len(group), N_FEATURES)
    return X, Z, NAMES[group]


def swapped(Z, y, first, second):  # (n, 2), (n,) -> (n, 2)
    """Two islands that change places, each moved as it is."""
    Z = Z.copy()
    here, there = (Z[y == name].mean(axis=0) for name in (first, second))
    Z[y == first] += there - here
    Z[y == second] += here - there
    return Z
