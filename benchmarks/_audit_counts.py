"""Counts: what the ranking by thinned counts is worth, and the command line on a large sparse file.

Functions that return rows; `audit.py` puts them into its table. `large_file_rows` needs anndata.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap, SpectralEmbedding
from sklearn.model_selection import KFold

from sksubspace import MEDAL
from sksubspace.metrics import deviance_explained
from sksubspace.model_selection import thin_counts
from sksubspace.model_selection._thin import log_normalized

FILE = "pbmc_interferon.npz"
N_PCS = 50
# asked: Spearman with refitted held-out R2 of the other half; GiB of the command line
SPEARMAN, GIB = 0.9, 4.0
LARGE = (100_000, 30_000, 0.03)
# maps that differ: among settings of t-SNE and UMAP held-out R2 itself is tied within .006
MAPS = {
    "PCA": ("pca", 0),
    "PC 3, 4": ("pca", 2),
    "random": ("random", None),
    "t-SNE(30)": ("tsne", 30),
    "UMAP(2)": ("umap", 2),
    "UMAP(15)": ("umap", 15),
    "Isomap(10)": ("isomap", 10),
    "spectral(10)": ("spectral", 10),
}


def has_counts():
    """Whether the counts of blood cells are at hand."""
    folder = os.environ.get("SKSUBSPACE_DATA")
    return folder is not None and (Path(folder) / FILE).exists()


def read_counts():  # -> CSR (2000, 9015), (2000,)
    """Counts of blood cells, and whether each was stimulated."""
    with np.load(Path(os.environ["SKSUBSPACE_DATA"]) / FILE) as file:
        parts = (file["data"], file["indices"], file["indptr"])
        return sparse.csr_matrix(parts, shape=file["shape"]), file["condition"].astype(str)


def components(counts):  # (n, d) -> (n, 50)
    """The usual way of counts to a map: normalised, logarithms, principal components."""
    return PCA(N_PCS, random_state=0).fit_transform(log_normalized(counts).toarray())


class OfComponents:
    """Draws a map of the first components, as the usual way has it."""

    def __init__(self, kind, value):
        self.kind, self.value = kind, value

    def fit_transform(self, X, y=None):
        if self.kind == "pca":
            return X[:, self.value : self.value + 2]
        if self.kind == "random":
            return X @ np.random.RandomState(0).randn(X.shape[1], 2)
        if self.kind == "isomap":
            return Isomap(n_neighbors=self.value).fit_transform(X)
        if self.kind == "spectral":
            return SpectralEmbedding(n_neighbors=self.value, random_state=0).fit_transform(X)
        if self.kind == "tsne":
            return TSNE(perplexity=self.value, random_state=0).fit_transform(X)
        from umap import UMAP

        return UMAP(n_neighbors=self.value, random_state=0).fit_transform(X)


def held_out_r2(X, teacher):
    """R2 of rows that neither the teacher nor the student has seen, over five folds."""
    folds = KFold(5, shuffle=True, random_state=0).split(X)
    return float(np.mean([MEDAL(teacher, random_state=0).fit(X[a]).score(X[b]) for a, b in folds]))


def thinning_rows(seeds=(0,), maps=MAPS):
    """Rows of a table: Spearman of each score with held-out R2, and what noise scores.

    Each row is what, asked, values over seeds.
    """
    counts, _ = read_counts()
    X = components(counts)
    wanted = [held_out_r2(X, OfComponents(*one)) for one in maps.values()]
    found = {"the other half": [], "the same half": [], "noise": [], "dealt": []}
    for seed in seeds:
        train, test = thin_counts(counts, random_state=seed)
        X_train = components(train)
        drawn = [OfComponents(*one).fit_transform(X_train) for one in maps.values()]
        for name, half in (("the other half", test), ("the same half", train)):
            scores = [deviance_explained(half, Z) for Z in drawn]
            found[name].append(spearmanr(scores, wanted).statistic)
        rng = np.random.RandomState(seed)
        found["noise"].append(deviance_explained(test, rng.randn(*drawn[0].shape)))
        found["dealt"].append(deviance_explained(test, drawn[-1][rng.permutation(len(X))]))
    rows = [
        (f"Spearman of D2 with held-out R2, {len(maps)} maps, {name}", asked, found[name])
        for name, asked in (("the other half", (">=", SPEARMAN)), ("the same half", None))
    ]
    return rows + [
        (f"D2 of a map of {name}", ("in", (-0.01, 0.01)), found[key])
        for name, key in (("noise", "noise"), ("places dealt at random", "dealt"))
    ]


# ---- a large sparse file -------------------------------------------------------------------------


def write_cells(path, n_cells, n_genes, share, seed=0):
    """Write an .h5ad of counts in twenty clusters, in a layer; two arrays of obsm; no X."""
    import anndata
    import pandas as pd

    rng = np.random.default_rng(seed)
    kind = rng.integers(20, size=n_cells)
    rates = rng.gamma(1, size=(20, n_genes)) * rng.gamma(0.5, size=n_genes)
    rates = np.minimum(rates * share / rates.mean(axis=1, keepdims=True), 0.9).astype(np.float32)
    parts = []
    for rows in np.array_split(np.arange(n_cells), -(-n_cells // 1_000)):
        there = rng.random((len(rows), n_genes), dtype=np.float32) < rates[kind[rows]]
        part = sparse.csr_matrix(there, dtype=np.int32)
        part.data += rng.poisson(0.5, size=part.nnz).astype(np.int32)
        parts.append(part)
    X_pca = rng.normal(size=(20, 50))[kind] + rng.normal(size=(n_cells, 50))
    with pd.option_context("future.infer_string", False):
        names = [f"cell{i}" for i in range(n_cells)]
        adata = anndata.AnnData(
            obs=pd.DataFrame({"kind": pd.Categorical(kind)}, index=names),
            var=pd.DataFrame(index=[f"gene{i}" for i in range(n_genes)]),
            layers={"counts": sparse.vstack(parts, format="csr")},
            obsm={"X_pca": X_pca, "X_umap": X_pca[:, :2].copy()},
        )
        adata.write_h5ad(path)


_WRITE = (
    "import sys; sys.path.insert(0, {here!r}); from _audit_counts import write_cells; "
    "write_cells({path!r}, {n}, {d}, {share})"
)
_RUN = """
import os, resource, sys
from sksubspace.cli import main
code = main(sys.argv[1:])
took = os.times()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
sys.stderr.write(f"\\n{code} {took.user + took.system} {peak}\\n")
"""


def large_file_rows(size=LARGE):
    """Rows of a table: peak in GiB and CPU seconds of `audit --rep` and `--layer`."""
    n, d, share = size
    here, rows = str(Path(__file__).parent), []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "cells.h5ad")
        code = _WRITE.format(here=here, path=path, n=n, d=d, share=share)
        _python(code)
        for words in (["--rep", "X_pca"], ["--layer", "counts"]):
            out = ["--out", str(Path(folder) / words[1]), "--n-jobs", "1", "--quiet"]
            done = _python(
                _RUN, "audit", path, "--embedding", "X_umap", "--label", "kind", *words, *out
            )
            code, seconds, peak = done.stderr.split("\n")[-2].split()
            what = f"audit {' '.join(words)}, {n:,} x {d:,}, {share:.0%} stored"
            rows.append((f"{what}: exit code", ("in", (0, 0)), [float(code)]))
            rows.append((f"{what}: peak, GiB", ("<=", GIB), [float(peak)]))
            rows.append((f"{what}: CPU s", None, [float(seconds)]))
    return rows


def _python(code, *words):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *words], capture_output=True, text=True,
        check=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


if __name__ == "__main__":
    for row in thinning_rows() if sys.argv[1:] != ["large"] else large_file_rows():
        sys.stdout.write(f"{row}\n")
