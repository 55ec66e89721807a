from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from sksubspace.cli._read import read_table
from tests.cli.tables import blobs, numbers


def read(path, **changes):
    options = {
        "delimiter": None, "decimal": None, "thousands": None, "header": "auto", "comment": None,
        "na_values": [], "encoding": "utf-8-sig", "array": None,
    }  # fmt: skip
    return read_table(str(path), Namespace(**{**options, **changes}))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_named_tables(suffix, tmp_path):
    path, frame = tmp_path / f"data{suffix}", blobs()
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    table = read(path)
    assert list(table.frame.columns) == list(frame.columns)
    np.testing.assert_allclose(table.frame.iloc[:, :4].astype(float), frame.iloc[:, :4], rtol=1e-12)
    assert list(table.frame["kind"]) == list(frame["kind"])
    assert table.has_names
    assert table.notes == []


def test_npy_keeps_float32(tmp_path):
    np.save(tmp_path / "data.npy", numbers().to_numpy(np.float32))
    table = read(tmp_path / "data.npy")
    assert set(table.frame.dtypes) == {np.dtype(np.float32)}
    assert not table.has_names


def test_npy_with_named_fields(tmp_path):
    np.save(tmp_path / "data.npy", np.array([(1.0, 2), (3.0, 4)], dtype=[("a", float), ("b", int)]))
    table = read(tmp_path / "data.npy")
    assert table.has_names
    assert table.frame["b"].tolist() == [2, 4]


def test_npy_of_images_has_a_row_for_each(tmp_path):
    images = np.arange(24.0).reshape(4, 2, 3)
    np.save(tmp_path / "data.npy", images)
    table = read(tmp_path / "data.npy")
    np.testing.assert_array_equal(table.frame, images.reshape(4, 6))
    assert table.image_shape == (2, 3)
    assert "each entry is made one row" in table.notes[0]


def test_npz_with_one_array_and_with_a_chosen_one(tmp_path):
    X, y = numbers().to_numpy(), np.arange(60)
    np.savez(tmp_path / "one.npz", X)
    np.savez(tmp_path / "two.npz", X=X, y=y)
    np.testing.assert_array_equal(read(tmp_path / "one.npz").frame, X)
    table = read(tmp_path / "two.npz", array="X", label="y")
    np.testing.assert_array_equal(table.frame, X)
    np.testing.assert_array_equal(table.extra["y"], y)


def test_a_first_line_of_numbers_is_data(tmp_path):
    np.savetxt(tmp_path / "data.csv", numbers(), delimiter=",")
    table = read(tmp_path / "data.csv")
    np.testing.assert_allclose(table.frame, numbers(), rtol=1e-12)
    assert not table.has_names
    assert "first line holds numbers" in table.notes[0]


@pytest.mark.parametrize("first", [0, 1])
def test_a_first_line_that_counts_is_names(first, tmp_path):
    frame = numbers().set_axis(range(first, first + 4), axis=1)
    frame.to_csv(tmp_path / "data.csv", index=False)
    table = read(tmp_path / "data.csv")
    assert len(table.frame) == 60
    assert list(table.frame.columns) == [str(first + column) for column in range(4)]


@pytest.mark.parametrize(
    "names",
    [range(60), range(3, 183, 3), np.linspace(0, 1, 60), [f"cell {row}" for row in range(60)]],
)
def test_a_first_column_without_name_names_the_rows(names, tmp_path):
    numbers().set_index(pd.Index(names)).to_csv(tmp_path / "data.csv")
    table = read(tmp_path / "data.csv")
    assert table.row_names == [str(name) for name in names]
    assert table.frame.shape == (60, 4)
    assert "row names" in table.notes[0]


def test_a_named_first_column_stays(tmp_path):
    numbers().set_index(pd.Index(np.linspace(0, 1, 60), name="t")).to_csv(tmp_path / "data.csv")
    table = read(tmp_path / "data.csv")
    assert table.frame.shape == (60, 5)
    assert table.row_names is None


def test_the_index_of_a_parquet_file_names_the_rows(tmp_path):
    names = [f"cell {row}" for row in range(60)]
    numbers().set_index(pd.Index(names)).to_parquet(tmp_path / "data.parquet")
    assert read(tmp_path / "data.parquet").row_names == names


def test_a_delimiter_at_the_end_of_each_line_is_no_column(tmp_path):
    (tmp_path / "data.csv").write_text("a,b,\n1,2,\n3,4,\n")
    table = read(tmp_path / "data.csv")
    assert table.frame.values.tolist() == [[1, 2], [3, 4]]
    assert "left out" in table.notes[0]


def test_text_is_read_as_the_options_say(tmp_path):
    text = 'größe|"a|b"\n1,5|2\n2,5|3\n'
    (tmp_path / "data.csv").write_text(text, encoding="latin-1")
    table = read(tmp_path / "data.csv", delimiter="|", decimal=",", encoding="latin-1")
    assert list(table.frame.columns) == ["größe", "a|b"]
    assert table.frame["größe"].tolist() == [1.5, 2.5]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n1,2\n", encoding="utf-8-sig")
    assert list(read(tmp_path / "data.csv").frame.columns) == ["a", "b"]
