"""Take a concept off rows, such that no linear reader finds it, or set it to another value."""

from sksubspace.erasure._edit import edit
from sksubspace.erasure._eraser import ConceptEraser

__all__ = ["ConceptEraser", "edit"]
