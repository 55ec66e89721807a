"""What scanpy writes down in `uns`: what a map was drawn from, colours of categories."""

__all__ = ["colors_of", "named_in_uns"]


def colors_of(adata, name):
    """What scanpy has coloured the categories of a column with; None where it has not."""
    column = None if name is None else adata.obs[name]
    colors = adata.uns.get(f"{name}_colors")
    if colors is None or not hasattr(column, "cat"):
        return None
    names = [*map(str, column.cat.categories)]
    # colours of an earlier set of categories say nothing of these
    return dict(zip(names, map(str, colors), strict=True)) if len(colors) == len(names) else None


def named_in_uns(uns, obsm, basis):  # -> str or None, int or None
    """The matrix that a map was drawn from, and how many of its columns, as scanpy writes it down.

    That is "X", a key of `obsm`, or None where none is known; and None for all columns.
    """
    own = _inner(uns, basis.removeprefix("X_"))
    neighbors = _inner(uns, _inner(own, "params").get("neighbors_key", "neighbors"))
    for params in (_inner(own, "params"), _inner(neighbors, "params")):
        if params.get("use_rep") is not None:
            return str(params["use_rep"]), params.get("n_pcs")
    n_pcs = _inner(neighbors, "params").get("n_pcs")
    if n_pcs == 0:  # how scanpy says that components are not to be taken
        return "X", None
    return ("X_pca" if "X_pca" in obsm else None), n_pcs


def _inner(mapping, key):
    """A mapping within a mapping; an empty one where there is none."""
    found = mapping[key] if key in mapping else {}
    return found if hasattr(found, "get") else {}
