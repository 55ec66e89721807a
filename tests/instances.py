"""Cheap constructor arguments of every public estimator, for the tests that all must pass."""

from functools import partial

from sklearn.decomposition import PCA

from sksubspace import MEDAL

_MEDAL_VARIANTS = {
    "auto": {"max_iter": 4},
    "local-ridge": {"encoder": "local", "decoder": "ridge", "max_iter": 4},
    "local-holdout": {"encoder": "local", "calibration": "holdout", "max_iter": 2},
    "mlp-mlp": {"encoder": "mlp", "decoder": "mlp", "hidden_layer_sizes": (8,), "max_iter": 2},
    "mlp-bare": {"encoder": "mlp", "exact": None, "hidden_layer_sizes": (8, 8), "max_iter": 2},
    "linear-feature": {"encoder": "linear", "scale": "feature"},
    "linear-bare": {"encoder": "linear", "exact": None, "scale": "none"},
    "joint": {"strategy": "joint", "hidden_layer_sizes": (8,), "max_iter": 2},
}

_FACTORIES = {
    f"MEDAL-{name}": partial(MEDAL, random_state=0, **params)
    for name, params in _MEDAL_VARIANTS.items()
}


def names():
    """Return the names of all instances."""
    return list(_FACTORIES)


def make(name, **params):
    """Make a new instance, with a teacher of its own."""
    return _FACTORIES[name](**{"teacher": PCA(n_components=2), **params})
