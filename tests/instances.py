"""Cheap constructor arguments of every public estimator, for the tests that all must pass.

The classes are found in the public names (`estimators`); one without cheap arguments here fails
`tests/test_common.py` by name.
"""

from functools import partial
from inspect import isclass
from types import ModuleType

from sklearn.base import BaseEstimator
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture

import sksubspace
from sksubspace import (
    MEDAL,
    TLDR,
    Autoencoder,
    LeastVolumeAutoencoder,
    PredictiveSparseCoding,
    SparseAutoencoder,
    SteinPCA,
    SteinSubspace,
    SupervisedDictionaryLearning,
    alignment,
    cluster,
    decomposition,
    discriminant,
    erasure,
    functional,
    inference,
    local,
    neighbors,
    sampling,
)
from sksubspace._student._part import Part
from sksubspace.decoding import FourierRidge

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
    "mlc": (
        "ManifoldLinearizingClustering",
        {"hidden_layer_sizes": (64,), "n_components": 16, "pretrain_iter": 20},
    ),
}

_CLUSTERERS = {
    name: partial(getattr(cluster, kind), n_clusters=3, random_state=0, **params)
    for name, (kind, params) in _CLUSTER_VARIANTS.items()
}

_SMALL_PARTITION = {"n_clusters": 3, "hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
_PARTITIONS = {
    "neighborhood": {"n_init": 2},
    "neighborhood-linear": {"hidden_layer_sizes": (), "n_init": 1, "debias": 0.0},
}

_SMALL_NETWORK = {"hidden_layer_sizes": (8,), "max_iter": 2}

_MAPS = {
    "TLDR-blend": (TLDR, {}),
    "TLDR-fourier": (TLDR, {"encoder": "fourier"}),
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

_SCORES = {
    "GaussianScore": (decomposition.GaussianScore, {}),
    "StudentTScore": (decomposition.StudentTScore, {"max_iter": 20}),
    "MixtureScore": (decomposition.MixtureScore, {"n_components": 2, "random_state": 0}),
    "DenoiserScore": (
        decomposition.DenoiserScore,
        {"hidden_layer_size": 8, "max_iter": 2, "random_state": 0},
    ),
}

_BCD = {"n_components": 3, "solver": "bcd", "max_iter": 10}
_DICTIONARIES = {
    "dictionary": {"n_components": 10},
    "dictionary-lpgd": {"n_components": 3, "solver": "lpgd", "max_iter": 100},
    "dictionary-bcd": {"n_components": 3, "solver": "bcd", "max_iter": 30},
    "dictionary-feature": {"variant": "feature", **_BCD},
    "dictionary-nonnegative": {"nonnegative": True, **_BCD},
    "dictionary-nonnegative-feature": {"variant": "feature", "nonnegative": True, **_BCD},
}

_DISCRIMINANTS = {
    "subclasses": (discriminant.SubclassDiscriminantAnalysis, {"n_subclasses": 2}),
    "subclasses-auto": (
        discriminant.SubclassDiscriminantAnalysis,
        {"n_subclasses": "auto", "solver": "eigen"},
    ),
    "subclasses-views": (
        discriminant.SubclassDiscriminantAnalysis,
        {"n_subclasses": 2, "views": (slice(0, 2), slice(2, None))},
    ),
    "subclasses-mean": (
        discriminant.SubclassDiscriminantAnalysis,
        {"n_subclasses": 3, "views": (slice(0, 2), slice(2, None)), "fusion": "mean"},
    ),
    "grassmann": (discriminant.GrassmannClassifier, {"n_dims": 1, "max_iter": 3}),
    "grassmann-random": (
        discriminant.GrassmannClassifier,
        {"n_dims": 2, "max_iter": 3, "init": "random", "scaling": None, "bias": 0.5},
    ),
    "targets": (discriminant.TargetEmbeddingClassifier, {}),
    "targets-simplex": (
        discriminant.TargetEmbeddingClassifier,
        {"codes": "simplex", "n_reserved": 2},
    ),
    "targets-random": (discriminant.TargetEmbeddingClassifier, {"codes": "random"}),
}

# what differs from those above where scikit-learn's checks look, and nowhere else
_CODES = {"n_components": 20, "k": 3, "max_iter": 3}
_ONLY_CHECKED = {
    "SparseAutoencoder-sparse": (SparseAutoencoder, _CODES),
    "SparseAutoencoder-active": (SparseAutoencoder, {"k_start": 12, "transform_k": 6, **_CODES}),
    "PredictiveSparseCoding-fista": (
        PredictiveSparseCoding,
        {"n_components": 16, "max_iter": 5, "transform_algorithm": "fista"},
    ),
    "SteinSubspace-operator": (SteinSubspace, {"order": 2, "svd_solver": "operator"}),
}


# maps of two views, without a concept, along a graph or of a series; their outputs are not
# `n_components` columns
_LINEAR = {
    "aligner": (alignment.SubspaceAligner, {"cv": 3, "random_state": 0}),
    "aligner-few": (
        alignment.SubspaceAligner,
        {"n_components": 2, "shrinkage": 0.1, "cv": 2, "hubness_neighbors": 5, "random_state": 0},
    ),
    "aligner-three": (
        alignment.SubspaceAligner,
        {"views": [[0], [1], [2]], "shrinkage": 0.1, "cv": 2, "random_state": 0},
    ),
    "expansion": (neighbors.GraphFeatureExpansion, {"n_neighbors": 5}),
    "expansion-structural": (
        neighbors.GraphFeatureExpansion,
        {"n_neighbors": 3, "powers": (3, 1), "n_structural": 2},
    ),
    "signature": (functional.SignatureFeatures, {}),
    "signature-log": (
        functional.SignatureFeatures,
        {"depth": 3, "time": False, "basepoint": False, "log": True},
    ),
    "eraser-leace": (erasure.ConceptEraser, {}),
    "eraser-shrunk": (erasure.ConceptEraser, {"shrinkage": 0.1, "n_components": 1}),
    "eraser-sal": (erasure.ConceptEraser, {"method": "sal"}),
    "eraser-inlp": (erasure.ConceptEraser, {"method": "inlp", "max_iter": 2}),
    "eraser-rlace": (
        erasure.ConceptEraser,
        {"method": "rlace", "n_components": 1, "max_iter": 2},
    ),
    "region": (
        inference.PrincipalSubspaceConfidence,
        {"n_components": 1, "n_resamples": 19, "random_state": 0},
    ),
    "region-robust": (
        inference.PrincipalSubspaceConfidence,
        {"n_components": 2, "method": "robust"},
    ),
}

# regressions around each row, and rows drawn for regressions
_REGRESSIONS = {
    "local": local.LocalizedRegressor,
    "local-few": partial(local.LocalizedRegressor, n_neighbors=15, alpha=0.1),
    "local-constant": partial(local.LocalizedRegressor, "constant", n_neighbors=5),
    "local-model": partial(local.LocalizedRegressor, Ridge(), n_neighbors=12),
    "rows": partial(sampling.RowSampler, 10, random_state=0),
    "rows-lewis": partial(sampling.RowSampler, 0.2, p=1.5, replace=True, random_state=0),
    "rows-uniform": partial(sampling.RowSampler, 20, method="uniform", random_state=0),
    "coreset": partial(sampling.CoresetRegressor, sampler=sampling.RowSampler(20, random_state=0)),
}


def _seeded(table):
    return {
        name: partial(kind, **{"random_state": 0, **params})
        for name, (kind, params) in table.items()
    }


_CHOICES = {
    "choice": (cluster.AutoClustering, {"n_clusters": 3, "n_halvings": 1}),
    "choice-no-predict": (
        cluster.AutoClustering,
        {"n_clusters": 2, "n_halvings": 0, "candidates": (("Ward", AgglomerativeClustering()),)},
    ),
}

_KINDS = {
    "distillation": _DISTILLERS,
    "cluster": _CLUSTERERS,
    "choice": _seeded(_CHOICES),
    "partition": {
        name: partial(cluster.NeighborhoodClustering, **{**_SMALL_PARTITION, **params})
        for name, params in _PARTITIONS.items()
    },
    "map": _seeded(_MAPS),
    "linear": {name: partial(kind, **params) for name, (kind, params) in _LINEAR.items()},
    "score": {name: partial(kind, **params) for name, (kind, params) in _SCORES.items()},
    "dictionary": {
        name: partial(SupervisedDictionaryLearning, random_state=0, **params)
        for name, params in _DICTIONARIES.items()
    },
    "discriminant": _seeded(_DISCRIMINANTS),
    "regression": _REGRESSIONS,
    "only checked": _seeded(_ONLY_CHECKED),
}
# scikit-learn's checks fit each 90 times and ask for the rules, not for how well it does; only
# MEDAL-auto chooses scale and penalty
_FEW_FREQUENCIES = {"decoder": FourierRidge(n_frequencies=20, scale=8.0, penalty=1.0)}
_FEWER_STEPS = {
    # some checks have rows of one or two features
    "aligner-three": {"views": None},
    # the checks set n_components to 1
    "SparseAutoencoder": {"k": 1},
    "SparseAutoencoder-sparse": {"k": 1},
    "SparseAutoencoder-active": {"k": 1, "k_start": 1, "transform_k": 1},
    "auto": {
        "candidates": [
            ("thresholded", cluster.ThresholdedSubspaceClustering()),
            ("least squares", cluster.LeastSquaresSubspaceClustering()),
        ]
    },
    "choice": {"candidates": [("k-means", KMeans(n_init=2)), ("mixture", GaussianMixture())]},
    "ensemble": {"n_estimators": 5, "n_init": 2},
    "k-subspaces": {"init": "k-means", "n_init": 2},
    "mixture": {"init_params": "k-means", "max_iter": 10},
    "mlc": {"pretrain_iter": 1, "n_init": 1, "hidden_layer_sizes": (8,), "n_components": 4},
    # some checks have ten rows
    "neighborhood": {"n_clusters": 2},
    "neighborhood-linear": {"n_clusters": 2},
    # some checks have two columns
    "region-robust": {"n_components": 1},
    # some checks have a single column
    "subclasses-views": {"views": None, "n_components": 2},
    "subclasses-mean": {"views": None},
    # and some ask for an accuracy that two directions at random or an even logit do not reach
    "grassmann-random": {"n_dims": 1, "scaling": "nonnegative", "max_iter": 40},
    "targets-random": {"codes": "simplex"},
    # so that weights are repetitions
    "coreset": {"sampler": sampling.RowSampler(10_000, random_state=0)},
    "OMP-landmarks": {"n_init": 2},
    "elastic-net": {"gamma": 5.0, "n_init": 2},
    "PredictiveSparseCoding-fista": {"max_iter": 2, "transform_max_iter": 50},
    "dictionary-lpgd": {"max_iter": 10},
    "dictionary-bcd": {"max_iter": 5},
    "dictionary-feature": {"max_iter": 3},
    "dictionary-nonnegative": {"max_iter": 3},
    "dictionary-nonnegative-feature": {"max_iter": 3},
    "MEDAL-auto": {"max_iter": 1, "decoder": FourierRidge(n_frequencies=20)},
    "MEDAL-local-ridge": {"max_iter": 1, **_FEW_FREQUENCIES},
    "MEDAL-local-holdout": {"max_iter": 1, **_FEW_FREQUENCIES},
    "MEDAL-mlp-bare": {"max_iter": 1, **_FEW_FREQUENCIES},
    "MEDAL-linear-feature": _FEW_FREQUENCIES,
    "MEDAL-linear-bare": _FEW_FREQUENCIES,
    "MEDAL-mlp-mlp": {"max_iter": 1},
    "MEDAL-joint": {"max_iter": 1},
}


def estimators():
    """Map the names of all public estimator classes to the classes, found by walking `__all__`.

    Parts of a student are none: they learn from rows and places, within a student.
    """
    values = [getattr(sksubspace, name) for name in sksubspace.__all__]
    for module in [value for value in values if isinstance(value, ModuleType)]:
        values += [getattr(module, name) for name in module.__all__]
    return {
        value.__name__: value
        for value in values
        if isclass(value) and issubclass(value, BaseEstimator) and not issubclass(value, Part)
    }


def names(kind="distillation"):
    """Return the names of the instances of a kind, or of "all" kinds."""
    kinds = _KINDS.values() if kind == "all" else [_KINDS[kind]]
    return [name for table in kinds for name in table]


def make(name, **params):
    """Make a new instance; a distiller gets a teacher of its own."""
    if name in _DISTILLERS:
        params = {"teacher": PCA(n_components=2), **params}
    return next(kind[name] for kind in _KINDS.values() if name in kind)(**params)


def make_for_checks(name):
    """Make a new instance for the checks of scikit-learn."""
    return make(name, **_FEWER_STEPS.get(name, {}))
