"""Choosing among embeddings by held-out scores, and among clusterings."""

from sksubspace._comparison import CandidateResult
from sksubspace.model_selection._clustering_result import (
    ClusteringComparison,
    ClusteringResult,
    ClusterNumber,
    ClusterResult,
)
from sksubspace.model_selection._compare import compare_embeddings
from sksubspace.model_selection._compare_clusterings import compare_clusterings
from sksubspace.model_selection._halvings import (
    OutOfSampleInformation,
    out_of_sample_information,
)
from sksubspace.model_selection._one_standard_error import one_standard_error
from sksubspace.model_selection._result import EmbeddingComparison
from sksubspace.model_selection._scorers import embedding_scorer
from sksubspace.model_selection._stability import EmbeddingStability, embedding_stability
from sksubspace.model_selection._thin import thin_counts

__all__ = [
    "compare_embeddings",
    "EmbeddingComparison",
    "CandidateResult",
    "embedding_scorer",
    "one_standard_error",
    "embedding_stability",
    "EmbeddingStability",
    "thin_counts",
    "compare_clusterings",
    "ClusteringComparison",
    "ClusteringResult",
    "ClusterNumber",
    "ClusterResult",
    "out_of_sample_information",
    "OutOfSampleInformation",
]
