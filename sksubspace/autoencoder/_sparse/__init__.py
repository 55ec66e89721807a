"""Autoencoders with sparse codes: k-sparse, and predictive sparse coding."""

from sksubspace.autoencoder._sparse._autoencoder import SparseAutoencoder
from sksubspace.autoencoder._sparse._predictive import PredictiveSparseCoding

__all__ = ["PredictiveSparseCoding", "SparseAutoencoder"]
