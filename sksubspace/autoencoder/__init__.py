"""Autoencoders."""

from sksubspace.autoencoder._autoencoder import Autoencoder
from sksubspace.autoencoder._least_volume import LeastVolumeAutoencoder
from sksubspace.autoencoder._sparse import PredictiveSparseCoding, SparseAutoencoder

__all__ = ["Autoencoder", "LeastVolumeAutoencoder", "PredictiveSparseCoding", "SparseAutoencoder"]
