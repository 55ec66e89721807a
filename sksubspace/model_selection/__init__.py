"""Choosing among embeddings by held-out scores."""

from sksubspace.model_selection._one_standard_error import one_standard_error

__all__ = ["one_standard_error"]
