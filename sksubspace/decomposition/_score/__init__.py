"""Densities whose score, the gradient of the log density, is known: the four models."""
