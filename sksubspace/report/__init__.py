"""Pages to hand to a colleague: comparisons of maps and of clusterings, and the audit of a map."""

from sksubspace.report._audit import write_audit
from sksubspace.report._clusters import write_clusters
from sksubspace.report._write import write_report

__all__ = ["write_audit", "write_clusters", "write_report"]
