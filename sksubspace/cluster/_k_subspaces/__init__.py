"""K-subspaces: one run to the end, or the votes of many short ones."""

from sksubspace.cluster._k_subspaces._ensemble import EnsembleKSubspaces
from sksubspace.cluster._k_subspaces._k_subspaces import KSubspaces

__all__ = ["EnsembleKSubspaces", "KSubspaces"]
