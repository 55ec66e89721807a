"""Maps of cells in an AnnData object, in the grammar of scanpy.

``import sksubspace.scanpy as sks`` and then ``sks.tl.audit(adata)``. Objects are taken by their
attributes (`obsm`, `obs`, `uns`); neither anndata nor scanpy is imported.
"""

from sksubspace.scanpy import pl, tl

__all__ = ["tl", "pl"]
