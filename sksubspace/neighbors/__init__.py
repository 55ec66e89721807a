"""Nearest-neighbour graphs."""

from sksubspace.neighbors._exact import k_nearest

__all__ = ["k_nearest"]
