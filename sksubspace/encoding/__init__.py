"""Encoders of a map: regressions from the data onto its coordinates, as parts of a MEDAL."""

from sksubspace._student._linear import LinearEncoder
from sksubspace._student._local import LocalEncoder
from sksubspace._student._median import MedianEncoder
from sksubspace._student._networks import NetworkEncoder

__all__ = ["LinearEncoder", "LocalEncoder", "MedianEncoder", "NetworkEncoder"]
