"""AnnData files: the one matrix that is wanted, read alone, and the columns of `obs` beside it."""

from collections import Counter
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from types import SimpleNamespace

import numpy as np
from scipy import sparse

from sksubspace._uns import colors_of, named_in_uns
from sksubspace.cli._arrays import without_marks
from sksubspace.cli._say import UsageError, quoted
from sksubspace.cli._tables import Table

_KEYS_NAMED = 20


def read_h5ad(path, options):
    """Read `X`, or what `--rep` or `--layer` names, and keep the columns of `obs` beside it.

    A sparse matrix stays sparse, and no other matrix of the file is read.
    """
    import pandas as pd

    rep, layer = getattr(options, "rep", None), getattr(options, "layer", None)
    if rep is not None and layer is not None:
        raise UsageError(f"--rep {rep} and --layer {layer} are two matrices; name one of them")
    with _opened(path) as (file, read):
        obs = read(file["obs"])
        node, source = _matrix_node(path, file, rep, layer)
        values = read(node)
        if rep is not None:
            values = _first_columns(values, getattr(options, "n_columns", None))
        names = _names_of(values, rep) if rep else _told_apart(read(file["var"]).index)
    extra = {str(name): obs[name].to_numpy() for name in obs.columns}
    table = Table(
        path, pd.DataFrame(index=pd.RangeIndex(len(obs))), extra=extra, source=source,
        row_names=[str(name) for name in obs.index],
    )  # fmt: skip
    if sparse.issparse(values):
        table.matrix, table.matrix_names = values.tocsr(), names
    else:
        table.frame = pd.DataFrame(np.asarray(values), columns=names)
    return without_marks(options.na_values, table)


def _first_columns(values, n_columns):
    if n_columns is None:
        return values
    return (values.iloc if hasattr(values, "iloc") else values)[:, :n_columns]


def read_obsm(path, key):
    """Return an array of `obsm`, dense; None if the file has none of that name.

    Parameters
    ----------
    path : Path
        An .h5ad file.
    key : str
        The name.

    Returns
    -------
    values : ndarray of shape (n_rows, n_columns) or None
        The array.
    keys : list of str
        The names that there are.
    """
    with _opened(path) as (file, read):
        keys = _keys_of(file, "obsm")
        values = read(file["obsm"][key]) if key in keys else None
    if values is None:
        return None, keys
    return np.asarray(values.toarray() if sparse.issparse(values) else values), keys


def drawn_from(path, embedding):
    """What a map of a file was drawn from, as scanpy writes it down.

    Parameters
    ----------
    path : Path
        An .h5ad file.
    embedding : str
        Name of the map in `obsm`; of any other, such as a file, the neighbours decide.

    Returns
    -------
    rep : str or None
        Key of `obsm`; None for X, or where nothing is written down.
    n_columns : int or None
        Its first columns alone; None for all.
    """
    if not path.is_file():
        return None, None
    with _opened(path) as (file, read):
        basis, uns = str(embedding).removeprefix("X_"), {}
        for name in (basis, "neighbors"):
            uns[name] = _params_of(file, read, name)
        other = uns[basis].get("params", {}).get("neighbors_key")
        if other is not None:
            uns[str(other)] = _params_of(file, read, str(other))
        keys = _keys_of(file, "obsm")
    rep, n_columns = named_in_uns(uns, keys, basis) if any(uns.values()) else (None, None)
    return (rep, n_columns) if rep in keys else (None, None)


def colors_of_column(path, name):
    """The colours that scanpy has given the categories of a column of `obs`, or None."""
    import pandas as pd

    if name is None or path.suffix != ".h5ad":
        return None
    with _opened(path) as (file, read):
        key = f"{name}_colors"
        if key not in _keys_of(file, "uns") or name not in _keys_of(file, "obs"):
            return None
        obs, uns = {name: pd.Series(read(file["obs"][name]))}, {key: read(file["uns"][key])}
    return colors_of(SimpleNamespace(obs=obs, uns=uns), name)


def _params_of(file, read, name):
    """What is written down of one run; arrays beside it are not read."""
    group = file["uns"].get(name) if "uns" in file else None
    has_params = hasattr(group, "keys") and "params" in group
    return {"params": read(group["params"])} if has_params else {}


@contextmanager
def _opened(path):
    """Yield the open file, and what reads one of its elements; whatever fails is one line."""
    try:
        h5py, io = import_module("h5py"), import_module("anndata.io")
    except ImportError as error:
        raise UsageError(
            '.h5ad needs anndata; install it with: pip install "sksubspace[scanpy]", or pip '
            "install anndata"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            yield file, io.read_elem
    except UsageError:
        raise
    except Exception as error:  # h5py and anndata have many kinds
        raise UsageError(f"{path} is not a whole .h5ad file ({error}); write it again") from error


def _keys_of(file, kind):
    return [*file[kind]] if kind in file else []


def _matrix_node(path, file, rep, layer):
    """The element that is wanted, and what it is called."""
    for kind, key, option in (("obsm", rep, "--rep"), ("layers", layer, "--layer")):
        if key is None:
            continue
        if key not in (keys := _keys_of(file, kind)):
            raise UsageError(f"{path} has no '{key}' in {kind} for {option}; {offered(key, keys)}")
        return file[kind][key], f"{kind}['{key}']"
    if "X" not in file or file["X"].attrs.get("encoding-type") == "null":
        others = [
            f"{option} ({quoted(keys, _KEYS_NAMED)})"
            for kind, option in (("obsm", "--rep"), ("layers", "--layer"))
            if (keys := _keys_of(file, kind))
        ]
        mend = f"name another matrix with {' or '.join(others)}" if others else "there is no other"
        raise UsageError(f"{path} has no X; {mend}")
    return file["X"], "X"


def offered(key, keys):
    """Say which names there are, or which of them is nearly the one that was asked for."""
    close = get_close_matches(key, keys, n=1)
    listed = f"there are {quoted(keys, _KEYS_NAMED)}" if keys else "there are none"
    return f"is it '{close[0]}'? {listed}" if close else listed


def _told_apart(names):
    """Number the names that were there before, as two genes of one symbol are."""
    times, unique = Counter(), []
    for name in map(str, names):
        unique.append(f"{name}-{times[name]}" if times[name] else name)
        times[name] += 1
    return unique


def _names_of(values, rep):
    own = getattr(values, "columns", None)
    return [f"{rep}_{i}" for i in range(values.shape[1])] if own is None else [*map(str, own)]
