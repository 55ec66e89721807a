"""The comparison as one page to hand to a colleague."""

from sksubspace.report._write import write_report

__all__ = ["write_report"]
