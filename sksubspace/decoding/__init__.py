"""Regressions from a latent space back to the data."""

from sksubspace.decoding._network import FourierNetwork, fit_network_decoder
from sksubspace.decoding._ridge import FourierRidge, fit_fourier_ridge

__all__ = ["FourierNetwork", "FourierRidge", "fit_fourier_ridge", "fit_network_decoder"]
