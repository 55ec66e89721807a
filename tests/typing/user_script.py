"""What a user writes, with the types that he sees; `mypy --strict` reads it, nobody runs it.

Arrays are those of numpy, and never ``Any``: each ``assert_type`` fails where a type is lost.
"""

from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
from numpy.typing import NDArray

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
    audit_embedding,
)
from sksubspace.audit import EmbeddingAudit, Finding
from sksubspace.callbacks import LossMonitor
from sksubspace.cluster import (
    AutoClustering,
    AutoSubspaceClustering,
    ElasticNetSubspaceClustering,
    EnsembleKSubspaces,
    KSubspaces,
    LeastSquaresSubspaceClustering,
    ManifoldLinearizingClustering,
    MixtureOfLowRankGaussians,
    MultilayerGraphClustering,
    NeighborhoodClustering,
    SparseSubspaceClusteringOMP,
    ThresholdedSubspaceClustering,
    subspace_r2,
)
from sksubspace.datasets import make_multi_index, make_union_of_subspaces
from sksubspace.decoding import FourierRidge
from sksubspace.decomposition import GaussianScore
from sksubspace.distillation import ScoreComponents, ShiftResult
from sksubspace.encoding import MedianEncoder
from sksubspace.inspection import EmbeddingDisplay, ShiftDisplay, TuningCurveDisplay
from sksubspace.metrics import (
    EmbeddingReliability,
    EmbeddingScore,
    clustering_accuracy,
    embedding_reliability,
    embedding_score,
    global_share,
    neighbor_information,
    q_nx,
    trustworthiness,
)
from sksubspace.model_selection import (
    CandidateResult,
    ClusteringComparison,
    EmbeddingComparison,
    compare_clusterings,
    compare_embeddings,
    embedding_scorer,
    one_standard_error,
)
from sksubspace.neighbors import nearest_neighbors

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

rng = np.random.default_rng(0)
X: NDArray[np.float64] = rng.normal(size=(300, 20))
y: NDArray[np.int64] = rng.integers(0, 3, size=300)


def distillation() -> None:
    medal = MEDAL("umap", encoder="median", max_iter="auto", random_state=0)
    assert_type(medal.fit(X, groups=y), MEDAL)
    assert_type(medal.fit_transform(X), Floats)
    assert_type(medal.transform(X), Floats)
    assert_type(medal.inverse_transform(medal.embedding_), Floats)
    assert_type(medal.score(X), float)
    assert_type(medal.score_samples(X), Floats)
    assert_type(medal.score_readings(X), dict[str, float])
    assert_type(medal.score_components(X), ScoreComponents)
    assert_type(medal.score_components(X).skill, float)
    assert_type(medal.detect_shift(X), ShiftResult)
    assert_type(medal.detect_shift(X).sample_p_values, Floats)
    assert_type(medal.detect_shift(X).n_groups, tuple[int, int] | None)
    assert_type(medal.calibrate(X), MEDAL)
    assert_type(medal.embedding_.T, Floats)
    assert_type(medal.loo_score_, float | None)
    assert_type(medal.encoder_scores_, dict[str, float])
    assert_type(medal.n_features_in_, int)
    assert_type(medal.set_params(n_neighbors=5), MEDAL)
    assert_type(medal.set_output(transform="default"), MEDAL)
    assert_type(medal.set_callbacks(LossMonitor()), MEDAL)
    assert_type(medal.get_params(), dict[str, Any])
    assert_type(sksubspace.save(medal, "medal.skops"), Path)


def comparison() -> None:
    result = compare_embeddings(X, ["pca", ("umap", {"n_neighbors": [5, 15]})], cv=3)
    assert_type(result, EmbeddingComparison)
    assert_type(result.results, tuple[CandidateResult, ...])
    assert_type(result.best_name_, str)
    assert_type(result.best_estimator_, MEDAL)
    assert_type(result.best_estimator_.transform(X), Floats)
    assert_type([row.difference_interval for row in result.results], list[tuple[float, float]])
    assert_type(result.results[0].metrics, dict[str, float])
    assert_type(result.to_json(), str)
    assert_type(result.to_report("report.html", X=X), Path)
    assert_type(result.plot(), TuningCurveDisplay)
    found = compare_clusterings(X, n_clusters=(2, 3))
    assert_type(found, ClusteringComparison)
    assert_type(found.best_estimator_, AutoClustering)
    assert_type(found.labels_, dict[str, Ints])
    assert_type(found.ties_, tuple[str, ...])
    assert_type(one_standard_error({"params": []}), int)
    assert_type(embedding_scorer("trustworthiness")(MEDAL(), X), float)


def audit() -> None:
    found = audit_embedding(X, X[:, :2], y=y, ids=[str(row) for row in range(300)], student=MEDAL())
    assert_type(found, EmbeddingAudit)
    assert_type(found.verdict, tuple[Finding, ...])
    assert_type(found.verdict[0].answer, str)
    assert_type(found.reliability, EmbeddingReliability)
    assert_type(found.reliability.reliable, Bools)
    assert_type(found.reliability.mark, NDArray[np.str_])
    assert_type(found.panel["local"].interval, tuple[float, float])
    assert_type(found.is_broken, bool)
    assert_type(found.methods_text(), str)
    assert_type(found.to_report("audit.html"), Path)


