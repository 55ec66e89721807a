"""Clusters that keep neighbours together: the information of a partition, and the estimator."""

from sksubspace.cluster._neighborhood._neighborhood import NeighborhoodClustering

__all__ = ["NeighborhoodClustering"]
