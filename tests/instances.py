"""Cheap constructor arguments of every public estimator, for the tests that all must pass."""

from functools import partial

from sklearn.decomposition import PCA

from sksubspace import (
    MEDAL,
    TLDR,
    Autoencoder,
    LeastVolumeAutoencoder,
    PredictiveSparseCoding,
    SparseAutoencoder,
    SteinPCA,
    SteinSubspace,
    cluster,
)

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


_SMALL_NETWORK = {"hidden_layer_sizes": (8,), "max_iter": 2}

_MAPS = {
    "TLDR-fourier": (TLDR, {}),
    "TLDR-linear": (TLDR, {"encoder": "linear"}),
    "TLDR-lbfgs": (TLDR, {"encoder": "linear", "solver": "lbfgs", "metric": "euclidean"}),
    "TLDR-sgd": (TLDR, {"encoder": "linear", "solver": "sgd", "projector": (8,), "max_iter": 2}),
    "TLDR-mlp": (TLDR, {"encoder": "mlp", **_SMALL_NETWORK}),
    "TLDR-anchors": (TLDR, {"n_anchors": 0.5}),
    "SteinPCA": (SteinPCA, {}),
    "SteinPCA-linear": (SteinPCA, {"score_model": "student_t", "decoder": "linear"}),
    "SteinPCA-network": (SteinPCA, {"decoder": "network", **_SMALL_NETWORK}),
    "SteinSubspace": (SteinSubspace, {}),
    "SteinSubspace-both": (SteinSubspace, {"order": "both", "n_components": "auto"}),
    "SteinSubspace-t": (SteinSubspace, {"order": 2, "score_model": "student_t"}),
    "Autoencoder": (Autoencoder, {"n_components": 6, **_SMALL_NETWORK}),
    "LeastVolume": (LeastVolumeAutoencoder, {"n_components": 6, **_SMALL_NETWORK}),
    "LeastVolume-goal": (
        LeastVolumeAutoencoder,
        {"n_components": 6, "min_score": 0.5, **_SMALL_NETWORK},
    ),
    "SparseAutoencoder": (
        SparseAutoencoder,
        {"n_components": 20, "k": 3, "max_iter": 3, "sparse_output": False},
    ),
    "PredictiveSparseCoding": (PredictiveSparseCoding, {"n_components": 12, "max_iter": 3}),
}

_KINDS = {
    "distillation": _DISTILLERS,
    "cluster": _CLUSTERERS,
    "map": {
        name: partial(kind, **{"random_state": 0, **params})
        for name, (kind, params) in _MAPS.items()
    },
}


def names(kind="distillation"):
    """Return the names of the instances of a kind: "distillation", "cluster" or "map"."""
    return list(_KINDS[kind])


def make(name, **params):
    """Make a new instance; a distiller gets a teacher of its own."""
    if name in _DISTILLERS:
        params = {"teacher": PCA(n_components=2), **params}
    return next(kind[name] for kind in _KINDS.values() if name in kind)(**params)
