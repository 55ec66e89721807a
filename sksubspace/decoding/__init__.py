"""Decoders of a map: regressions from its coordinates back to the data, as parts of a MEDAL."""

from sksubspace._student._networks import NetworkDecoder
from sksubspace._student._ridge import FourierRidge

__all__ = ["FourierRidge", "NetworkDecoder"]
