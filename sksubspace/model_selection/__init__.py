"""Choosing among embeddings by held-out scores."""

from sksubspace._comparison import CandidateResult
from sksubspace.model_selection._compare import compare_embeddings
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
]
