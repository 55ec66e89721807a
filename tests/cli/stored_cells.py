"""Files of cells, as far as they are read here, without h5py and anndata."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import sparse

GENES = [f"gene {column}" for column in range(30)]


class Stored:
    """An element of a file."""

    def __init__(self, value, kind="array"):
        self.value = value
        self.attrs = {"encoding-type": kind}


class StoredFile(dict):
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def cells(n_rows=60, seed=0):
    """Counts of two kinds of cells, their categories with one that no cell has, and two maps."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(2, size=n_rows)
    rates = np.exp(rng.normal(size=(2, len(GENES))))
    counts = sparse.csr_matrix(rng.poisson(rates[kind]).astype(np.int32))
    obs = pd.DataFrame(
        {
            "type": pd.Categorical(np.array(["t", "b"])[kind], categories=["t", "b", "never"]),
            "donor": pd.Categorical(np.arange(n_rows) % 5),
        },
        index=[f"cell {row}" for row in range(n_rows)],
    )
    return {
        "obs": obs,
        "var": pd.DataFrame(index=GENES),
        "X": sparse.csr_matrix(np.log1p(counts.toarray()).astype(np.float32)),
        "layers": {"counts": counts},
        "obsm": {"X_pca": rng.normal(size=(n_rows, 5)), "X_umap": rng.normal(size=(n_rows, 2))},
    }


def store(stored, path, monkeypatch):
    """Let `path` be read as if these elements were in it; return what was read, by and by."""
    read = []

    def element(value):
        if isinstance(value, dict):
            return {name: element(one) for name, one in value.items()}
        return Stored(value, "null" if value is None else "array")

    def read_elem(one):
        if isinstance(one, dict):  # a group, as anndata reads it
            return {name: read_elem(part) for name, part in one.items()}
        read.append(one.value)
        return one.value

    file = StoredFile(element(stored))
    path.write_bytes(b"HDF")
    monkeypatch.setitem(sys.modules, "h5py", SimpleNamespace(File=lambda name, mode: file))
    monkeypatch.setitem(sys.modules, "anndata", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "anndata.io", SimpleNamespace(read_elem=read_elem))
    return read