def clusterings() -> None:
    for subspace_clustering in (
        AutoSubspaceClustering(3),
        ElasticNetSubspaceClustering(3),
        EnsembleKSubspaces(3),
        KSubspaces(3),
        LeastSquaresSubspaceClustering(3, affinity="knn"),
        ManifoldLinearizingClustering(3),
        MultilayerGraphClustering(3, views=[slice(0, 10), range(10, 20)]),
        SparseSubspaceClusteringOMP("auto"),
        ThresholdedSubspaceClustering(3),
    ):
        assert_type(subspace_clustering.predict(X), Ints)
        assert_type(subspace_clustering.transform(X), Floats)
        assert_type(subspace_clustering.score(X), float)
        assert_type(subspace_clustering.fit_predict(X), Ints)
        assert_type(subspace_clustering.labels_, Ints)
        assert_type(subspace_clustering.cluster_bases_, list[Floats])
    assert_type(KSubspaces(3).fit(X), KSubspaces)
    assert_type(ThresholdedSubspaceClustering(3).fit(X), ThresholdedSubspaceClustering)
    assert_type(KSubspaces(3).inertia_, float)
    mixture = MixtureOfLowRankGaussians(3).fit(X)
    assert_type(mixture, MixtureOfLowRankGaussians)
    assert_type(mixture.predict_proba(X), Floats)
    assert_type(mixture.sample(5), tuple[Floats, Ints])
    assert_type(mixture.lower_bounds_, list[float])
    neighborhood = NeighborhoodClustering(3).fit(X)
    assert_type(neighborhood, NeighborhoodClustering)
    assert_type(neighborhood.predict(X), Ints)
    chosen = AutoClustering(3).fit(X)
    assert_type(chosen, AutoClustering)
    assert_type(chosen.scores_, dict[str, Any])
    assert_type(chosen.score(X), float)
    assert_type(subspace_r2(X, y), float)
    assert_type(subspace_r2(X, y, per_row=True), tuple[float, Floats])


def maps() -> None:
    tldr = TLDR(2, encoder="blend").fit(X)
    assert_type(tldr, TLDR)
    assert_type(tldr.transform(X), Floats)
    assert_type(tldr.fit_transform(X), Floats)
    assert_type(tldr.components_, Floats | None)
    stein = SteinSubspace(2, order=1).fit(X, y)
    assert_type(stein, SteinSubspace)
    assert_type(stein.partial_fit(X, y), SteinSubspace)
    assert_type(stein.transform(X), Floats)
    assert_type(stein.score(X, y), float)
    assert_type(stein.singular_values_, Floats)
    pca = SteinPCA(2, score_model=GaussianScore()).fit(X)
    assert_type(pca, SteinPCA)
    assert_type(pca.explained_variance_ratio_, Floats)
    dictionary = SupervisedDictionaryLearning(4, solver="bcd").fit(X, y)
    assert_type(dictionary, SupervisedDictionaryLearning)
    assert_type(dictionary.predict(X), NDArray[np.generic])
    assert_type(dictionary.predict_proba(X), Floats)
    assert_type(dictionary.score(X, y), float)
    assert_type(dictionary.coef_, Floats)


def autoencoders() -> None:
    for autoencoder in (
        Autoencoder(2, hidden_layer_sizes=(32,)),
        LeastVolumeAutoencoder(4),
        PredictiveSparseCoding(8),
    ):
        assert_type(autoencoder.transform(X), Floats)
        assert_type(autoencoder.inverse_transform(X[:, :2]), Floats)
        assert_type(autoencoder.score(X), float)
        assert_type(autoencoder.loss_curve_, list[float])
        assert_type(autoencoder.validation_loss_curve_, list[float] | None)
    assert_type(Autoencoder().fit(X).partial_fit(X), Autoencoder)
    assert_type(LeastVolumeAutoencoder().fit(X).lipschitz_, float | None)
    assert_type(SparseAutoencoder(32, k=4).fit(X).usage_, Floats)


def parts() -> None:
    assert_type(MedianEncoder().fit(X, X[:, :2]), MedianEncoder)
    assert_type(MedianEncoder().predict(X), Floats)
    assert_type(FourierRidge().predict(X[:, :2]), Floats)


def measures() -> None:
    Z = X[:, :2]
    assert_type(trustworthiness(X, Z), float)
    assert_type(trustworthiness(X, Z, per_point=True), Floats)
    assert_type(q_nx(X, Z), Floats)
    assert_type(global_share(X, Z), float)
    assert_type(clustering_accuracy(y, y), float)
    assert_type(embedding_score(X, Z), EmbeddingScore)
    assert_type(embedding_score(X, Z).r2, float)
    assert_type(embedding_score(X, Z, per_row=True).distortion, Floats | None)
    assert_type(embedding_reliability(X, Z).p_value, Floats)
    assert_type(neighbor_information(X, y).information, dict[str, float])
    assert_type(nearest_neighbors(X, 5), tuple[Floats, Ints])
    assert_type(make_union_of_subspaces(), tuple[Floats, Ints])
    assert_type(make_multi_index(return_components=True), tuple[Floats, Floats, Floats])


def pictures(medal: MEDAL, kind: Literal["scatter", "hist"]) -> None:
    display = EmbeddingDisplay.from_estimator(medal, y=y, kind=kind)
    assert_type(display, EmbeddingDisplay)
    assert_type(display.plot(), EmbeddingDisplay)
    display.ax_.set_title("a map")
    assert_type(ShiftDisplay.from_estimator(medal, X), ShiftDisplay)


def mistakes(medal: MEDAL) -> None:
    """What a type checker refuses; a comment that is not needed is an error of its own."""
    MEDAL(strategy="both")  # type: ignore[arg-type]
    MEDAL(max_iter="often")  # type: ignore[arg-type]
    MEDAL(n_neighbours=5)  # type: ignore[call-arg]
    medal.fit()  # type: ignore[call-arg]
    medal.detect_shift(X, levels=0.1)  # type: ignore[call-arg]
    _ = medal.score(X).shape  # type: ignore[attr-defined]
    compare_embeddings(X, select="last")  # type: ignore[arg-type]
