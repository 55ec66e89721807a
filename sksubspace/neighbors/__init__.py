"""Nearest-neighbour graphs, and features that are passed along them."""

from sksubspace.neighbors._exact import k_nearest
from sksubspace.neighbors._expansion import GraphFeatureExpansion
from sksubspace.neighbors._graph import merge_neighbors, nearest_neighbors

__all__ = ["GraphFeatureExpansion", "k_nearest", "merge_neighbors", "nearest_neighbors"]
