"""Which readings of a map that exists are licensed, for which rows, for which groups."""

from sksubspace.audit._audit import audit_embedding
from sksubspace.audit._panel import Reading
from sksubspace.audit._result import EmbeddingAudit
from sksubspace.audit._verdict import Finding

__all__ = ["EmbeddingAudit", "Finding", "Reading", "audit_embedding"]
