"""Mixtures of low-rank Gaussians: the density, its fit by EM, the estimator."""

from sksubspace.cluster._mixture._mixture import MixtureOfLowRankGaussians

__all__ = ["MixtureOfLowRankGaussians"]
