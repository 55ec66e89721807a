"""Cheap constructor arguments of every public estimator, for the tests that all must pass."""

from functools import partial

from sklearn.decomposition import PCA

from sksubspace import MEDAL, cluster

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

_DISTILLERS = {
    f"MEDAL-{name}": partial(MEDAL, random_state=0, **params)
    for name, params in _MEDAL_VARIANTS.items()
}

_CLUSTER_VARIANTS = {
    "auto": ("AutoSubspaceClustering", {}),
    "OMP": ("SparseSubspaceClusteringOMP", {}),
    "OMP-landmarks": ("SparseSubspaceClusteringOMP", {"n_landmarks": 25, "n_landmark_draws": 2}),
    "elastic-net": ("ElasticNetSubspaceClustering", {}),
    "least-squares": ("LeastSquaresSubspaceClustering", {}),
    "thresholded": ("ThresholdedSubspaceClustering", {}),
    "k-subspaces": ("KSubspaces", {}),
    "ensemble": ("EnsembleKSubspaces", {"n_estimators": 20}),
    "mixture": ("MixtureOfLowRankGaussians", {}),
    "multilayer": ("MultilayerGraphClustering", {}),
    "mlc": ("ManifoldLinearizingClustering", {"hidden_layer_sizes": (64,), "n_components": 16}),
}

_CLUSTERERS = {
    name: partial(getattr(cluster, kind), **{"random_state": 0, **params})
    for name, (kind, params) in _CLUSTER_VARIANTS.items()
}


def names(kind="distillation"):
    """Return the names of the instances of a kind: "distillation" or "cluster"."""
    return list({"distillation": _DISTILLERS, "cluster": _CLUSTERERS}[kind])


def make(name, **params):
    """Make a new instance; a distiller gets a teacher of its own."""
    if name in _CLUSTERERS:
        return _CLUSTERERS[name](**params)
    return _DISTILLERS[name](**{"teacher": PCA(n_components=2), **params})
