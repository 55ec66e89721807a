"""Manifold linearizing and clustering: objectives, stages of training, the estimator."""

from sksubspace.cluster._linearizing._manifold_linearizing import ManifoldLinearizingClustering

__all__ = ["ManifoldLinearizingClustering"]
