"""Least volume: the autoencoder, its penalty, the norms of its layers, and its latent axes."""

from sksubspace.autoencoder._least_volume._autoencoder import LeastVolumeAutoencoder

__all__ = ["LeastVolumeAutoencoder"]
