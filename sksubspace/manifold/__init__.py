"""Maps that keep neighbours near."""

from sksubspace.manifold._tldr import TLDR

__all__ = ["TLDR"]
