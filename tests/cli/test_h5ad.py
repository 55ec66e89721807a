import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sksubspace.cli import main
from sksubspace.cli._arguments import parse
from sksubspace.cli._compared import read_rows
from sksubspace.cli._embedding import read_embedding
from sksubspace.cli._say import Terminal, UsageError
from sksubspace.metrics._learnt import learn_map
from tests.cli.stored_cells import GENES, cells, store


def rows_of(*words):
    options = parse(["validate", *map(str, words)])
    return read_rows(options, Terminal(quiet=True)), options


def embedding_of(name, *words):
    rows, options = rows_of(*words)
    return read_embedding(str(name), rows.table, options, Terminal(quiet=True))


@pytest.fixture
def stored():
    return cells()


@pytest.fixture
def path(tmp_path, stored, monkeypatch):
    store(stored, tmp_path / "cells.h5ad", monkeypatch)
    return tmp_path / "cells.h5ad"


def write_map(path, stored, order=slice(None)):
    names = stored["obs"].index[order]
    frame = pd.DataFrame(stored["obsm"]["X_umap"][order], index=names, columns=["u1", "u2"])
    frame.to_csv(path)


def test_without_anndata_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata.io", None)
    (tmp_path / "data.h5ad").write_bytes(b"HDF")
    with pytest.raises(UsageError, match="pip install anndata"):
        rows_of(tmp_path / "data.h5ad")


def test_a_broken_file_is_one_line(tmp_path, monkeypatch):
    def fail(name, mode):
        raise OSError("truncated")

    monkeypatch.setitem(sys.modules, "h5py", SimpleNamespace(File=fail))
    monkeypatch.setitem(sys.modules, "anndata.io", SimpleNamespace())
    (tmp_path / "data.h5ad").write_bytes(b"HDF")
    with pytest.raises(UsageError, match=r"not a whole .h5ad file"):
        rows_of(tmp_path / "data.h5ad")


def test_x_is_the_default(path, stored):
    rows, _ = rows_of(path, "--label", "type")
    assert sparse.issparse(rows.X)
    assert (rows.X != stored["X"]).nnz == 0
    assert rows.table.columns == GENES
    assert rows.table.row_names == list(stored["obs"].index)
    assert list(rows.y) == list(stored["obs"]["type"])


def test_counts_become_numbers_and_are_not_copied_otherwise(path):
    rows, _ = rows_of(path, "--layer", "counts")
    assert rows.X.dtype == np.float32
    assert np.shares_memory(rows.X.indices, rows.table.matrix.indices)
    learnt = learn_map(rows.X, np.random.RandomState(0).randn(rows.X.shape[0], 2))
    assert np.shares_memory(learnt.X.data, rows.X.data)
    assert np.shares_memory(learnt.found.student.encoder.rows_.data, rows.X.data)


@pytest.mark.parametrize("framed", [False, True])
def test_the_first_columns_of_a_representation(tmp_path, stored, monkeypatch, framed):
    values = stored["obsm"]["X_pca"]
    stored["obsm"]["X_pca"] = pd.DataFrame(values, columns=list("abcde")) if framed else values
    store(stored, tmp_path / "cells.h5ad", monkeypatch)
    options = parse(["validate", str(tmp_path / "cells.h5ad"), "--rep", "X_pca"])
    options.n_columns = 3
    rows = read_rows(options, Terminal(quiet=True))
    np.testing.assert_array_equal(rows.X, values[:, :3])


def test_a_dense_x_is_a_table_like_any_other(tmp_path, stored, monkeypatch):
    stored["X"] = stored["X"].toarray()
    store(stored, tmp_path / "cells.h5ad", monkeypatch)
    rows, _ = rows_of(tmp_path / "cells.h5ad", "--drop", "gene 3", "--scale", "standard")
    assert rows.X.shape == (60, 29)
    np.testing.assert_allclose(rows.X.mean(axis=0), 0, atol=1e-6)


def test_a_layer_stays_sparse_and_alone(tmp_path, stored, monkeypatch):
    read = store(stored, tmp_path / "cells.h5ad", monkeypatch)
    rows, _ = rows_of(tmp_path / "cells.h5ad", "--layer", "counts")
    assert rows.X.dtype == np.float32  # whole numbers that it holds exactly
    assert (rows.X != stored["layers"]["counts"]).nnz == 0
    assert [one for one in read if one is stored["X"] or one is stored["obsm"]["X_pca"]] == []


def test_large_counts_keep_their_digits(tmp_path, stored, monkeypatch):
    stored["layers"]["counts"].data[0] = 2**24 + 1
    store(stored, tmp_path / "cells.h5ad", monkeypatch)
    rows, _ = rows_of(tmp_path / "cells.h5ad", "--layer", "counts")
    assert rows.X.data[0] == 2**24 + 1


def test_an_array_of_obsm(path, stored):
    rows, _ = rows_of(path, "--rep", "X_pca", "--groups", "donor")
    np.testing.assert_array_equal(rows.X, stored["obsm"]["X_pca"])
    assert list(rows.table.groups[:6]) == ["0", "1", "2", "3", "4", "0"]


def test_genes_can_be_labels_and_be_left_out(path, stored):
    rows, _ = rows_of(path, "--layer", "counts", "--label", "gene 2", "--drop", "gene 5")
    counts = stored["layers"]["counts"].toarray()
    np.testing.assert_array_equal(rows.y, counts[:, 2])
    np.testing.assert_array_equal(rows.X.toarray(), np.delete(counts, [2, 5], axis=1))


