"""Regressions that are fitted anew around each query, from its nearest rows."""

from sksubspace.local._localized import LocalizedRegressor

__all__ = ["LocalizedRegressor"]
