"""Tools: what is computed of maps in `adata.obsm`, and written to `obs` and `uns`."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sksubspace._typing import AnnData, Estimator, Seed
from sksubspace._uns import colors_of
from sksubspace.audit import audit_embedding
from sksubspace.model_selection import compare_embeddings
from sksubspace.scanpy._adata import (
    batches_of,
    check_adata,
    column_of,
    held_against,
    layer_of,
    map_of,
)

if TYPE_CHECKING:
    from sksubspace.audit import EmbeddingAudit
    from sksubspace.model_selection import EmbeddingComparison

__all__ = ["audit", "compare"]

_MARKS = ("ok", "torn", "merged", "misplaced", "not drawn")


def audit(
    adata: AnnData,
    basis: str = "X_umap",
    *,
    use_rep: str | None = None,
    groupby: str | None = None,
    batch_key: str | None = None,
    layer: str | None = None,
    teacher: Estimator | str | None = None,
    q: float = 0.05,
    key_added: str | None = None,
    random_state: Seed = 0,
) -> "EmbeddingAudit":
    """Say which readings of a map are licensed, for which cells, and for which clusters.

    Parameters
    ----------
    adata : AnnData
        With the map in `obsm`. Written to.

    basis : str, default="X_umap"
        Key of the map in ``adata.obsm``, with or without ``X_``.

    use_rep : str or None, default=None
        The matrix that the map is held against: a key of ``adata.obsm``, or "X". None takes the one
        that it was drawn from, where ``adata.uns`` says so, and else "X_pca".

    groupby : str or None, default=None
        Column of ``adata.obs`` with clusters or cell types to read by; the report takes scanpy's
        colours of them from ``adata.uns``.

    batch_key : str or None, default=None
        Column of ``adata.obs`` with what cells belong to, such as a donor; cells of a batch are
        left out together. At least three batches.

    layer : str or None, default=None
        Layer with raw counts, to be explained by the map too.

    teacher : object with ``fit_transform``, str or None, default=None
        What drew the map, to draw it again with other seeds and settings.

    q : float, default=0.05
        Share of the cells called reliable that may be so by chance.

    key_added : str or None, default=None
        What the new entries are called; None takes `basis` without ``X_``, such as "umap".

    random_state : int, RandomState instance or None, default=0
        Seeds all that is drawn.

    Returns
    -------
    audit : EmbeddingAudit
        ``print(audit)`` gives the verdict, ``audit.to_report("audit.html")`` the page. Written are
        ``obs["umap_reliable"]``, ``obs["umap_mark"]`` ("ok", "misplaced", "torn", "merged" or "not
        drawn"), and ``uns["umap_audit"]`` with the settings, the verdict and all numbers as JSON.

    Raises
    ------
    TypeError
        If `adata` is no AnnData object.

    ValueError
        If the map, the matrix or a column is not there (those that are, are listed), the map is not
        drawn, or there are fewer than three batches.

    See Also
    --------
    sksubspace.audit_embedding : The same of arrays, with every parameter explained.
    """
    check_adata(adata)
    Z, key = map_of(adata, basis)
    rep = held_against(adata, key, use_rep)
    found = audit_embedding(
        rep.values,
        Z,
        y=column_of(adata, groupby, "groupby"),
        groups=batches_of(adata, batch_key),
        ids=[*map(str, adata.obs_names)],
        counts=layer_of(adata, layer),
        teacher=teacher,
        data_name=rep.title,
        q=q,
        random_state=random_state,
    )
    found = replace(found, palette=colors_of(adata, groupby))
    name = key_added or key.removeprefix("X_")
    adata.obs[f"{name}_reliable"] = np.asarray(found.reliability.reliable)
    adata.obs[f"{name}_mark"] = _categories(found.reliability.mark)
    params = {
        "basis": key, "use_rep": rep.name, "n_pcs": rep.n_components, "groupby": groupby,
        "batch_key": batch_key, "layer": layer, "q": float(q),
    }  # fmt: skip
    adata.uns[f"{name}_audit"] = {
        "params": {name: value for name, value in params.items() if value is not None},
        "verdict": str(found),
        "json": found.to_json(),
    }
    return found


def compare(
    adata: AnnData,
    bases: Sequence[str] = ("X_umap", "X_tsne"),
    *,
    use_rep: str | None = None,
    groupby: str | None = None,
    batch_key: str | None = None,
    n_components: int = 2,
    random_state: Seed = 0,
    **options: Any,
) -> "EmbeddingComparison":
    """Set the maps of an AnnData object beside each other, by how well rows come back from them.

    Parameters
    ----------
    adata : AnnData
        With the maps in `obsm`. ``uns["embedding_comparison"]`` is written.

    bases : sequence of str, default=("X_umap", "X_tsne")
        Keys of maps in ``adata.obsm``, with or without ``X_``; simple ones first.

    use_rep : str or None, default=None
        The matrix that they are held against; None takes the one that the last of `bases` was drawn
        from.

    groupby : str or None, default=None
        Column of ``adata.obs`` with labels.

    batch_key : str or None, default=None
        Column of ``adata.obs`` with what cells belong to; cells of a batch are left out together.

    n_components : int, default=2
        First columns of each map that are compared, as pictures show them: scores rise with their
        number.

    random_state : int, RandomState instance or None, default=0
        Seeds all that is drawn.

    **options : dict
        Passed to :func:`sksubspace.model_selection.compare_embeddings`.

    Returns
    -------
    result : EmbeddingComparison
        ``print(result)`` shows a table.

    Raises
    ------
    TypeError
        If `adata` is no AnnData object, or `bases` is a single name.

    ValueError
        If a map, the matrix or a column is not there; those that are, are listed.

    See Also
    --------
    sksubspace.model_selection.compare_embeddings : The same of arrays, and of maps still to be
        drawn.
    """
    check_adata(adata)
    if isinstance(bases, str) or not len(bases):
        raise TypeError(f"bases must be a sequence of keys of adata.obsm, got {bases!r}.")
    maps = {key: Z[:, :n_components] for Z, key in (map_of(adata, one) for one in bases)}
    rep = held_against(adata, [*maps][-1], use_rep)
    result = compare_embeddings(
        rep.values,
        maps,
        y=_to_array(column_of(adata, groupby, "groupby")),
        groups=_to_array(batches_of(adata, batch_key)),
        random_state=random_state,
        **options,
    )
    adata.uns["embedding_comparison"] = {
        "params": {"bases": [*maps], "use_rep": rep.name, "n_components": n_components},
        "table": str(result),
        "json": json.dumps(json.loads(result.to_json(timings=False))),
    }
    return result


def _to_array(column):
    return None if column is None else np.asarray(column)


def _categories(marks):
    """Marks as categories, in one order, of which scanpy's pictures take their legend."""
    import pandas as pd

    return pd.Categorical(marks, categories=[one for one in _MARKS if one in {*marks}])
