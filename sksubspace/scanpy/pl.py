"""Pictures of what `tl` has written."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from sksubspace._typing import AnnData, Axes
from sksubspace.scanpy._adata import check_adata, column_of, map_of

if TYPE_CHECKING:
    from sksubspace.inspection import ReliabilityDisplay

__all__ = ["reliability"]


def reliability(
    adata: AnnData,
    basis: str = "X_umap",
    *,
    groupby: str | None = None,
    key_added: str | None = None,
    ax: Axes | None = None,
    **kwargs: Any,
) -> "ReliabilityDisplay":
    """Draw a map with the cells that :func:`sksubspace.scanpy.tl.audit` has marked.

    Parameters
    ----------
    adata : AnnData
        After ``tl.audit(adata, basis)``.

    basis : str, default="X_umap"
        Key of the map in ``adata.obsm``, with or without ``X_``.

    groupby : str or None, default=None
        Column of ``adata.obs`` whose names are written on the map; None takes that of the audit.

    key_added : str or None, default=None
        What `tl.audit` was told; None takes `basis` without ``X_``.

    ax : matplotlib Axes or None, default=None
        Axes to draw on; None makes a figure.

    **kwargs : dict
        Passed to ``ReliabilityDisplay.plot``.

    Returns
    -------
    display : ReliabilityDisplay
        The picture, with its artists as attributes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    TypeError
        If `adata` is no AnnData object.

    ValueError
        If the map, its audit or a column is not there.
    """
    from sksubspace.inspection import ReliabilityDisplay

    check_adata(adata)
    Z, key = map_of(adata, basis)
    name = key_added or key.removeprefix("X_")
    if f"{name}_mark" not in adata.obs:
        raise ValueError(
            f"adata.obs has no '{name}_mark', which tl.audit writes: call "
            f"sksubspace.scanpy.tl.audit(adata, {key!r}) first."
        )
    groupby = groupby or adata.uns.get(f"{name}_audit", {}).get("params", {}).get("groupby")
    groups = column_of(adata, groupby, "groupby")
    marks = SimpleNamespace(mark=np.asarray(adata.obs[f"{name}_mark"]).astype(str), group=None)
    shown = ReliabilityDisplay(Z, marks, y=None if groups is None else np.asarray(groups))
    return shown.plot(ax=ax, **kwargs)
