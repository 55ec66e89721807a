"""Subspace and latent-space learning behind the scikit-learn estimator API.

Begin with one of these; `help` of each shows its parameters and an example that runs:

==================================================  ==============================================
you want                                            take
==================================================  ==============================================
to trust a map that you have                        ``audit_embedding(X, Z)``
a map with a score, new rows on it, and back        ``MEDAL(teacher="umap").fit(X)``
the best map, without labels                        ``model_selection.compare_embeddings``
clusters, if there are any                          ``model_selection.compare_clusterings``
clusters that are subspaces                         ``cluster.AutoSubspaceClustering``
short codes for search                              ``TLDR``
what a response depends on                          ``SteinSubspace``, ``SteinPCA``
topics that predict                                 ``SupervisedDictionaryLearning``
latent or sparse codes                              ``autoencoder``
two tables of the same rows                         ``alignment.SubspaceAligner``
something that must not be read                     ``erasure.ConceptEraser``
classes of several kinds, few outputs               ``discriminant``
AnnData objects                                     ``scanpy.tl``
a model in a file                                   ``save``, ``load``
==================================================  ==============================================

``dir(sksubspace)`` lists all public names, ``sksubspace.cluster.__all__`` those of a folder; what
begins with an underscore is private. In a terminal: ``sksubspace --help``.

Importing the package is cheap: every public name is imported when it is first used, so that
``import sksubspace`` loads neither torch nor skorch nor UMAP.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sksubspace import _moved

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sksubspace import (
        alignment,
        audit,
        autoencoder,
        callbacks,
        cluster,
        datasets,
        decoding,
        decomposition,
        discriminant,
        distillation,
        encoding,
        erasure,
        functional,
        inference,
        inspection,
        local,
        manifold,
        metrics,
        model_selection,
        neighbors,
        report,
        sampling,
        scanpy,
    )
    from sksubspace._persistence import load, save
    from sksubspace._show_versions import show_versions
    from sksubspace.audit import audit_embedding
    from sksubspace.autoencoder import (
        Autoencoder,
        LeastVolumeAutoencoder,
        PredictiveSparseCoding,
        SparseAutoencoder,
    )
    from sksubspace.decomposition import SteinPCA, SteinSubspace, SupervisedDictionaryLearning
    from sksubspace.distillation import MEDAL
    from sksubspace.manifold import TLDR

_SUBMODULES = (
    "alignment",
    "audit",
    "autoencoder",
    "callbacks",
    "cluster",
    "datasets",
    "decoding",
    "decomposition",
    "discriminant",
    "distillation",
    "encoding",
    "erasure",
    "functional",
    "inference",
    "inspection",
    "local",
    "manifold",
    "metrics",
    "model_selection",
    "neighbors",
    "report",
    "sampling",
    "scanpy",
)
_HOME_OF = {
    "Autoencoder": "autoencoder",
    "LeastVolumeAutoencoder": "autoencoder",
    "MEDAL": "distillation",
    "PredictiveSparseCoding": "autoencoder",
    "SparseAutoencoder": "autoencoder",
    "SteinPCA": "decomposition",
    "SteinSubspace": "decomposition",
    "SupervisedDictionaryLearning": "decomposition",
    "TLDR": "manifold",
    "audit_embedding": "audit",
    "load": "_persistence",
    "save": "_persistence",
    "show_versions": "_show_versions",
}

__all__ = [
    "Autoencoder",
    "LeastVolumeAutoencoder",
    "MEDAL",
    "PredictiveSparseCoding",
    "SparseAutoencoder",
    "SteinPCA",
    "SteinSubspace",
    "SupervisedDictionaryLearning",
    "TLDR",
    "__version__",
    "alignment",
    "audit",
    "audit_embedding",
    "autoencoder",
    "callbacks",
    "cluster",
    "datasets",
    "decoding",
    "decomposition",
    "discriminant",
    "distillation",
    "encoding",
    "erasure",
    "functional",
    "inference",
    "inspection",
    "local",
    "manifold",
    "load",
    "metrics",
    "model_selection",
    "neighbors",
    "report",
    "sampling",
    "save",
    "scanpy",
    "show_versions",
]


_moved.install()


def __getattr__(name):
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOME_OF:
        value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
