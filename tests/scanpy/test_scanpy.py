import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import sksubspace.scanpy as sks
from sksubspace import audit_embedding
from sksubspace.model_selection import compare_embeddings
from sksubspace.scanpy._adata import held_against


def cells(n=200, seed=0):
    """What an AnnData object has, of three clusters of cells from four donors."""
    rng = np.random.RandomState(seed)
    kind = np.arange(n) % 3
    X = rng.randn(n, 12) + 5 * np.eye(3, 12)[kind]
    obs = pd.DataFrame(
        {
            "leiden": pd.Categorical(np.array(["0", "1", "2"])[kind], categories=list("0123")),
            "donor": pd.Categorical(rng.randint(4, size=n)),
            "sex": pd.Categorical(rng.randint(2, size=n)),
        },
        index=[f"cell{i}" for i in range(n)],
    )
    X_pca = X - X.mean(axis=0)
    return SimpleNamespace(
        X=sparse.csr_matrix(X),
        obs=obs,
        obs_names=obs.index,
        obsm={"X_pca": X_pca, "X_umap": X_pca[:, :2] + 0.1 * rng.randn(n, 2)},
        layers={"counts": sparse.csr_matrix(rng.poisson(np.exp(X / 5)))},
        uns={},
    )


def test_audit_is_that_of_the_arrays_and_is_written():
    adata = cells()
    found = sks.tl.audit(adata, use_rep="X_pca", groupby="leiden", batch_key="donor")
    expected = audit_embedding(
        adata.obsm["X_pca"], adata.obsm["X_umap"], y=adata.obs["leiden"].astype(str),
        groups=adata.obs["donor"], ids=adata.obs_names, random_state=0,
    )  # fmt: skip
    reliability = expected.reliability
    np.testing.assert_array_equal(adata.obs["umap_reliable"], reliability.reliable)
    np.testing.assert_array_equal(adata.obs["umap_mark"].astype(str), reliability.mark)
    np.testing.assert_array_equal(found.reliability.p_value, reliability.p_value)
    written = adata.uns["umap_audit"]
    assert written["params"]["use_rep"] == "X_pca"
    assert written["params"]["groupby"] == "leiden"
    assert written["verdict"] == str(found)
    assert "3" not in str(found.by_group["group"].tolist())  # a category that no cell has
    json.loads(written["json"])
    assert all(value is not None for value in written["params"].values())


def test_the_basis_goes_by_either_name_and_the_key_can_be_chosen():
    adata = cells()
    sks.tl.audit(adata, "umap")
    sks.tl.audit(adata, "X_umap", key_added="mine")
    assert list(adata.obs["mine_mark"]) == list(adata.obs["umap_mark"])


def test_the_data_are_not_written_to():
    adata = cells()
    before = {key: Z.copy() for key, Z in adata.obsm.items()}
    sks.tl.audit(adata, groupby="leiden")
    for key, Z in adata.obsm.items():
        np.testing.assert_array_equal(Z, before[key])
    assert list(adata.obs["leiden"].cat.categories) == list("0123")


@pytest.mark.parametrize(
    ("uns", "name", "shape"),
    [
        ({}, "X_pca", 12),
        ({"neighbors": {"params": {"use_rep": "X_other"}}}, "X_other", 5),
        ({"neighbors": {"params": {"n_pcs": 7}}}, "X_pca", 7),
        ({"neighbors": {"params": {"n_pcs": 0}}}, "X", 12),
        ({"neighbors": {"params": {"use_rep": "X"}}}, "X", 12),
        ({"umap": {"params": {"use_rep": "X_other"}}, "neighbors": {"params": {}}}, "X_other", 5),
        (
            {
                "umap": {"params": {"neighbors_key": "own"}},
                "own": {"params": {"use_rep": "X_other", "n_pcs": 3}},
                "neighbors": {"params": {"use_rep": "X"}},
            },
            "X_other",
            3,
        ),
    ],
)
def test_the_matrix_that_a_map_was_drawn_from(uns, name, shape):
    adata = cells()
    adata.uns, adata.obsm["X_other"] = uns, np.zeros((200, 5))
    rep = held_against(adata, "X_umap")
    assert (rep.name, rep.values.shape) == (name, (200, shape))
    assert held_against(adata, "X_umap", "X_pca").name == "X_pca"


def test_colours_are_those_of_the_object_as_long_as_its_categories_are():
    adata = cells()
    adata.uns["leiden_colors"] = ["#ff0000", "#00ff00", "#0000ff", "#ffff00"]
    expected = dict(zip("0123", adata.uns["leiden_colors"], strict=True))
    assert sks.tl.audit(adata, groupby="leiden").palette == expected
    adata.uns["leiden_colors"] = ["#ff0000"]
    assert sks.tl.audit(adata, groupby="leiden").palette is None


