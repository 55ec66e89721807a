"""Pages to hand to a colleague: a comparison of maps, and the audit of one."""

from sksubspace.report._audit import write_audit
from sksubspace.report._write import write_report

__all__ = ["write_audit", "write_report"]
