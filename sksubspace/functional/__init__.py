"""Features of series and curves."""

from sksubspace.functional._signature_features import SignatureFeatures

__all__ = ["SignatureFeatures"]
