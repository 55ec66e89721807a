"""Regressions from the data onto the coordinates of a map, and where they put rows left out."""

from sksubspace.encoding._choice import Distilled, closed_encoder, leave_out
from sksubspace.encoding._duplicates import average_duplicates
from sksubspace.encoding._exact import Corrected, correct, interpolate
from sksubspace.encoding._linear import LinearEncoder
from sksubspace.encoding._local import LocalEncoder, LocalKernel
from sksubspace.encoding._scaling import FeatureScale, LatentScale

__all__ = [
    "Corrected",
    "Distilled",
    "FeatureScale",
    "LatentScale",
    "LinearEncoder",
    "LocalEncoder",
    "LocalKernel",
    "average_duplicates",
    "closed_encoder",
    "correct",
    "interpolate",
    "leave_out",
]
