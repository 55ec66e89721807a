"""What is read from an AnnData object: maps, the matrix they were drawn from, columns of `obs`."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from sksubspace._uns import named_in_uns

_FEWEST_BATCHES = 3
# names that an error lists
_MOST_NAMED = 20


@dataclass(frozen=True)
class Representation:
    """The matrix that a map is held against.

    Attributes
    ----------
    values : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The matrix.
    name : str
        "X" or a key of `obsm`.
    n_components : int or None
        Its first columns alone, where the neighbours were searched in these.
    """

    values: Any
    name: str
    n_components: int | None = None

    @property
    def title(self):
        """What it is called in words."""
        if self.name == "X":
            return "the matrix X"
        return f"{self.values.shape[1]} columns of obsm['{self.name}']"


def check_adata(adata):
    """Raise a TypeError unless an object has what an AnnData has."""
    missing = [name for name in ("obsm", "obs", "uns", "X") if not hasattr(adata, name)]
    if missing:
        raise TypeError(
            f"adata must be an AnnData object, with {', '.join(missing)}, got "
            f"{type(adata).__name__}."
        )


def map_of(adata, basis):  # -> (n, q), str
    """A map of `obsm`, and its key, with or without the "X_" before it."""
    keys = [basis, f"X_{basis}"]
    for key in keys:
        if key in adata.obsm:
            return np.asarray(adata.obsm[key]), key
    raise ValueError(_absent(basis, "basis", "adata.obsm", adata.obsm))


def column_of(adata, name, parameter):
    """A column of `obs`, or None for None; categories that no row has are left out."""
    if name is None:
        return None
    if name not in adata.obs:
        raise ValueError(_absent(name, parameter, "adata.obs", adata.obs))
    column = adata.obs[name]
    return column.cat.remove_unused_categories() if hasattr(column, "cat") else column


def layer_of(adata, name):
    """A layer, or None for None."""
    if name is None:
        return None
    if name not in adata.layers:
        raise ValueError(_absent(name, "layer", "adata.layers", adata.layers))
    return adata.layers[name]


def batches_of(adata, name):
    """A column of `obs` whose values can be left out one by one, or None for None."""
    column = column_of(adata, name, "batch_key")
    if column is not None and (found := len({*column})) < _FEWEST_BATCHES:
        raise ValueError(
            f"batch_key must be a column with at least {_FEWEST_BATCHES} batches, of which each is "
            f"left out, got {name!r} with {found}."
        )
    return column


def held_against(adata, basis, use_rep=None):
    """The matrix of a name, or for None the one that a map was drawn from.

    That is what `uns` says of the map itself, such as ``uns["tsne"]["params"]["use_rep"]``; or of
    the neighbours that it was drawn from; or else scanpy's own default, the principal components.
    """
    n_components = None
    if use_rep is None:
        use_rep, n_components = named_in_uns(adata.uns, adata.obsm, basis)
    if use_rep == "X":
        if adata.X is None:
            raise ValueError("adata.X is None; use_rep must be a key of adata.obsm.")
        return Representation(adata.X, "X")
    if use_rep is None or use_rep not in adata.obsm:
        if use_rep is None:
            use_rep = "X_pca"
        raise ValueError(_absent(use_rep, "use_rep", "adata.obsm", adata.obsm, "'X'"))
    values = adata.obsm[use_rep]
    values = values if hasattr(values, "toarray") else np.asarray(values)
    return Representation(values[:, :n_components], use_rep, n_components)


def _absent(name, parameter, where, there, more=None):
    names = [*map(str, there)]
    listed = ", ".join([*([more] if more else []), *map(repr, names[:_MOST_NAMED])]) or "none"
    close = get_close_matches(name, names, n=1)
    hint = f" Is it {close[0]!r}?" if close else ""
    return f"{parameter} must be one of {listed} of {where}, got {name!r}.{hint}"
