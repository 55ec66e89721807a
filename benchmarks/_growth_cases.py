"""What the growth of time and memory is measured of: estimators, how they fit, and made rows."""

from functools import partial
from typing import NamedTuple

import numpy as np

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
    cluster,
    decomposition,
    discriminant,
)
from sksubspace.alignment import SubspaceAligner
from sksubspace.erasure import ConceptEraser
from sksubspace.functional import SignatureFeatures
from sksubspace.inference import PrincipalSubspaceConfidence
from sksubspace.local import LocalizedRegressor
from sksubspace.neighbors import GraphFeatureExpansion
from sksubspace.sampling import CoresetRegressor, RowSampler

N_CLUSTERS, N_DIMENSIONS, NOISE = 10, 5, 0.2
# clusterings that the guide sends a million rows to
MILLION = (
    "SparseSubspaceClusteringOMP",
    "LeastSquaresSubspaceClustering",
    "ThresholdedSubspaceClustering",
    "MultilayerGraphClustering",
    "KSubspaces",
)


class Case(NamedTuple):
    """An estimator by columns, how it is fitted, and how it places new rows, or None.

    `warm_up` is how many rows are fitted before anything is measured, so that what is compiled is.
    """

    make: object
    fit: object
    place: object
    warm_up: int = 0


def make_rows(n, d, dtype):  # -> (n, d), (n,), (n, 2)
    """Ten clusters, each around a subspace of five dimensions, their numbers, and a map."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((N_CLUSTERS, d)).astype(dtype)
    bases = rng.standard_normal((N_CLUSTERS, N_DIMENSIONS, d)).astype(dtype) / np.sqrt(N_DIMENSIONS)
    y = rng.integers(N_CLUSTERS, size=n)
    latent = rng.standard_normal((n, N_DIMENSIONS), dtype=np.float32).astype(dtype)
    X = np.empty((n, d), dtype=dtype)
    for k in range(N_CLUSTERS):
        X[y == k] = centres[k] + latent[y == k] @ bases[k]
    for start in range(0, n, 10_000):
        block = X[start : start + 10_000]
        block += NOISE * rng.standard_normal(block.shape, dtype=np.float32)
    places = 4 * rng.standard_normal((N_CLUSTERS, 2))[y] + latent[:, :2]
    return X, y, places.astype(dtype)


def _unsupervised(model, X, _y, _Z):
    return model.fit(X)


def _supervised(model, X, y, _Z):
    return model.fit(X, y)


def _mapped(model, X, _y, Z):
    return model.fit(X, embedding=Z)


def _clustering(name):
    kind = partial(getattr(cluster, name), n_clusters=N_CLUSTERS, random_state=0)
    return Case(lambda d: kind(), _unsupervised, lambda model, rows: model.predict(rows))


def _map(kind, fit=_unsupervised, **params):
    make = partial(kind, random_state=0, **params)
    return Case(lambda d: make(), fit, lambda model, rows: model.transform(rows))


def _score(name, **params):
    make = partial(getattr(decomposition, name), **params)
    place = lambda model, rows: model.score_function(rows)  # noqa: E731
    return Case(lambda d: make(), _unsupervised, place)


def _predicting(kind, **params):
    make = partial(kind, **params)
    return Case(lambda d: make(), _supervised, lambda model, rows: model.predict(rows))


def _drawing():
    return RowSampler(_DRAWN, random_state=0)


def _umap(d):
    from umap import UMAP

    return UMAP(random_state=0)


_CLUSTERINGS = (
    "SparseSubspaceClusteringOMP",
    "ElasticNetSubspaceClustering",
    "LeastSquaresSubspaceClustering",
    "ThresholdedSubspaceClustering",
    "MultilayerGraphClustering",
    "KSubspaces",
    "EnsembleKSubspaces",
    "MixtureOfLowRankGaussians",
    "NeighborhoodClustering",
    "ManifoldLinearizingClustering",
    "AutoSubspaceClustering",
    "AutoClustering",
)

# rows that a sampler draws
_DRAWN = 500

# up to 4,096 rows UMAP compares all pairs, and does not compile its search
_COMPILES = 4_200

CASES = {
    "UMAP": Case(_umap, _unsupervised, lambda model, rows: model.transform(rows), _COMPILES),
    "TLDR": _map(TLDR, n_components=10),
    "MEDAL, a given map": _map(MEDAL, _mapped, teacher="precomputed"),
    "Autoencoder": _map(Autoencoder, n_components=10),
    "LeastVolumeAutoencoder": _map(LeastVolumeAutoencoder, n_components=20),
    "SparseAutoencoder": _map(SparseAutoencoder, n_components=100, k=5),
    "PredictiveSparseCoding": _map(PredictiveSparseCoding, n_components=50),
    "SteinPCA": _map(SteinPCA, n_components=10),
    "SteinSubspace": _map(SteinSubspace, _supervised, n_components=3),
    'SteinSubspace(order="both")': _map(SteinSubspace, _supervised, n_components=3, order="both"),
    "SupervisedDictionaryLearning": _map(
        SupervisedDictionaryLearning, _supervised, n_components=10
    ),
    "GaussianScore": _score("GaussianScore"),
    "StudentTScore": _score("StudentTScore"),
    "MixtureScore": _score("MixtureScore", random_state=0),
    "DenoiserScore": _score("DenoiserScore", random_state=0),
    **{name: _clustering(name) for name in _CLUSTERINGS},
    "SubspaceAligner": _map(SubspaceAligner, n_components=5),
    "ConceptEraser": Case(
        lambda d: ConceptEraser(), _supervised, lambda model, rows: model.transform(rows)
    ),
    "SubclassDiscriminantAnalysis": _predicting(discriminant.SubclassDiscriminantAnalysis),
    "GrassmannClassifier": _predicting(discriminant.GrassmannClassifier),
    "TargetEmbeddingClassifier": _predicting(discriminant.TargetEmbeddingClassifier),
    "PrincipalSubspaceConfidence": _map(PrincipalSubspaceConfidence, n_components=2),
    "RowSampler": Case(lambda d: _drawing(), _supervised, None),
    "CoresetRegressor": _predicting(lambda: CoresetRegressor(sampler=_drawing())),
    "LocalizedRegressor": _predicting(LocalizedRegressor),
    "GraphFeatureExpansion": Case(
        lambda d: GraphFeatureExpansion(),
        _unsupervised,
        lambda model, rows: model.transform(rows),
    ),
    "SignatureFeatures": Case(
        lambda d: SignatureFeatures(n_channels=5),
        _unsupervised,
        lambda model, rows: model.transform(rows),
    ),
}
