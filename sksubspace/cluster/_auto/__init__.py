"""The choice among clusterings without labels: candidates, scores, the estimator."""

from sksubspace.cluster._auto._auto import AutoSubspaceClustering

__all__ = ["AutoSubspaceClustering"]
