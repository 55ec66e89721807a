"""Two representations of the same rows: what they share, and which rows belong together."""

from sksubspace.alignment._aligner import SubspaceAligner

__all__ = ["SubspaceAligner"]