def test_compare_is_that_of_the_arrays():
    adata = cells()
    adata.obsm["X_noise"] = np.random.RandomState(1).randn(200, 2)
    result = sks.tl.compare(adata, ["X_noise", "pca", "umap"], use_rep="X_pca", controls=False)
    maps = {key: adata.obsm[key][:, :2] for key in ("X_noise", "X_pca", "X_umap")}
    expected = compare_embeddings(adata.obsm["X_pca"], maps, controls=False)
    assert [(row.name, row.score) for row in result.results] == [
        (row.name, row.score) for row in expected.results
    ]
    assert adata.uns["embedding_comparison"]["params"]["bases"] == list(maps)
    assert "X_noise" in adata.uns["embedding_comparison"]["table"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda a: sks.tl.audit(a, "X_umpa"),
            r"basis must be one of 'X_pca', 'X_umap'.*'X_umap'\?",
        ),
        (lambda a: sks.tl.audit(a, use_rep="pcs"), r"use_rep must be one of 'X', 'X_pca'"),
        (lambda a: sks.tl.audit(a, groupby="louvain"), r"groupby must be one of 'leiden', 'donor'"),
        (lambda a: sks.tl.audit(a, batch_key="plate"), r"batch_key must be one of 'leiden'"),
        (lambda a: sks.tl.audit(a, batch_key="sex"), r"at least 3 batches.*got 'sex' with 2"),
        (lambda a: sks.tl.audit(a, layer="spliced"), r"layer must be one of 'counts'"),
        (lambda a: sks.tl.compare(a, ["umap", "tsne"]), r"basis must be one of"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(call, said):
    with pytest.raises(ValueError, match=said):
        call(cells())


def test_no_adata():
    with pytest.raises(TypeError, match=r"adata must be an AnnData object, with obsm.*got ndarray"):
        sks.tl.audit(np.eye(3))
    with pytest.raises(TypeError, match="bases must be a sequence"):
        sks.tl.compare(cells(), "umap")


def test_without_anything_to_be_held_against():
    adata = cells()
    adata.X = None
    with pytest.raises(ValueError, match=r"adata.X is None"):
        sks.tl.audit(adata, use_rep="X")
    del adata.obsm["X_pca"]
    with pytest.raises(ValueError, match=r"use_rep must be one of 'X', 'X_umap'.*got 'X_pca'"):
        sks.tl.audit(adata)


def test_a_picture_of_the_marks():
    import matplotlib.pyplot as plt

    adata = cells()
    with pytest.raises(ValueError, match=r"call sksubspace.scanpy.tl.audit"):
        sks.pl.reliability(adata)
    sks.tl.audit(adata, groupby="leiden")
    display = sks.pl.reliability(adata)
    drawn = sum(len(one.get_offsets()) for one in display.scatters_.values())
    assert drawn == 200
    assert {text.get_text() for text in display.texts_} == {"0", "1", "2"}
    plt.close(display.figure_)


def test_importing_it_imports_neither_anndata_nor_scanpy_nor_matplotlib():
    code = "import sksubspace.scanpy, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"anndata", "scanpy", "matplotlib"} & {*out.stdout.split()}


@pytest.mark.slow
def test_from_raw_counts_to_a_report(tmp_path):
    """The way of a biologist, on blood cells with and without interferon."""
    ad, sc = pytest.importorskip("anndata"), pytest.importorskip("scanpy")
    if "SKSUBSPACE_DATA" not in os.environ:
        pytest.skip("SKSUBSPACE_DATA is not set")
    stored = np.load(Path(os.environ["SKSUBSPACE_DATA"]) / "pbmc_interferon.npz")
    parts = (stored["data"], stored["indices"], stored["indptr"])
    counts = sparse.csr_matrix(parts, stored["shape"])[::2].astype(np.float32)
    with pd.option_context("future.infer_string", False):
        adata = ad.AnnData(counts)
        adata.obs_names = [f"cell{i}" for i in range(1000)]
        adata.var_names = stored["genes"].astype(str).astype(object)
        adata.obs["condition"] = pd.Categorical(stored["condition"][::2].astype(str).astype(object))
        adata.layers["counts"] = counts.copy()
        sc.pp.normalize_total(adata)
        sc.pp.log1p(adata)
        sc.pp.pca(adata, n_comps=30)
        sc.pp.neighbors(adata, n_pcs=20)
        sc.tl.umap(adata)
        adata.obs["cluster"] = pd.Categorical(
            (adata.obsm["X_pca"][:, 0] > 0).astype(str).astype(object)
        )
        audit = sks.tl.audit(adata, groupby="cluster", layer="counts")
        assert adata.uns["umap_audit"]["params"]["use_rep"] == "X_pca"
        assert adata.uns["umap_audit"]["params"]["n_pcs"] == 20
        assert 0.5 < adata.obs["umap_reliable"].mean() <= 1
        audit.to_report(tmp_path / "audit.html")
        assert (tmp_path / "audit.html").stat().st_size > 10_000
        result = sks.tl.compare(adata, ["pca", "umap"])
        assert {row.name for row in result.results} >= {"X_pca", "X_umap"}
        adata.write_h5ad(tmp_path / "cells.h5ad")
        again = ad.read_h5ad(tmp_path / "cells.h5ad")
    assert list(again.obs["umap_mark"]) == list(adata.obs["umap_mark"])
    assert str(again.uns["umap_audit"]["verdict"]) == str(audit)