def test_genes_of_one_name_are_numbered(tmp_path, stored, monkeypatch):
    stored["var"] = pd.DataFrame(index=["A", "B", "A", *GENES[3:]])
    store(stored, tmp_path / "cells.h5ad", monkeypatch)
    assert rows_of(tmp_path / "cells.h5ad")[0].table.columns[:3] == ["A", "B", "A-1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rep", "X_pcaa"], "no 'X_pcaa' in obsm for --rep; is it 'X_pca'.*'X_umap'"),
        (["--layer", "raw"], "no 'raw' in layers for --layer; there are 'counts'"),
        (["--label", "kind"], "no column 'kind' for --label; there are 'type', 'donor'"),
        (["--rep", "X_pca", "--layer", "counts"], "two matrices"),
        (["--layer", "counts", "--scale", "standard"], "which is sparse, dense"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(words, said, path):
    with pytest.raises(UsageError, match=said):
        rows_of(path, *words)


@pytest.mark.parametrize("how", ["absent", "null"])
def test_a_file_without_x_offers_its_other_matrices(how, tmp_path, stored, monkeypatch):
    stored["X"] = None
    if how == "absent":
        del stored["X"]
    store(stored, tmp_path / "cells.h5ad", monkeypatch)
    with pytest.raises(UsageError, match=r"has no X; .*--rep \('X_pca', 'X_umap'\) or --layer"):
        rows_of(tmp_path / "cells.h5ad")
    assert rows_of(tmp_path / "cells.h5ad", "--rep", "X_pca")[0].X.shape == (60, 5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_entries_that_are_no_numbers_are_named(value, tmp_path, stored, monkeypatch):
    stored["X"].data[stored["X"].indptr[7]] = value
    store(stored, tmp_path / "cells.h5ad", monkeypatch)
    column = stored["X"].indices[stored["X"].indptr[7]]
    with pytest.raises(UsageError, match=f"1 entries of X .* row 'cell 7', column 'gene {column}'"):
        rows_of(tmp_path / "cells.h5ad")


def test_other_files_have_no_layers(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match=r"--layer names a matrix of an .h5ad file"):
        rows_of(tmp_path / "data.csv", "--layer", "counts")


# ---- maps ----------------------------------------------------------------------------------------


def test_a_map_of_obsm(path, stored):
    np.testing.assert_array_equal(embedding_of("X_umap", path), stored["obsm"]["X_umap"])


def test_a_map_in_a_file_is_put_in_order_by_name(path, stored, tmp_path):
    write_map(tmp_path / "umap.csv", stored, slice(None, None, -1))
    Z = embedding_of(tmp_path / "umap.csv", path)
    np.testing.assert_allclose(Z, stored["obsm"]["X_umap"], rtol=1e-12)


def test_a_map_of_a_table_is_found_by_id(tmp_path, stored):
    names, rng = stored["obs"].index, np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc")).assign(sample=names)
    frame.to_csv(tmp_path / "table.csv", index=False)
    places = pd.DataFrame(stored["obsm"]["X_umap"], columns=["u", "v"]).assign(sample=names)
    places[::-1].to_csv(tmp_path / "umap.csv", index=False)
    Z = embedding_of(tmp_path / "umap.csv", tmp_path / "table.csv", "--id", "sample")
    np.testing.assert_allclose(Z, stored["obsm"]["X_umap"], rtol=1e-12)


def test_a_map_without_names_is_taken_in_order(path, stored, tmp_path):
    np.save(tmp_path / "umap.npy", stored["obsm"]["X_umap"])
    np.testing.assert_array_equal(
        embedding_of(tmp_path / "umap.npy", path), stored["obsm"]["X_umap"]
    )


def test_maps_of_other_rows_are_refused(path, stored, tmp_path):
    write_map(tmp_path / "short.csv", stored, slice(50))
    with pytest.raises(UsageError, match=r"no place for 10 of 60 rows.*'cell 50'"):
        embedding_of(tmp_path / "short.csv", path)
    np.save(tmp_path / "short.npy", stored["obsm"]["X_umap"][:50])
    with pytest.raises(UsageError, match=r"has 50 rows, and .* 60"):
        embedding_of(tmp_path / "short.npy", path)
    write_map(tmp_path / "twice.csv", stored, [0, *range(60)])
    with pytest.raises(UsageError, match="'cell 0' are there more than once"):
        embedding_of(tmp_path / "twice.csv", path)
    with pytest.raises(UsageError, match=r"no 'X_umpa' in obsm .* is it 'X_umap'"):
        embedding_of("X_umpa", path)


# ---- the commands --------------------------------------------------------------------------------


def test_validate_and_transform_counts(path, stored, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--layer", "counts", "--label", "type", "--teachers", "pca", "--n-jobs", "1"]
    assert main(["validate", str(path), *words, "--method", "loo", "--out", "out"]) == 0
    assert "layers['counts']" in capsys.readouterr().err
    # genes in another order are put right by their names
    stored["var"], order = pd.DataFrame(index=GENES[::-1]), np.arange(len(GENES))[::-1]
    stored["layers"]["counts"] = stored["layers"]["counts"][:, order]
    store(stored, path, monkeypatch)
    words = ["--layer", "counts", "--output", "places.csv"]
    assert main(["transform", "out/best.skops", str(path), *words]) == 0
    places = pd.read_csv("places.csv", index_col=0)
    assert list(places.index) == list(stored["obs"].index)
    assert "another order" in capsys.readouterr().err


def test_validate_sets_maps_of_the_file_beside_teachers(path, tmp_path, capsys):
    words = ["--rep", "X_pca", "--embedding", "X_umap", "--teachers", "pca", "--n-jobs", "1"]
    words += ["--method", "loo", "--out", str(tmp_path / "out")]
    assert main(["validate", str(path), *words]) == 0
    assert "X_umap" in capsys.readouterr().out
    names = pd.read_csv(tmp_path / "out" / "results.csv")["name"]
    assert {"X_umap", "PCA"} <= {*names}
