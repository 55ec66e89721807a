"""Marks of the rows of a map: what they are read off, and how they come from blocks of rows."""

from sksubspace.metrics._marks._blocks import reliability_of_collection
from sksubspace.metrics._marks._of_rows import decoder_as_drawn, passes_fdr, reliability_of
from sksubspace.metrics._marks._result import EmbeddingReliability

__all__ = [
    "EmbeddingReliability",
    "decoder_as_drawn",
    "passes_fdr",
    "reliability_of",
    "reliability_of_collection",
]
