"""Nearest-neighbour graphs."""

from sksubspace.neighbors._exact import k_nearest
from sksubspace.neighbors._graph import merge_neighbors, nearest_neighbors

__all__ = ["k_nearest", "merge_neighbors", "nearest_neighbors"]
